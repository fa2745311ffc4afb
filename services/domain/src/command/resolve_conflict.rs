//! A function states what a conflict should come to.

use super::{Decided, Moment, Reply};
use crate::{
    PartyId, Reason, Refusal, Sealed,
    merge::{ConflictRef, Outcome, Statement},
    registry::Role,
    row::{Revised, Row, Stated, What},
};

/// A statement on a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveConflict {
    /// The conflict.
    pub conflict: ConflictRef,
    /// The area's revision that the function saw.
    pub revision: u64,
    /// Who states it.
    pub party: PartyId,
    /// In which function.
    pub role: Role,
    /// What it should come to.
    pub outcome: Outcome,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

impl ResolveConflict {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        if !self.outcome.fits(self.conflict.field) {
            return Err(Refusal::at(Reason::ConflictUnknownValue, "outcome"));
        }
        let area = self.conflict.area();
        let now = moment.state.revision(area);
        let settled = || Refusal::at(Reason::ConflictSettled, "conflict_id").now(now);
        let candidates = |revision| {
            let finding = moment.state.common_finding(&self.conflict, revision)?;
            let open = finding.conflicts.into_iter().find(|c| c.at == self.conflict)?;
            Some(open.candidates)
        };
        let current = candidates(now).ok_or_else(settled)?;
        if self.revision > now || candidates(self.revision).as_ref() != Some(&current) {
            return Err(Refusal::at(Reason::RevisionStale, "revision").now(now));
        }
        let revision = now + 1;
        let statement = Statement {
            conflict: self.conflict.clone(),
            party: self.party.clone(),
            role: self.role,
            outcome: self.outcome,
            candidates: current,
            reason: self.reason.clone(),
        };
        let rows = vec![
            Row::Revision(Revised {
                area: area.clone(),
                revision,
                at: moment.at,
                party: self.party.clone(),
                what: What::Decision,
            }),
            Row::Stated(Stated { revision, statement }),
        ];
        Ok(Decided::new(Reply::Revised { revision }, rows))
    }
}
