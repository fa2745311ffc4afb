//! Signatures of parties and registrars.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use ed25519_dalek::VerifyingKey;
use samsyn_domain::commit::descriptor::PublicKey;

/// Half of the order of P-256's group, rounded down, big-endian: the largest s that is accepted.
const LOWER_S_MAX: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Whether a signature of 64 bytes over some bytes is a key's. Ed25519 is verified strictly; of
/// P-256 only the signature with the lower s holds, so that nobody can make another of it.
pub(crate) fn holds(key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
    match key {
        PublicKey::Ed25519(bytes) => {
            let key = VerifyingKey::from_bytes(bytes);
            let signature = ed25519_dalek::Signature::from_slice(signature);
            key.is_ok_and(|key| signature.is_ok_and(|s| key.verify_strict(signed, &s).is_ok()))
        }
        PublicKey::P256(bytes) => {
            let is_lower = signature.get(32..).is_some_and(|s| s <= LOWER_S_MAX.as_slice());
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes);
            is_lower && key.verify(signed, signature).is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;
    use p256::ecdsa::{self, signature::Verifier as _};

    use super::*;

    fn p256() -> (ecdsa::SigningKey, PublicKey) {
        let key = ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        (key, PublicKey::P256(point.as_bytes().try_into().unwrap()))
    }

    #[test]
    fn a_signature_holds_for_its_key_and_bytes_alone() {
        let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let signed = ed25519.sign(b"what").to_bytes();
        let key = PublicKey::Ed25519(ed25519.verifying_key().to_bytes());
        let (signing, other) = p256();
        let by_other: ecdsa::Signature = signing.sign(b"what");
        let by_other = by_other.normalize_s().unwrap_or(by_other).to_bytes();
        assert!(holds(&key, b"what", &signed) && holds(&other, b"what", &by_other));
        assert!(!holds(&key, b"else", &signed) && !holds(&other, b"else", &by_other));
        assert!(!holds(&key, b"what", &by_other) && !holds(&other, b"what", &signed));
        assert!(!holds(&other, b"what", &by_other[1..]));
    }

    #[test]
    fn the_upper_half_of_p256_and_points_off_the_curve_are_refused() {
        let (signing, key) = p256();
        let signature: ecdsa::Signature = signing.sign(b"what");
        let lower = signature.normalize_s().unwrap_or(signature);
        let (r, s) = lower.split_scalars();
        let upper = ecdsa::Signature::from_scalars(*r, -*s).unwrap();
        assert!(signing.verifying_key().verify(b"what", &upper).is_ok(), "it is a signature");
        assert!(!holds(&key, b"what", &upper.to_bytes()));
        let PublicKey::P256(mut bytes) = key else { panic!("it is of P-256") };
        bytes[64] ^= 1;
        assert!(!holds(&PublicKey::P256(bytes), b"what", &lower.to_bytes()));
    }

    #[test]
    fn the_largest_lower_s_is_half_of_the_order() {
        let half = p256::Scalar::from(2_u64).invert().unwrap();
        assert_eq!(LOWER_S_MAX.as_slice(), (-half).to_bytes().as_slice());
    }
}
