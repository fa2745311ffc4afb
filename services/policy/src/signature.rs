//! Signatures of parties and registrars.

use ed25519_dalek::VerifyingKey;
use p256::ecdsa::{self, signature::Verifier as _};
use samsyn_domain::commit::descriptor::PublicKey;

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
            let key = ecdsa::VerifyingKey::from_sec1_bytes(bytes);
            let signature = ecdsa::Signature::from_slice(signature);
            let lower = signature.ok().filter(|signature| signature.normalize_s().is_none());
            key.is_ok_and(|key| lower.is_some_and(|s| key.verify(signed, &s).is_ok()))
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;

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
}
