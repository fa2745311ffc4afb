//! What an envelope of a peer does here.

use std::sync::Arc;

use super::{AnswerEdition, Brought, BroughtEdition, BroughtStep};
use crate::{
    AreaId, EditionId, FeatureLevel, FunctionId, PartyId, RowId, Sealed, Timestamp,
    link::{AnswerTold, EnvelopeId, NotTakenFor, Outcome, QuarantinedFor},
    message::{Core, MessageId, RejectedFor, Step},
};

/// What an envelope does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It brings a message to one of its recipients here.
    Message {
        /// Its id.
        id: MessageId,
        /// All that it says in clear.
        core: Arc<Core>,
        /// Subject, body and salt, under seal.
        text: Sealed,
        /// When its domain took it in.
        sent_at: Timestamp,
        /// For whom.
        to: FunctionId,
    },
    /// It brings a message that is not taken for what it holds: nothing of it is kept.
    Decline {
        /// Its id.
        message: MessageId,
        /// For whom.
        to: FunctionId,
    },
    /// It brings a step that a message of ours has reached there.
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
    /// It brings a piece of a contribution.
    Contribution {
        /// Whose own picture.
        party: PartyId,
        /// Of which area.
        area: AreaId,
        /// What it brings.
        brought: Brought,
    },
    /// It brings a contribution that is not taken.
    Refuse {
        /// Whose own picture.
        party: PartyId,
        /// Of which area.
        area: AreaId,
        /// Why.
        refused: NotTakenFor,
    },
    /// It says what became of a contribution of ours.
    Answer {
        /// Whose own picture.
        party: PartyId,
        /// Of which area.
        area: AreaId,
        /// The envelope that brought its last piece.
        envelope: EnvelopeId,
        /// The version that the picture has there by now.
        version: u64,
        /// Why it was not taken.
        refused: Option<NotTakenFor>,
    },
    /// It brings a piece of a step of a view that is delivered, and others follow.
    StepPiece {
        /// Of which delivery.
        delivery: RowId,
        /// Of which step.
        step: u64,
        /// Which piece, from 0.
        piece: u32,
        /// Its bytes, under seal.
        events: Sealed,
    },
    /// It brings a step of a view that is delivered, or the last piece of one.
    Step(Box<BroughtStep>),
    /// It brings what is not taken of a view: nothing of it is kept.
    RefuseStep {
        /// Of which delivery.
        delivery: RowId,
        /// Why.
        reason: QuarantinedFor,
    },
    /// It brings a piece of an edition that is delivered, and others follow.
    EditionPiece {
        /// Of which delivery.
        delivery: RowId,
        /// Of which edition.
        edition: EditionId,
        /// Which piece, from 0.
        piece: u32,
        /// Its bytes, under seal.
        content: Sealed,
    },
    /// It brings an edition that is delivered, or the last piece of one.
    Edition(Box<BroughtEdition>),
    /// It brings an edition that is not taken: nothing of it is kept.
    RefuseEdition {
        /// Of which delivery.
        delivery: RowId,
        /// Which edition.
        edition: EditionId,
        /// Why.
        reason: QuarantinedFor,
    },
    /// It brings a party's answer to an edition of ours; its signature was verified.
    EditionAnswer(Box<AnswerEdition>),
    /// It brings such an answer that is not taken.
    RefuseAnswer(Box<AnswerTold>),
    /// It says what became of an answer that was given here.
    EditionAnswered {
        /// Which envelope brought it.
        envelope: EnvelopeId,
        /// What became of it.
        told: Box<AnswerTold>,
    },
    /// It is set aside.
    Quarantine {
        /// Why.
        reason: QuarantinedFor,
        /// The header as it came.
        header: Arc<[u8]>,
        /// The peer's signature, 64 bytes.
        signature: Arc<[u8]>,
        /// The payload as it came, under seal.
        payload: Sealed,
    },
}

