//! What a registrar signs, section 14 of the protocol page.

use ed25519_dalek::{Signer as _, SigningKey};

use super::{
    canonical::Writer,
    envelope::Payload,
    hash::{Digest, Use, hash},
};

/// A registrar's word on a change.
#[derive(Debug, Clone, Copy)]
pub struct ChangeToSign<'a> {
    /// The domain.
    pub domain: &'a str,
    /// The epoch when the registry was read that the change is made against.
    pub base_epoch: u64,
    /// The digest of that registry.
    pub base: Digest,
    /// The digest of the change.
    pub change: Digest,
    /// It approves the change; otherwise it proposes it.
    pub approves: bool,
    /// Whose registrar.
    pub organisation: &'a str,
}

/// The canonical payload of a registrar's word.
#[must_use]
pub fn registry_payload(word: &ChangeToSign<'_>) -> Vec<u8> {
    // An epoch is a position in a log: far from the end of its range.
    let epoch = i64::try_from(word.base_epoch).unwrap_or(i64::MAX);
    Writer::default()
        .i64(1, 1)
        .text(2, word.domain)
        .i64(3, epoch)
        .digest(4, &word.base)
        .digest(5, &word.change)
        .i64(6, if word.approves { 2 } else { 1 })
        .text(7, word.organisation)
        .done()
}

/// Signs the payload: Ed25519 over its pre-authentication encoding.
#[must_use]
pub fn sign_registry(key: &SigningKey, payload: &[u8]) -> [u8; 64] {
    key.sign(&Payload::RegistryChange.to_sign(payload)).to_bytes()
}

/// The digest of a registry, from its rows by table and key.
#[must_use]
pub fn registry_digest<'a>(rows: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> Digest {
    let mut bytes = Vec::new();
    for (table, key, row) in rows {
        for text in [table, key, row] {
            part(text, &mut bytes);
        }
    }
    hash(Use::Registry, &[&bytes])
}

/// The digest of a change, from its operations by table and key; none: the row is removed.
#[must_use]
pub fn change_digest<'a>(
    operations: impl Iterator<Item = (&'a str, &'a str, Option<&'a str>)>,
) -> Digest {
    let mut bytes = Vec::new();
    for (table, key, row) in operations {
        part(table, &mut bytes);
        part(key, &mut bytes);
        bytes.push(u8::from(row.is_some()));
        if let Some(row) = row {
            part(row, &mut bytes);
        }
    }
    hash(Use::Change, &[&bytes])
}

fn part(text: &str, bytes: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.as_bytes());
}
