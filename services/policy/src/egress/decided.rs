//! Decisions and dissents on findings, for those who see all that they name.

use samsyn_domain::{
    AreaId, AreaState, Period,
    disclosure::ClassId,
    in_full,
    merge::{self, Decisions, Key},
    row::Stage,
};

use super::{Egress, Lens};

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
            let then = index.decisions(*period, revision, std::collections::BTreeSet::new());
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
