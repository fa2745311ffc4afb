//! Hashes, sections 1, 4 and 5 of the protocol page.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, a salt or a key.
pub type Digest = [u8; 32];

/// What keeps one use of the hash apart from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Leaf,
    Node,
    Descriptor,
    Manifest,
    Basis,
    Reservation,
    Key,
    Registry,
    Change,
    Publication,
    Entry,
    EntryNode,
}

impl Use {
    const fn first_byte(self) -> u8 {
        match self {
            Self::Leaf => 0,
            Self::Node => 1,
            Self::Descriptor => 2,
            Self::Manifest => 3,
            Self::Basis => 4,
            Self::Reservation => 5,
            Self::Key => 6,
            Self::Registry => 7,
            Self::Change => 8,
            Self::Publication => 9,
            Self::Entry => 10,
            Self::EntryNode => 11,
        }
    }
}

/// `H` over the byte of a use and the parts.
pub(super) fn hash(of: Use, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new_with_prefix([of.first_byte()]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// `M` under a key of 32 bytes.
pub(super) fn keyed(key: &Digest, parts: &[&[u8]]) -> Digest {
    // The standard pads a short key with zeros to the block of 64 bytes.
    let block: [u8; 64] = std::array::from_fn(|at| key.get(at).copied().unwrap_or_default());
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A leaf of an object.
pub(super) fn leaf(salt: &Digest, canonical: &[u8]) -> Digest {
    hash(Use::Leaf, &[salt, canonical])
}

/// A node of either tree.
pub(super) fn node(left: &Digest, right: &Digest) -> Digest {
    hash(Use::Node, &[left, right])
}
