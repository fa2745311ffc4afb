//! What was disclosed in the last seven days, as it would be by one registry and another.

use std::collections::BTreeMap;

use samsyn_domain::{
    LabelClass, OrganisationId, PeriodKind, ServiceId, State, Timestamp,
    disclosure::{Ground, Object},
    registry::{FieldGroup, Registry, Shown},
    row::Stage,
};

use super::{Replayed, named};
use crate::{Denial, Policy, Reader, Rights};

/// How far back.
const SECONDS: i64 = 7 * 24 * 60 * 60;
/// How many different disclosures are replayed at most, the newest first.
const DISCLOSURES_MAX: usize = 500;
/// How many decisions of policy are asked for at most.
const DECISIONS_MAX: usize = 20_000;
/// What stands for the objects that cells count.
const CELLS: &str = "cells";

/// Who received, through which service, on what ground, what.
type Asked = (OrganisationId, ServiceId, Ground, Object);
/// How many observations have some labels.
type Labels = BTreeMap<LabelClass, u32>;

/// What is replayed, without state.
#[derive(Debug, Default)]
pub(super) struct Basis {
    disclosures: BTreeMap<Asked, u32>,
    /// What the objects are made of, and of which kind of period.
    objects: BTreeMap<Object, (Labels, Option<PeriodKind>)>,
    truncated: bool,
}

impl Basis {
    pub(super) fn of(state: &State, now: Timestamp) -> Self {
        let since = now.after_seconds(-SECONDS);
        let mut basis = Self::default();
        let newest = state.evidence().disclosures().iter().rev();
        for row in newest.take_while(|row| since <= row.at) {
            let Some(made) = made(state, &row.object) else { continue };
            let (receiver, service) = (row.receiver.clone(), row.service.clone());
            let asked = (receiver, service, row.ground.clone(), row.object.clone());
            let room = basis.disclosures.len() < DISCLOSURES_MAX;
            match basis.disclosures.get_mut(&asked) {
                Some(count) => *count = count.saturating_add(1),
                None if room => {
                    basis.objects.entry(row.object.clone()).or_insert_with(made);
                    basis.disclosures.insert(asked, 1);
                }
                None => basis.truncated = true,
            }
        }
        basis
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.disclosures.len()).unwrap_or(u32::MAX)
    }

    pub(super) const fn truncated(&self) -> bool {
        self.truncated
    }
}

/// How to find what an object is made of; none for what holds no observations.
fn made<'a>(
    state: &'a State,
    object: &'a Object,
) -> Option<impl FnOnce() -> (Labels, Option<PeriodKind>) + 'a> {
    let content = match object {
        Object::Picture(..) | Object::Joint(..) | Object::View(_) | Object::Edition(_) => true,
        Object::Review(_)
        | Object::Revisions(_)
        | Object::Editions(_)
        | Object::Duties
        | Object::Disclosures
        | Object::Meetings
        | Object::Message(_)
        | Object::Inbox(_) => false,
    };
    content.then_some(move || found(state, object))
}

fn found(state: &State, object: &Object) -> (Labels, Option<PeriodKind>) {
    let mut labels = Labels::new();
    let mut count = |stage: &Stage| {
        if let Some(label) = stage.label_class() {
            let count = labels.entry(label).or_default();
            *count = count.saturating_add(1);
        }
    };
    let mut kind = None;
    match object {
        Object::Picture(party, area) => {
            let index = state.area(area).into_iter();
            index.flat_map(|index| index.own(party, index.revision())).for_each(&mut count);
        }
        Object::View(area) => {
            let parties = state.registry().parties();
            for (index, party) in parties.filter_map(|party| Some((state.area(area)?, party))) {
                index.own(&party.id, index.revision()).for_each(&mut count);
            }
        }
        Object::Joint(area, period) => {
            kind = Some(period.kind());
            let index = state.area(area).into_iter();
            let all = index.flat_map(|index| index.contributions(*period, index.revision()));
            all.for_each(&mut count);
        }
        Object::Edition(id) => {
            if let Some((edition, round)) =
                state.edition(id).and_then(|edition| Some((edition, edition.current()?)))
            {
                kind = Some(edition.period.kind());
                let (period, at) = (edition.period, round.locked.revision);
                let index = state.area(&edition.area).into_iter();
                index.flat_map(|index| index.contributions(period, at)).for_each(&mut count);
            }
        }
        Object::Review(_)
        | Object::Revisions(_)
        | Object::Editions(_)
        | Object::Duties
        | Object::Disclosures
        | Object::Meetings
        | Object::Message(_)
        | Object::Inbox(_) => {}
    }
    (labels, kind)
}

