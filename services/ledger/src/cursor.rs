//! Cursors: tokens of fixed length that say how far a subscription has come. Only this domain makes
//! them and only it reads them: what they say would tell how the domain numbers its own steps.

use samsyn_domain::{OrganisationId, State, disclosure::ClassId};

use crate::{Error, keys::Keys};

const VERSION: u8 = 1;

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Under which terms it was made: a digest of policy and rows. Other terms mean a resync.
    pub(crate) terms: [u8; 8],
    /// In which incarnation of the domain its revision, or the step that it is in, was made; zero
    /// for the first. Another one there means that it is of a lost future: a resync.
    pub(crate) incarnation: [u8; 8],
    /// The revision of the view.
    pub(crate) revision: u64,
    /// Inside the snapshot of that revision, or inside the step after it.
    pub(crate) snapshot: bool,
    /// The snapshot replaces what was held before.
    pub(crate) reset: bool,
    /// How many of its events were sent.
    pub(crate) events: u32,
}

impl Cursor {
    /// The revision of the view that the event before it belongs to.
    pub(crate) const fn reached(&self) -> u64 {
        if self.snapshot || self.events == 0 { self.revision } else { self.next() }
    }

    /// The revision of the view that the event after it belongs to.
    pub(crate) const fn next(&self) -> u64 {
        if self.snapshot { self.revision } else { self.revision.saturating_add(1) }
    }

    /// Whether what it has reached is what the view of a class has there. It is not when a domain
    /// has gone on from a backup that is older than the cursor.
    pub(crate) fn is_of(&self, state: &State, class: &ClassId) -> bool {
        let revision = state.view(class).map_or(0, samsyn_domain::View::revision);
        let reached = self.reached();
        reached <= revision && self.incarnation == incarnation(state, class, reached)
    }

    /// Whether the domain of now has what it has reached, and a state has not come as far: a node
    /// that was further gave it. What was lost with an earlier incarnation never comes.
    pub(crate) fn is_ahead_of(&self, state: &State, class: &ClassId) -> bool {
        let now = state.incarnation().map_or([0; 8], |made| first_eight(&made.id));
        let revision = state.view(class).map_or(0, samsyn_domain::View::revision);
        self.reached() > revision && self.incarnation == now
    }
}

/// In which incarnation of the domain a revision of a view was made.
pub(crate) fn incarnation(state: &State, class: &ClassId, revision: u64) -> [u8; 8] {
    let step = state.view(class).and_then(|view| view.step(revision));
    let made = step.and_then(|step| state.incarnation_at(step.at));
    made.map_or([0; 8], |made| first_eight(&made.id))
}

/// Whose cursor it is: of one release class and one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) class: ClassId,
    pub(crate) scope: [u8; 8],
}

