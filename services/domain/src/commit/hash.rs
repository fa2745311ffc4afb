//! SHA-256 and HMAC-SHA-256, and the first byte that keeps one use apart from another.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};

/// First byte of what is hashed to a leaf.
pub const TAG_LEAF: u8 = 0x00;
/// First byte of what is hashed to an inner node.
pub const TAG_NODE: u8 = 0x01;
/// First byte of what is hashed to a descriptor digest.
pub const TAG_DESCRIPTOR: u8 = 0x02;
/// First byte of what is hashed to a release manifest digest.
pub const TAG_MANIFEST: u8 = 0x03;
/// First byte of what is hashed to a basis commitment.
pub const TAG_BASIS: u8 = 0x04;
/// First byte of what is hashed to a reservation commitment.
pub const TAG_RESERVATION: u8 = 0x05;
/// First byte of what is hashed to a key id.
pub const TAG_KEY: u8 = 0x06;

/// First byte of what is hashed to the digest of a registry.
pub const TAG_REGISTRY: u8 = 0x07;
/// First byte of what is hashed to the digest of a change of the registry.
pub const TAG_CHANGE: u8 = 0x08;
/// First byte of what is hashed to the digest of a publication manifest.
pub const TAG_PUBLICATION: u8 = 0x09;
/// First byte of what is hashed to a leaf of a publication.
pub const TAG_ENTRY: u8 = 0x0a;
/// First byte of what is hashed to an inner node of a publication.
pub const TAG_ENTRY_NODE: u8 = 0x0b;
/// First byte of what is hashed to the id of an envelope between domains.
pub const TAG_ENVELOPE: u8 = 0x0c;
/// First byte of what is hashed to the id of a message.
pub const TAG_MESSAGE: u8 = 0x0d;
/// First byte of what is hashed to the fingerprint of a domain's keys.
pub const TAG_FINGERPRINT: u8 = 0x0e;

/// 32 bytes out of SHA-256 or HMAC-SHA-256, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `H`: SHA-256 (FIPS 180-4) of the parts in a row.
#[must_use]
pub fn hash(parts: &[&[u8]]) -> Digest {
    let mut state = Sha256::new();
    for part in parts {
        state.update(part);
    }
    Digest(state.finalize().into())
}

/// `M`: HMAC-SHA-256 (RFC 2104) of the parts in a row. Every key of the protocol is 32 bytes.
#[must_use]
pub fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Digest {
    // HMAC fills a key shorter than the block with zeros, so the filled block is the same key.
    let mut block = [0; 64];
    for (filled, byte) in block.iter_mut().zip(key) {
        *filled = *byte;
    }
    let mut state = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
    for part in parts {
        state.update(part);
    }
    Digest(state.finalize().into_bytes().into())
}

/// An inner node: `H(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node(left: &Digest, right: &Digest) -> Digest {
    hash(&[&[TAG_NODE], &left.0, &right.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha_256_gives_the_published_value_for_abc() {
        let digest = hash(&[b"a", b"bc"]);
        let published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), published);
        assert_eq!(format!("{digest:?}"), published);
    }

    #[test]
    fn hmac_gives_the_value_of_an_independent_implementation() {
        // Python: hmac.new(bytes(range(32)), b"samsyn", "sha256").hexdigest()
        let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let published = "cd4d25e45ff34662d813ede3220b51238b3dcd74362e620883b27fb8c0366660";
        assert_eq!(mac(&key, &[b"sam", b"syn"]).to_string(), published);
    }
}