impl Effect {
    /// The area that it contributes to: one entry takes one contribution to an area at most.
    #[must_use]
    pub const fn contributes_to(&self) -> Option<&AreaId> {
        match self {
            Self::Contribution { area, .. } | Self::Refuse { area, .. } => Some(area),
            Self::Message { .. }
            | Self::Decline { .. }
            | Self::Receipt { .. }
            | Self::Answer { .. }
            | Self::StepPiece { .. }
            | Self::Step(_)
            | Self::RefuseStep { .. }
            | Self::EditionPiece { .. }
            | Self::Edition(_)
            | Self::RefuseEdition { .. }
            | Self::EditionAnswer(_)
            | Self::RefuseAnswer(_)
            | Self::EditionAnswered { .. }
            | Self::Quarantine { .. } => None,
        }
    }

    /// The delivery that it brings something of: one entry takes one envelope of each at most.
    #[must_use]
    pub fn delivers(&self) -> Option<&RowId> {
        match self {
            Self::StepPiece { delivery, .. }
            | Self::RefuseStep { delivery, .. }
            | Self::EditionPiece { delivery, .. }
            | Self::RefuseEdition { delivery, .. } => Some(delivery),
            Self::Step(brought) => Some(&brought.delivery),
            Self::Edition(brought) => Some(&brought.delivery),
            Self::Message { .. }
            | Self::Decline { .. }
            | Self::Receipt { .. }
            | Self::Contribution { .. }
            | Self::Refuse { .. }
            | Self::Answer { .. }
            | Self::EditionAnswer(_)
            | Self::RefuseAnswer(_)
            | Self::EditionAnswered { .. }
            | Self::Quarantine { .. } => None,
        }
    }

    /// The edition that it answers: one entry takes one answer to each at most.
    pub(super) const fn answers(&self) -> Option<&EditionId> {
        match self {
            Self::EditionAnswer(answer) => Some(&answer.edition),
            Self::EditionAnswered { told, .. } => Some(&told.edition),
            Self::Message { .. }
            | Self::Decline { .. }
            | Self::Receipt { .. }
            | Self::Contribution { .. }
            | Self::Refuse { .. }
            | Self::Answer { .. }
            | Self::StepPiece { .. }
            | Self::Step(_)
            | Self::RefuseStep { .. }
            | Self::EditionPiece { .. }
            | Self::Edition(_)
            | Self::RefuseEdition { .. }
            | Self::RefuseAnswer(_)
            | Self::Quarantine { .. } => None,
        }
    }

    /// What becomes of the envelope that does it.
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::RefuseStep { reason, .. }
            | Self::RefuseEdition { reason, .. }
            | Self::Quarantine { reason, .. } => Outcome::Quarantined(*reason),
            Self::Message { .. }
            | Self::Decline { .. }
            | Self::Receipt { .. }
            | Self::Contribution { .. }
            | Self::Refuse { .. }
            | Self::Answer { .. }
            | Self::StepPiece { .. }
            | Self::Step(_)
            | Self::EditionPiece { .. }
            | Self::Edition(_)
            | Self::EditionAnswer(_)
            | Self::RefuseAnswer(_)
            | Self::EditionAnswered { .. } => Outcome::Taken,
        }
    }

    pub(super) fn level(&self) -> FeatureLevel {
        match self {
            Self::EditionPiece { .. }
            | Self::Edition(_)
            | Self::RefuseEdition { .. }
            | Self::EditionAnswer(_)
            | Self::RefuseAnswer(_)
            | Self::EditionAnswered { .. } => FeatureLevel::EDITIONS,
            Self::StepPiece { .. } | Self::Step(_) | Self::RefuseStep { .. } => {
                FeatureLevel::DELIVERIES
            }
            Self::Contribution { .. }
            | Self::Refuse { .. }
            | Self::Answer { .. }
            | Self::Decline { .. }
            | Self::Receipt { reason: Some(RejectedFor::Unfit), .. } => FeatureLevel::CONTRIBUTIONS,
            Self::Message { core, .. } => core.level(),
            Self::Receipt { .. } | Self::Quarantine { .. } => FeatureLevel::MESSAGES,
        }
    }
}