/// The replay, with what policy has decided in it.
pub(super) struct Replay<'a> {
    policy: &'a Policy,
    registries: [&'a Registry; 2],
    now: Timestamp,
    decided: [BTreeMap<(Rights, LabelClass), Option<Shown>>; 2],
}

impl<'a> Replay<'a> {
    pub(super) fn of(
        policy: &'a Policy,
        (before, after): (&'a Registry, &'a Registry),
        now: Timestamp,
    ) -> Self {
        Self { policy, registries: [before, after], now, decided: Default::default() }
    }

    /// No more decisions are asked for.
    pub(super) fn exhausted(&self) -> bool {
        self.decided.iter().map(BTreeMap::len).sum::<usize>() >= DECISIONS_MAX
    }

    /// The disclosures that would show another number of objects.
    pub(super) fn all(&mut self, basis: &Basis) -> Result<Vec<Replayed>, Denial> {
        let mut all = Vec::new();
        for (asked, disclosures) in &basis.disclosures {
            let (receiver, service, ground, object) = asked;
            let Some((labels, kind)) = basis.objects.get(object) else { continue };
            if self.exhausted() {
                break;
            }
            let was = self.groups(0, asked, labels, *kind)?;
            let is = self.groups(1, asked, labels, *kind)?;
            let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            let both = names.into_iter().map(|name| {
                let of = |groups: &BTreeMap<String, u32>| groups.get(name).copied().unwrap_or(0);
                (name.clone(), of(&was), of(&is))
            });
            let groups: Vec<_> = both.filter(|(_, was, is)| was != is).collect();
            if !groups.is_empty() {
                all.push(Replayed {
                    receiver: receiver.clone(),
                    service: service.clone(),
                    purpose: ground.purpose.clone(),
                    legal_basis: ground.legal_basis.clone(),
                    object: object.clone(),
                    disclosures: *disclosures,
                    groups,
                });
            }
        }
        Ok(all)
    }

    /// How many objects show which group, by one of the registries.
    fn groups(
        &mut self,
        which: usize,
        (_, service, ground, object): &Asked,
        labels: &Labels,
        kind: Option<PeriodKind>,
    ) -> Result<BTreeMap<String, u32>, Denial> {
        let mut groups = BTreeMap::new();
        let Some(registry) = self.registries.get(which).copied() else { return Ok(groups) };
        let reader = Reader::replayed(registry, self.now, service, ground.clone());
        let Ok(reader) = reader else { return Ok(groups) };
        let live = !matches!(object, Object::Edition(_));
        let rights = reader.rights(registry, kind, live);
        let protected = !live && covers_cells(registry, &rights, object);
        for (label, observations) in labels {
            let Some(shown) = self.shown(which, registry, &rights, label)? else { continue };
            let mut add = |name: String| {
                let count: &mut u32 = groups.entry(name).or_default();
                *count = count.saturating_add(*observations);
            };
            if protected {
                if shown.contains_key(&FieldGroup::Counts) {
                    add(CELLS.to_owned());
                }
                continue;
            }
            for (group, variant) in shown {
                add(named(group, variant));
            }
        }
        Ok(groups)
    }

    fn shown(
        &mut self,
        which: usize,
        registry: &Registry,
        rights: &Rights,
        label: &LabelClass,
    ) -> Result<Option<Shown>, Denial> {
        let key = (rights.clone(), label.clone());
        let known = self.decided.get(which).and_then(|decided| decided.get(&key));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let (shown, _) = self.policy.shown(registry, rights, label)?;
        if let Some(decided) = self.decided.get_mut(which) {
            decided.insert(key, shown.clone());
        }
        Ok(shown)
    }
}

/// Whether some rights are given cells of an edition, and no observations.
fn covers_cells(registry: &Registry, rights: &Rights, object: &Object) -> bool {
    let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
    let area = object.area();
    rights.parties.is_empty()
        && rows
            .filter(|row| row.protected_counts)
            .any(|row| row.areas.iter().any(|of| Some(of.as_str()) == area))
}
