//! Takes a proposed change of the registry back.

use super::{Decided, Moment, Reply};
use crate::{Reason, Refusal, registry::ProposalId, row::Row};

/// A withdrawal. A registrar of the proposer's organisation is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawChange {
    /// Which proposal.
    pub proposal: ProposalId,
}

impl WithdrawChange {
    pub(super) fn decide(self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let missing = || Refusal::at(Reason::NotFound, "proposal");
        let proposal = moment.state.proposal(self.proposal).ok_or_else(missing)?;
        if proposal.applied.is_some() {
            return Err(Refusal::at(Reason::ProposalClosed, "proposal"));
        }
        let proposer = proposal.signed.first().map(|signed| &signed.organisation);
        if proposer != Some(&moment.actor.organisation) {
            return Err(Refusal::at(Reason::NotTheProposer, "proposal"));
        }
        Ok(Decided::new(Reply::Done, vec![Row::Dropped(proposal.id)]))
    }
}
