//! One digest over everything that was ever written.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::format::RowWrite;

/// The digest over all write sets in order. Two nodes whose roots agree at a position have the
/// same rows there.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Root([u8; 32]);

impl Root {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The root after the entry at a position wrote these rows: SHA-256 of this root, the position
    /// and the write set. Keys and values stand behind their lengths, numbers are big-endian.
    #[must_use]
    pub(crate) fn after(self, position: u64, writes: &[RowWrite]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(position.to_be_bytes());
        for write in writes {
            match write {
                RowWrite::Put { key, value } => {
                    hash.update([1]);
                    part(&mut hash, key);
                    part(&mut hash, value);
                }
                RowWrite::Delete { key } => {
                    hash.update([2]);
                    part(&mut hash, key);
                }
            }
        }
        Self(hash.finalize().into())
    }
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hash.update(length.to_be_bytes());
    hash.update(bytes);
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8], value: &[u8]) -> RowWrite {
        RowWrite::Put { key: key.to_vec(), value: value.to_vec() }
    }

    #[test]
    fn every_part_of_a_write_set_moves_the_root() {
        let base = Root::default().after(7, &[put(b"ab", b"c")]);
        assert_eq!(base, Root::default().after(7, &[put(b"ab", b"c")]));
        let others = [
            Root::default().after(8, &[put(b"ab", b"c")]),
            Root::default().after(7, &[put(b"a", b"bc")]),
            Root::default().after(7, &[RowWrite::Delete { key: b"ab".to_vec() }]),
            Root::default().after(7, &[put(b"ab", b"c"), put(b"ab", b"c")]),
            Root::default().after(7, &[]),
            base.after(7, &[put(b"ab", b"c")]),
        ];
        for other in others {
            assert_ne!(base, other);
        }
    }
}
