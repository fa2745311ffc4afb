//! Publications as a whole.

use samsyn_domain::{Level, screening::Rule};

use super::{checked, faults_of, label_faults_of, named, one};
use crate::{
    Reason,
    inbound::{
        Change, FAULTS_MAX,
        fixture::{self, wire_time},
        trial,
    },
    v1::{self, observation::Location},
};

fn withdrawal(ids: &[&str]) -> v1::PictureDelta {
    let withdrawn_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    v1::PictureDelta { withdrawn_ids, ..v1::PictureDelta::default() }
}

#[test]
fn a_publication_without_fault_is_taken_as_it_was_meant() {
    let checked = checked(fixture::full(vec![fixture::observation("obs-one")]));
    assert_eq!(checked.faults, []);
    let publication = checked.value.unwrap();
    assert_eq!((publication.area.as_str(), publication.base_version), ("a", 4));
    let Change::Full { period, drafts } = publication.change else { panic!() };
    assert_eq!((period.to_string().as_str(), drafts.len()), ("2025-10", 1));
    let content = &drafts[0].content;
    assert_eq!(content.geography.level(), Level::Place);
    assert_eq!(content.priority.as_str(), "unsafe_places");
    assert_eq!(drafts[0].secret.coordinates, None);
}

#[test]
fn a_party_with_nothing_to_report_publishes_an_empty_picture() {
    assert_eq!(checked(fixture::full(Vec::new())).faults, []);
}

#[test]
fn coordinates_are_resolved_and_kept_under_seal() {
    let resolved = |lat_e7, lon_e7| {
        let mut observation = fixture::observation("obs-one");
        observation.location = Some(Location::Coordinates(v1::Coordinates { lat_e7, lon_e7 }));
        let Change::Full { drafts, .. } =
            checked(fixture::full(vec![observation])).value.unwrap().change
        else {
            panic!()
        };
        assert!(drafts[0].secret.coordinates.is_some());
        drafts[0].content.geography.id().to_owned()
    };
    assert_eq!(resolved(593_310_100, 180_610_100), "a-square");
    assert_eq!(resolved(593_250_000, 180_550_000), "a-north");
    assert_eq!(resolved(592_510_000, 180_600_000), "a-south");
}

#[test]
fn all_faults_are_told_in_the_order_of_the_message_up_to_a_hundred() {
    let mut bad = fixture::observation("obs-one");
    bad.severity = Some(9);
    bad.category = "unknown".to_owned();
    bad.labels.get_or_insert_default().level = 4;
    let faults = named(&checked(fixture::full(vec![fixture::observation("ok"), bad])).faults);
    let at = |field: &str| format!("full.observations[1].{field}");
    let expected = [
        (Reason::UnknownCode, at("category")),
        (Reason::BadField, at("severity")),
        (Reason::LevelTooHigh, at("labels.level")),
    ];
    assert_eq!(faults, expected);

    let empty = vec![v1::Observation::default(); 50];
    let checked = checked(fixture::full(empty));
    assert_eq!((checked.value.is_none(), checked.faults.len()), (true, FAULTS_MAX));
}

#[test]
fn an_id_stands_once_in_a_publication() {
    let twice = vec![fixture::observation("obs-one"), fixture::observation("obs-one")];
    let faults = named(&checked(fixture::full(twice)).faults);
    assert_eq!(faults, [(Reason::DuplicateId, "full.observations[1].id".to_owned())]);

    let mut delta = withdrawal(&["x", "obs-one"]);
    delta.upserts = vec![fixture::observation("obs-one")];
    let faults = named(&checked(fixture::delta(delta)).faults);
    assert_eq!(faults, [(Reason::DuplicateId, "delta.withdrawn_ids[1]".to_owned())]);
}

#[test]
fn a_withdrawn_id_has_the_form_of_an_id() {
    let faults = named(&checked(fixture::delta(withdrawal(&["", "a b"]))).faults);
    let at = |i: usize| format!("delta.withdrawn_ids[{i}]");
    assert_eq!(faults, [(Reason::MissingField, at(0)), (Reason::BadCharacters, at(1))]);
}

