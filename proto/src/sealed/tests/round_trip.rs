//! What is published and written out again is the same: over random observations.

use std::sync::Arc;

use proptest::{collection::btree_set, option, prelude::*, sample::select};
use prost::Message as _;
use samsyn_domain::{
    Audience, Basis, CategoryId, Content, Coordinates, Credibility, Draft, Form, Kind, Labels,
    ObservationId, PlaceId, PriorityId, PurposeId, Regime, Reliability, Secrecy, Secret, Severity,
    SourceId, SubAreaId, Timestamp, Trend, registry::Registry,
};

use crate::{
    inbound::{self, Change, fixture},
    sealed::observation::published,
    v1,
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Where: a registered geography, or coordinates that resolve to one.
#[derive(Debug, Clone)]
enum Spot {
    Place,
    SubArea,
    Area,
    Coordinates(Coordinates),
}

fn spot() -> impl Strategy<Value = Spot> {
    let near = |lat, lon, spread: i32| {
        let at = (lat - spread..=lat + spread, lon - spread..=lon + spread);
        at.prop_map(|(lat_e7, lon_e7)| Spot::Coordinates(Coordinates { lat_e7, lon_e7 }))
    };
    prop_oneof![
        Just(Spot::Place),
        Just(Spot::SubArea),
        Just(Spot::Area),
        near(593_310_000, 180_610_000, 3_000),
        near(593_300_000, 180_600_000, 90_000),
        near(592_500_000, 180_600_000, 90_000),
    ]
}

fn labels(start: Timestamp) -> impl Strategy<Value = Labels> {
    let codes = (
        btree_set(select(vec!["signatories", "sdf", "polis", "kvv", "group"]), 0..4),
        btree_set(select(vec!["joint_picture", "follow_up"]), 1..3),
        btree_set(select(vec!["OSL 18:1", "OSL 35:1"]), 0..3),
    );
    let values = (0..=3_u32, select(Regime::ALL.to_vec()), any::<[bool; 4]>());
    let earliest = fixture::NOW.micros() + 1;
    let times = (earliest..=start.micros() + 731 * DAY, option::of(0..2_000_000_000 * SECOND));
    (codes, values, times).prop_map(|((audience, purposes, provisions), values, times)| {
        let (level, regime, [person, special, control, onward]) = values;
        let personal = regime != Regime::Nonpersonal;
        Labels {
            level: Secrecy::of(level).unwrap(),
            audience: audience.into_iter().map(|token| Audience::parse(token).unwrap()).collect(),
            purposes: purposes.into_iter().map(|id| PurposeId::parse(id).unwrap()).collect(),
            regime,
            secrecy_provisions: provisions.into_iter().map(Arc::from).collect(),
            retain_until: Timestamp::from_micros(times.0),
            person_related: personal && person,
            special_category: personal && special,
            originator_control: control,
            embargo_until: times.1.map(Timestamp::from_micros),
            onward_sharing: onward,
        }
    })
}

fn draft() -> impl Strategy<Value = Draft> {
    // The month of October up to two minutes after now.
    let start = fixture::NOW.micros() - 14 * DAY..=fixture::NOW.micros() + 120 * SECOND;
    let start = start.prop_map(Timestamp::from_micros);
    start.prop_flat_map(|start| {
        let text = ("[g-kåäö]{1,20}[!#$%&]{0,3}", option::of("[a-zåäöÅÄÖ ,.!?\n\t]{1,500}"));
        let numbers = (option::of(0..=1_000_000_u32), option::of(1..=5_u32), 1..=366 * DAY);
        let trends = vec![None, Some(Trend::Down), Some(Trend::Flat), Some(Trend::Up)];
        let grades = (
            select(trends),
            select(vec![Basis::Fact, Basis::Assessment, Basis::Estimate]),
            select(vec!["", "A", "C", "F"]),
            0..=6_u32,
            select(vec!["patrol", "survey"]),
        );
        (text, spot(), numbers, grades, labels(start)).prop_map(
            move |((id, note), spot, (count, severity, span), grades, labels)| {
                let id: String = id.chars().filter(char::is_ascii).collect();
                let (geography, coordinates) = located(&spot);
                let content = Content {
                    form: Form::Observation,
                    category: CategoryId::parse("graffiti").unwrap(),
                    kind: Kind::ObservedDisorder,
                    priority: PriorityId::parse("unsafe_places").unwrap(),
                    geography,
                    starts_at: start,
                    ends_at: start.after_micros(span),
                    count,
                    severity: severity.and_then(Severity::of),
                    trend: grades.0,
                    basis: grades.1,
                    source: SourceId::parse(grades.4).ok(),
                    reliability: Reliability::of(grades.2),
                    credibility: Credibility::of(grades.3),
                    labels: labels.into(),
                };
                let id = ObservationId::parse(&format!("i{id}")).unwrap();
                Draft { id, content, secret: Secret { note, coordinates } }
            },
        )
    })
}

fn located(spot: &Spot) -> (samsyn_domain::Geography, Option<Coordinates>) {
    let registry: Registry = fixture::registry();
    let area = super::world::area();
    match spot {
        Spot::Place => {
            (registry.geography_of_place(&PlaceId::parse("a-square").unwrap()).unwrap(), None)
        }
        Spot::SubArea => {
            let south = SubAreaId::parse("a-south").unwrap();
            (registry.geography_of_sub_area(&south).unwrap(), None)
        }
        Spot::Area => (registry.geography_of_area(&area).unwrap(), None),
        Spot::Coordinates(at) => (registry.resolve(&area, *at).unwrap().0, Some(*at)),
    }
}

proptest! {
    #[test]
    fn a_draft_written_out_and_published_is_the_same_draft(
        drafts in proptest::collection::btree_map("[g-k]{8}", draft(), 0..4),
        whole in any::<bool>(),
    ) {
        let drafts: Vec<Draft> = drafts
            .into_iter()
            .map(|(id, draft)| Draft { id: ObservationId::parse(&id).unwrap(), ..draft })
            .collect();
        let wire: Vec<v1::Observation> = drafts
            .iter()
            .map(|draft| published(draft.id.as_str(), &draft.content, Some(&draft.secret)))
            .collect();
        let request = if whole {
            fixture::full(wire)
        } else {
            let withdrawn_ids = vec!["x".to_owned()];
            fixture::delta(v1::PictureDelta { upserts: wire, withdrawn_ids, ..Default::default() })
        };
        let checked = inbound::publication(request, &fixture::registry(), fixture::NOW);
        prop_assert!(checked.value.is_some(), "{:?}", checked.faults);
        let read = match checked.value.unwrap().change {
            Change::Full { drafts, .. } | Change::Delta { drafts, .. } => drafts,
        };
        // `Secret` does not show what it holds, so it is compared beside the rest.
        for (read, sent) in read.iter().zip(&drafts) {
            prop_assert_eq!(&read.content, &sent.content);
            prop_assert!(read == sent);
        }
        prop_assert_eq!(read.len(), drafts.len());
    }

    #[test]
    fn a_damaged_publication_is_taken_or_refused_and_never_panics(
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = fixture::full(vec![fixture::observation("obs-one")]).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        bytes.truncate(length.index(bytes.len() * 4).max(at));
        if let Ok(request) = v1::PublishPictureRequest::decode(bytes.as_slice()) {
            let checked = inbound::publication(request, &fixture::registry(), fixture::NOW);
            prop_assert!(checked.value.is_some() || checked.faults.iter().any(|f| !f.warning));
        }
    }
}
