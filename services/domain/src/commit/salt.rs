//! The secrets of commitments: what hides a value until it is opened.

use std::fmt;

use super::hash::{Digest, mac};
use super::object::ObjectId;
use super::position::Position;

/// `E`: 32 random bytes, fresh for every lock (*rundans salt*).
///
/// Given only to endorsers. A partner who had it could search for withheld values.
#[derive(Clone, PartialEq, Eq)]
pub struct RoundSalt([u8; 32]);

/// What hides one value, or one text: opened together with it, useless for any other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Salt([u8; 32]);

impl RoundSalt {
    /// A salt of random bytes drawn by the caller.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed to the endorsers.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Salt of a leaf in clear: `M(E, "salt" ‖ o ‖ u8 p)`.
    #[must_use]
    pub fn clear(&self, object: ObjectId, position: Position) -> Salt {
        Salt(mac(&self.0, &[b"salt", object.as_bytes(), &[position.index()]]).0)
    }

    /// Salt of a sealed leaf: `M(DEK, "salt" ‖ E ‖ o ‖ u8 p)`.
    ///
    /// `unit_key` is the data key of the leaf's erasure unit. With that key destroyed the salt
    /// cannot be made again, and the leaf hash, which stays, says nothing.
    #[must_use]
    pub fn sealed(&self, unit_key: &[u8; 32], object: ObjectId, position: Position) -> Salt {
        Salt(mac(unit_key, &[b"salt", &self.0, object.as_bytes(), &[position.index()]]).0)
    }

    /// Stand-in for the hash of a position that was not made: `M(E, "dummy" ‖ o ‖ u8 p)`.
    #[must_use]
    pub fn dummy(&self, object: ObjectId, position: Position) -> Digest {
        mac(&self.0, &[b"dummy", object.as_bytes(), &[position.index()]])
    }

    /// Stand-in for a maximal empty subtree: `M(E, "empty" ‖ u8 level ‖ u32 index)`.
    ///
    /// Keyed and never a constant: equal siblings in two editions would say that the hidden part
    /// did not change, and constants would tell how much there is.
    #[must_use]
    pub fn empty(&self, level: u8, index: u32) -> Digest {
        mac(&self.0, &[b"empty", &[level], &index.to_be_bytes()])
    }

    /// The `attempt`-th draw of a slot: `M(E, "slot" ‖ o ‖ u32 attempt)`, its first 32 bits.
    #[must_use]
    pub(super) fn slot_draw(&self, object: ObjectId, attempt: u32) -> u32 {
        let drawn = mac(&self.0, &[b"slot", object.as_bytes(), &attempt.to_be_bytes()]);
        let [first, second, third, fourth, ..] = drawn.0;
        u32::from_be_bytes([first, second, third, fourth])
    }
}

impl Salt {
    /// A salt of given bytes: random ones for a basis or reservation, or those of an opening.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be opened together with the value.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RoundSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoundSalt(redacted)")
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(redacted)")
    }
}
