//! Proposes a change of the registry. What only takes away takes effect at once; what may give
//! waits for another organisation.

use super::{Decided, Moment, Reply};
use crate::{
    FeatureLevel, Reason, Refusal, Sealed, ServiceId,
    registry::{
        Agreement, Applied, Base, Change, Operation, PROPOSALS_OPEN_MAX, Party, Proposal,
        ProposalId, Record, Signed, Standing, Table,
    },
    row::{Row, Suspended},
};

/// A proposal. The edge has verified the signature against the registry of the permit's epoch,
/// which is that of the commit or the command is made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposeChange {
    /// What it changes.
    pub change: Change,
    /// Against which registry.
    pub base: Base,
    /// The proposer's signature.
    pub signed: Signed,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

impl ProposeChange {
    /// The level that whoever reads it must know: rows of newer tables and fields need theirs.
    pub(super) fn level(&self) -> FeatureLevel {
        let level = |operation: &Operation| {
            let is_newer = matches!(operation.key().table, Table::Functions | Table::Peers);
            if matches!(operation, Operation::Put(record) if is_written_to(record)) {
                FeatureLevel::ATTACHMENTS
            } else if matches!(operation, Operation::Put(record) if delivers(record)) {
                FeatureLevel::DELIVERIES
            } else if matches!(operation, Operation::Put(record) if is_elsewhere(record)) {
                FeatureLevel::CONTRIBUTIONS
            } else if is_newer {
                FeatureLevel::MESSAGES
            } else {
                FeatureLevel::FIRST
            }
        };
        let levels = self.change.operations().iter().map(level);
        levels.max().unwrap_or_default()
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let (state, registry) = (moment.state, moment.state.registry());
        if !state.is_base(self.base) {
            return Err(Refusal::at(Reason::RegistryBaseStale, "base").now(state.epoch()));
        }
        if registry.changed(&self.change).is_err() {
            return Err(Refusal::at(Reason::RegistryInvalid, "operations"));
        }
        let effect = registry.effect(&self.change);
        let replaced = self.change.operations().iter();
        let needed = u32::try_from(registry.signatures_needed(effect)).unwrap_or(u32::MAX);
        let proposal = Proposal {
            id: ProposalId(moment.position),
            change: self.change.clone(),
            base: self.base,
            replaced: replaced.filter_map(|one| registry.record(&one.key())).collect(),
            effect,
            needed,
            signed: vec![Signed { at: moment.at, ..self.signed.clone() }],
            reason: self.reason.clone(),
            applied: None,
        };
        let (open, over): (Vec<&Proposal>, Vec<&Proposal>) = state
            .proposals()
            .filter(|proposal| proposal.applied.is_none())
            .partition(|proposal| state.standing(proposal, moment.at) == Standing::Open);
        let mut rows: Vec<Row> = over.iter().map(|proposal| Row::Dropped(proposal.id)).collect();
        if proposal.is_carried() {
            return Ok(carried(moment, proposal, rows));
        }
        if open.len() >= PROPOSALS_OPEN_MAX {
            return Err(Refusal::of(Reason::ProposalLimit));
        }
        let reply = Reply::Proposed { id: proposal.id, epoch: None };
        rows.push(Row::Proposal(proposal.into()));
        Ok(Decided::new(reply, rows))
    }
}

/// A change that enough organisations have signed takes effect.
pub(super) fn carried(moment: Moment<'_>, proposal: Proposal, mut rows: Vec<Row>) -> Decided {
    let epoch = moment.position;
    for operation in proposal.change.operations() {
        rows.extend(suspension(moment, operation));
    }
    let (id, applied) = (proposal.id, Some(Applied { epoch, at: moment.at }));
    rows.push(Row::Proposal(Proposal { applied, ..proposal }.into()));
    rows.push(Row::Epoch(epoch));
    Decided::new(Reply::Proposed { id, epoch: Some(epoch) }, rows)
}

/// What an operation on a service does to its suspension.
fn suspension(moment: Moment<'_>, operation: &Operation) -> Option<Row> {
    let suspended = |id: &ServiceId| moment.state.suspension(id).is_some();
    match operation {
        Operation::Put(record) => {
            let Record::Services(service) = record.as_ref() else { return None };
            match (suspended(&service.id), service.suspended) {
                (true, true) | (false, false) => None,
                (true, false) => Some(Row::Lifted(service.id.clone())),
                (false, true) => Some(Row::Suspended(Suspended {
                    service: service.id.clone(),
                    at: moment.at,
                    by: moment.actor.service.clone(),
                    reason: None,
                })),
            }
        }
        Operation::Remove(key) if key.table == Table::Services => {
            ServiceId::parse(&key.id).ok().filter(suspended).map(Row::Lifted)
        }
        Operation::Remove(_) => None,
    }
}

/// Whether a row is a group that messages are sent to.
fn is_written_to(record: &Record) -> bool {
    matches!(record, Record::Groups(group) if !group.functions.is_empty())
}

/// Whether a row has something delivered to another domain, or from it.
fn delivers(record: &Record) -> bool {
    matches!(record, Record::Peers(peer) if !peer.deliveries.is_empty() || !peer.areas.is_empty())
}

/// Whether a row names another domain as a home.
const fn is_elsewhere(record: &Record) -> bool {
    matches!(
        record,
        Record::Parties(Party { home: Some(_), .. })
            | Record::Agreements(Agreement { home: Some(_), .. })
    )
}
