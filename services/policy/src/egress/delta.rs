//! The events of a view: a snapshot, and what each step brings.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, Geography, Level, Period, PeriodKind, Placed, Timestamp,
    disclosure::{Advance, Change, Disclosure, Object, ViewPart},
    edition::Edition,
    merge::{Finding, Key},
};

use super::{Egress, Lens};
use crate::{
    Denial, EventBatch, Masked, Projection, Rights, Scope, Secrets, ViewChange, ViewEvent,
};

/// What a step or snapshot brings, before ids and cursors are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bare {
    /// The area.
    pub area: AreaId,
    /// The revision shown.
    pub revision: u64,
    /// What it brings.
    pub change: ViewChange,
}

impl Egress<'_> {
    /// The kinds of period that a reader's live rights have in an area. Who has none has nothing
    /// that could be decided either, and follows editions alone.
    fn kinds(&self, scope: &Scope) -> Vec<(PeriodKind, Rights)> {
        let registry = self.state.registry();
        let kinds = scope.periods.iter().copied();
        let kinds = kinds.map(|kind| (kind, self.reader.rights(registry, Some(kind), true)));
        kinds.filter(|(_, rights)| !rights.is_empty()).collect()
    }

    /// All events that show a view at a revision from nothing, in the order of areas and periods.
    #[must_use]
    pub fn snapshot(&self, scope: &Scope, at: &BTreeMap<AreaId, u64>, view: u64) -> Vec<Bare> {
        let mut events = Vec::new();
        for area in &scope.areas {
            let revision = at.get(area).copied().unwrap_or(0);
            let Some(index) = self.state.area(area).filter(|_| revision > 0) else { continue };
            let Some((first, last)) = index.span() else { continue };
            let shown = self.shown(area, revision, view);
            for (kind, rights) in self.kinds(scope) {
                let mut period = Period::holding(kind, first);
                while let Some(current) = period.filter(|period| period.bounds().0 <= last) {
                    let found = self.findings(&rights, area, current, revision);
                    let found =
                        found.into_iter().filter(|f| scope.priorities.contains(&f.priority));
                    framed(&mut events, area, shown, current, found.collect());
                    period = Period::holding(kind, current.bounds().1);
                }
            }
        }
        events
    }

    /// What a step of the view brings within a scope.
    #[must_use]
    pub fn step(&self, scope: &Scope, step: &Advance) -> Vec<Bare> {
        match &step.change {
            Change::Area { area, from, to } if scope.areas.contains(area) => {
                let changes = self.area_delta(scope, area, *from, *to);
                let shown = self.shown(area, *to, step.revision);
                let bare = |change| Bare { area: area.clone(), revision: shown, change };
                changes.into_iter().map(bare).collect()
            }
            Change::Area { .. } => Vec::new(),
            Change::Edition(id) => {
                let edition = self.state.edition(id).filter(|e| scope.areas.contains(&e.area));
                let edition = edition.filter(|e| scope.periods.contains(&e.period.kind()));
                let edition = edition.filter(|e| self.announces(e));
                let bare = edition.map(|edition| Bare {
                    area: edition.area.clone(),
                    revision: self.shown(
                        &edition.area,
                        edition.current().map_or(0, |r| r.locked.revision),
                        step.revision,
                    ),
                    change: ViewChange::Edition(edition.clone().into()),
                });
                bare.into_iter().collect()
            }
        }
    }

    /// Whether the release of an edition is told: some right of the reader reaches it, where it can
    /// be read. Over a link none can.
    #[must_use]
    pub fn announces(&self, edition: &Edition) -> bool {
        !self.reader.is_over_link()
            && edition.released.is_some()
            && self.rights_to(edition).is_some()
    }

    /// The revision that an event shows.
    fn shown(&self, area: &AreaId, revision: u64, view: u64) -> u64 {
        match self.masked(area) {
            Masked::Signatory => revision,
            Masked::Partner => view,
        }
    }

    /// Whether a step of the view would bring anything within all the reader's live rights.
    #[must_use]
    pub fn changes(&self, scope: &Scope, area: &AreaId, from: u64, to: u64) -> bool {
        if from > 0 {
            return !self.area_delta(scope, area, from, to).is_empty();
        }
        let Some(index) = self.state.area(area) else { return false };
        let Some((first, last)) = index.span() else { return false };
        let masked = self.masked(area);
        self.kinds(scope).iter().any(|(kind, rights)| {
            let class = rights.class();
            let periods = std::iter::successors(Period::holding(*kind, first), |period| {
                Period::holding(*kind, period.bounds().1)
            });
            periods.take_while(|period| period.bounds().0 <= last).any(|period| {
                let mut stages = index.contributions(period, to);
                stages.any(|stage| self.seen(&class, stage, masked, Lens::Now).is_some())
            })
        })
    }

    fn area_delta(&self, scope: &Scope, area: &AreaId, from: u64, to: u64) -> Vec<ViewChange> {
        let Some(index) = self.state.area(area) else { return Vec::new() };
        let placed = index.changed(from, to);
        let mut changes = Vec::new();
        for (kind, rights) in self.kinds(scope) {
            let levels = self.levels(&rights);
            let mut keys: BTreeSet<(Period, Key)> = BTreeSet::new();
            for one in &placed {
                let Some(period) = Period::holding(kind, one.starts_at) else { continue };
                keys.extend(self.keys_of(&levels, one).into_iter().map(|key| (period, key)));
            }
            let nearby: Vec<(Period, Key)> = keys
                .iter()
                .flat_map(|(period, key)| {
                    let near = [(from, Lens::Then), (to, Lens::Now)]
                        .map(|at| self.nearby(&rights, &levels, key, *period, at));
                    near.into_iter().flatten().map(|key| (*period, key))
                })
                .collect();
            keys.extend(nearby);
            for (period, key) in keys {
                let at = |at: (u64, Lens)| {
                    let near = self.nearby(&rights, &levels, &key, period, at);
                    let related = near.iter().map(Key::id).collect();
                    self.finding(&rights, &key, period, at, related)
                        .filter(|finding| scope.priorities.contains(&finding.priority))
                };
                // As it was shown at the time, and as it is shown of that time now: a receiver may
                // hold the one or the other, and what is hidden from it must change neither.
                let after = at((to, Lens::Now));
                let same =
                    |lens| self.look_alike(at((from, lens)).as_ref(), at((to, lens)).as_ref());
                if same(Lens::Then) && same(Lens::Now) {
                    continue;
                }
                changes.push(match after {
                    Some(after) => ViewChange::Finding(Box::new(after)),
                    None => ViewChange::Removed { id: key.id(), period },
                });
            }
        }
        changes
    }

    /// Whether two states of a finding are the same to who is shown them: a note that is withheld
    /// and coordinates that are not stand under one seal.
    pub(super) fn look_alike(&self, before: Option<&Finding>, after: Option<&Finding>) -> bool {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            (None, None) => return true,
            (Some(_), None) | (None, Some(_)) => return false,
        };
        let unsealed = |finding: &Finding| {
            let mut finding = finding.clone();
            for seen in &mut finding.contributions {
                seen.sealed = None;
            }
            finding
        };
        let secrets = |finding: &Finding| {
            let secrets = finding.contributions.iter().map(|seen| self.secret(seen));
            secrets.map(Option::unwrap_or_default).collect::<Vec<_>>()
        };
        before == after || unsealed(before) == unsealed(after) && secrets(before) == secrets(after)
    }

    /// The findings on which an observation can bear for a class that sees at some levels.
    fn keys_of(&self, levels: &BTreeSet<Level>, placed: &Placed) -> BTreeSet<Key> {
        let registered = self.registered(&placed.category);
        let key = |level: &Level| Key {
            geography: placed.geography.coarsened(registered.max(*level)),
            category: placed.category.clone(),
        };
        levels.iter().map(key).collect()
    }

    /// The keys of the same category at another level of the same place, as some rights see them.
    fn nearby(
        &self,
        rights: &Rights,
        levels: &BTreeSet<Level>,
        key: &Key,
        period: Period,
        (at, lens): (u64, Lens),
    ) -> BTreeSet<Key> {
        let Some(index) = self.state.area(&key.geography.area) else { return BTreeSet::new() };
        let (class, masked) = (rights.class(), self.masked(&key.geography.area));
        let registered = self.registered(&key.category);
        let mut near = BTreeSet::new();
        // What is elsewhere may be shown coarser, and then in the same branch.
        let shown_near = |geography: &&Geography| {
            let coarser = levels.iter().map(|level| geography.coarsened(registered.max(*level)));
            coarser.into_iter().any(|geography| geography.same_branch(&key.geography))
        };
        let branch = index.geographies(&key.category).filter(shown_near);
        for geography in branch {
            let mut possible = self.possible(levels, registered, key, geography);
            possible.retain(|key| !near.contains(key));
            let mut stages = index.contributions_at(&key.category, geography, period, at);
            while !possible.is_empty() {
                let Some(stage) = stages.next() else { break };
                let Some(seen) = self.seen(&class, stage, masked, lens) else { continue };
                let found = samsyn_domain::merge::key(&seen, registered);
                if possible.remove(&found) {
                    near.insert(found);
                }
            }
        }
        near
    }

    fn possible(
        &self,
        levels: &BTreeSet<Level>,
        registered: Level,
        key: &Key,
        geography: &Geography,
    ) -> BTreeSet<Key> {
        let at = |level: &Level| Key {
            geography: geography.coarsened(registered.max(*level)),
            category: key.category.clone(),
        };
        let level = key.geography.level();
        let other =
            |k: &Key| k.geography.level() != level && k.geography.same_branch(&key.geography);
        levels.iter().map(at).filter(other).collect()
    }

    /// Events with their ids and cursors, the last one of a revision of the view, and the record of
    /// what they disclose.
    ///
    /// # Errors
    /// When no live right of the reader remains.
    pub fn batch(
        &self,
        events: Vec<ViewEvent>,
        revision: u64,
        next: String,
    ) -> Result<Projection<EventBatch>, Denial> {
        let rights = self.reader.rights(self.state.registry(), None, false);
        let findings = events.iter().filter_map(|event| match &event.change {
            ViewChange::Finding(finding) => Some(finding.as_ref()),
            ViewChange::SnapshotBegins { .. }
            | ViewChange::Delivered(_)
            | ViewChange::Removed { .. }
            | ViewChange::SnapshotEnds { .. }
            | ViewChange::Edition(_)
            | ViewChange::DeliveredEdition(_) => None,
        });
        let secrets: Secrets = self.secrets(findings);
        let part = ViewPart { class: rights.class(), revision };
        let records = rows_of(&events)
            .into_iter()
            .map(|(area, rows)| {
                let of = |event: &&ViewEvent| event.area == *area;
                let shown: Vec<_> = events.iter().filter(of).map(|e| &e.change).collect();
                let shown = format!("{shown:?}");
                let at = self.state.revision(area);
                let object = Object::View(area.clone());
                let record = self.disclosure(&rights, object, at, rows, shown.as_bytes());
                Disclosure { view: Some(part), ..record }
            })
            .collect();
        let areas = rows_of(&events).into_keys().filter(|_| self.reader.is_over_link());
        let withheld = areas.flat_map(|area| {
            let of_kind = move |kind| {
                let rights = self.reader.rights(self.state.registry(), Some(kind), true);
                ((area.clone(), kind), self.withheld(&rights, area))
            };
            PeriodKind::ALL.map(of_kind)
        });
        let withheld = withheld.collect();
        Ok(Projection::new(EventBatch { events, next, secrets, withheld }, records))
    }

    /// The time that an event shows: whole minutes for partners.
    #[must_use]
    pub fn time_shown(&self, area: &AreaId, at: Timestamp) -> Timestamp {
        match self.masked(area) {
            Masked::Signatory => at,
            Masked::Partner => at.whole_minute(),
        }
    }

    /// A digest of what a step brings, for its record.
    #[must_use]
    pub fn step_digest(&self, scope: &Scope, step: &Advance) -> [u8; 32] {
        self.known.digest(format!("{:?}", self.step(scope, step)).as_bytes())
    }
}

