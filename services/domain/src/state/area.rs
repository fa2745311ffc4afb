//! An area's contributions and decisions, at every revision.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::{
    CategoryId, Form, Geography, LabelClass, ObservationId, PartyId, Period, Sealed, Timestamp,
    merge::{Assessed, ConflictRef, Decisions, Dissent, Finding, Key, Seen, Statement},
    registry::{Registry, Role},
    row::{Dissented, Revised, Stage, Stated, What},
};

/// Where contributions of one category and geography start, and which they are.
type Starts = BTreeMap<Timestamp, BTreeSet<(PartyId, ObservationId)>>;

/// An area: its revisions, every stage of every observation, and what was decided.
///
/// Reading a finding touches its own observations alone: the index goes from category and geography
/// to starts, and holds every stage there ever was.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AreaState {
    revisions: Vec<Revised>,
    stages: BTreeMap<PartyId, BTreeMap<ObservationId, Vec<Stage>>>,
    index: BTreeMap<CategoryId, BTreeMap<Geography, Starts>>,
    touched: BTreeMap<u64, BTreeSet<(PartyId, ObservationId)>>,
    embargoes: BTreeSet<(Timestamp, PartyId, ObservationId)>,
    kept: BTreeSet<(Timestamp, PartyId, ObservationId)>,
    statements: Vec<Stated>,
    dissents: Vec<Dissented>,
    labels: BTreeSet<LabelClass>,
}

/// A finding's category and period with the full geography of an observation that bears on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// The category.
    pub category: CategoryId,
    /// The geography, as recorded.
    pub geography: Geography,
    /// When the observation starts.
    pub starts_at: Timestamp,
}

