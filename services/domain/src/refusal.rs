//! Why the domain says no. Nothing has changed when it does.

use std::{fmt, sync::Arc};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $number:literal;)+) => {
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
        }
    };
}

reasons! {
    /// The own picture has another version by now.
    VersionConflict = "VERSION_CONFLICT", 1;
    /// The area has another revision by now.
    RevisionStale = "REVISION_STALE", 2;
    /// The idempotency key was used for another request.
    KeyReused = "KEY_REUSED", 3;
    /// The idempotency key is unknown and too old, or from the future.
    KeyExpired = "KEY_EXPIRED", 4;
    /// Policy or registry changed between decision and commit: decided anew, never stored.
    EpochStale = "EPOCH_STALE", 5;
    /// There is no such thing, or the caller may not know of it.
    NotFound = "NOT_FOUND", 6;
    /// The edition is not in a state that allows this.
    EditionWrongState = "EDITION_WRONG_STATE", 7;
    /// The answer is for another round.
    EditionRoundStale = "EDITION_ROUND_STALE", 8;
    /// The content root is not that of the round.
    RootMismatch = "ROOT_MISMATCH", 9;
    /// The party has answered in this round.
    AlreadyAnswered = "ALREADY_ANSWERED", 10;
    /// The edition does not require this party and role.
    NotAnEndorser = "NOT_AN_ENDORSER", 11;
    /// There is no open conflict of this id.
    ConflictSettled = "CONFLICT_SETTLED", 12;
    /// The outcome does not fit the field of the conflict.
    ConflictUnknownValue = "CONFLICT_UNKNOWN_VALUE", 13;
    /// An edition of that area, period and track is under way.
    EditionUnderWay = "EDITION_UNDER_WAY", 15;
    /// A view advanced meanwhile: decided anew, never stored.
    ViewStale = "READ_STALE", 16;
    /// More than the limit.
    TooLarge = "TOO_LARGE", 17;
    /// An id stands twice in one publication.
    DuplicateId = "DUPLICATE_ID", 19;
    /// The domain has no genesis, or a second one was tried.
    WrongGenesis = "WRONG_GENESIS", 18;
    /// The registry has changed since the change was made.
    RegistryBaseStale = "REGISTRY_BASE_STALE", 20;
    /// The registry would not hold after the change.
    RegistryInvalid = "REGISTRY_INVALID", 21;
    /// So many proposals wait that no more are taken.
    ProposalLimit = "PROPOSAL_LIMIT", 22;
    /// The proposal took effect or waited too long.
    ProposalClosed = "PROPOSAL_CLOSED", 23;
    /// The organisation has signed the change already.
    OwnProposal = "OWN_PROPOSAL", 24;
    /// Another organisation made the proposal.
    NotTheProposer = "NOT_THE_PROPOSER", 25;
    /// A part of the publication waits no more: put down anew, never stored.
    PartGone = "READ_STALE", 26;
    /// So many publications are under way in parts that no more are taken.
    UploadLimit = "OVERLOADED", 27;
    /// There is no such function, neither here nor at a peer.
    UnknownAddress = "UNKNOWN_ADDRESS", 40;
    /// The inbox of a function holds so much that is not dealt with that no more is taken.
    InboxFull = "INBOX_FULL", 41;
    /// So much waits for a peer, or was set aside of it, that no more is taken.
    LinkFull = "LINK_FULL", 42;
    /// The message has come to its end with this recipient.
    MessageClosed = "MESSAGE_CLOSED", 43;
    /// The link is stopped, stands still, or is with nobody that is registered.
    LinkClosed = "LINK_CLOSED", 44;
    /// The link went on meanwhile: decided anew, never stored.
    LinkStale = "READ_STALE", 45;
    /// What was set aside still cannot be acted on.
    EnvelopeUnfit = "ENVELOPE_UNFIT", 46;
    /// The domain is at a lower feature level than this needs: never stored, as it may be raised.
    FeatureLevelTooLow = "FEATURE_LEVEL_TOO_LOW", 28;
}

/// A refusal: what is in the way, at which field, and the current counter where that helps. What
/// to do stands in the table of errors.
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
        matches!(
            self.reason,
            Reason::EpochStale | Reason::ViewStale | Reason::PartGone | Reason::LinkStale
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.id())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}`, current {}", self.reason.id(), self.field, self.current)
    }
}

impl std::error::Error for Refusal {}
