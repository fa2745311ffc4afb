//! Each field group gives its own fields, and no others.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    AreaId, Basis, CategoryId, Form, Geography, Kind, Labels, PartyId, PlaceId, PriorityId, Regime,
    Sealed, Secrecy, Severity, SourceId, SubAreaId, Timestamp, UnitKey, merge::Assessed,
    registry::PartyKind,
};

use super::*;

fn full() -> Seen {
    Seen {
        party: PartyId::parse("sdf-a").unwrap(),
        party_kind: PartyKind::Municipal,
        id: "o1".into(),
        form: Form::Observation,
        version: Some(7),
        category: CategoryId::parse("youth_gathering").unwrap(),
        kind: Kind::ObservedDisorder,
        priority: PriorityId::parse("youth_at_risk").unwrap(),
        geography: Geography {
            area: AreaId::parse("a").unwrap(),
            sub_area: Some(SubAreaId::parse("a/b").unwrap()),
            place: Some(PlaceId::parse("a/b/p").unwrap()),
        },
        place_shown: true,
        time: Some((Timestamp::ZERO, Timestamp::ZERO.after_seconds(1))),
        count: Some((SourceId::parse("police_report").unwrap(), Some(2))),
        assessment: Some(Assessed {
            severity: Severity::of(3),
            trend: None,
            basis: Basis::Fact,
            reliability: None,
            credibility: None,
        }),
        sealed: Some(Sealed { key: UnitKey::named("k"), bytes: Arc::from([1, 2, 3]) }),
        text_shown: true,
        coordinates_shown: true,
        labels: Arc::new(Labels {
            level: Secrecy::of(1).unwrap(),
            audience: BTreeSet::new(),
            purposes: BTreeSet::new(),
            regime: Regime::Nonpersonal,
            secrecy_provisions: BTreeSet::new(),
            retain_until: Timestamp::ZERO,
            person_related: false,
            special_category: false,
            originator_control: false,
            embargo_until: None,
            onward_sharing: false,
        }),
    }
}

/// What it tells beyond what it is.
fn told(seen: &Seen) -> BTreeSet<&'static str> {
    let all = [
        ("version", seen.version.is_some()),
        ("sub-area", seen.geography.sub_area.is_some()),
        ("place", seen.geography.place.is_some()),
        ("where", seen.place_shown),
        ("time", seen.time.is_some()),
        ("count", seen.count.is_some()),
        ("assessment", seen.assessment.is_some()),
        ("sealed", seen.sealed.is_some()),
        ("text", seen.text_shown),
        ("coordinates", seen.coordinates_shown),
    ];
    all.into_iter().filter(|(_, told)| *told).map(|(name, _)| name).collect()
}

/// What one group alone may tell.
fn of(group: FieldGroup, variant: Variant) -> &'static [&'static str] {
    match (group, variant) {
        (FieldGroup::Identity, _) => &[],
        (FieldGroup::Place, Variant::Exact) => {
            &["where", "sub-area", "place", "sealed", "coordinates"]
        }
        (FieldGroup::Place, Variant::SubArea) => &["where", "sub-area"],
        (FieldGroup::Place, Variant::District) => &["where"],
        (FieldGroup::Time, _) => &["time"],
        (FieldGroup::Counts, _) => &["count"],
        (FieldGroup::Assessment, _) => &["assessment"],
        (FieldGroup::Text, _) => &["sealed", "text"],
        (FieldGroup::Provenance, _) => &["version"],
    }
}

#[test]
fn any_groups_together_tell_what_each_tells_and_nothing_else() {
    let places = [None, Some(Variant::Exact), Some(Variant::SubArea), Some(Variant::District)];
    let others = FieldGroup::ALL.into_iter().filter(|group| *group != FieldGroup::Place);
    let others: Vec<FieldGroup> = others.collect();
    for place in places {
        for chosen in 0_u32..1 << others.len() {
            let picked = others.iter().enumerate().filter(|(i, _)| chosen >> i & 1 == 1);
            let mut shown: Shown = picked.map(|(_, group)| (*group, Variant::Exact)).collect();
            shown.extend(place.map(|variant| (FieldGroup::Place, variant)));
            let expected: BTreeSet<_> =
                shown.iter().flat_map(|(group, variant)| of(*group, *variant)).copied().collect();
            let seen = masked(full(), &shown);
            assert_eq!(told(&seen), expected, "{shown:?}");
            let all = full();
            assert_eq!(
                (seen.id, seen.party, seen.category, seen.kind, seen.priority, seen.labels),
                (all.id, all.party, all.category, all.kind, all.priority, all.labels),
            );
        }
    }
}