impl AreaState {
    /// The revision; 0 before the first.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revisions.last().map_or(0, |row| row.revision)
    }

    /// All revisions, from the first.
    #[must_use]
    pub fn revisions(&self) -> &[Revised] {
        &self.revisions
    }

    /// The revision that was current at a time; 0 before the first.
    #[must_use]
    pub fn revision_at(&self, at: Timestamp) -> u64 {
        let n = self.revisions.partition_point(|row| row.at <= at);
        n.checked_sub(1).and_then(|n| self.revisions.get(n)).map_or(0, |row| row.revision)
    }

    /// What an observation is now.
    #[must_use]
    pub fn current(&self, party: &PartyId, id: &ObservationId) -> Option<&Stage> {
        self.stages.get(party)?.get(id)?.last()
    }

    /// All that an observation was, in order; withdrawn and published again, it is one.
    #[must_use]
    pub fn stages(&self, party: &PartyId, id: &ObservationId) -> &[Stage] {
        let stages = self.stages.get(party).and_then(|ids| ids.get(id));
        stages.map_or(&[], Vec::as_slice)
    }

    /// What made a revision.
    #[must_use]
    pub fn revised_by(&self, revision: u64) -> Option<&Revised> {
        let n = self.revisions.partition_point(|row| row.revision < revision);
        self.revisions.get(n).filter(|row| row.revision == revision)
    }

    /// What an observation was at a revision.
    #[must_use]
    pub fn at(&self, party: &PartyId, id: &ObservationId, revision: u64) -> Option<&Stage> {
        at(self.stages.get(party)?.get(id)?, revision)
    }

    /// The points of a party's series as they are now, by period, withdrawn ones too.
    pub fn points<'a>(
        &'a self,
        party: &PartyId,
        series: &'a ObservationId,
    ) -> impl Iterator<Item = &'a Stage> + use<'a> {
        let first = series.before_points();
        let range = first.clone().and_then(|first| Some(self.stages.get(party)?.range(first..)));
        let begins = move |id: &ObservationId| {
            first.as_ref().is_some_and(|first| id.as_str().starts_with(first.as_str()))
        };
        let all = range.into_iter().flatten().take_while(move |(id, _)| begins(id));
        let is_point = |stage: &Stage| {
            stage.observation.as_ref().is_some_and(|point| point.content.form == Form::Series)
        };
        all.filter(move |(id, stages)| {
            stages.iter().rfind(|stage| stage.observation.is_some()).is_some_and(is_point)
                && id.as_point().is_some_and(|(of, _)| of == *series)
        })
        .filter_map(|(_, stages)| stages.last())
    }

    /// What a party's observations were at a revision, by id; withdrawn ones are left out.
    pub fn own<'a>(
        &'a self,
        party: &PartyId,
        revision: u64,
    ) -> impl Iterator<Item = &'a Stage> + use<'a> {
        let stages = self.stages.get(party).into_iter().flat_map(BTreeMap::values);
        stages.filter_map(move |stages| at(stages, revision)).filter(|s| s.observation.is_some())
    }

    /// The contributions to a period at a revision, in no order that matters.
    pub fn contributions(&self, period: Period, revision: u64) -> impl Iterator<Item = &Stage> {
        self.index.iter().flat_map(move |(category, geographies)| {
            geographies.iter().flat_map(move |(geography, starts)| {
                self.starting(category, geography, starts, period, revision)
            })
        })
    }

    /// The contributions to one finding at a revision: of its category, at its geography or within
    /// it.
    pub fn contributions_to<'a>(
        &'a self,
        key: &'a Key,
        period: Period,
        revision: u64,
    ) -> impl Iterator<Item = &'a Stage> {
        let level = key.geography.level();
        self.index.get_key_value(&key.category).into_iter().flat_map(move |(category, all)| {
            // What lies within a geography stands right behind it in the order.
            all.range(&key.geography..)
                .take_while(move |(geography, _)| geography.coarsened(level) == key.geography)
                .flat_map(move |(geography, starts)| {
                    self.starting(category, geography, starts, period, revision)
                })
        })
    }

    fn starting<'a>(
        &'a self,
        category: &'a CategoryId,
        geography: &'a Geography,
        starts: &'a Starts,
        period: Period,
        revision: u64,
    ) -> impl Iterator<Item = &'a Stage> + 'a {
        let (from, to) = period.bounds();
        let within = starts
            .range(from..to)
            .flat_map(|(start, all)| all.iter().map(move |(party, id)| (start, party, id)));
        within.filter_map(move |(start, party, id)| {
            let stage = at(self.stages.get(party)?.get(id)?, revision)?;
            let content = &stage.observation.as_ref()?.content;
            let here = content.is_within((from, to))
                && content.starts_at == *start
                && content.category == *category
                && content.geography == *geography;
            here.then_some(stage)
        })
    }

    /// The geographies of a category's observations at any revision, in order.
    pub fn geographies(&self, category: &CategoryId) -> impl Iterator<Item = &Geography> {
        self.index.get(category).into_iter().flat_map(BTreeMap::keys)
    }

    /// The contributions of a category at exactly one geography to a period at a revision.
    pub fn contributions_at<'a>(
        &'a self,
        category: &CategoryId,
        geography: &Geography,
        period: Period,
        revision: u64,
    ) -> impl Iterator<Item = &'a Stage> + use<'a> {
        let found = self.index.get_key_value(category).and_then(|(category, all)| {
            all.get_key_value(geography).map(|(geography, starts)| (category, geography, starts))
        });
        found.into_iter().flat_map(move |(category, geography, starts)| {
            self.starting(category, geography, starts, period, revision)
        })
    }

    /// The classes of labels of all observations there ever were.
    #[must_use]
    pub const fn labels(&self) -> &BTreeSet<LabelClass> {
        &self.labels
    }

    /// The earliest and latest start of any observation.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let starts = || self.index.values().flat_map(BTreeMap::values);
        let first = starts().filter_map(|s| s.first_key_value()).map(|(start, _)| *start).min()?;
        let last = starts().filter_map(|s| s.last_key_value()).map(|(start, _)| *start).max()?;
        Some((first, last))
    }

    /// What changed after one revision up to another: where and when the observations concerned
    /// were or are. What was decided is in it by the finding.
    #[must_use]
    pub fn changed(&self, from: u64, to: u64) -> BTreeSet<Placed> {
        let mut placed = BTreeSet::new();
        let after = (Bound::Excluded(from), Bound::Included(to.max(from)));
        let touched = if from < to { Some(self.touched.range(after)) } else { None };
        for (party, id) in touched.into_iter().flatten().flat_map(|(_, all)| all) {
            let stages = self.stages.get(party).and_then(|ids| ids.get(id));
            for revision in [from, to] {
                let stage = stages.and_then(|stages| at(stages, revision));
                if let Some(observation) = stage.and_then(|stage| stage.observation.as_ref()) {
                    placed.insert(Placed {
                        category: observation.content.category.clone(),
                        geography: observation.content.geography.clone(),
                        starts_at: observation.content.starts_at,
                    });
                }
            }
        }
        let decided = |revision: u64| from < revision && revision <= to;
        let statements = self.statements.iter().filter(|row| decided(row.revision));
        let stated =
            statements.map(|row| (&row.statement.conflict.key, row.statement.conflict.period));
        let dissents = self.dissents.iter().filter(|row| decided(row.revision));
        for (key, period) in stated.chain(dissents.map(|row| (&row.finding, row.period))) {
            placed.insert(Placed {
                category: key.category.clone(),
                geography: key.geography.clone(),
                starts_at: period.bounds().0,
            });
        }
        placed
    }

    /// How many observations a party published and withdrew in the change that made a revision.
    #[must_use]
    pub fn changed_by(&self, party: &PartyId, revision: u64) -> (u32, u32) {
        let touched = self.touched.get(&revision).into_iter().flatten();
        let of_party = touched.filter(|(whose, _)| whose == party);
        of_party.fold((0, 0), |(published, withdrawn), (_, id)| {
            let stages = self.stages.get(party).and_then(|ids| ids.get(id));
            let stage = stages.and_then(|stages| at(stages, revision));
            match stage.and_then(|stage| stage.observation.as_ref()) {
                Some(_) => (published + 1, withdrawn),
                None => (published, withdrawn + 1),
            }
        })
    }

    /// What was decided of a period up to a revision.
    #[must_use]
    pub fn decisions(&self, period: Period, revision: u64, roles: BTreeSet<Role>) -> Decisions<'_> {
        let statements: Vec<&Statement> = self
            .statements
            .iter()
            .filter(|row| row.revision <= revision && row.statement.conflict.period == period)
            .map(|row| &row.statement)
            .collect();
        let dissents: Vec<(Key, Dissent)> = self
            .dissents
            .iter()
            .filter(|row| row.revision <= revision && row.period == period)
            .map(|row| (row.finding.clone(), row.dissent.clone()))
            .collect();
        Decisions { statements, dissents, roles }
    }

    /// The dissents of a period up to a revision, in order, each with the revision that it made.
    pub fn dissents(&self, period: Period, revision: u64) -> impl Iterator<Item = &Dissented> {
        let until = move |row: &&Dissented| row.revision <= revision && row.period == period;
        self.dissents.iter().filter(until)
    }

    /// A finding as all signatories see it.
    pub(super) fn common_finding(
        &self,
        registry: &Registry,
        conflict: &ConflictRef,
        revision: u64,
        roles: BTreeSet<Role>,
    ) -> Option<Finding> {
        let registered = registry.category(&conflict.key.category)?.geography;
        let seen = self
            .contributions_to(&conflict.key, conflict.period, revision)
            .filter(|stage| !stage.embargoed)
            .filter_map(|stage| in_full(registry, stage))
            .filter(|seen| seen.labels.for_signatories())
            .filter(|seen| crate::merge::key(seen, registered) == conflict.key)
            .collect();
        let decisions = self.decisions(conflict.period, revision, roles);
        crate::merge::finding(conflict.key.clone(), conflict.period, seen, &decisions, Vec::new())
    }

    /// Everything under seal, at any revision.
    pub(super) fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        let stages = self.stages.values().flat_map(BTreeMap::values).flatten();
        let observed = stages.filter_map(|stage| stage.observation.as_ref()?.sealed.as_ref());
        let stated = self.statements.iter().filter_map(|row| row.statement.reason.as_ref());
        let dissented = self.dissents.iter().filter_map(|row| row.dissent.reason.as_ref());
        observed.chain(stated).chain(dissented)
    }

    pub(super) fn embargoes_ended(&self, at: Timestamp) -> impl Iterator<Item = &Stage> {
        let ended = self.embargoes.iter().take_while(move |(until, ..)| *until <= at);
        ended.filter_map(|(_, party, id)| self.current(party, id)).filter(|stage| stage.embargoed)
    }

    pub(super) fn retention_ended(&self, at: Timestamp) -> impl Iterator<Item = &Stage> {
        let ended = self.kept.iter().take_while(move |(until, ..)| *until <= at);
        ended.filter_map(|(_, party, id)| self.current(party, id))
    }

    /// What became of an observation after a stage of it, up to its withdrawal: its last stage
    /// before that, and what withdrew it. What is published later under the same id is another.
    #[must_use]
    pub fn became(&self, stage: &Stage) -> (Option<&Stage>, Option<What>) {
        let stages = self.stages.get(&stage.party).and_then(|ids| ids.get(&stage.id));
        let later = stages.into_iter().flatten().skip_while(|one| one.revision < stage.revision);
        let mut last = None;
        for one in later {
            if one.observation.is_none() {
                let n = self.revisions.partition_point(|row| row.revision < one.revision);
                return (last, self.revisions.get(n).map(|row| row.what));
            }
            last = Some(one);
        }
        (last, None)
    }

    pub(super) fn revised(&mut self, row: Revised) {
        self.revisions.push(row);
    }

    pub(super) fn staged(&mut self, stage: Stage) {
        let (party, id) = (stage.party.clone(), stage.id.clone());
        let stages = self.stages.entry(party.clone()).or_default().entry(id.clone()).or_default();
        let embargo = |stage: &Stage| {
            let observation = stage.observation.as_ref().filter(|_| stage.embargoed)?;
            observation.content.labels.embargo_until
        };
        if let Some(until) = stages.last().and_then(embargo) {
            self.embargoes.remove(&(until, party.clone(), id.clone()));
        }
        let kept_until = |stage: &Stage| {
            stage.observation.as_ref().map(|observation| observation.content.labels.retain_until)
        };
        if let Some(until) = stages.last().and_then(kept_until) {
            self.kept.remove(&(until, party.clone(), id.clone()));
        }
        if let Some(until) = kept_until(&stage) {
            self.kept.insert((until, party.clone(), id.clone()));
        }
        if let Some(until) = embargo(&stage) {
            self.embargoes.insert((until, party.clone(), id.clone()));
        }
        if let Some(observation) = &stage.observation {
            let content = &observation.content;
            self.labels.extend(stage.label_class());
            self.index
                .entry(content.category.clone())
                .or_default()
                .entry(content.geography.clone())
                .or_default()
                .entry(content.starts_at)
                .or_default()
                .insert((party.clone(), id.clone()));
        }
        self.touched.entry(stage.revision).or_default().insert((party, id));
        stages.push(stage);
    }

    pub(super) fn stated(&mut self, row: Stated) {
        self.statements.push(row);
    }

    pub(super) fn dissented(&mut self, row: Dissented) {
        self.dissents.push(row);
    }
}

