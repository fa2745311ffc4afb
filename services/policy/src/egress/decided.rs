//! Decisions and dissents on findings, for those who see all that they name.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, AreaState, PartyId, Period,
    disclosure::ClassId,
    in_full,
    merge::{self, ConflictRef, Decisions, Field, Key},
    row::Stage,
};

use super::{Egress, Lens};

/// A dissent: on which finding and field, whose, and which of that party's, from 1.
pub(super) type Numbered = (Key, Field, PartyId, u32);

/// Where something was decided, and whom it is to be told to.
struct Telling<'a> {
    index: &'a AreaState,
    period: Period,
    class: &'a ClassId,
    /// One finding; none: all.
    on: Option<&'a Key>,
}

impl Egress<'_> {
    /// What was decided up to a revision on one finding of a period, or on all, as far as a class
    /// is told: it sees everything that the decision names, as that stood when it was decided.
    /// So nothing that comes later makes a decision come or go.
    pub(super) fn decided(
        &self,
        class: &ClassId,
        area: &AreaId,
        period: Period,
        at: u64,
        on: Option<&Key>,
    ) -> Decisions<'_> {
        let roles = self.conflict_roles(area);
        let Some(index) = self.state.area(area) else {
            return Decisions { roles, ..Decisions::default() };
        };
        let telling = Telling { index, period, class, on };
        let mut decisions = index.decisions(period, at, roles);
        let mut places = 0..;
        decisions.statements.retain(|statement| {
            let key = &statement.conflict.key;
            let place = places.next();
            place.is_some_and(|n| self.told(&telling, key, n, |then| then.statements.len()))
        });
        let mut places = 0..;
        decisions.dissents.retain(|(key, _)| {
            let place = places.next();
            place.is_some_and(|n| self.told(&telling, key, n, |then| then.dissents.len()))
        });
        decisions
    }

    /// Which conflicts and dissents of a period up to a revision a class is told all of: it saw
    /// everything that they name when they were decided. A dissent is the party's how many-eth on
    /// that field.
    pub(super) fn told_of(
        &self,
        class: &ClassId,
        area: &AreaId,
        period: Period,
        at: u64,
    ) -> (BTreeSet<ConflictRef>, BTreeSet<Numbered>) {
        let (mut conflicts, mut dissents) = (BTreeSet::new(), BTreeSet::new());
        let Some(index) = self.state.area(area) else { return (conflicts, dissents) };
        let telling = Telling { index, period, class, on: None };
        let all = index.decisions(period, at, BTreeSet::new());
        let mut withheld = BTreeSet::new();
        for (n, statement) in all.statements.iter().enumerate() {
            let at = &statement.conflict;
            let told = self.told(&telling, &at.key, n, |then| then.statements.len());
            if told {
                conflicts.insert(at.clone())
            } else {
                withheld.insert(at.clone())
            };
        }
        conflicts.retain(|at| !withheld.contains(at));
        let mut earlier: BTreeMap<(&Key, &PartyId, Field), u32> = BTreeMap::new();
        for (n, (key, dissent)) in all.dissents.iter().enumerate() {
            let nth = earlier.entry((key, &dissent.party, dissent.field)).or_default();
            *nth = nth.saturating_add(1);
            if self.told(&telling, key, n, |then| then.dissents.len()) {
                dissents.insert((key.clone(), dissent.field, dissent.party.clone(), *nth));
            }
        }
        (conflicts, dissents)
    }

    /// Whether the decision at a place in the order of its period is told.
    fn told(
        &self,
        telling: &Telling<'_>,
        key: &Key,
        place: usize,
        count: fn(&Decisions<'_>) -> usize,
    ) -> bool {
        let Telling { index, period, class, on } = telling;
        if on.is_some_and(|on| on != key) {
            return false;
        }
        let earlier = |revision| {
            let then = index.decisions(*period, revision, BTreeSet::new());
            count(&then) <= place
        };
        let revisions = index.revisions();
        let made = revisions.partition_point(|row| earlier(row.revision));
        let Some(made) = revisions.get(made) else { return false };
        let mut named = index.contributions_to(key, *period, made.revision);
        named.all(|stage| !self.names(key, stage) || self.sees_assessed(class, key, stage))
    }

    /// Whether a decision on a finding names an observation: all signatories have it, there.
    fn names(&self, key: &Key, stage: &Stage) -> bool {
        let registered = self.registered(&key.category);
        let full = in_full(self.state.registry(), stage).filter(|_| !stage.embargoed);
        full.is_some_and(|seen| {
            seen.labels.for_signatories() && merge::key(&seen, registered) == *key
        })
    }

    /// Whether a class sees an observation with its assessment in the same finding.
    fn sees_assessed(&self, class: &ClassId, key: &Key, stage: &Stage) -> bool {
        let registered = self.registered(&key.category);
        let seen = self.seen(class, stage, self.masked(&key.geography.area), Lens::Then);
        seen.is_some_and(|seen| seen.assessment.is_some() && merge::key(&seen, registered) == *key)
    }
}
