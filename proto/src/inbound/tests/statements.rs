//! Series of statistics and assessments in a publication.

use samsyn_domain::{Basis, Form, Level, Period};

use super::{checked, named};
use crate::{
    Reason,
    inbound::{Change, fixture},
    v1,
};

fn period(code: &str) -> Option<v1::Period> {
    Some(v1::Period { code: code.to_owned() })
}

fn point(code: &str, count: u32) -> v1::SeriesPoint {
    v1::SeriesPoint { period: period(code), count: Some(count) }
}

fn series(id: &str, codes: &[&str]) -> v1::Series {
    let points = codes.iter().map(|code| point(code, 7)).collect();
    v1::Series { points, ..fixture::series(id) }
}

/// A delta with one of each form, of which the ids are told.
fn one_of_each() -> v1::PictureDelta {
    v1::PictureDelta {
        upserts: vec![fixture::observation("seen")],
        series: vec![series("first", &["2025-10", "2025-W41"]), series("second", &["2025-10"])],
        assessments: vec![fixture::assessment("said")],
        ..v1::PictureDelta::default()
    }
}

fn faults_of(delta: v1::PictureDelta) -> Vec<(Reason, String)> {
    named(&checked(fixture::delta(delta)).faults)
}

fn series_faults(change: impl FnOnce(&mut v1::Series)) -> Vec<(Reason, String)> {
    let mut one = fixture::series("counted");
    change(&mut one);
    faults_of(v1::PictureDelta { series: vec![one], ..v1::PictureDelta::default() })
}

fn assessment_faults(change: impl FnOnce(&mut v1::Assessment)) -> Vec<(Reason, String)> {
    let mut one = fixture::assessment("said");
    change(&mut one);
    faults_of(v1::PictureDelta { assessments: vec![one], ..v1::PictureDelta::default() })
}

fn at(reason: Reason, path: &str) -> Vec<(Reason, String)> {
    vec![(reason, format!("delta.{path}"))]
}

#[test]
fn each_point_and_each_assessment_is_of_its_own_period() {
    let checked = checked(fixture::delta(one_of_each()));
    assert_eq!(checked.faults, []);
    let change = checked.value.unwrap().change;
    assert_eq!(change.rows(), 5);
    let Change::Delta { drafts, .. } = &change else { panic!("{change:?}") };
    let ids: Vec<&str> = drafts.iter().map(|draft| draft.id.as_str()).collect();
    assert_eq!(ids, ["seen", "first@2025-10", "first@2025-W41", "second@2025-10", "said"]);
    let october: Period = "2025-10".parse().unwrap();
    let first = &drafts[1];
    assert_eq!((first.content.form, first.content.own_period()), (Form::Series, Some(october)));
    assert_eq!((first.content.count, first.content.severity), (Some(7), None));
    assert_eq!(first.content.source.as_ref().unwrap().as_str(), "survey");
    assert_eq!(first.content.geography.level(), Level::SubArea);
    assert_eq!(first.secret.note.as_deref(), Some("Räknat på anmälningsdag."));
    let said = &drafts[4].content;
    assert_eq!((said.form, said.own_period()), (Form::Assessment, Some(october)));
    assert_eq!((said.basis, said.count, &said.source), (Basis::Assessment, None, &None));
    assert_eq!(said.severity.map(|severity| severity.grade()), Some(4));
    assert_eq!(drafts[4].secret.note.as_deref(), Some("Klottret breder ut sig norrut."));
    let paths = ["upserts[0]", "series[0]", "series[0]", "series[1]", "assessments[0]"];
    for (place, path) in paths.into_iter().enumerate() {
        assert_eq!(change.path(place), format!("delta.{path}"));
    }
}

#[test]
fn a_full_publication_holds_points_and_assessments_of_exactly_its_period() {
    let full = |code: &str, assessed: &str| {
        let full = v1::FullPicture {
            period: period("2025-10"),
            series: vec![series("counted", &[code])],
            assessments: vec![v1::Assessment {
                period: period(assessed),
                ..fixture::assessment("said")
            }],
            ..v1::FullPicture::default()
        };
        let mut request = fixture::full(Vec::new());
        request.change = Some(v1::publish_picture_request::Change::Full(full));
        checked(request)
    };
    let whole = full("2025-10", "2025-10");
    assert_eq!(whole.faults, []);
    assert_eq!(whole.value.unwrap().change.path(1), "full.assessments[0]");
    let faults = named(&full("2025-W41", "2025-W41").faults);
    let expected = ["full.series[0].points[0].period", "full.assessments[0].period"];
    assert_eq!(faults, expected.map(|path| (Reason::BadPeriod, path.to_owned())));
}

#[test]
fn a_period_is_of_an_agreed_kind_and_has_begun() {
    for (code, reason) in [
        ("2025-W42", None),
        ("2025-W43", Some(Reason::FutureTime)),
        ("2025-Q3", Some(Reason::BadPeriod)),
        ("2025", Some(Reason::BadPeriod)),
        ("W42", Some(Reason::BadPeriod)),
    ] {
        let points = series_faults(|one| one.points = vec![point(code, 1)]);
        let said = assessment_faults(|one| one.period = period(code));
        let expected = |path| reason.map_or_else(Vec::new, |reason| at(reason, path));
        assert_eq!(points, expected("series[0].points[0].period"), "{code}");
        assert_eq!(said, expected("assessments[0].period"), "{code}");
    }
    let missing = at(Reason::MissingField, "assessments[0].period");
    assert_eq!(assessment_faults(|one| one.period = None), missing);
}

