//! What a command holds under seal.

use super::{Command, Effect};
use crate::{Observation, Sealed};

impl Command {
    /// All that it holds under seal.
    #[must_use]
    pub fn sealed(&self) -> Vec<&Sealed> {
        match self {
            Self::Publish(publish) => {
                let salt = publish.manifest.as_ref().map(|manifest| &manifest.salt);
                let reason = publish.reason.as_ref();
                of(&publish.upserts).chain(reason).chain(salt).collect()
            }
            Self::AddPart(part) => of(&part.upserts).collect(),
            Self::ResolveConflict(resolve) => resolve.reason.iter().collect(),
            Self::RecordDissent(dissent) => dissent.reason.iter().collect(),
            Self::SuspendService(suspend) => suspend.reason.iter().collect(),
            Self::ProposeChange(propose) => propose.reason.iter().collect(),
            Self::LockEdition(lock) => vec![&lock.locked.secrets],
            Self::AnswerEdition(answer) => answer.answer.text.iter().collect(),
            Self::GiveAnswer(given) => given.answer.text.iter().collect(),
            Self::SendMessage(send) => vec![&send.text],
            Self::NumberEnvelopes(number) => number.envelopes.iter().map(|e| &e.payload).collect(),
            Self::TakeEnvelopes(take) => {
                take.envelopes.iter().flat_map(|envelope| brought(&envelope.effect)).collect()
            }
            Self::ReleaseEnvelope(release) => release.effect.iter().flat_map(brought).collect(),
            Self::Found(_)
            | Self::AdoptPolicy(_)
            | Self::OpenEdition(_)
            | Self::ReleaseEdition(_)
            | Self::ApproveChange(_)
            | Self::WithdrawChange(_)
            | Self::Grants(_)
            | Self::Disclose(_)
            | Self::Acknowledge(_)
            | Self::Denials(_)
            | Self::Tick(_)
            | Self::BackUp(_)
            | Self::Restore(_)
            | Self::MarkMessage(_)
            | Self::SettleEnvelopes(_)
            | Self::SetLink(_)
            | Self::RaiseLevel(_) => Vec::new(),
        }
    }
}

fn brought(effect: &Effect) -> Vec<&Sealed> {
    match effect {
        Effect::Message { text, .. } => vec![text],
        Effect::Quarantine { payload, .. } => vec![payload],
        Effect::Contribution { brought, .. } => of(&brought.upserts).collect(),
        Effect::StepPiece { events, .. } => vec![events],
        Effect::Step(step) => step.changes.iter().filter_map(|one| one.content.as_ref()).collect(),
        Effect::EditionPiece { content, .. } => vec![content],
        Effect::Edition(brought) => {
            let content = brought.content.iter();
            content
                .flat_map(|one| [&one.header, &one.content].into_iter().chain(&one.review))
                .collect()
        }
        Effect::EditionAnswer(answer) => answer.answer.text.iter().collect(),
        Effect::Receipt { .. }
        | Effect::RefuseStep { .. }
        | Effect::RefuseEdition { .. }
        | Effect::RefuseAnswer(_)
        | Effect::EditionAnswered { .. }
        | Effect::Decline { .. }
        | Effect::Refuse { .. }
        | Effect::Answer { .. } => Vec::new(),
    }
}

fn of(observations: &[Observation]) -> impl Iterator<Item = &Sealed> {
    observations.iter().filter_map(|observation| observation.sealed.as_ref())
}
