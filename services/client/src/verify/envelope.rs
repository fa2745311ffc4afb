//! Signed envelopes, section 7 of the protocol page: DSSE over canonical bytes, Ed25519 or P-256.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use p256::ecdsa::{self, signature::Verifier as _};

use super::{
    canonical::{Fields, Malformed},
    hash::{Digest, Use, hash},
};

const ED25519: u8 = 1;
const P256: u8 = 2;
/// How an uncompressed point begins.
const UNCOMPRESSED: u8 = 4;

/// The 64 bytes of a signature.
type Signature = [u8; 64];

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    Descriptor,
    Endorsement,
    Manifest,
    RegistryChange,
    PublicationManifest,
}

impl Payload {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Descriptor => "application/vnd.samsyn.descriptor.v1",
            Self::Endorsement => "application/vnd.samsyn.endorsement.v1",
            Self::Manifest => "application/vnd.samsyn.release-manifest.v1",
            Self::RegistryChange => "application/vnd.samsyn.registry-change.v1",
            Self::PublicationManifest => "application/vnd.samsyn.publication-manifest.v1",
        }
    }

    /// The bytes under the signature: the pre-authentication encoding.
    pub(super) fn to_sign(self, payload: &[u8]) -> Vec<u8> {
        let kind = self.as_str();
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
        [head.as_bytes(), payload].concat()
    }
}

/// A public key that is registered in a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    pub(super) id: Digest,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Ed25519(VerifyingKey),
    P256(Box<ecdsa::VerifyingKey>),
}

impl Key {
    fn holds(&self, signed: &[u8], signature: &Signature) -> bool {
        match self {
            Self::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                key.verify_strict(signed, &signature).is_ok()
            }
            Self::P256(key) => {
                let signature = ecdsa::Signature::from_slice(signature).ok();
                let lower = signature.filter(|signature| signature.normalize_s().is_none());
                lower.is_some_and(|signature| key.verify(signed, &signature).is_ok())
            }
        }
    }
}

impl PublicKey {
    pub(super) fn read(mut fields: Fields<'_>) -> Result<Self, Malformed> {
        let algorithm: u8 = fields.number(1)?;
        let bytes = fields.bytes(2)?;
        fields.end()?;
        let key = match algorithm {
            ED25519 => {
                let key = bytes.try_into().ok().map(VerifyingKey::from_bytes);
                key.and_then(Result::ok).filter(|key| !key.is_weak()).map(Key::Ed25519)
            }
            P256 if bytes.len() == 65 && bytes.starts_with(&[UNCOMPRESSED]) => {
                ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(|key| Key::P256(key.into()))
            }
            P256 => None,
            _ => return Err(Malformed::Rule("a public key is of an unknown algorithm")),
        };
        let key = key.ok_or(Malformed::Rule("a public key is no point of full order"))?;
        Ok(Self { id: hash(Use::Key, &[&[algorithm], bytes]), key })
    }
}

/// A payload with its signatures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    kind: &'a str,
    pub(super) payload: &'a [u8],
    signatures: BTreeMap<Digest, Signature>,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, Malformed> {
        let kind = fields.text(1)?;
        let payload = fields.bytes(2)?;
        let mut signatures = BTreeMap::new();
        let mut doubled = false;
        fields.set(3, |item| {
            let mut fields = item.message()?;
            let (key, signature) = (fields.array(1)?, fields.array(2)?);
            doubled |= signatures.insert(key, signature).is_some();
            fields.end()
        })?;
        fields.end()?;
        if doubled || signatures.is_empty() {
            return Err(Malformed::Rule("a key id stands twice or there is no signature"));
        }
        Ok(Self { kind, payload, signatures })
    }

    pub(super) fn must_hold(&self, payload: Payload) -> Result<(), Malformed> {
        if self.kind == payload.as_str() {
            return Ok(());
        }
        Err(Malformed::Rule("the envelope has another payload type"))
    }

    /// Checks that exactly these keys have signed; gives their number.
    pub(super) fn signed_by<'k>(
        &self,
        payload: Payload,
        keys: impl IntoIterator<Item = &'k PublicKey>,
    ) -> Result<usize, Malformed> {
        let keys: BTreeMap<&Digest, &PublicKey> =
            keys.into_iter().map(|key| (&key.id, key)).collect();
        if !keys.keys().copied().eq(self.signatures.keys()) {
            return Err(Malformed::Rule("other keys have signed than those who must"));
        }
        let signed = payload.to_sign(self.payload);
        let valid = keys
            .values()
            .zip(self.signatures.values())
            .all(|(public, signature)| public.key.holds(&signed, signature));
        if valid { Ok(keys.len()) } else { Err(Malformed::Rule("a signature is not valid")) }
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{SigningKey, signature::Signer as _};

    use super::{super::canonical::Writer, *};

    const PAYLOAD: Payload = Payload::Endorsement;

    fn read(algorithm: i64, bytes: &[u8]) -> Result<PublicKey, Malformed> {
        let message = Writer::default().i64(1, algorithm).bytes(2, bytes).done();
        PublicKey::read(Fields::of(&message, 1_000)?)
    }

    fn envelope(key: &PublicKey, signature: ecdsa::Signature) -> Envelope<'static> {
        let signatures = [(key.id, signature.to_bytes().into())].into();
        Envelope { kind: PAYLOAD.as_str(), payload: b"payload", signatures }
    }

    #[test]
    fn an_envelope_holds_that_a_key_of_p256_has_signed() {
        let signing = SigningKey::from_slice(&[7; 32]).unwrap();
        let point = signing.verifying_key().to_encoded_point(false);
        let key = read(2, point.as_bytes()).unwrap();
        let signature: ecdsa::Signature = signing.sign(&PAYLOAD.to_sign(b"payload"));
        let lower = signature.normalize_s().unwrap_or(signature);
        assert_eq!(envelope(&key, lower).signed_by(PAYLOAD, [&key]), Ok(1));
        let (r, s) = lower.split_scalars();
        let upper = ecdsa::Signature::from_scalars(*r, -*s).unwrap();
        assert!(envelope(&key, upper).signed_by(PAYLOAD, [&key]).is_err());
        assert!(envelope(&key, lower).signed_by(Payload::Descriptor, [&key]).is_err());
    }

    #[test]
    fn points_that_are_compressed_or_off_the_curve_are_refused() {
        let signing = SigningKey::from_slice(&[7; 32]).unwrap();
        let compressed = signing.verifying_key().to_encoded_point(true);
        assert!(read(2, compressed.as_bytes()).is_err());
        let mut off = signing.verifying_key().to_encoded_point(false).as_bytes().to_vec();
        off[64] ^= 1;
        assert!(read(2, &off).is_err());
        assert!(read(1, &off).is_err() && read(3, &off).is_err());
    }
}
