//! Signed envelopes, section 7 of the protocol page: DSSE over canonical bytes, Ed25519.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, VerifyingKey};

use super::{
    canonical::{Fields, Malformed},
    hash::{Digest, Use, hash},
};

const ED25519: u8 = 1;

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    Descriptor,
    Endorsement,
    Manifest,
    RegistryChange,
}

impl Payload {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Descriptor => "application/vnd.samsyn.descriptor.v1",
            Self::Endorsement => "application/vnd.samsyn.endorsement.v1",
            Self::Manifest => "application/vnd.samsyn.release-manifest.v1",
            Self::RegistryChange => "application/vnd.samsyn.registry-change.v1",
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
    key: VerifyingKey,
}

impl PublicKey {
    pub(super) fn read(mut fields: Fields<'_>) -> Result<Self, Malformed> {
        if fields.i64(1)? != i64::from(ED25519) {
            return Err(Malformed::Rule("a public key is not of algorithm 1 (Ed25519)"));
        }
        let bytes: Digest = fields.array(2)?;
        fields.end()?;
        let id = hash(Use::Key, &[&[ED25519], &bytes]);
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self { id, key }),
            Ok(_) | Err(_) => Err(Malformed::Rule("a public key is no point of full order")),
        }
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
            let (key, signature) = (fields.array(1)?, Signature::from_bytes(&fields.array(2)?));
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
            .all(|(public, signature)| public.key.verify_strict(&signed, signature).is_ok());
        if valid { Ok(keys.len()) } else { Err(Malformed::Rule("a signature is not valid")) }
    }
}
