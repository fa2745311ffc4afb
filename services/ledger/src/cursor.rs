//! Cursors: tokens of fixed length that say how far a subscription has come, and that only this
//! domain can make.

use samsyn_domain::disclosure::ClassId;

use crate::keys::Keys;

const VERSION: u8 = 1;
const BYTES: usize = 1 + 8 + 8 + 8 + 8 + 1 + 4 + 16;

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Since which epoch the rights hold; another means a resync.
    pub(crate) generation: u64,
    /// The revision of the view.
    pub(crate) revision: u64,
    /// Inside the snapshot of that revision, or inside the step after it.
    pub(crate) snapshot: bool,
    /// How many of its events were sent.
    pub(crate) events: u32,
}

/// Whose cursor it is: of one release class and one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) class: ClassId,
    pub(crate) scope: [u8; 8],
}

impl Subscription {
    fn receiver(&self) -> [u8; 8] {
        first_eight(self.class.digest())
    }

    /// The subscription of a class that a token says it is of; that it holds is for `read` to say.
    pub(crate) fn of_token(class: ClassId, token: &str) -> Option<Self> {
        let bytes = hex::decode(token).ok()?;
        Some(Self { class, scope: bytes.get(9..17)?.try_into().ok()? })
    }

    /// The token of a cursor.
    pub(crate) fn token(&self, keys: &Keys, cursor: Cursor) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(self.receiver());
        bytes.extend(self.scope);
        bytes.extend(cursor.generation.to_be_bytes());
        bytes.extend(cursor.revision.to_be_bytes());
        bytes.push(u8::from(cursor.snapshot));
        bytes.extend(cursor.events.to_be_bytes());
        let tag = keys.cursor_mac("cursor", &[self.class.digest(), &bytes]);
        bytes.extend(tag.iter().take(16));
        hex::encode(bytes)
    }

    /// Reads a token; none when it is forged, or of another caller or scope.
    pub(crate) fn read(&self, keys: &Keys, token: &str) -> Option<Cursor> {
        let bytes = hex::decode(token).ok().filter(|bytes| bytes.len() == BYTES)?;
        let number = |from: usize| {
            let bytes = bytes.get(from..from + 8)?.try_into().ok()?;
            Some(u64::from_be_bytes(bytes))
        };
        let cursor = Cursor {
            generation: number(17)?,
            revision: number(25)?,
            snapshot: *bytes.get(33)? == 1,
            events: u32::from_be_bytes(bytes.get(34..38)?.try_into().ok()?),
        };
        // One comparison covers version, receiver, scope and tag.
        (self.token(keys, cursor) == token).then_some(cursor)
    }
}

/// The first eight bytes of a digest.
pub(crate) const fn first_eight(digest: &[u8; 32]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_by_its_own_subscription_alone() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let mine = Subscription { class: ClassId::of([1; 32]), scope: [2; 8] };
        let cursor = Cursor { generation: 3, revision: 14, snapshot: true, events: 9 };
        let token = mine.token(&keys, cursor);
        assert_eq!(mine.read(&keys, &token), Some(cursor));
        let class = Subscription { class: ClassId::of([9; 32]), ..mine };
        let scope = Subscription { scope: [9; 8], ..mine };
        assert_eq!((class.read(&keys, &token), scope.read(&keys, &token)), (None, None));
        for i in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[i] = if forged[i] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(mine.read(&keys, &forged), None, "digit {i}");
        }
    }

    #[test]
    fn every_token_has_the_same_length() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let mine = Subscription { class: ClassId::of([1; 32]), scope: [2; 8] };
        let small = Cursor { generation: 0, revision: 0, snapshot: false, events: 0 };
        let large =
            Cursor { generation: u64::MAX, revision: u64::MAX, snapshot: true, events: u32::MAX };
        assert_eq!(mine.token(&keys, small).len(), mine.token(&keys, large).len());
    }
}