#[test]
fn more_than_five_hundred_changes_are_refused_unread() {
    let ids: Vec<String> = (0..501).map(|i| format!("id{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(checked(fixture::delta(withdrawal(&ids[..500]))).faults, []);
    let faults = named(&checked(fixture::delta(withdrawal(&ids))).faults);
    assert_eq!(faults, [(Reason::TooLarge, "delta".to_owned())]);
    let faults = named(&checked(fixture::full(vec![v1::Observation::default(); 501])).faults);
    assert_eq!(faults, [(Reason::TooLarge, "full".to_owned())]);
}

#[test]
fn more_than_256_kib_are_refused_unread() {
    let mut delta = withdrawal(&[]);
    delta.reason = "å".repeat(131_072);
    let faults = named(&checked(fixture::delta(delta)).faults);
    assert_eq!(faults, [(Reason::TooLarge, String::new())]);
}

#[test]
fn a_full_publication_holds_what_starts_in_its_period() {
    let outside = faults_of(|o| o.starts_at = Some(wire_time(-20 * 86_400)));
    assert_eq!(outside, one(Reason::BadTime, "starts_at"));
    let period = |code: &str| {
        let period = Some(v1::Period { code: code.to_owned() });
        let full = v1::FullPicture { period, ..v1::FullPicture::default() };
        let mut request = fixture::full(Vec::new());
        request.change = Some(v1::publish_picture_request::Change::Full(full));
        named(&checked(request).faults)
    };
    assert_eq!(period("2025-W40"), []);
    let bad = [(Reason::BadPeriod, "full.period".to_owned())];
    assert_eq!(period("2025-W54"), bad);
    assert_eq!(period("2025"), bad, "the agreement has weeks and months");
}

#[test]
fn nothing_is_older_than_1990() {
    let mut old = fixture::observation("obs-one");
    old.starts_at = Some(prost_types::Timestamp { seconds: 631_151_999, nanos: 999_999_999 });
    old.ends_at = Some(prost_types::Timestamp { seconds: 631_152_000, nanos: 0 });
    let upserts = vec![old];
    let delta = v1::PictureDelta { upserts, ..v1::PictureDelta::default() };
    let faults = named(&checked(fixture::delta(delta)).faults);
    assert_eq!(faults[0], (Reason::BadTime, "delta.upserts[0].starts_at".to_owned()));
}

#[test]
fn codes_are_those_of_the_registry() {
    let unknown = |field| one(Reason::UnknownCode, field);
    assert_eq!(faults_of(|o| o.category = "Klotter".to_owned()), unknown("category"));
    assert_eq!(faults_of(|o| o.source_kind = "rumour".to_owned()), unknown("source_kind"));
    let all = |token: &str| vec!["signatories".to_owned(), token.to_owned()];
    for known in ["sdf", "polis", "group"] {
        assert!(label_faults_of(|l| l.audience = all(known)).is_empty(), "{known}");
    }
    let faults = label_faults_of(|l| l.audience = all("everyone"));
    assert_eq!(faults, unknown("labels.audience[1]"));
    let faults = label_faults_of(|l| l.purposes = vec!["curiosity".to_owned()]);
    assert_eq!(faults, unknown("labels.purposes[0]"));
    let faults = label_faults_of(|l| l.secrecy_provisions = vec!["OSL 99:1".to_owned()]);
    assert_eq!(faults, unknown("labels.secrecy_provisions[0]"));
    assert_eq!(label_faults_of(|l| l.regime = "bdl".to_owned()), unknown("labels.regime"));

    let request = v1::PublishPictureRequest { area: "c".into(), ..fixture::full(Vec::new()) };
    assert_eq!(named(&checked(request).faults), [(Reason::UnknownCode, "area".to_owned())]);
}

#[test]
fn what_is_tied_to_a_person_is_not_non_personal() {
    let faults = label_faults_of(|l| {
        l.regime = "nonpersonal".to_owned();
        l.person_related = true;
    });
    assert_eq!(faults, one(Reason::BadLabels, "labels.person_related"));
}

#[test]
fn screening_refuses_holds_or_warns() {
    let note = |text: &str| {
        let mut observation = fixture::observation("obs-one");
        observation.note = text.to_owned();
        checked(fixture::full(vec![observation]))
    };
    let refused = note("Ring 070-174 06 05 i kväll");
    assert!(refused.value.is_none());
    assert_eq!(named(&refused.faults), one(Reason::IdentifierFound, "note"));
    assert_eq!(refused.faults[0].rule, Some(Rule::Phone));

    let held = note("En kvinna i 80-årsåldern");
    assert!(held.value.is_none());
    assert_eq!(named(&held.faults), one(Reason::IdentifierSuspected, "note"));

    // A time near the observation's start whose check digit happens to be right.
    let warned = (0..60).map(|minute| note(&format!("Logg 2025101513{minute:02}")));
    let warned: Vec<_> = warned.filter(|checked| !checked.faults.is_empty()).collect();
    assert!(!warned.is_empty());
    for checked in warned {
        assert!(checked.value.is_some());
        assert!(checked.faults.iter().all(|fault| fault.warning));
        assert_eq!(named(&checked.faults), one(Reason::IdentifierSuspected, "note"));
    }
}

#[test]
fn a_trial_needs_no_key_and_names_the_paths_of_the_publication() {
    let mut publication = fixture::full(vec![fixture::observation("obs-one")]);
    publication.context = None;
    let request = v1::ValidatePictureRequest { publication: Some(publication.clone()) };
    let checked = trial(request, &fixture::registry(), fixture::NOW);
    assert_eq!((checked.value.is_some(), checked.faults.len()), (true, 0));

    publication.area.clear();
    let request = v1::ValidatePictureRequest { publication: Some(publication) };
    let checked = trial(request, &fixture::registry(), fixture::NOW);
    assert_eq!(named(&checked.faults), [(Reason::MissingField, "area".to_owned())]);
    let none = trial(v1::ValidatePictureRequest::default(), &fixture::registry(), fixture::NOW);
    assert_eq!(named(&none.faults), [(Reason::MissingField, "publication".to_owned())]);
}

#[test]
fn nothing_that_was_sent_shows_in_debug_output() {
    let mut request = fixture::full(vec![fixture::observation("obs-one")]);
    request.context.get_or_insert_default().actor_pseudonym = "p-heron".to_owned();
    let shown = format!("{:?}", checked(request).value.unwrap());
    assert!(shown.contains("full of 2025-10, 1 rows"), "{shown}");
    for hidden in ["Klotter", "graffiti", "obs-one", "p-heron"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
