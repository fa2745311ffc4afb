//! How a party signs what it publishes, with a key that the gateway never has.

use ed25519_dalek::{Signer as _, pkcs8::DecodePrivateKey as _};

use crate::{
    verify,
    wire::{PublishPictureRequest, SignedManifest},
};

/// A party's key for its publications; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PublisherKey {
    id: String,
    pem: String,
    key: Key,
}

#[derive(Clone, PartialEq, Eq)]
enum Key {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(p256::ecdsa::SigningKey),
}

impl std::fmt::Debug for PublisherKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "publisher key {}", self.id)
    }
}

/// Nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The key is of another kind or form.
    #[error("the key is neither Ed25519 nor P-256 in PKCS#8 PEM; convert it with `openssl pkcs8`")]
    Key,
    /// The publication lacks what every publication has.
    #[error(
        "the publication lacks a change, a period, or a place, time or labels of an observation"
    )]
    Incomplete,
}

impl PublisherKey {
    /// From a private key in PKCS#8 PEM, with the id under which its public half is registered.
    ///
    /// # Errors
    /// When it is neither Ed25519 nor P-256.
    pub fn from_pem(id: &str, pem: &str) -> Result<Self, NotSigned> {
        let p256 = || p256::ecdsa::SigningKey::from_pkcs8_pem(pem).map(Key::P256);
        let ed25519 = || ed25519_dalek::SigningKey::from_pkcs8_pem(pem);
        let ed25519 = || ed25519().map(|key| Key::Ed25519(key.into()));
        let key = p256().or_else(|_| ed25519()).map_err(|_| NotSigned::Key)?;
        Ok(Self { id: id.to_owned(), pem: pem.to_owned(), key })
    }

    /// The id under which its public half is registered.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The private key, as it was read.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The public half as the registry writes it: 64 hexadecimal digits, or 130 for P-256.
    #[must_use]
    pub fn public(&self) -> String {
        match &self.key {
            Key::Ed25519(key) => hex::encode(key.verifying_key().as_bytes()),
            Key::P256(key) => hex::encode(key.verifying_key().to_encoded_point(false).as_bytes()),
        }
    }

    /// The signed manifest of a publication. The same publication under the same idempotency key
    /// has the same manifest, so that it can be repeated from its parts.
    ///
    /// # Errors
    /// When the publication lacks what every publication has.
    pub fn manifest(
        &self,
        domain: &str,
        request: &PublishPictureRequest,
    ) -> Result<SignedManifest, NotSigned> {
        let salt = verify::publication_salt(&self.secret(), request);
        let statement = verify::publication_payload(domain, request, &salt);
        let statement = statement.ok_or(NotSigned::Incomplete)?;
        let to_sign = verify::publication_to_sign(&statement);
        let signature = match &self.key {
            Key::Ed25519(key) => key.sign(&to_sign).to_bytes().to_vec(),
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&to_sign);
                signature.normalize_s().unwrap_or(signature).to_bytes().to_vec()
            }
        };
        Ok(SignedManifest { key_id: self.id.clone(), statement, signature, salt: salt.into() })
    }

    fn secret(&self) -> [u8; 32] {
        match &self.key {
            Key::Ed25519(key) => key.to_bytes(),
            Key::P256(key) => key.to_bytes().into(),
        }
    }
}
