//! Links between domains: what goes out is numbered and signed, what comes in takes effect once.
//!
//! Nothing here knows a connection. An outbox of references is numbered into envelopes by one
//! entry, and envelopes are taken in by one entry: whoever carries them between, and how often,
//! changes nothing.

mod contribution;
mod delivery;
mod edition;
mod header;
mod invitation;
mod payload;
mod position;

use std::{fmt, sync::Arc};

pub use contribution::{
    CHANGES_MAX, Compared, Contribution, NotTakenFor, PIECE_SECONDS, PIECES_MAX, PictureRef, Piece,
    Share, Told, UnderWay,
};
pub use delivery::{
    DELIVERIES_MAX, Delivered, DeliveryRef, FINDINGS_BYTES_MAX, FINDINGS_MAX, FindingRef, GONE_MAX,
    GONE_SECONDS, Outlet, Phase, Received, ReceivedFinding, Receiver, STEP_EVENTS_MAX,
    STEP_PIECE_SECONDS, STEP_PIECES_MAX, StepPiece, StepTerms,
};
pub use edition::{
    AnswerTold, DeliveredEdition, EDITION_PIECES_MAX, EDITIONS_BYTES_MAX, EDITIONS_MAX,
    EditionOutlet, EditionPiece, EditionRef, GIVEN_SECONDS, GivenAnswer, GivenRef, GivenTold,
    ReceivedEdition, SentAnswer,
};
pub use header::{Address, CRITICAL_FROM, HEADER_BYTES_MAX, Header, Kind, PAYLOAD_BYTES_MAX};
pub use invitation::{Fingerprint, INVITATION_BYTES_MAX, Invitation};
pub use payload::{Payload, SealedPayload, Sent, payload_digest};
pub use position::{POSITION_BYTES_MAX, Position};

use crate::{
    AreaId, DomainId, EditionId, FunctionId, PartyId, RowId, Sealed, Timestamp,
    command::Digest,
    disclosure::ViewPart,
    message::{MessageId, Precedence, RejectedFor, Step, codes},
    registry::Role,
};

/// The highest level of what crosses links that this version reads.
pub const LEVEL: u32 = ATTACHMENTS_LEVEL;
/// The level that a receiver must know to read messages and receipts.
pub const MESSAGES_LEVEL: u32 = 1;
/// The level that a receiver must know to read contributions and what is answered to them.
pub const CONTRIBUTIONS_LEVEL: u32 = 2;
/// The level that a receiver must know to read views that are delivered.
pub const DELIVERIES_LEVEL: u32 = 3;
/// The level that a receiver must know to read editions that are delivered, and answers to them.
pub const EDITIONS_LEVEL: u32 = 4;
/// The level that a receiver must know to read messages with attachments.
pub const ATTACHMENTS_LEVEL: u32 = 5;
/// The version of the protocol of sessions.
pub const PROTOCOL: u32 = 1;
/// How many numbered envelopes may wait for the other side's word at most.
pub const WINDOW_MAX: u64 = 256;
/// How many bytes of payload they may hold together at most.
pub const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How far ahead of ours the clock of a peer may be that begins a chain, in seconds: a day.
const CLOCK_AHEAD_SECONDS: u64 = 86_400;
/// How much may wait to be numbered for one peer at most.
pub const QUEUE_MAX: usize = 50_000;
/// Of how many envelopes that were taken in their outcome is kept: more than can be sent again.
pub const ARRIVED_KEPT: u64 = 4 * WINDOW_MAX;
/// How many envelopes one entry numbers or takes in at most.
pub const BATCH_MAX: usize = 64;
/// How many bytes of payload one entry takes in at most, where it is more than one envelope.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How many envelopes of one peer may be set aside at most.
pub const QUARANTINE_MAX: usize = 1_000;

/// The id of an envelope: `H(0x0c ‖ header)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EnvelopeId(Digest);

impl EnvelopeId {
    /// What stands before the first envelope of a chain.
    pub const NONE: Self = Self([0; 32]);

