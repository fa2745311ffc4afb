//! What a partner may notice, said anew: from release rows alone, without policy and egress.

use std::collections::BTreeSet;

use samsyn_domain::{
    Coordinates, Form, Geography, Labels, Level, Observation, Period, PeriodKind, SourceId, State,
    Timestamp,
    merge::{Assessed, ConflictRef, Key},
    registry::{FieldGroup, Shown, Variant},
};
use samsyn_policy::{Known as _, Reader, Rights};

use super::{World, all_rights, area, deed::Deed, registered};

/// Every part of an observation that some rights give.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    form: Form,
    key: Key,
    geography: Geography,
    time: Option<(Timestamp, Timestamp)>,
    periods: BTreeSet<Period>,
    count: Option<(SourceId, Option<u32>)>,
    assessment: Option<Assessed>,
    note: Option<String>,
    coordinates: Option<Coordinates>,
    labels: Labels,
    embargoed: bool,
}

/// Whether a reader may not notice a deed.
pub(crate) fn hidden(world: &World, reader: &Reader, deed: &Deed) -> bool {
    match deed {
        Deed::Leave { party, id, left } => {
            let before = world.state.current(party, &area(), id);
            let before = before.and_then(|s| Some((s.observation.as_deref()?, s.embargoed)));
            let after = left.as_deref().map(|one| (one, one.content.labels.embargoed(world.now)));
            all_rights(&world.state, reader).iter().all(|rights| {
                let part = |one: Option<(&Observation, bool)>| {
                    one.and_then(|(one, embargoed)| part(world, rights, one, embargoed))
                };
                part(before) == part(after)
            })
        }
        Deed::State { at, .. } | Deed::Dissent { at, .. } => {
            !told(world, reader, at).into_iter().any(|told| told)
        }
        Deed::Tick => false,
    }
}

/// For each of a reader's rights, whether a decision made now is told: when all that it names is
/// shown as it was when it was decided on.
pub(crate) fn told(world: &World, reader: &Reader, at: &ConflictRef) -> Vec<bool> {
    let key = &at.key;
    let named: Vec<&Observation> = world
        .state
        .area(&area())
        .into_iter()
        .flat_map(|index| index.contributions_to(key, at.period, world.revision()))
        .filter(|stage| !stage.embargoed)
        .filter_map(|stage| stage.observation.as_deref())
        .filter(|one| one.content.labels.for_signatories())
        .filter(|one| full_key(&world.state, one) == *key)
        .collect();
    let shown = |rights: &Rights, one: &Observation| {
        let part = part(world, rights, one, false);
        part.is_some_and(|part| part.key == *key && part.assessment.is_some())
    };
    let rights = all_rights(&world.state, reader);
    rights
        .iter()
        .map(|rights| !named.is_empty() && named.iter().all(|one| shown(rights, one)))
        .collect()
}

fn full_key(state: &State, one: &Observation) -> Key {
    let registered = registered(state, &one.content.category);
    Key {
        geography: one.content.geography.coarsened(registered),
        category: one.content.category.clone(),
    }
}

fn part(world: &World, rights: &Rights, one: &Observation, embargoed: bool) -> Option<Part> {
    let content = &one.content;
    let shown = shown(world, rights, one)?;
    let has = |group| shown.contains_key(&group);
    let place = shown.get(&FieldGroup::Place).copied();
    let geography = content.geography.coarsened(match place {
        Some(Variant::Exact) => Level::Place,
        Some(Variant::SubArea) => Level::SubArea,
        Some(Variant::District) | None => Level::District,
    });
    let level = registered(&world.state, &content.category);
    let secret = one.sealed.as_ref().and_then(|sealed| world.keys.open(sealed));
    let secret = secret.unwrap_or_default();
    let kinds = PeriodKind::ALL.into_iter();
    Some(Part {
        form: content.form,
        key: Key { geography: geography.coarsened(level), category: content.category.clone() },
        geography,
        time: Some((content.starts_at, content.ends_at)).filter(|_| has(FieldGroup::Time)),
        periods: kinds.filter_map(|kind| content.period(kind)).collect(),
        count: content
            .source
            .clone()
            .map(|source| (source, content.count))
            .filter(|_| has(FieldGroup::Counts)),
        assessment: has(FieldGroup::Assessment).then_some(Assessed {
            severity: content.severity,
            trend: content.trend,
            basis: content.basis,
            reliability: content.reliability,
            credibility: content.credibility,
        }),
        note: secret.note.filter(|_| has(FieldGroup::Text)),
        coordinates: secret.coordinates.filter(|_| place == Some(Variant::Exact)),
        labels: content.labels.as_ref().clone(),
        embargoed,
    })
}

/// The groups that release rows give of an observation; an embargo only defers them.
fn shown(world: &World, rights: &Rights, one: &Observation) -> Option<Shown> {
    let (content, registry) = (&one.content, world.state.registry());
    let receiver = registry.organisation(&rights.organisation).unwrap();
    let mut tokens: BTreeSet<&str> = BTreeSet::from([receiver.id.as_str()]);
    tokens.extend(registry.groups_of(&receiver.id).map(|group| group.id.as_str()));
    let labels = &content.labels;
    let addressed = labels.audience.iter().any(|token| tokens.contains(token.as_str()));
    if !addressed || labels.level.level() > receiver.clearance {
        return None;
    }
    let mut all: Option<Shown> = None;
    for row in rights.rows.iter().filter_map(|id| registry.release_row(id)) {
        let covers = row.areas.contains(&content.geography.area)
            && row.priorities.contains(&content.priority)
            && row.kinds.contains(&content.kind)
            && !row.purposes.is_disjoint(&labels.purposes);
        if covers {
            let all = all.get_or_insert_default();
            for (group, variant) in &row.shown {
                let finest = all.entry(*group).or_insert(*variant);
                *finest = (*finest).min(*variant);
            }
        }
    }
    all
}
