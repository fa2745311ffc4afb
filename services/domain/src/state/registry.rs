//! The registry in force, those before it, and what is proposed.

use std::{collections::BTreeSet, sync::Arc};

use super::State;
use crate::{
    PartyId, ServiceId, Timestamp,
    edition::Edition,
    registry::{Base, Proposal, ProposalId, Record, Registry, Standing},
};

impl State {
    /// A proposed change of the registry, as it now stands; with it the registry, when the change
    /// has taken effect.
    pub(super) fn proposed(&mut self, proposal: Arc<Proposal>) {
        if let Some(applied) = proposal.applied {
            let mut registry = self.registry.taking(&proposal.change);
            // When state is restored, suspensions were absorbed before.
            for service in self.suspended.keys() {
                registry.suspend(service);
            }
            self.past.push((applied.at, self.registry.without_services().into()));
            self.registry = registry.into();
            self.registry_digest = self.registry.digest();
        }
        self.proposals.insert(proposal.id, proposal);
    }

    /// All proposals, by id: those that wait, and the changes that took effect.
    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.proposals.values().map(Arc::as_ref)
    }

    /// A proposal.
    #[must_use]
    pub fn proposal(&self, id: ProposalId) -> Option<&Proposal> {
        self.proposals.get(&id).map(Arc::as_ref)
    }

    /// How a proposal stands at a time.
    #[must_use]
    pub fn standing(&self, proposal: &Proposal, at: Timestamp) -> Standing {
        if proposal.applied.is_some() {
            return Standing::Applied;
        }
        if at > proposal.until() {
            return Standing::Expired;
        }
        // Changes take effect in the order of their ids: what was proposed before one is of another
        // registry, even should its digest come again.
        let last = self.proposals.values().rev().find(|one| one.applied.is_some());
        let overtaken = last.is_some_and(|last| last.id > proposal.id);
        if overtaken || proposal.base.digest != self.registry_digest {
            return Standing::Stale;
        }
        Standing::Open
    }

    /// Whether a change is made against the registry in force.
    #[must_use]
    pub fn is_base(&self, base: Base) -> bool {
        let last = self.proposals.values().rev().find_map(|one| one.applied);
        let since = last.map_or(0, |applied| applied.epoch);
        (since..=self.epoch).contains(&base.epoch) && base.digest == self.registry_digest
    }

    /// The registry that an edition rests on: that of its current lock, else the one in force. Of
    /// an earlier one it has no services.
    #[must_use]
    pub fn registry_of(&self, edition: &Edition) -> &Arc<Registry> {
        edition.current().map_or(&self.registry, |round| self.registry_at(round.locked_at))
    }

    /// The registry that was in force at a time; the first one, before the domain was founded. Of
    /// an earlier one it has no services.
    #[must_use]
    pub fn registry_at(&self, at: Timestamp) -> &Arc<Registry> {
        let next = self.past.partition_point(|(until, _)| *until <= at);
        self.past.get(next).map_or(&self.registry, |(_, registry)| registry)
    }

    /// The parties that a service speaks for, or ever did; none where it never was registered: it
    /// is a link.
    #[must_use]
    pub fn spoken_for(&self, service: &ServiceId) -> Option<BTreeSet<PartyId>> {
        let founding = self.founded.iter().flat_map(|founded| &founded.document.services);
        let applied = self.proposals.values().filter(|one| one.applied.is_some());
        let changed = applied.flat_map(|one| one.change.operations());
        let changed = changed.filter_map(|operation| {
            let Some(Record::Services(service)) = operation.record() else { return None };
            Some(service)
        });
        let mut all = founding.chain(changed).filter(|one| one.id == *service).peekable();
        all.peek()?;
        Some(all.flat_map(|one| one.parties.iter().cloned()).collect())
    }
}
