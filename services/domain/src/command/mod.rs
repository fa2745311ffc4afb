//! What may be asked. One file per verb: what it carries, and what it decides.

mod acknowledge;
mod add_part;
mod answer_edition;
mod approve_change;
mod back_up;
mod disclose;
mod effect;
mod found;
mod give_answer;
mod lock_edition;
mod mark_message;
mod number_envelopes;
mod open_edition;
mod propose_change;
mod publish;
mod raise_level;
mod record_dissent;
mod release_edition;
mod release_envelope;
mod renew_link;
mod resolve_conflict;
mod restore;
mod sealed;
mod send_message;
mod set_link;
mod settle_envelopes;
mod suspend_service;
mod take_contribution;
mod take_edition;
mod take_envelopes;
mod take_step;
mod tick;
mod withdraw_change;

use std::fmt;

pub use acknowledge::Acknowledge;
pub use add_part::{
    AddPart, PART_CHANGES_MAX, PART_SECONDS, PARTS_MAX, UPLOADS_MAX, UPLOADS_PER_SERVICE_MAX,
    Upload,
};
pub use answer_edition::AnswerEdition;
pub use approve_change::ApproveChange;
pub use back_up::BackUp;
pub use disclose::{Denials, Disclose, Grants};
pub use effect::Effect;
pub use found::{AdoptPolicy, Found};
pub use give_answer::GiveAnswer;
pub use lock_edition::LockEdition;
pub use mark_message::MarkMessage;
pub use number_envelopes::{
    EditionOffer, Looked, NumberEnvelopes, Offer, Reached, Source, ToNumber, ViewOffer,
};
pub use open_edition::OpenEdition;
pub use propose_change::ProposeChange;
pub use publish::{InParts, Publish};
pub use raise_level::RaiseLevel;
pub use record_dissent::RecordDissent;
pub use release_edition::ReleaseEdition;
pub use release_envelope::ReleaseEnvelope;
pub use resolve_conflict::ResolveConflict;
pub use restore::Restore;
pub use send_message::SendMessage;
pub use set_link::{LinkChange, SetLink};
pub use settle_envelopes::SettleEnvelopes;
pub use suspend_service::SuspendService;
pub use take_contribution::Brought;
pub use take_edition::{BroughtEdition, EditionContent};
pub use take_envelopes::{TakeEnvelopes, ToTake};
pub use take_step::{BroughtStep, FindingChange};
pub use tick::Tick;
pub use withdraw_change::WithdrawChange;

use crate::{
    EditionId, FeatureLevel, OrganisationId, Refusal, ServiceId, State, Timestamp,
    message::MessageId,
    registry::{ProposalId, Role},
    row::Row,
};

/// A digest of 32 bytes: of content under a key, of files, of views. It tells nothing.
pub type Digest = [u8; 32];

/// How long an idempotency key is known at least.
pub const KEY_SECONDS: i64 = 24 * 60 * 60;
/// How far ahead of the consensus time a key may be.
pub const KEY_AHEAD_SECONDS: i64 = 2 * 60;

/// A UUIDv7 that its service uses for one intended change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(u128);

impl IdempotencyKey {
    /// Takes a UUID, when it is of version 7.
    #[must_use]
    pub const fn of(uuid: u128) -> Option<Self> {
        if uuid >> 76 & 0xf == 7 && uuid >> 62 & 0b11 == 0b10 { Some(Self(uuid)) } else { None }
    }

    /// The UUID.
    #[must_use]
    pub const fn uuid(self) -> u128 {
        self.0
    }

    /// When it was made.
    #[must_use]
    pub fn made_at(self) -> Timestamp {
        let millis = i64::try_from(self.0 >> 80).unwrap_or(i64::MAX);
        Timestamp::from_micros(millis.saturating_mul(1_000))
    }
}

/// Who asks, on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The calling service.
    pub service: ServiceId,
    /// The function that acts.
    pub role: Option<Role>,
    /// A pseudonym of the person, made by the calling system.
    pub pseudonym: Option<String>,
}

/// A command with what its order and repetition need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Who asks.
    pub actor: Actor,
    /// The idempotency key with a keyed digest of the request; the gateway's own have none.
    pub key: Option<(IdempotencyKey, Digest)>,
    /// The epoch under which policy allowed it.
    pub epoch: u64,
    /// Until when policy allowed it.
    pub valid_until: Timestamp,
    /// What is asked.
    pub command: Command,
}