    /// An id, by its digest.
    #[must_use]
    pub const fn of(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

codes! {
    /// Why a link stands still until an operator has looked at it. New ones are added at the end:
    /// numbers are stored.
    FrozenFor {
        /// Another envelope came under a number that was taken in: the peer has two histories.
        Fork = "fork",
        /// The peer has forgotten what it had said: it was set back, from a backup perhaps.
        Regression = "regression",
    }
}

codes! {
    /// Why an envelope was set aside instead of taking effect. New ones are added at the end:
    /// numbers are stored and sent.
    QuarantinedFor {
        /// A kind that this version does not know.
        UnknownKind = "unknown_kind",
        /// A field that must be understood and is not.
        UpgradeRequired = "upgrade_required",
        /// What it carries cannot be read.
        Malformed = "malformed",
        /// It is for another domain.
        NotForUs = "not_for_us",
        /// It speaks for somebody who is not of the peer.
        NotYours = "not_yours",
        /// The level is above what may cross this link.
        AboveCeiling = "above_ceiling",
    }
}

/// A chain of envelopes, one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// Which chain: 1 for the first. One that an operator has begun anew has the number of the
    /// second in which it began, so that none comes twice whatever a backup has forgotten.
    pub epoch: u64,
    /// The last number.
    pub sequence: u64,
    /// The id of its last envelope.
    pub head: EnvelopeId,
}

impl Chain {
    /// None yet: the one that the other side begins is taken up.
    pub const AWAITED: Self = Self { epoch: 0, sequence: 0, head: EnvelopeId::NONE };

    /// The chain after this one, begun at a time.
    #[must_use]
    pub fn begun_anew(&self, at: Timestamp) -> Self {
        // Nobody takes up one that was begun in a time that has not come: its number is free.
        let before = if self.epoch > Self::latest(at) { 0 } else { self.epoch };
        let epoch = second(at).max(before.saturating_add(1));
        Self { epoch, sequence: 0, head: EnvelopeId::NONE }
    }

    /// The highest number that a chain may have at a time.
    fn latest(at: Timestamp) -> u64 {
        second(at).saturating_add(CLOCK_AHEAD_SECONDS)
    }
}

/// Seconds since 1970.
fn second(at: Timestamp) -> u64 {
    u64::try_from(at.micros() / 1_000_000).unwrap_or_default()
}

impl Default for Chain {
    fn default() -> Self {
        Self { epoch: 1, sequence: 0, head: EnvelopeId::NONE }
    }
}

/// A link as it stands. Absent is as the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The other domain.
    pub peer: DomainId,
    /// How much was ever put into its outbox.
    pub queued: u64,
    /// What was numbered for it.
    pub out: Chain,
    /// Up to which number it has taken that in.
    pub acknowledged: u64,
    /// The signed word of the peer for that: payload and signature.
    pub word: Option<Arc<SignedPosition>>,
    /// What was taken in from it.
    pub taken: Chain,
    /// The peer is to begin a new chain: any after this one is taken up. None: it goes on.
    pub awaits_after: Option<u64>,
    /// An operator has stopped it.
    pub paused: bool,
    /// Why it stands still.
    pub frozen: Option<FrozenFor>,
}

impl Link {
    /// A link on which nothing has gone yet.
    #[must_use]
    pub fn new(peer: DomainId) -> Self {
        Self {
            peer,
            queued: 0,
            out: Chain::default(),
            acknowledged: 0,
            word: None,
            taken: Chain::default(),
            awaits_after: None,
            paused: false,
            frozen: None,
        }
    }

    /// Whether anything may cross it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.paused && self.frozen.is_none()
    }

    /// Up to where the peer's envelopes are taken in, for one of a chain: of a new one, up to
    /// nothing, where one is awaited and it was begun by now. None: the chain is another than that
    /// in force.
    #[must_use]
    pub fn taken_of(&self, epoch: u64, at: Timestamp) -> Option<Chain> {
        let Some(before) = self.awaits_after else {
            return (epoch == self.taken.epoch).then_some(self.taken);
        };
        let is_new = epoch > before && epoch <= Chain::latest(at);
        is_new.then_some(Chain { epoch, sequence: 0, head: EnvelopeId::NONE })
    }

    /// How many numbered envelopes wait for the peer's word.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.out.sequence.saturating_sub(self.acknowledged)
    }
}

