//! Why the domain says no. Nothing has changed when it does.

use std::{fmt, sync::Arc};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $number:literal, $text:literal;)+) => {
        /// What is in the way.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its stable id, as in the table of errors.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// Its number in the log; never given to another.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $(Self::$name => $number,)+ }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

reasons! {
    /// The own picture has another version by now.
    VersionConflict = "VERSION_CONFLICT", 1, "the own picture has another current version; read it and publish on that";
    /// The area has another revision by now.
    RevisionStale = "REVISION_STALE", 2, "the area has changed since; read it again and decide anew";
    /// The idempotency key was used for another request.
    KeyReused = "KEY_REUSED", 3, "this idempotency key was used for another request; make a new one";
    /// The idempotency key is unknown and too old, or from the future.
    KeyExpired = "KEY_EXPIRED", 4, "this idempotency key is unknown and not of the last 24 hours; make a new one";
    /// Policy or registry changed between decision and commit: decided anew, never stored.
    EpochStale = "EPOCH_STALE", 5, "the rules changed meanwhile; try again";
    /// There is no such thing, or the caller may not know of it.
    NotFound = "NOT_FOUND", 6, "there is no such thing, or you may not know of it";
    /// The edition is not in a state that allows this.
    EditionWrongState = "EDITION_WRONG_STATE", 7, "the edition's state does not allow this; look at the edition";
    /// The answer is for another round.
    EditionRoundStale = "EDITION_ROUND_STALE", 8, "the edition was locked anew; review the new round";
    /// The content root is not that of the round.
    RootMismatch = "ROOT_MISMATCH", 9, "the content root is not that of the current round; review it again";
    /// The party has answered in this round.
    AlreadyAnswered = "ALREADY_ANSWERED", 10, "this party and role has answered in this round";
    /// The edition does not require this party and role.
    NotAnEndorser = "NOT_AN_ENDORSER", 11, "the agreement does not ask this party and role for an answer";
    /// There is no open conflict of this id.
    ConflictSettled = "CONFLICT_SETTLED", 12, "there is no open conflict of this id; read the finding again";
    /// The outcome does not fit the field of the conflict.
    ConflictUnknownValue = "CONFLICT_UNKNOWN_VALUE", 13, "this outcome does not fit the field of the conflict";
    /// An own picture that the basis needs is missing.
    BasisIncomplete = "BASIS_INCOMPLETE", 14, "the basis lacks a municipal or a police contribution";
    /// An edition of that area, period and track is under way.
    EditionUnderWay = "EDITION_UNDER_WAY", 15, "an edition of this area, period and track is under way; use that one";
    /// A view advanced meanwhile: decided anew, never stored.
    ViewStale = "READ_STALE", 16, "the view advanced meanwhile; try again";
    /// More than the limit.
    TooLarge = "TOO_LARGE", 17, "this is more than the limit; send less at a time";
    /// An id stands twice in one publication.
    DuplicateId = "DUPLICATE_ID", 19, "an id stands twice in this publication; name each once";
    /// The domain has no genesis, or a second one was tried.
    WrongGenesis = "WRONG_GENESIS", 18, "the domain was founded with another registry";
}

/// A refusal: what is in the way, at which field, and the current counter where that helps.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is in the way.
    pub reason: Reason,
    /// The path of the field; empty when it is about the whole.
    pub field: Arc<str>,
    /// The current version, revision or round; 0 when there is none.
    pub current: u64,
}

impl Refusal {
    /// About the whole request.
    #[must_use]
    pub fn of(reason: Reason) -> Self {
        Self { reason, field: "".into(), current: 0 }
    }

    /// About one field.
    #[must_use]
    pub fn at(reason: Reason, field: &str) -> Self {
        Self { reason, field: field.into(), current: 0 }
    }

    /// With the current counter.
    #[must_use]
    pub fn now(self, current: u64) -> Self {
        Self { current, ..self }
    }

    /// Whether it comes from a race inside the gateway: then it is decided anew and never stored.
    #[must_use]
    pub const fn is_race(&self) -> bool {
        matches!(self.reason, Reason::EpochStale | Reason::ViewStale)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.text())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}`, current {}", self.reason.id(), self.field, self.current)
    }
}

impl std::error::Error for Refusal {}