impl Subscription {
    /// The token of a cursor: equal cursors have equal tokens, on every node.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub(crate) fn token(
        &self,
        receiver: &OrganisationId,
        keys: &Keys,
        cursor: Cursor,
    ) -> Result<String, Error> {
        let Cursor { terms, incarnation, revision, snapshot, reset, events } = cursor;
        let mut bytes = vec![VERSION];
        bytes.extend(self.class.digest());
        bytes.extend(self.scope);
        bytes.extend(terms);
        bytes.extend(incarnation);
        bytes.extend(revision.to_be_bytes());
        bytes.push(u8::from(snapshot) | u8::from(reset) << 1);
        bytes.extend(events.to_be_bytes());
        keys.seal_token(receiver.as_str().as_bytes(), &bytes).map(hex::encode)
    }

    /// The id of the event up to which a cursor has come: the same whoever asks, however often.
    pub(crate) fn event_id(&self, keys: &Keys, cursor: Cursor) -> String {
        let Cursor { terms, incarnation, revision, snapshot, reset, events } = cursor;
        let place = [
            terms.as_slice(),
            &incarnation,
            &revision.to_be_bytes(),
            &[u8::from(snapshot), u8::from(reset)],
            &events.to_be_bytes(),
            &self.scope,
        ]
        .concat();
        let tag = keys.cursor_mac("event", &[self.class.digest(), &place]);
        hex::encode(tag.iter().take(16).copied().collect::<Vec<u8>>())
    }

    /// The cursor of a receiver's token of this subscription.
    pub(crate) fn read(
        &self,
        receiver: &OrganisationId,
        keys: &Keys,
        token: &str,
    ) -> Option<Cursor> {
        let (subscription, cursor) = Self::of_token(receiver, keys, token)?;
        (subscription == *self).then_some(cursor)
    }

    /// The subscription and cursor of a receiver's token. A cursor has one spelling: another one of
    /// the same bytes is no cursor, so that whoever compares texts compares cursors.
    pub(crate) fn of_token(
        receiver: &OrganisationId,
        keys: &Keys,
        token: &str,
    ) -> Option<(Self, Cursor)> {
        let sealed = hex::decode(token).ok().filter(|sealed| hex::encode(sealed) == token)?;
        let bytes = keys.open_token(receiver.as_str().as_bytes(), &sealed)?;
        let (version, rest) = bytes.split_first()?;
        let (class, rest) = rest.split_first_chunk::<32>()?;
        let (scope, rest) = rest.split_first_chunk::<8>()?;
        let (terms, rest) = rest.split_first_chunk::<8>()?;
        let (incarnation, rest) = rest.split_first_chunk::<8>()?;
        let (revision, rest) = rest.split_first_chunk::<8>()?;
        let (flags @ 0..=3, events) = rest.split_first()? else { return None };
        let cursor = Cursor {
            terms: *terms,
            incarnation: *incarnation,
            revision: u64::from_be_bytes(*revision),
            snapshot: flags & 1 == 1,
            reset: flags & 2 == 2,
            events: u32::from_be_bytes(events.try_into().ok()?),
        };
        let subscription = Self { class: ClassId::of(*class), scope: *scope };
        (*version == VERSION).then_some((subscription, cursor))
    }
}

