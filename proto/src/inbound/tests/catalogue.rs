//! The bad-input catalogue, as far as parsing answers it. Rows are named by their numbers there.

use super::{checked, faults_of, label_faults_of, named, one};
use crate::{
    Reason,
    inbound::{
        self, JointAsked, WatchAsked,
        fixture::{self, wire_time},
    },
    v1::{self, observation::Location},
};

#[test]
fn row10_control_and_bidi_characters() {
    for text in ["rad\0", "a\u{202e}b", "a\u{2066}b", "\u{1b}[31m"] {
        let faults = faults_of(|o| o.note = text.to_owned());
        assert_eq!(faults, one(Reason::BadCharacters, "note"), "{text:?}");
    }
    assert!(faults_of(|o| o.note = "två\nrader\toch en flik".to_owned()).is_empty());
    let id = faults_of(|o| o.id = "obs\none".to_owned());
    assert_eq!(id, one(Reason::BadCharacters, "id"));
}

#[test]
fn row11_a_string_over_its_cap() {
    let note = faults_of(|o| o.note = "å".repeat(501));
    assert_eq!(note, one(Reason::FieldTooLong, "note"));
    assert!(faults_of(|o| o.note = "å".repeat(500)).is_empty());
    let id = faults_of(|o| o.id = "i".repeat(129));
    assert_eq!(id, one(Reason::FieldTooLong, "id"));
}

#[test]
fn row12_unset_required_messages_and_oneofs() {
    type Unset = fn(&mut v1::Observation);
    let cases: [(&str, Unset); 7] = [
        ("id", |o| o.id.clear()),
        ("category", |o| o.category.clear()),
        ("location", |o| o.location = None),
        ("starts_at", |o| o.starts_at = None),
        ("ends_at", |o| o.ends_at = None),
        ("basis", |o| o.basis = 0),
        ("source_kind", |o| o.source_kind.clear()),
    ];
    for (field, unset) in cases {
        assert_eq!(faults_of(unset), one(Reason::MissingField, field));
    }
    let empty = named(&checked(v1::PublishPictureRequest::default()).faults);
    let missing = ["context", "party", "area", "change"];
    assert_eq!(empty, missing.map(|field| (Reason::MissingField, field.to_owned())));
}

#[test]
fn row13_an_unknown_enum_value() {
    assert_eq!(faults_of(|o| o.trend = 4), one(Reason::UnknownCode, "trend"));
    assert_eq!(faults_of(|o| o.trend = -1), one(Reason::UnknownCode, "trend"));
    assert_eq!(faults_of(|o| o.basis = 9), one(Reason::UnknownCode, "basis"));
}

#[test]
fn row15_coordinates_off_the_globe_and_values_out_of_range() {
    for (lat_e7, lon_e7) in [(900_000_001, 0), (0, -1_800_000_001), (i32::MIN, i32::MAX)] {
        let at = Location::Coordinates(v1::Coordinates { lat_e7, lon_e7 });
        let faults = faults_of(|o| o.location = Some(at));
        assert_eq!(faults, one(Reason::OutsideArea, "coordinates"));
    }
    assert_eq!(faults_of(|o| o.count = Some(1_000_001)), one(Reason::BadField, "count"));
    assert_eq!(faults_of(|o| o.severity = Some(0)), one(Reason::BadField, "severity"));
    assert_eq!(faults_of(|o| o.severity = Some(6)), one(Reason::BadField, "severity"));
    assert_eq!(faults_of(|o| o.reliability = "G".to_owned()), one(Reason::BadField, "reliability"));
    assert_eq!(faults_of(|o| o.credibility = 7), one(Reason::BadField, "credibility"));
}

#[test]
fn row16_a_place_outside_the_registered_area() {
    let outside = [
        ("place_id", Location::PlaceId("b-square".to_owned())),
        ("sub_area_id", Location::SubAreaId("b-all".to_owned())),
        ("area_id", Location::AreaId("b".to_owned())),
        ("coordinates", Location::Coordinates(v1::Coordinates { lat_e7: 0, lon_e7: 0 })),
    ];
    for (field, location) in outside {
        assert_eq!(faults_of(|o| o.location = Some(location)), one(Reason::OutsideArea, field));
    }
    let unknown = Location::PlaceId("nowhere".to_owned());
    let faults = faults_of(|o| o.location = Some(unknown));
    assert_eq!(faults, one(Reason::UnknownCode, "place_id"));
}

#[test]
fn row18_a_timestamp_out_of_range() {
    let bad = [
        prost_types::Timestamp { seconds: 253_402_300_800, nanos: 0 },
        prost_types::Timestamp { seconds: i64::MIN, nanos: 0 },
        prost_types::Timestamp { nanos: -1, ..wire_time(-3_600) },
        prost_types::Timestamp { nanos: 1_000_000_000, ..wire_time(-3_600) },
    ];
    for time in bad {
        assert_eq!(faults_of(|o| o.starts_at = Some(time)), one(Reason::BadTime, "starts_at"));
        assert_eq!(faults_of(|o| o.ends_at = Some(time)), one(Reason::BadTime, "ends_at"));
        let labels = label_faults_of(|l| l.embargo_until = Some(time));
        assert_eq!(labels, one(Reason::BadTime, "labels.embargo_until"));
    }
    let backwards = faults_of(|o| o.ends_at = o.starts_at);
    assert_eq!(backwards, one(Reason::BadTime, "ends_at"));
    let long = faults_of(|o| o.ends_at = Some(wire_time(-3_600 + 366 * 86_400 + 1)));
    assert_eq!(long, one(Reason::BadTime, "ends_at"));
}