/// Everything that changes state.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// Founds the domain.
    Found(Box<Found>),
    /// Takes up another policy.
    AdoptPolicy(AdoptPolicy),
    /// A party publishes.
    Publish(Publish),
    /// Puts down a part of a large publication.
    AddPart(AddPart),
    /// A function states the outcome of a conflict.
    ResolveConflict(ResolveConflict),
    /// A party dissents.
    RecordDissent(RecordDissent),
    /// Opens an edition.
    OpenEdition(OpenEdition),
    /// Locks an edition.
    LockEdition(Box<LockEdition>),
    /// Answers an edition.
    AnswerEdition(Box<AnswerEdition>),
    /// Answers an edition that another domain delivers.
    GiveAnswer(Box<GiveAnswer>),
    /// Releases an edition.
    ReleaseEdition(ReleaseEdition),
    /// Shuts a service out.
    SuspendService(SuspendService),
    /// A registrar proposes a change of the registry.
    ProposeChange(Box<ProposeChange>),
    /// Another organisation's registrar approves it.
    ApproveChange(Box<ApproveChange>),
    /// Its proposer takes it back.
    WithdrawChange(WithdrawChange),
    /// Records what policy decided for classes of labels.
    Grants(Grants),
    /// Records disclosures and advances views.
    Disclose(Disclose),
    /// Records that a receiver has stored what it was sent.
    Acknowledge(Acknowledge),
    /// Records refused requests.
    Denials(Denials),
    /// Lets time act.
    Tick(Tick),
    /// Records a backup.
    BackUp(BackUp),
    /// Goes on from a backup.
    Restore(Restore),
    /// A function sends a message.
    SendMessage(Box<SendMessage>),
    /// A recipient gives a step of a message.
    MarkMessage(MarkMessage),
    /// What waits for a peer is numbered.
    NumberEnvelopes(Box<NumberEnvelopes>),
    /// What came from a peer takes effect.
    TakeEnvelopes(Box<TakeEnvelopes>),
    /// A peer has taken in what was sent.
    SettleEnvelopes(SettleEnvelopes),
    /// A link is stopped, let go on, or begins anew.
    SetLink(SetLink),
    /// What was set aside of a peer takes effect after all, or is let go.
    ReleaseEnvelope(Box<ReleaseEnvelope>),
    /// Raises the feature level.
    RaiseLevel(RaiseLevel),
}

impl Command {
    /// The verb, for logs.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::AdoptPolicy(_) => "adopt_policy",
            Self::Publish(_) => "publish",
            Self::AddPart(_) => "add_part",
            Self::ResolveConflict(_) => "resolve_conflict",
            Self::RecordDissent(_) => "record_dissent",
            Self::OpenEdition(_) => "open_edition",
            Self::LockEdition(_) => "lock_edition",
            Self::AnswerEdition(_) => "answer_edition",
            Self::GiveAnswer(_) => "give_answer",
            Self::ReleaseEdition(_) => "release_edition",
            Self::SuspendService(_) => "suspend_service",
            Self::ProposeChange(_) => "propose_change",
            Self::ApproveChange(_) => "approve_change",
            Self::WithdrawChange(_) => "withdraw_change",
            Self::Grants(_) => "grants",
            Self::Disclose(_) => "disclose",
            Self::Acknowledge(_) => "acknowledge",
            Self::Denials(_) => "denials",
            Self::Tick(_) => "tick",
            Self::BackUp(_) => "back_up",
            Self::Restore(_) => "restore",
            Self::SendMessage(_) => "send_message",
            Self::MarkMessage(_) => "mark_message",
            Self::NumberEnvelopes(_) => "number_envelopes",
            Self::TakeEnvelopes(_) => "take_envelopes",
            Self::SettleEnvelopes(_) => "settle_envelopes",
            Self::SetLink(_) => "set_link",
            Self::ReleaseEnvelope(_) => "release_envelope",
            Self::RaiseLevel(_) => "raise_level",
        }
    }

    /// The level that whoever reads it must know. One that sets a level needs that level: who does
    /// not know it goes no further.
    #[must_use]
    pub fn level(&self) -> FeatureLevel {
        match self {
            Self::Found(command) => command.level,
            Self::RaiseLevel(command) => command.level,
            Self::ProposeChange(command) => command.level(),
            Self::NumberEnvelopes(command) => command.level(),
            Self::TakeEnvelopes(command) => command.level(),
            Self::SetLink(command) => command.level(),
            Self::ReleaseEnvelope(command) => command.level(),
            Self::GiveAnswer(_) => FeatureLevel::EDITIONS,
            Self::SendMessage(command) => command.level(),
            Self::MarkMessage(_) | Self::SettleEnvelopes(_) => FeatureLevel::MESSAGES,
            Self::AdoptPolicy(_)
            | Self::Publish(_)
            | Self::AddPart(_)
            | Self::ResolveConflict(_)
            | Self::RecordDissent(_)
            | Self::OpenEdition(_)
            | Self::LockEdition(_)
            | Self::AnswerEdition(_)
            | Self::ReleaseEdition(_)
            | Self::SuspendService(_)
            | Self::ApproveChange(_)
            | Self::WithdrawChange(_)
            | Self::Grants(_)
            | Self::Disclose(_)
            | Self::Acknowledge(_)
            | Self::Denials(_)
            | Self::Tick(_)
            | Self::BackUp(_)
            | Self::Restore(_) => FeatureLevel::FIRST,
        }
    }

    /// Whether it sets the level: then it may need one above that of the domain.
    #[must_use]
    pub const fn sets_level(&self) -> bool {
        matches!(self, Self::Found(_) | Self::RaiseLevel(_))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())
    }
}