impl Egress<'_> {
    /// Makes the events of a snapshot those of a resync: the first says that what was held before
    /// is to be dropped, also when nothing follows.
    pub fn reset(&self, scope: &Scope, events: &mut Vec<Bare>, view: u64) {
        if events.is_empty()
            && let Some((area, kind)) = scope.areas.first().zip(scope.periods.first())
            && let Some(period) = Period::holding(*kind, self.state.stamp())
        {
            let revision = self.shown(area, self.state.revision(area), view);
            let bare = |change| Bare { area: area.clone(), revision, change };
            events.push(bare(ViewChange::SnapshotBegins { period, findings: 0, reset: false }));
            events.push(bare(ViewChange::SnapshotEnds { period, findings: 0 }));
        }
        if let Some(Bare { change: ViewChange::SnapshotBegins { reset, .. }, .. }) =
            events.first_mut()
        {
            *reset = true;
        }
    }
}

/// How many events are of each area.
fn rows_of(events: &[ViewEvent]) -> BTreeMap<&AreaId, usize> {
    let mut rows: BTreeMap<&AreaId, usize> = BTreeMap::new();
    for event in events {
        *rows.entry(&event.area).or_default() += 1;
    }
    rows
}

fn framed(
    events: &mut Vec<Bare>,
    area: &AreaId,
    revision: u64,
    period: Period,
    found: Vec<Finding>,
) {
    if found.is_empty() {
        return;
    }
    let findings = u32::try_from(found.len()).unwrap_or(u32::MAX);
    let bare = |change| Bare { area: area.clone(), revision, change };
    events.push(bare(ViewChange::SnapshotBegins { period, findings, reset: false }));
    events.extend(found.into_iter().map(|f| bare(ViewChange::Finding(Box::new(f)))));
    events.push(bare(ViewChange::SnapshotEnds { period, findings }));
}