/// How far the peer says that it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPosition {
    /// The canonical bytes of a [`Position`].
    pub payload: Vec<u8>,
    /// The signature over their pre-authentication encoding, 64 bytes.
    pub signature: Vec<u8>,
}

/// What waits to be numbered: a reference. What it says is looked up when it is numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message, to one function of the peer.
    Message {
        /// Which.
        message: MessageId,
        /// To whom.
        to: FunctionId,
    },
    /// A step that a message of the peer has reached here.
    Receipt {
        /// Of which message.
        message: MessageId,
        /// For which recipient.
        to: FunctionId,
        /// How far it came.
        step: Step,
        /// When.
        at: Timestamp,
        /// Why it was not taken.
        reason: Option<RejectedFor>,
    },
    /// Changes of an own picture that the peer may have. It is never queued: it is numbered as long
    /// as the peer has not what it may have.
    Contribution {
        /// Whose own picture.
        party: PartyId,
        /// Of which area.
        area: AreaId,
    },
    /// A piece of a step of a delivery. It is never queued either: it is numbered as the view goes
    /// on.
    View {
        /// Of which delivery.
        delivery: RowId,
        /// What the peer has of the view once it has taken it in; none: other pieces follow, or it
        /// brings nothing.
        part: Option<ViewPart>,
    },
    /// What became of a contribution of the peer.
    Answer {
        /// Whose own picture.
        party: PartyId,
        /// Of which area.
        area: AreaId,
        /// Which envelope brought its last piece.
        envelope: EnvelopeId,
        /// The version that the picture has here by now.
        version: u64,
        /// Why it was not taken.
        refused: Option<NotTakenFor>,
    },
    /// A piece of an edition of a delivery. It is never queued: it is numbered as long as the peer
    /// has not what it may have.
    Edition {
        /// Of which delivery.
        delivery: RowId,
        /// Which edition.
        edition: EditionId,
    },
    /// An answer that was given here to an edition of the peer.
    EditionAnswer {
        /// Which edition.
        edition: EditionId,
        /// Whose answer.
        party: PartyId,
        /// In which role.
        role: Role,
    },
    /// What became of an answer to an edition of ours.
    EditionAnswered {
        /// Which envelope brought it.
        envelope: EnvelopeId,
        /// What became of it.
        told: Arc<AnswerTold>,
    },
}

/// A place in an outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// For whom.
    pub peer: DomainId,
    /// Counts what was ever put into the outbox of this peer.
    pub number: u64,
    /// Since when.
    pub at: Timestamp,
    /// How urgent.
    pub precedence: Precedence,
    /// Until when it is worth sending; none: always.
    pub until: Option<Timestamp>,
    /// What.
    pub item: Item,
}

/// A numbered envelope, in its exact bytes, until the peer has taken it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// For whom.
    pub peer: DomainId,
    /// Of which chain.
    pub epoch: u64,
    /// Its number.
    pub sequence: u64,
    /// Its id.
    pub id: EnvelopeId,
    /// The header, in canonical bytes.
    pub header: Arc<[u8]>,
    /// The domain's signature over its pre-authentication encoding, 64 bytes.
    pub signature: Arc<[u8]>,
    /// The payload with its salt, under seal.
    pub payload: Sealed,
    /// What it carries.
    pub item: Item,
    /// When it was numbered.
    pub at: Timestamp,
}

/// What became of an envelope that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Taken,
    /// It was set aside.
    Quarantined(QuarantinedFor),
}

/// An envelope that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// From whom.
    pub peer: DomainId,
    /// Of which chain.
    pub epoch: u64,
    /// Its number.
    pub sequence: u64,
    /// Its id.
    pub id: EnvelopeId,
    /// What became of it.
    pub outcome: Outcome,
}

/// An envelope that was set aside, whole: it can be looked at, and taken in later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// From whom.
    pub peer: DomainId,
    /// Of which chain.
    pub epoch: u64,
    /// Its number.
    pub sequence: u64,
    /// Why.
    pub reason: QuarantinedFor,
    /// The header as it came.
    pub header: Arc<[u8]>,
    /// The peer's signature, 64 bytes.
    pub signature: Arc<[u8]>,
    /// The payload as it came, under seal.
    pub payload: Sealed,
    /// When.
    pub at: Timestamp,
}