/// The answer to a command; stored under its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to tell.
    Done,
    /// An own picture and its area after a publication.
    Published {
        /// The own picture's version.
        version: u64,
        /// The area's revision.
        revision: u64,
        /// The content was the same.
        unchanged: bool,
    },
    /// An area after a decision or a dissent.
    Revised {
        /// The area's revision.
        revision: u64,
    },
    /// An edition after a change.
    Edition {
        /// The edition.
        id: EditionId,
        /// Its round.
        round: u32,
    },
    /// Disclosures were recorded, from this sequence number on.
    Recorded {
        /// The first.
        first: u64,
    },
    /// Registry or policy changed.
    Epoch {
        /// The new epoch.
        epoch: u64,
    },
    /// A change of the registry after a signature.
    Proposed {
        /// The proposal.
        id: ProposalId,
        /// The epoch that it made; none while it waits for another signature.
        epoch: Option<u64>,
    },
    /// A message was taken in.
    Sent {
        /// Its id.
        message: MessageId,
    },
    /// Nothing changed.
    Refused(Refusal),
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) reply: Reply,
    pub(crate) rows: Vec<Row>,
}

impl Decided {
    pub(crate) const fn new(reply: Reply, rows: Vec<Row>) -> Self {
        Self { reply, rows }
    }
}

/// What a command is decided on: the state before it, the entry's stamp and log position, and who
/// asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) state: &'a State,
    pub(crate) at: Timestamp,
    pub(crate) position: u64,
    pub(crate) actor: &'a Actor,
}

impl Command {
    pub(crate) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        match self {
            Self::Found(command) => command.decide(moment),
            Self::AdoptPolicy(command) => Ok(command.decide(moment)),
            Self::Publish(command) => command.decide(moment),
            Self::AddPart(command) => command.decide(moment),
            Self::ResolveConflict(command) => command.decide(moment),
            Self::RecordDissent(command) => command.decide(moment),
            Self::OpenEdition(command) => command.decide(moment),
            Self::LockEdition(command) => command.decide(moment),
            Self::AnswerEdition(command) => command.decide(moment),
            Self::GiveAnswer(command) => command.decide(moment),
            Self::ReleaseEdition(command) => command.decide(moment),
            Self::SuspendService(command) => command.decide(moment),
            Self::ProposeChange(command) => command.decide(moment),
            Self::ApproveChange(command) => command.decide(moment),
            Self::WithdrawChange(command) => command.decide(moment),
            Self::Grants(command) => Ok(command.decide()),
            Self::Disclose(command) => command.decide(moment),
            Self::Acknowledge(command) => Ok(command.decide(moment)),
            Self::Denials(command) => Ok(command.decide(moment)),
            Self::Tick(command) => Ok(command.decide(moment)),
            Self::BackUp(command) => Ok(command.decide(moment)),
            Self::Restore(command) => Ok(command.decide(moment)),
            Self::SendMessage(command) => command.decide(moment),
            Self::MarkMessage(command) => command.decide(moment),
            Self::NumberEnvelopes(command) => command.decide(moment),
            Self::TakeEnvelopes(command) => command.decide(moment),
            Self::SettleEnvelopes(command) => command.decide(moment),
            Self::SetLink(command) => command.decide(moment),
            Self::ReleaseEnvelope(command) => command.decide(moment),
            Self::RaiseLevel(command) => Ok(command.decide(moment)),
        }
    }
}
