//! What crosses a link is what was published: written out as a delta and read at its home.

use std::collections::BTreeSet;

use prost::Message as _;
use samsyn_domain::{Draft, ObservationId};

use crate::{
    inbound::{self, Change, Contributed, fixture},
    sealed::{Delta, contribution::PIECE_BYTES_MAX},
    size::{REQUEST_CHANGES_MAX, SERIES_POINTS_MAX},
    v1,
};

fn id(text: &str) -> ObservationId {
    ObservationId::parse(text).unwrap()
}

/// What a party here has published.
fn published(delta: v1::PictureDelta) -> Vec<Draft> {
    let request = fixture::delta(delta);
    let checked = inbound::publication(request, &fixture::registry(), fixture::NOW);
    let Change::Delta { drafts, .. } = checked.value.unwrap().change else { panic!() };
    drafts
}

fn series(id: &str, codes: &[&str]) -> v1::Series {
    let point = |code: &&str| v1::SeriesPoint {
        period: Some(v1::Period { code: (*code).to_owned() }),
        count: Some(7),
    };
    v1::Series { points: codes.iter().map(point).collect(), ..fixture::series(id) }
}

/// A point of a series for each of some numbers.
fn points(count: usize) -> Vec<Draft> {
    let one = v1::PictureDelta { series: vec![series("s", &["2025-10"])], ..Default::default() };
    let one = published(one).remove(0);
    let code = |n: usize| format!("s@{}-{:02}", 1990 + n / 12, 1 + n % 12);
    (0..count).map(|n| Draft { id: id(&code(n)), ..one.clone() }).collect()
}

fn wire(delta: &Delta) -> v1::PictureDelta {
    v1::PictureDelta::decode(delta.bytes.as_slice()).unwrap()
}

#[test]
fn each_form_is_read_as_it_was_published_and_a_series_stands_once() {
    let drafts = published(v1::PictureDelta {
        upserts: vec![fixture::observation("seen")],
        series: vec![series("first", &["2025-10", "2025-W41"]), series("second", &["2025-10"])],
        assessments: vec![fixture::assessment("said")],
        ..Default::default()
    });
    let delta = Delta::of(drafts.clone(), [id("gone")]);
    let held = ["first@2025-10", "first@2025-W41", "gone", "said", "second@2025-10", "seen"];
    assert_eq!(delta.holds, held.map(id).into());
    let counts: Vec<usize> = wire(&delta).series.iter().map(|one| one.points.len()).collect();
    assert_eq!(counts, [2, 1]);
    let area = super::world::area();
    let read = Contributed::parse(&delta.bytes, &area, &fixture::registry(), fixture::NOW);
    assert_eq!(read.faults, []);
    let read = read.value.unwrap();
    assert!(read.drafts == drafts, "{:?}", read.drafts);
    assert_eq!(read.withdrawn, [id("gone")]);
}

#[test]
fn a_point_of_which_something_else_is_said_goes_with_the_next_piece() {
    let mut drafts = points(3);
    drafts[1].secret.note = Some("Räknat om.".to_owned());
    let first = Delta::of(drafts.clone(), []);
    let other = drafts[1].id.clone();
    assert_eq!(first.holds, BTreeSet::from([drafts[0].id.clone(), drafts[2].id.clone()]));
    assert_eq!(wire(&first).series[0].points.len(), 2);
    let rest = drafts.into_iter().filter(|draft| !first.holds.contains(&draft.id));
    assert_eq!(Delta::of(rest, []).holds, BTreeSet::from([other]));
}

#[test]
fn a_piece_holds_no_more_points_of_a_series_than_its_home_takes() {
    let delta = Delta::of(points(SERIES_POINTS_MAX + 1), []);
    assert_eq!(delta.holds.len(), SERIES_POINTS_MAX);
    assert_eq!(wire(&delta).series[0].points.len(), SERIES_POINTS_MAX);
}

#[test]
fn a_piece_holds_no_more_than_one_request_may() {
    let seen = v1::PictureDelta { upserts: vec![fixture::observation("o")], ..Default::default() };
    let seen = published(seen).remove(0);
    let of_length = |length: usize| {
        let named = |n: usize| Draft { id: id(&format!("o{n}")), ..seen.clone() };
        Delta::of(
            (0..2_000).map(named).map(move |mut draft| {
                draft.secret.note = Some("å".repeat(length));
                draft
            }),
            [],
        )
    };
    assert_eq!(of_length(1).holds.len(), REQUEST_CHANGES_MAX);
    let large = of_length(2_000);
    assert!(large.bytes.len() <= PIECE_BYTES_MAX, "{}", large.bytes.len());
    assert!(large.bytes.len() > PIECE_BYTES_MAX * 3 / 4, "{}", large.bytes.len());
    assert_eq!(wire(&large).upserts.len(), large.holds.len());
    let withdrawn = (0..600).map(|n| id(&format!("w{n}")));
    assert_eq!(Delta::of([], withdrawn).holds.len(), REQUEST_CHANGES_MAX);
}
