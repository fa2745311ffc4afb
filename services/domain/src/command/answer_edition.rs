//! A required endorser answers the current round.

use super::{Decided, Digest, Moment, Reply};
use crate::{
    EditionId, Reason, Refusal,
    edition::{Answer, Phase, Verdict},
    registry::Endorser,
    row::Row,
};

/// An answer; its signature was verified at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerEdition {
    /// The edition.
    pub edition: EditionId,
    /// The round that was reviewed.
    pub round: u32,
    /// The content root that was rebuilt and signed.
    pub root: Digest,
    /// The answer.
    pub answer: Answer,
}

impl AnswerEdition {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let edition = moment
            .state
            .edition(&self.edition)
            .ok_or_else(|| Refusal::at(Reason::NotFound, "edition_id"))?;
        if !matches!(edition.phase, Phase::InReview | Phase::Contested) {
            return Err(Refusal::at(Reason::EditionWrongState, "edition_id"));
        }
        let mut next = edition.clone();
        let required = moment.state.required(edition);
        let Some(round) = next.rounds.last_mut() else {
            return Err(Refusal::at(Reason::EditionWrongState, "edition_id"));
        };
        if round.number != self.round {
            let current = u64::from(round.number);
            return Err(Refusal::at(Reason::EditionRoundStale, "answer.statement").now(current));
        }
        if round.locked.root != self.root {
            return Err(Refusal::at(Reason::RootMismatch, "answer.statement"));
        }
        let endorser = Endorser { party: self.answer.party.clone(), role: self.answer.role };
        if !required.contains(&endorser) {
            return Err(Refusal::at(Reason::NotAnEndorser, "answer.party"));
        }
        if round.answers.iter().any(|a| (&a.party, a.role) == (&endorser.party, endorser.role)) {
            return Err(Refusal::at(Reason::AlreadyAnswered, "answer.party"));
        }
        round.answers.push(Answer { at: moment.at, ..self.answer.clone() });
        let objected = round.answers.iter().any(|answer| answer.verdict == Verdict::Objected);
        let complete = round.answers.len() == required.len();
        next.phase = match (objected, complete) {
            (true, _) => Phase::Contested,
            (false, true) => Phase::Endorsed,
            (false, false) => Phase::InReview,
        };
        if complete && !objected {
            next.overdue = false;
        }
        let reply = Reply::Edition { id: next.id.clone(), round: self.round };
        Ok(Decided::new(reply, vec![Row::Edition(next.into())]))
    }
}