#[test]
fn row19_an_observation_from_the_future() {
    let at = |seconds| {
        faults_of(|o| {
            o.starts_at = Some(wire_time(seconds));
            o.ends_at = Some(wire_time(seconds + 60));
        })
    };
    assert_eq!(at(121), one(Reason::FutureTime, "starts_at"));
    assert!(at(120).is_empty());
}

#[test]
fn row20_retention_missing_or_beyond_the_ceiling() {
    let missing = label_faults_of(|l| l.retain_until = None);
    assert_eq!(missing, one(Reason::RetentionMissing, "labels.retain_until"));
    let ceiling = -3_600 + 731 * 86_400;
    let beyond = label_faults_of(|l| l.retain_until = Some(wire_time(ceiling + 1)));
    assert_eq!(beyond, one(Reason::RetentionTooLong, "labels.retain_until"));
    assert!(label_faults_of(|l| l.retain_until = Some(wire_time(ceiling))).is_empty());
    let over = label_faults_of(|l| l.retain_until = Some(wire_time(0)));
    assert_eq!(over, one(Reason::RetentionTooLong, "labels.retain_until"));
}

#[test]
fn row21_labels_missing_or_incomplete() {
    assert_eq!(faults_of(|o| o.labels = None), one(Reason::LabelsMissing, "labels"));
    let purposes = label_faults_of(|l| l.purposes.clear());
    assert_eq!(purposes, one(Reason::MissingField, "labels.purposes"));
    let regime = label_faults_of(|l| l.regime.clear());
    assert_eq!(regime, one(Reason::MissingField, "labels.regime"));
    let level = label_faults_of(|l| l.level = 4);
    assert_eq!(level, one(Reason::LevelTooHigh, "labels.level"));
}

#[test]
fn row25_a_signature_of_the_wrong_length() {
    let refused = |change: fn(&mut v1::Answer)| {
        let mut request = super::requests::answer();
        change(request.answer.get_or_insert_default());
        let fault = inbound::AnswerAsked::parse(request).unwrap_err();
        (fault.reason, fault.field)
    };
    let short = refused(|answer| answer.signature.truncate(63));
    assert_eq!(short, (Reason::BadSignature, "answer.signature".to_owned()));
    let salt = refused(|answer| answer.text_salt.truncate(31));
    assert_eq!(salt, (Reason::BadField, "answer.text_salt".to_owned()));
}

#[test]
fn row26_a_key_id_that_nobody_can_have() {
    let mut request = super::requests::answer();
    request.answer.get_or_insert_default().key_id = "NYCKEL".to_owned();
    let fault = inbound::AnswerAsked::parse(request).unwrap_err();
    assert_eq!((fault.reason, fault.field.as_str()), (Reason::KeyUnknown, "answer.key_id"));
}

#[test]
fn row36_purpose_empty() {
    let refused = |context: Option<v1::ReadContext>| {
        let fault = inbound::ground(context).unwrap_err();
        (fault.reason, fault.field)
    };
    let purpose = (Reason::PurposeMissing, "context.purpose".to_owned());
    assert_eq!(refused(None), purpose);
    let mut context = fixture::read_context();
    context.purpose.clear();
    assert_eq!(refused(Some(context)), purpose);
    let mut context = fixture::read_context();
    context.legal_basis.clear();
    assert_eq!(refused(Some(context)), (Reason::BasisMissing, "context.legal_basis".to_owned()));
    let context = v1::ReadContext { purpose: "Vad som helst".into(), ..fixture::read_context() };
    let foreign = (Reason::PurposeNotCovered, "context.purpose".to_owned());
    assert_eq!(refused(Some(context)), foreign);
}

#[test]
fn row39_an_id_that_cannot_exist_is_answered_like_one_that_does_not() {
    let joint = v1::GetJointPictureRequest {
        area: "Å".to_owned(),
        period: fixture::month(),
        ..v1::GetJointPictureRequest::default()
    };
    let fault = JointAsked::parse(joint).unwrap_err();
    assert_eq!((fault.reason, fault.field.as_str()), (Reason::NotFound, "area"));
    let conflict = v1::ResolveConflictRequest {
        conflict_id: "2025-10:nowhere/graffiti:severity".to_owned(),
        ..super::requests::resolve()
    };
    let fault = inbound::Resolve::parse(conflict, &fixture::registry()).unwrap_err();
    assert_eq!((fault.reason, fault.field.as_str()), (Reason::NotFound, "conflict_id"));
}

#[test]
fn row40_a_cursor_that_was_never_given() {
    for cursor in ["å", "a b", &"c".repeat(1_025)] {
        let request = v1::WatchEventsRequest { cursor: cursor.to_owned(), ..Default::default() };
        let fault = WatchAsked::parse(request).unwrap_err();
        assert_eq!((fault.reason, fault.field.as_str()), (Reason::CursorInvalid, "cursor"));
    }
}

#[test]
fn row41_page_sizes_are_clamped() {
    let size = |size| inbound::page(Some(v1::Page { size, token: "t".to_owned() })).size;
    assert_eq!([0, 1, 500, 501, u32::MAX].map(size), [100, 1, 500, 500, 500]);
    assert_eq!(inbound::page(None).size, 100);
    let poll = v1::ListEventsRequest { limit: 9_999, wait_seconds: 3_600, ..Default::default() };
    let poll = inbound::EventsAsked::parse(poll).unwrap();
    assert_eq!((poll.limit, poll.wait_seconds), (500, 30));
}
