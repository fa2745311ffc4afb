//! Locks an edition: a basis, an analysis and a content root are put to the endorsers.

use super::{Decided, Digest, Moment, Reply};
use crate::{
    EditionId, PartyId, Reason, Refusal,
    edition::{Locked, Phase, ROUNDS_MAX, Round},
    row::Row,
};

/// A lock. The content root was computed at `revision` before the log; a contribution since then
/// refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockEdition {
    /// The edition.
    pub edition: EditionId,
    /// Who locks it.
    pub party: PartyId,
    /// What is locked.
    pub locked: Locked,
    /// The digest of the agreement's descriptor.
    pub descriptor: Digest,
}

impl LockEdition {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let edition = moment
            .state
            .edition(&self.edition)
            .ok_or_else(|| Refusal::at(Reason::NotFound, "edition_id"))?;
        let open = match edition.phase {
            Phase::Collecting | Phase::InReview | Phase::Contested | Phase::Endorsed => true,
            Phase::Released | Phase::Superseded | Phase::Recalled => false,
        };
        if !open {
            return Err(Refusal::at(Reason::EditionWrongState, "edition_id"));
        }
        let now = moment.state.revision(&edition.area);
        if self.locked.revision != now {
            return Err(Refusal::at(Reason::RevisionStale, "revision").now(now));
        }
        if edition.rounds.len() >= ROUNDS_MAX {
            return Err(Refusal::at(Reason::TooLarge, "edition_id"));
        }
        let number = edition.round() + 1;
        let mut next = edition.clone();
        next.phase = Phase::InReview;
        next.rounds.push(Round {
            number,
            locked: self.locked.clone(),
            descriptor: self.descriptor,
            locked_by: self.party.clone(),
            locked_at: moment.at,
            answers: Vec::new(),
        });
        let reply = Reply::Edition { id: next.id.clone(), round: number };
        Ok(Decided::new(reply, vec![Row::Edition(next.into())]))
    }
}
