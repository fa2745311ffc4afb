//! Approves a proposed change of the registry: with enough organisations it takes effect.

use std::sync::Arc;

use super::{Decided, Moment, Reply, propose_change::carried};
use crate::{
    Reason, Refusal,
    registry::{Proposal, ProposalId, Signed, Standing},
    row::Row,
};

/// An approval. Its signature was verified as a proposal's is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproveChange {
    /// Which proposal.
    pub proposal: ProposalId,
    /// The approver's signature.
    pub signed: Signed,
}

impl ApproveChange {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let state = moment.state;
        let missing = || Refusal::at(Reason::NotFound, "proposal");
        let proposal = state.proposal(self.proposal).ok_or_else(missing)?;
        match state.standing(proposal, moment.at) {
            Standing::Open => {}
            Standing::Applied | Standing::Expired => {
                return Err(Refusal::at(Reason::ProposalClosed, "proposal"));
            }
            Standing::Stale => {
                let stale = Refusal::at(Reason::RegistryBaseStale, "proposal");
                return Err(stale.now(state.epoch()));
            }
        }
        if proposal.organisations().contains(&self.signed.organisation) {
            return Err(Refusal::at(Reason::OwnProposal, "proposal"));
        }
        if state.registry().changed(&proposal.change).is_err() {
            return Err(Refusal::at(Reason::RegistryInvalid, "proposal"));
        }
        let mut proposal = Proposal::clone(proposal);
        proposal.signed.push(Signed { at: moment.at, ..self.signed.clone() });
        if proposal.is_carried() {
            return Ok(carried(moment, proposal, Vec::new()));
        }
        let reply = Reply::Proposed { id: proposal.id, epoch: None };
        Ok(Decided::new(reply, vec![Row::Proposal(Arc::new(proposal))]))
    }
}