#[test]
fn ids_of_all_forms_are_one_namespace() {
    assert_eq!(faults_of(one_of_each()), []);
    let twice = |change: fn(&mut v1::PictureDelta)| {
        let mut delta = one_of_each();
        change(&mut delta);
        faults_of(delta)
    };
    let series = at(Reason::DuplicateId, "series[1].id");
    let assessment = at(Reason::DuplicateId, "assessments[0].id");
    assert_eq!(twice(|delta| delta.series[1].id = "first".to_owned()), series);
    assert_eq!(twice(|delta| delta.series[1].id = "seen".to_owned()), series);
    assert_eq!(twice(|delta| delta.upserts[0].id = "second@2025-10".to_owned()), series);
    assert_eq!(twice(|delta| delta.assessments[0].id = "second".to_owned()), assessment);
    let withdrawn = twice(|delta| delta.withdrawn_ids = vec!["first@2025-W41".to_owned()]);
    assert_eq!(withdrawn, at(Reason::DuplicateId, "withdrawn_ids[0]"));
    let point = series_faults(|one| one.points = vec![point("2025-10", 1), point("2025-10", 2)]);
    assert_eq!(point, at(Reason::DuplicateId, "series[0].points[1].period"));
}

#[test]
fn points_and_assessments_count_towards_the_limits() {
    let weeks = |n: usize| -> Vec<v1::SeriesPoint> {
        let code = |i: usize| format!("{}-W{:02}", 2020 + i / 50, i % 50 + 1);
        (0..n).map(|i| point(&code(i), 1)).collect()
    };
    assert_eq!(
        series_faults(|one| one.points.clear()),
        at(Reason::MissingField, "series[0].points")
    );
    // Of weeks so long ago nothing may be kept any more.
    let old = at(Reason::RetentionTooLong, "series[0].labels.retain_until");
    assert_eq!(series_faults(|one| one.points = weeks(120)), old);
    let many = series_faults(|one| one.points = weeks(121));
    assert_eq!(many, at(Reason::TooLarge, "series[0].points"));
    let all = |n: usize| {
        let series =
            |i: usize| v1::Series { points: weeks(100), ..fixture::series(&format!("s{i}")) };
        let assessments = vec![fixture::assessment("said"); n];
        v1::PictureDelta { series: (0..5).map(series).collect(), assessments, ..Default::default() }
    };
    assert!(!faults_of(all(0)).iter().any(|(reason, _)| *reason == Reason::TooLarge));
    assert_eq!(faults_of(all(1)), [(Reason::TooLarge, "delta".to_owned())]);
}

#[test]
fn an_id_leaves_room_for_the_period_of_a_point() {
    let id = |n: usize| "x".repeat(n);
    assert_eq!(series_faults(|one| one.id = id(118)), []);
    assert_eq!(series_faults(|one| one.id = id(119)), at(Reason::FieldTooLong, "series[0].id"));
    assert_eq!(assessment_faults(|one| one.id = id(128)), []);
    let long = at(Reason::FieldTooLong, "assessments[0].id");
    assert_eq!(assessment_faults(|one| one.id = id(129)), long);
}

#[test]
fn what_is_said_of_a_period_is_kept_from_its_end_on() {
    let kept = |days: i64| {
        series_faults(|one| {
            one.points = vec![point("2025-09", 1), point("2025-10", 1)];
            let end = "2025-09".parse::<Period>().unwrap().bounds().1.micros() / 1_000_000;
            let seconds = end + days * 86_400;
            let until = prost_types::Timestamp { seconds, nanos: 0 };
            one.labels.get_or_insert_default().retain_until = Some(until);
        })
    };
    assert_eq!(kept(731), []);
    assert_eq!(kept(732), at(Reason::RetentionTooLong, "series[0].labels.retain_until"));
}

#[test]
fn codes_grades_and_places_are_those_of_the_registry() {
    let unknown = |path| at(Reason::UnknownCode, path);
    let category = |one: &mut v1::Series| one.category = "Klotter".to_owned();
    assert_eq!(series_faults(category), unknown("series[0].category"));
    let source = |one: &mut v1::Series| one.source_kind = "rumour".to_owned();
    assert_eq!(series_faults(source), unknown("series[0].source_kind"));
    let place = |one: &mut v1::Series| {
        one.location = Some(v1::series::Location::PlaceId("b-square".to_owned()));
    };
    assert_eq!(series_faults(place), at(Reason::OutsideArea, "series[0].place_id"));
    let nowhere = at(Reason::MissingField, "assessments[0].location");
    assert_eq!(assessment_faults(|one| one.location = None), nowhere);
    let severe = at(Reason::BadField, "assessments[0].severity");
    assert_eq!(assessment_faults(|one| one.severity = Some(6)), severe);
    let grade = at(Reason::BadField, "assessments[0].reliability");
    assert_eq!(assessment_faults(|one| one.reliability = "G".to_owned()), grade);
    let bare = at(Reason::LabelsMissing, "assessments[0].labels");
    assert_eq!(assessment_faults(|one| one.labels = None), bare);
}
