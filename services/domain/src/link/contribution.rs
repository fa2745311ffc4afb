//! Own pictures that cross a link to the home of their area.
//!
//! What a peer has of an own picture is compared with what it may have; the difference is sent, and
//! nothing further until the peer has answered. So what waits for weeks is one difference, however
//! often the party has published, and what may not leave any more leaves by being withdrawn.

use std::{fmt, sync::Arc};

use super::EnvelopeId;
use crate::{
    AreaId, DomainId, Observation, ObservationId, PartyId, Reason, Refusal, Timestamp,
    commit::{Error, reader::Fields},
};

/// How many observations and withdrawals one contribution has at most, over all its pieces; the
/// rest is another contribution.
pub const CHANGES_MAX: usize = 5_000;
/// In how many pieces a contribution may come.
pub const PIECES_MAX: usize = 64;

/// For how long a piece waits for the last one at most, in seconds: seven days.
pub const PIECE_SECONDS: i64 = 7 * 86_400;

const REASON_BYTES_MAX: usize = 64;
const FIELD_BYTES_MAX: usize = 200;

/// An own picture with the peer that it goes to or comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PictureRef {
    /// The peer.
    pub peer: DomainId,
    /// Whose own picture.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
}

/// What crosses: a piece of what changed in an own picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Contribution {
    /// Whose own picture.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// Which piece, from 0. A contribution takes effect with its last one.
    pub piece: u32,
    /// No piece follows.
    pub last: bool,
    /// What changes: the bytes of a `samsyn.v1.PictureDelta`.
    pub delta: Vec<u8>,
}

impl fmt::Debug for Contribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, area, piece, .. } = self;
        write!(f, "piece {piece} of a contribution of {party} to {area}")
    }
}

/// Why a contribution was not taken: a code of the table of errors, and a path. Neither repeats
/// what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTakenFor {
    reason: Arc<str>,
    field: Arc<str>,
}

impl NotTakenFor {
    /// Takes a reason and a path; none when one of them has not the form of such.
    #[must_use]
    pub fn new(reason: &str, field: &str) -> Option<Self> {
        let is_code = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
        let is_path = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_.[]".contains(&c);
        let holds = !reason.is_empty()
            && reason.len() <= REASON_BYTES_MAX
            && field.len() <= FIELD_BYTES_MAX
            && reason.bytes().all(is_code)
            && field.bytes().all(is_path);
        holds.then(|| Self { reason: reason.into(), field: field.into() })
    }

    /// What is told of a refusal; without the path where that has not the form of one.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        let reason = refusal.reason.id();
        Self::new(reason, &refusal.field).or_else(|| Self::new(reason, "")).unwrap_or_default()
    }

    /// Takes a reason and a path out of what is read, where they are: both or neither.
    pub(super) fn of_fields(
        fields: &mut Fields,
        reason: u16,
        field: u16,
    ) -> Result<Option<Self>, Error> {
        match (fields.take_opt_text(reason)?, fields.take_opt_text(field)?) {
            (None, None) => Ok(None),
            (Some(why), Some(path)) => {
                Self::new(&why, &path).map(Some).ok_or(Error::OutOfRange(reason))
            }
            (Some(_), None) | (None, Some(_)) => Err(Error::OutOfRange(reason)),
        }
    }

    /// Whether it is for the version that the contribution was made for.
    #[must_use]
    pub fn is_race(&self) -> bool {
        *self.reason == *Reason::VersionConflict.id()
    }

    /// The code, as `IDENTIFIER_FOUND`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The path, as `delta.upserts[3].note`; empty when it is about the whole.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// What cannot be said more closely.
impl Default for NotTakenFor {
    fn default() -> Self {
        Self { reason: "NOT_ALLOWED".into(), field: "".into() }
    }
}

/// What was compared: an own picture up to a revision of its area, under an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Up to which revision of the area.
    pub revision: u64,
    /// Under which registry and policy.
    pub epoch: u64,
}

/// How an own picture stands with a peer. Absent is as [`Share::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which picture, with whom.
    pub of: PictureRef,
    /// The number of the party's organisation, as it was when something crossed last; empty:
    /// nothing has. A party that is registered no more is withdrawn in its name.
    pub orgnr: Arc<str>,
    /// One more with each change of this: what was made for an earlier turn is stale.
    pub turn: u64,
    /// The version that the picture has there, as the peer last said.
    pub version: u64,
    /// What the peer has was compared with what it may have.
    pub compared: Compared,
    /// What was sent and is not answered.
    pub under_way: Option<Arc<UnderWay>>,
    /// What the peer said last.
    pub told: Option<Told>,
    /// What the peer has is not known for sure: what must go from there is withdrawn, and the next
    /// contribution after that is whole.
    pub anew: bool,
}

impl Share {
    /// Of a picture of which nothing has crossed.
    #[must_use]
    pub fn new(of: PictureRef) -> Self {
        Self {
            of,
            orgnr: "".into(),
            turn: 0,
            version: 0,
            compared: Compared { revision: 0, epoch: 0 },
            under_way: None,
            told: None,
            anew: false,
        }
    }

    /// Whether a contribution has been sent whole and its answer is missing.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.last)
    }

    /// Whether the peer had something of it once, and may have it again as it was before a backup:
    /// that there is nothing for it is said as well.
    #[must_use]
    pub const fn is_forgotten(&self) -> bool {
        self.anew && self.told.is_none() && self.version > 0
    }
}

/// A contribution that was sent and is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The envelopes of its pieces so far, in order.
    pub envelopes: Vec<EnvelopeId>,
    /// What was compared for it.
    pub compared: Compared,
    /// It is all that the peer may have.
    pub whole: bool,
    /// No piece follows.
    pub last: bool,
    /// There is more than one contribution holds: once it is taken, the next one follows.
    pub more: bool,
    /// Since when.
    pub since: Timestamp,
    /// What it changes: the stage of an observation, by its revision; none: it is withdrawn.
    pub changes: Vec<(ObservationId, Option<u64>)>,
}

impl UnderWay {
    /// How many pieces went out.
    #[must_use]
    pub fn pieces(&self) -> u32 {
        u32::try_from(self.envelopes.len()).unwrap_or(u32::MAX)
    }
}

/// What a peer said of a contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When that came.
    pub at: Timestamp,
    /// Why it was not taken.
    pub refused: Option<NotTakenFor>,
}

/// A piece of a contribution of a peer that waits for the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of which picture, from whom.
    pub of: PictureRef,
    /// Which piece, from 0.
    pub number: u32,
    /// The epoch under which it was checked: a contribution is of one.
    pub epoch: u64,
    /// Since when it waits.
    pub at: Timestamp,
    /// New or changed observations.
    pub upserts: Vec<Observation>,
    /// Those withdrawn.
    pub withdrawn: Vec<ObservationId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_code_and_a_path_and_nothing_else() {
        assert!(NotTakenFor::new("IDENTIFIER_FOUND", "delta.upserts[3].note").is_some());
        assert!(NotTakenFor::new("NOT_ALLOWED", "").is_some());
        for (reason, field) in [
            ("", ""),
            ("screened", ""),
            ("SCREENED ", ""),
            ("A", "delta.upserts[3].note = Ada"),
            ("A", "\u{e5}"),
        ] {
            assert_eq!(NotTakenFor::new(reason, field), None, "{reason} {field}");
        }
        assert_eq!(NotTakenFor::new(&"A".repeat(65), ""), None);
        assert_eq!(NotTakenFor::new("A", &"a".repeat(201)), None);
    }
}
