//! Rights gained and lost, whatever there is now.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, Kind, LegalBasisId, OrganisationId, PeriodKind, PriorityId, PurposeId, Timestamp,
    registry::{FieldGroup, Registry, ReleaseRow, Variant, midnight},
};

use super::{RightChange, named};

/// What a receiver may have of an area: a field group in a variant, live or in editions.
type Facet = (AreaId, FieldGroup, Variant, bool);

/// A combination of what rows cover.
type Combination<'a> = (&'a PriorityId, Kind, PeriodKind, &'a PurposeId, &'a LegalBasisId);

/// By which of its rows a receiver has a facet, and whether as a signatory.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Grounds<'a> {
    signs: bool,
    rows: Vec<&'a samsyn_domain::RowId>,
}

/// All that changes between two registries, by receiver.
pub(super) fn changes(before: &Registry, after: &Registry, now: Timestamp) -> Vec<RightChange> {
    let (was, is) = (facets(before, now), facets(after, now));
    let receivers: BTreeSet<&OrganisationId> = was.keys().chain(is.keys()).copied().collect();
    let mut changes = Vec::new();
    for receiver in receivers {
        let none = BTreeMap::new();
        let (was, is) = (was.get(receiver).unwrap_or(&none), is.get(receiver).unwrap_or(&none));
        let mut compared = BTreeMap::new();
        let facets: BTreeSet<&Facet> = was.keys().chain(is.keys()).collect();
        for facet in facets {
            let key = (was.get(facet), is.get(facet));
            let (gained, lost) = *compared.entry(key).or_insert_with(|| {
                let (was, is) = (covered(before, key.0), covered(after, key.1));
                (count(is.difference(&was)), count(was.difference(&is)))
            });
            if (gained, lost) != (0, 0) {
                let (area, group, variant, live) = facet;
                changes.push(RightChange {
                    receiver: receiver.clone(),
                    area: area.to_string(),
                    group: named(*group, *variant),
                    live: *live,
                    gained,
                    lost,
                });
            }
        }
    }
    changes.sort();
    changes
}

fn facets(
    registry: &Registry,
    now: Timestamp,
) -> BTreeMap<&OrganisationId, BTreeMap<Facet, Grounds<'_>>> {
    let mut all: BTreeMap<&OrganisationId, BTreeMap<Facet, Grounds<'_>>> = BTreeMap::new();
    for row in registry.release_rows().filter(|row| now < midnight(row.valid_to)) {
        let of = all.entry(&row.receiver).or_default();
        for facet in facets_of(row) {
            of.entry(facet).or_default().rows.push(&row.id);
        }
    }
    for service in registry.services().filter(|service| !service.suspended) {
        let signed = registry.agreements();
        let signed = signed.filter(|a| service.parties.iter().any(|party| a.signed_by(party)));
        for agreement in signed {
            let of = all.entry(&service.organisation).or_default();
            for (group, live) in FieldGroup::ALL.into_iter().flat_map(|g| [(g, true), (g, false)]) {
                for variant in coarser(group, Variant::Exact) {
                    let facet = (agreement.area.clone(), group, variant, live);
                    of.entry(facet).or_default().signs = true;
                }
            }
        }
    }
    all
}

fn facets_of(row: &ReleaseRow) -> impl Iterator<Item = Facet> {
    let identity = (FieldGroup::Identity, Variant::Exact);
    let shown = row.shown.iter().map(|(group, variant)| (*group, *variant));
    let shown: BTreeMap<FieldGroup, Variant> = std::iter::once(identity).chain(shown).collect();
    let lives = if row.live { vec![true, false] } else { vec![false] };
    let areas = row.areas.iter().flat_map(move |area| {
        let lives = lives.clone();
        shown.clone().into_iter().flat_map(move |(group, finest)| {
            let (area, lives) = (area.clone(), lives.clone());
            coarser(group, finest).flat_map(move |variant| {
                let area = area.clone();
                lives.clone().into_iter().map(move |live| (area.clone(), group, variant, live))
            })
        })
    });
    areas.collect::<Vec<_>>().into_iter()
}

/// A variant with all that is coarser: who has a place has its district.
fn coarser(group: FieldGroup, finest: Variant) -> impl Iterator<Item = Variant> {
    let all = [Variant::Exact, Variant::SubArea, Variant::District].into_iter();
    all.filter(move |variant| {
        *variant == finest || (group == FieldGroup::Place && *variant > finest)
    })
}

/// The combinations that some grounds cover; a signatory has them all.
fn covered<'a>(registry: &'a Registry, grounds: Option<&Grounds<'_>>) -> BTreeSet<Combination<'a>> {
    let Some(grounds) = grounds else { return BTreeSet::new() };
    let mut all = BTreeSet::new();
    if grounds.signs {
        let lists = registry.lists();
        let (priorities, purposes) = (lists.priorities.iter(), lists.purposes.iter());
        let priorities: Vec<&PriorityId> = priorities.map(|entry| &entry.id).collect();
        let purposes: Vec<&PurposeId> = purposes.map(|entry| &entry.id).collect();
        let bases: Vec<&LegalBasisId> = lists.legal_bases.iter().map(|basis| &basis.id).collect();
        let kinds: Vec<Kind> = registry.categories().map(|category| category.kind).collect();
        let periods = PeriodKind::ALL.to_vec();
        product(&mut all, &Factors { priorities, kinds, periods, purposes, bases });
    }
    for row in grounds.rows.iter().filter_map(|id| registry.release_row(id)) {
        let factors = Factors {
            priorities: row.priorities.iter().collect(),
            kinds: row.kinds.iter().copied().collect(),
            periods: row.periods.iter().copied().collect(),
            purposes: row.purposes.iter().collect(),
            bases: row.legal_bases.iter().collect(),
        };
        product(&mut all, &factors);
    }
    all
}

/// What is combined with what.
struct Factors<'a> {
    priorities: Vec<&'a PriorityId>,
    kinds: Vec<Kind>,
    periods: Vec<PeriodKind>,
    purposes: Vec<&'a PurposeId>,
    bases: Vec<&'a LegalBasisId>,
}

fn product<'a>(all: &mut BTreeSet<Combination<'a>>, factors: &Factors<'a>) {
    let Factors { priorities, kinds, periods, purposes, bases } = factors;
    for priority in priorities {
        for kind in kinds {
            for period in periods {
                for purpose in purposes {
                    all.extend(
                        bases.iter().map(|basis| (*priority, *kind, *period, *purpose, *basis)),
                    );
                }
            }
        }
    }
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}
