//! Which way a change goes: whether it provably only takes away.
//!
//! One registrar is enough to take away, so what is said to take away must do nothing else: every
//! rule here says when it does, and everything that no rule names loosens.

use std::collections::BTreeSet;

use super::{
    Change, FieldGroup, Function, Group, Operation, Organisation, Party, Record, Registry,
    ReleaseRow, Service, Shown,
};
use crate::OrganisationId;

/// How many organisations must be able to sign so that none can loosen alone.
const REGISTRARS_MIN: usize = 2;

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nobody sees or may do more: one registrar is enough.
    Tightens,
    /// Somebody might: it takes two organisations.
    Loosens,
}

impl Effect {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tightens => "tightens",
            Self::Loosens => "loosens",
        }
    }

    const fn tightens_if(holds: bool) -> Self {
        if holds { Self::Tightens } else { Self::Loosens }
    }
}

impl Registry {
    /// Which way a change goes: it tightens when each of its operations does.
    #[must_use]
    pub fn effect(&self, change: &Change) -> Effect {
        let operations = change.operations().iter();
        let worst = operations.map(|operation| self.effect_of(operation)).max();
        // Removing keys until one organisation is left would let that one loosen alone.
        let alone = self.registrars().len() >= REGISTRARS_MIN
            && self.taking(change).registrars().len() < REGISTRARS_MIN;
        if alone { Effect::Loosens } else { worst.unwrap_or(Effect::Loosens) }
    }

    /// How many organisations must have signed a change of this effect.
    #[must_use]
    pub fn signatures_needed(&self, effect: Effect) -> usize {
        match effect {
            Effect::Tightens => 1,
            Effect::Loosens => self.registrars().len().clamp(1, REGISTRARS_MIN),
        }
    }

    /// Which way one operation goes by itself.
    #[must_use]
    pub fn effect_of(&self, operation: &Operation) -> Effect {
        let before = self.record(&operation.key());
        match (before, operation) {
            (Some(before), Operation::Put(after)) => self.changing(&before, after),
            (Some(before), Operation::Remove(_)) => self.removing(&before),
            (None, Operation::Put(_) | Operation::Remove(_)) => Effect::Loosens,
        }
    }

    /// Removing an agreement, its descriptor or a meeting changes what others must do or are told.
    fn removing(&self, before: &Record) -> Effect {
        Effect::tightens_if(match before {
            Record::Groups(group) => self.no_sums(&group.members),
            Record::ReleaseRows(row) => self.no_sums_hide(row),
            Record::EndorsementKeys(_)
            | Record::Functions(_)
            | Record::Organisations(_)
            | Record::Peers(_)
            | Record::PublisherKeys(_)
            | Record::RegistryKeys(_)
            | Record::Services(_) => true,
            Record::Agreements(_)
            | Record::Areas(_)
            | Record::Categories(_)
            | Record::Descriptors(_)
            | Record::Lists(_)
            | Record::Meetings(_)
            | Record::Parties(_)
            | Record::Places(_)
            | Record::Responsibilities(_)
            | Record::SubAreas(_) => false,
        })
    }

    fn changing(&self, before: &Record, after: &Record) -> Effect {
        Effect::tightens_if(match (before, after) {
            (Record::Functions(before), Record::Functions(after)) => function(before, after),
            (Record::Peers(before), Record::Peers(after)) => before.narrowed_to(after),
            (Record::Groups(before), Record::Groups(after)) => {
                group(before, after) && self.no_sums(before.members.difference(&after.members))
            }
            (Record::Organisations(before), Record::Organisations(after)) => {
                organisation(before, after)
                    && self.no_sums([&before.id])
                    && !self.parties().any(|party| party.organisation == before.id)
            }
            (Record::Parties(before), Record::Parties(after)) => {
                before != after && *after == Party { signs: true, ..before.clone() }
            }
            (Record::ReleaseRows(before), Record::ReleaseRows(after)) => {
                release_row(before, after) && self.no_sums_hide(before)
            }
            (Record::Services(before), Record::Services(after)) => {
                service(before, after)
                    && (before.parties == after.parties || self.no_sums([&before.organisation]))
            }
            (
                Record::Agreements(_)
                | Record::Areas(_)
                | Record::Categories(_)
                | Record::Descriptors(_)
                | Record::EndorsementKeys(_)
                | Record::Functions(_)
                | Record::Groups(_)
                | Record::Lists(_)
                | Record::Meetings(_)
                | Record::Organisations(_)
                | Record::Parties(_)
                | Record::Peers(_)
                | Record::Places(_)
                | Record::PublisherKeys(_)
                | Record::RegistryKeys(_)
                | Record::ReleaseRows(_)
                | Record::Responsibilities(_)
                | Record::Services(_)
                | Record::SubAreas(_),
                _,
            ) => false,
        })
    }