/// What an observation was at a revision.
fn at(stages: &[Stage], revision: u64) -> Option<&Stage> {
    let n = stages.partition_point(|stage| stage.revision <= revision);
    n.checked_sub(1).and_then(|n| stages.get(n))
}

/// An observation with nothing withheld; none when it is withdrawn or its party unknown.
#[must_use]
pub fn in_full(registry: &Registry, stage: &Stage) -> Option<Seen> {
    let observation = stage.observation.as_ref()?;
    let content = &observation.content;
    Some(Seen {
        party: stage.party.clone(),
        party_kind: registry.party(&stage.party)?.kind,
        id: stage.id.as_str().to_owned(),
        form: content.form,
        version: Some(stage.version),
        category: content.category.clone(),
        kind: content.kind,
        priority: content.priority.clone(),
        geography: content.geography.clone(),
        place_shown: true,
        time: Some((content.starts_at, content.ends_at)),
        count: content.source.clone().map(|source| (source, content.count)),
        assessment: Some(Assessed {
            severity: content.severity,
            trend: content.trend,
            basis: content.basis,
            reliability: content.reliability,
            credibility: content.credibility,
        }),
        sealed: observation.sealed.clone(),
        text_shown: true,
        coordinates_shown: true,
        labels: content.labels.clone(),
    })
}