/// The first eight bytes of a digest.
pub(crate) const fn first_eight(digest: &[u8; 32]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use samsyn_domain::{
        EditionId, Timestamp,
        disclosure::{Advance, Change, Step},
        row::{Restored, Row},
    };

    use super::*;

    fn receiver() -> OrganisationId {
        OrganisationId::parse("region").unwrap()
    }

    fn mine() -> Subscription {
        Subscription { class: ClassId::of([1; 32]), scope: [2; 8] }
    }

    fn cursor() -> Cursor {
        Cursor {
            terms: [3; 8],
            incarnation: [4; 8],
            revision: 14,
            snapshot: true,
            reset: false,
            events: 9,
        }
    }

    #[test]
    fn row40_a_token_is_read_by_its_own_subscription_alone() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let (mine, cursor) = (mine(), cursor());
        let token = mine.token(&receiver(), &keys, cursor).unwrap();
        assert_eq!(mine.read(&receiver(), &keys, &token), Some(cursor));
        let class = Subscription { class: ClassId::of([9; 32]), ..mine };
        let scope = Subscription { scope: [9; 8], ..mine };
        let other = OrganisationId::parse("police").unwrap();
        assert_eq!(mine.read(&other, &keys, &token), None);
        assert_eq!(
            (class.read(&receiver(), &keys, &token), scope.read(&receiver(), &keys, &token)),
            (None, None)
        );
        for i in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[i] = if forged[i] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(mine.read(&receiver(), &keys, &forged), None, "digit {i}");
        }
    }

    #[test]
    fn row40_a_cursor_in_another_spelling_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let (mine, cursor) = (mine(), cursor());
        let token = mine.token(&receiver(), &keys, cursor).unwrap();
        let letter = token.find(|digit: char| digit.is_ascii_lowercase()).unwrap();
        let raised = |(at, digit): (usize, char)| {
            if at == letter { digit.to_ascii_uppercase() } else { digit }
        };
        let one_raised = token.char_indices().map(raised).collect();
        let others = [
            token.to_ascii_uppercase(),
            one_raised,
            format!("{token} "),
            format!("0x{token}"),
            format!("{token}0"),
            format!("{token}00"),
        ];
        assert_eq!(mine.read(&receiver(), &keys, &token), Some(cursor));
        for other in others {
            assert_eq!(mine.read(&receiver(), &keys, &other), None, "{other}");
        }
    }

    #[test]
    fn row40_a_cursor_that_says_more_than_is_known_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let (whose, mine) = (receiver(), mine());
        let whose = whose.as_str().as_bytes();
        let token = hex::decode(mine.token(&receiver(), &keys, cursor()).unwrap()).unwrap();
        let content = keys.open_token(whose, &token).unwrap();
        let flags = content.len() - 5;
        for bit in 0..8 {
            let mut other = content.clone();
            other[flags] = 1 << bit;
            let token = hex::encode(keys.seal_token(whose, &other).unwrap());
            let read = mine.read(&receiver(), &keys, &token);
            assert_eq!(read.is_some(), bit < 2, "bit {bit}");
        }
    }

    #[test]
    fn a_cursor_is_of_the_incarnation_in_which_its_revision_was_made() {
        let class = ClassId::of([1; 32]);
        let at = |seconds| Timestamp::ZERO.after_seconds(seconds);
        let step = |revision, seconds| {
            let change = Change::Edition(EditionId::parse("a:2025-10:operative:1").unwrap());
            let advance =
                Advance { class, receiver: receiver(), revision, change, digest: [0; 32] };
            Row::Step(Step { at: at(seconds), advance }.into())
        };
        let restored = |number, id, seconds| {
            let (id, at) = ([id; 32], at(seconds));
            Row::Restored(Restored { number, id, from: 9, nodes: [1].into(), at })
        };
        let mut state = State::default();
        let rows = [step(1, 1), restored(1, 7, 2), step(2, 3), restored(2, 8, 4), step(3, 5)];
        rows.into_iter().for_each(|row| state.absorb(row));
        let cursor = |incarnation, revision, snapshot, events| Cursor {
            incarnation: [incarnation; 8],
            revision,
            snapshot,
            events,
            ..cursor()
        };
        let is_of = |cursor: Cursor| cursor.is_of(&state, &class);
        assert!(is_of(cursor(0, 1, false, 0)), "what stood before is shared");
        assert!(!is_of(cursor(0, 2, false, 0)), "another second revision was lost");
        assert!(is_of(cursor(7, 2, false, 0)) && is_of(cursor(8, 3, false, 0)));
        assert!(!is_of(cursor(0, 1, false, 1)), "it is in the lost second step");
        assert!(is_of(cursor(7, 1, false, 1)), "it is in the second step");
        assert!(is_of(cursor(0, 1, true, 1)), "a snapshot is of its own revision");
        assert!(!is_of(cursor(8, 4, false, 0)) && !is_of(cursor(0, 4, false, 0)), "not yet");
        let is_ahead = |cursor: Cursor| cursor.is_ahead_of(&state, &class);
        assert!(is_ahead(cursor(8, 4, false, 0)) && is_ahead(cursor(8, 3, false, 1)), "it comes");
        assert!(!is_ahead(cursor(8, 3, false, 0)), "it is there");
        assert!(!is_ahead(cursor(7, 4, false, 0)) && !is_ahead(cursor(0, 4, false, 0)), "lost");
    }

    #[test]
    fn every_token_has_the_same_length() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let mine = Subscription { class: ClassId::of([1; 32]), scope: [2; 8] };
        let small = Cursor {
            terms: [0; 8],
            incarnation: [0; 8],
            revision: 0,
            snapshot: false,
            reset: false,
            events: 0,
        };
        let large = Cursor {
            terms: [255; 8],
            incarnation: [255; 8],
            revision: u64::MAX,
            snapshot: true,
            reset: true,
            events: u32::MAX,
        };
        let length = |cursor| mine.token(&receiver(), &keys, cursor).unwrap().len();
        assert_eq!(length(small), length(large));
    }

    #[test]
    fn a_token_does_not_show_what_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        let mine = Subscription { class: ClassId::of([1; 32]), scope: [2; 8] };
        let cursor = Cursor { reset: true, ..cursor() };
        let next = Cursor { revision: 15, ..cursor };
        let [token, next] =
            [cursor, next].map(|c| hex::decode(mine.token(&receiver(), &keys, c).unwrap()));
        let (token, next) = (token.unwrap(), next.unwrap());
        assert!(!token.windows(8).any(|part| part == [3; 8] || part == [2; 8]));
        let same = token.iter().zip(&next).filter(|(a, b)| a == b).count();
        assert!(same < token.len() / 4, "{same} of {} bytes are the same", token.len());
    }
}