    /// A row gives no sums, or gives all that its receiver has: who is given sums of an edition is
    /// given nothing else of it, so that without them its other rows would come to light.
    fn no_sums_hide(&self, row: &ReleaseRow) -> bool {
        let other = |one: &ReleaseRow| one.id != row.id && one.receiver == row.receiver;
        !row.protected_counts || !self.release_rows().any(other)
    }

    /// None of some organisations is given sums: of a sum, less may tell what was taken away.
    fn no_sums<'a>(&self, of: impl IntoIterator<Item = &'a OrganisationId>) -> bool {
        let of: BTreeSet<&OrganisationId> = of.into_iter().collect();
        !self.release_rows().any(|row| row.protected_counts && of.contains(&row.receiver))
    }
}

fn function(before: &Function, after: &Function) -> bool {
    let Function { id, organisation, name: _, services } = after;
    *id == before.id && *organisation == before.organisation && services.is_subset(&before.services)
}

fn group(before: &Group, after: &Group) -> bool {
    let Group { id, name, members, functions } = after;
    *id == before.id
        && *name == before.name
        && members.is_subset(&before.members)
        && functions.is_subset(&before.functions)
}

/// Of an organisation with parties a lower clearance also changes what an edition holds.
fn organisation(before: &Organisation, after: &Organisation) -> bool {
    let clearance = after.clearance.min(before.clearance);
    *after == Organisation { clearance, ..before.clone() }
}

fn service(before: &Service, after: &Service) -> bool {
    let Service { id, organisation, parties, roles, suspended } = after;
    *id == before.id
        && *organisation == before.organisation
        && parties.is_subset(&before.parties)
        && roles.is_subset(&before.roles)
        && (*suspended || !before.suspended)
}

/// The cells of a row that protects counts are sums: with fewer purposes a sum may be less by what
/// it was to hide. So of such a row only what leaves out whole cells can shrink.
fn release_row(before: &ReleaseRow, after: &ReleaseRow) -> bool {
    let ReleaseRow {
        id,
        receiver,
        areas,
        priorities,
        kinds,
        periods,
        shown,
        purposes,
        legal_bases,
        live,
        protected_counts,
        declares_withheld,
        valid_from,
        valid_to,
    } = after;
    let shows_less = if before.protected_counts {
        *shown == before.shown && *purposes == before.purposes
    } else {
        no_finer(shown, &before.shown) && within(purposes, &before.purposes)
    };
    *id == before.id
        && *receiver == before.receiver
        && within(areas, &before.areas)
        && within(priorities, &before.priorities)
        && within(kinds, &before.kinds)
        && within(periods, &before.periods)
        && within(legal_bases, &before.legal_bases)
        && shows_less
        && (before.live || !live)
        && *protected_counts == before.protected_counts
        && (before.declares_withheld || !declares_withheld)
        && *valid_from >= before.valid_from
        && *valid_to <= before.valid_to
}

/// A set that has become empty is not relied on to mean nothing: the row is to be removed.
fn within<T: Ord>(after: &BTreeSet<T>, before: &BTreeSet<T>) -> bool {
    after.is_subset(before) && (!after.is_empty() || before.is_empty())
}

/// Each group that is shown was shown, in no coarser a variant. Identity goes along with any.
fn no_finer(after: &Shown, before: &Shown) -> bool {
    after.iter().all(|(group, variant)| {
        *group == FieldGroup::Identity || before.get(group).is_some_and(|was| variant >= was)
    })
}

#[cfg(test)]
mod tests;
