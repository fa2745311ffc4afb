//! Own pictures and the joint one.

use std::sync::Arc;

use prost::Message as _;
use samsyn_domain::{Form, PartyId, merge::Seen, screening::Rule};
use samsyn_policy::{At, JointView, Preview, Problem, PublishedView, Shared, ValidationView, View};

use super::{
    all, holds, no_token, read,
    world::{DISSENT, LATITUDE, NOTE, PARTNER, SIGNATORY, World, area, month},
};
use crate::{
    Reason,
    inbound::{self, Change, Fault, fixture},
    sealed::{Encoded, Paged, observation, picture},
    v1::{self, observation::Location},
};

fn joint(service: &str) -> View<Arc<Shared<JointView>>> {
    World::new().view(service, |egress| egress.joint(&area(), month(), At::Newest))
}

fn joint_page(view: &View<Arc<Shared<JointView>>>) -> Encoded<v1::GetJointPictureResponse> {
    Encoded::<v1::GetJointPictureResponse>::page(view, all(), "cursor".to_owned(), no_token)
}

#[test]
fn a_signatory_reads_all_that_was_contributed() {
    let page = read(&joint_page(&joint(SIGNATORY)));
    assert_eq!((page.revision, page.cursor.as_str()), (3, "cursor"));
    let finding = &page.findings[0];
    assert_eq!(finding.id, "a-square/graffiti");
    assert_eq!(finding.finding_class(), v1::FindingClass::Conflicting);
    assert_eq!(finding.seen_by, ["municipal", "police"]);
    let by = |party: &str| finding.contributions.iter().find(|c| c.party == party).unwrap().clone();
    let ours = by("sdf").observation.unwrap();
    assert_eq!((by("sdf").version, ours.note.as_str()), (1, NOTE));
    assert_eq!(ours.id, "obs-ours");
    let Some(Location::Coordinates(at)) = ours.location else { panic!("{:?}", ours.location) };
    assert_eq!(at.lat_e7, LATITUDE);
    let theirs = by("lpo").observation.unwrap();
    assert_eq!(theirs.location, Some(Location::PlaceId("a-square".to_owned())));
    assert_eq!((theirs.severity, theirs.trend()), (Some(5), v1::Trend::Down));
    assert_eq!(
        theirs.labels,
        Some(v1::Labels { audience: ours.labels.unwrap().audience, ..fixture::labels() })
    );
}

#[test]
fn a_conflict_tells_its_candidates_and_who_dissents() {
    let page = read(&joint_page(&joint(SIGNATORY)));
    let finding = &page.findings[0];
    let [severity, trend] = finding.conflicts.as_slice() else { panic!("{finding:?}") };
    assert_eq!(severity.id, "2025-10:a-square/graffiti:severity");
    assert_eq!(severity.candidates, ["lpo=5", "sdf=2"]);
    assert_eq!(trend.candidates, ["lpo=down", "sdf=up"]);
    assert_eq!(severity.must_act, ["coordinator", "kommunpolis"]);
    assert_eq!((&severity.dissenting[..], trend.dissenting.len()), (&["lpo".to_owned()][..], 0));
    assert_eq!(finding.dissents[0].reason, DISSENT);
    assert_eq!((finding.severity, finding.trend()), (None, v1::Trend::Unspecified));
}

#[test]
fn a_partner_receives_exactly_its_part() {
    let encoded = joint_page(&joint(PARTNER));
    let bytes = encoded.encode_to_vec();
    for hidden in [NOTE, DISSENT, "obs-ours", "obs-theirs", "a-square"] {
        assert!(!holds(&bytes, hidden), "{hidden}");
    }
    let page = read(&encoded);
    let finding = &page.findings[0];
    assert_eq!(finding.id, "a-north/graffiti");
    assert_eq!((finding.conflicts.len(), finding.dissents.len()), (0, 0));
    for contribution in &finding.contributions {
        let seen = contribution.observation.as_ref().unwrap();
        assert_eq!(contribution.version, 0);
        assert_eq!(seen.location, Some(Location::SubAreaId("a-north".to_owned())));
        assert_eq!((seen.starts_at, seen.severity, seen.basis), (None, None, 0));
        assert_eq!((seen.count, seen.source_kind.as_str()), (Some(3), "patrol"));
        assert_eq!(seen.id.len(), 32);
    }
    assert_eq!(finding.counts.len(), 2);
    let withheld: Vec<&str> = finding.withheld.iter().map(|w| w.field_group.as_str()).collect();
    assert_eq!(withheld, ["time", "assessment", "text", "provenance"]);
    assert_eq!(finding.withheld[0].rule_id, "POL-12/kvv-a");
}

#[test]
fn an_opened_secret_is_told_only_in_the_groups_that_are_shown() {
    let view = joint(SIGNATORY);
    let contributed = &view.content().findings[0].contributions;
    let ours = contributed.iter().find(|seen| seen.id == "obs-ours").unwrap();
    let secret = view.content().secrets.of(ours.sealed.as_ref()).unwrap();
    let told = |text_shown, coordinates_shown, place_shown| {
        let seen = Seen { text_shown, coordinates_shown, place_shown, ..ours.clone() };
        let wire = observation::seen(&seen, Some(secret));
        (wire.note, wire.location)
    };
    let exact = v1::Coordinates { lat_e7: LATITUDE, lon_e7: 180_610_100 };
    let exact = Some(Location::Coordinates(exact));
    let place = Some(Location::PlaceId("a-square".to_owned()));
    assert_eq!(told(true, true, true), (NOTE.to_owned(), exact.clone()));
    assert_eq!(told(false, true, true), (String::new(), exact));
    assert_eq!(told(true, false, true), (NOTE.to_owned(), place));
    assert_eq!(told(true, false, false), (NOTE.to_owned(), None));
}

#[test]
fn equal_views_give_equal_bytes() {
    let [one, other] = [joint(SIGNATORY), joint(SIGNATORY)];
    let [one, other] = [&one, &other].map(|view| joint_page(view).encode_to_vec());
    assert_eq!(one, other);
}

#[test]
fn a_page_has_the_bytes_of_its_message() {
    let view = joint(SIGNATORY);
    let token = |from: usize| format!("from {from}");
    let page = |from, size| {
        let paged = Paged { from, size };
        Encoded::<v1::GetJointPictureResponse>::page(&view, paged, "cursor".to_owned(), token)
    };
    for (from, size, rows) in [(0, 1, 1), (0, 10, view.content().findings.len()), (100, 1, 0)] {
        let page = page(from, size);
        assert_eq!(page.rows(), rows);
        assert_eq!(read(&page).encode_to_vec(), page.encode_to_vec());
    }
}

#[test]
fn an_encoded_response_shows_nothing_but_its_length() {
    let encoded = joint_page(&joint(SIGNATORY));
    assert_eq!(encoded.encode_to_vec().len(), encoded.len());
    assert_eq!(format!("{encoded:?}"), format!("encoded response, {} bytes", encoded.len()));
    assert_eq!(encoded.clone().encode_to_vec(), encoded.encode_to_vec());
}

#[test]
fn what_a_party_reads_of_its_own_it_can_publish_again() {
    let party = PartyId::parse("sdf").unwrap();
    let view = World::new().view(SIGNATORY, |egress| egress.picture(&party, &area(), 0));
    let page = read(&Encoded::<v1::GetPictureResponse>::page(&view, all(), no_token));
    assert_eq!((page.version, page.observations.len()), (1, 1));
    assert_eq!(page.observations[0].note, NOTE);
    let again = fixture::full(page.observations);
    let checked = inbound::publication(again, &fixture::registry(), fixture::NOW);
    assert_eq!(checked.faults, []);
    let Change::Full { drafts, .. } = checked.value.unwrap().change else { panic!() };
    let stored = view.content().observations[0].observation.as_ref().unwrap();
    assert_eq!(drafts[0].content, stored.content);
    assert_eq!(drafts[0].secret.coordinates.map(|at| at.lat_e7), Some(LATITUDE));

    let beyond = Paged { from: 1, size: 1 };
    let page = read(&Encoded::<v1::GetPictureResponse>::page(&view, beyond, no_token));
    assert_eq!(page.observations, []);
}

#[test]
fn points_and_assessments_are_read_as_they_were_published() {
    let point = |code: &str, count| v1::SeriesPoint {
        period: Some(v1::Period { code: code.to_owned() }),
        count,
    };
    let counted = v1::Series {
        points: vec![point("2025-09", None), point("2025-10", Some(0)), point("2025-W41", Some(4))],
        ..fixture::series("counted")
    };
    let other = v1::Series { note: String::new(), ..fixture::series("counted-otherwise") };
    // In the order in which they are kept: by id.
    let mut sent = v1::PictureDelta {
        series: vec![other, counted],
        assessments: vec![fixture::assessment("said")],
        ..v1::PictureDelta::default()
    };
    let labels = sent.series.iter_mut().map(|series| &mut series.labels);
    let labels = labels.chain(sent.assessments.iter_mut().map(|one| &mut one.labels));
    labels.for_each(|labels| labels.as_mut().unwrap().audience.sort());
    let request = fixture::delta(sent.clone());
    let checked = inbound::publication(request, &fixture::registry(), fixture::NOW);
    let Change::Delta { drafts, .. } = checked.value.unwrap().change else { panic!() };
    let mut world = World::new();
    drafts.into_iter().for_each(|draft| world.put("sdf", draft));
    let party = PartyId::parse("sdf").unwrap();
    let view = world.view(SIGNATORY, |egress| egress.picture(&party, &area(), 0));
    let page = read(&Encoded::<v1::GetPictureResponse>::page(&view, all(), no_token));
    assert_eq!((page.series, page.assessments), (sent.series, sent.assessments));
    assert_eq!(page.observations.len(), 1);
}

#[test]
fn a_contribution_says_its_form() {
    let view = joint(SIGNATORY);
    let ours = &view.content().findings[0].contributions[1];
    let told = |form| observation::seen(&Seen { form, ..ours.clone() }, None);
    let (seen, counted) = (told(Form::Observation), told(Form::Series));
    assert_eq!((seen.severity, seen.basis), (Some(2), v1::Basis::Fact.into()));
    assert_eq!((counted.severity, counted.trend, counted.basis), (None, 0, 0));
    assert_eq!((counted.count, &counted.source_kind), (seen.count, &seen.source_kind));
    let page = read(&joint_page(&view));
    let forms = page.findings[0].contributions.iter().map(v1::Contribution::form);
    assert!(forms.eq([v1::Form::Observation, v1::Form::Observation]));
}

#[test]
fn an_explanation_names_rule_and_observations() {
    let view = World::new().view(SIGNATORY, |egress| {
        egress.explain(&area(), "a-square/graffiti", month(), At::Newest)
    });
    let steps = read(&Encoded::<v1::ExplainFindingResponse>::from(view)).steps;
    let severity = steps.iter().find(|step| step.field == "severity").unwrap();
    assert_eq!(severity.rule_id, "MERGE-04");
    assert_eq!(severity.observation_ids, ["obs-theirs", "obs-ours"]);
    assert!(!severity.text_sv.is_empty() && !severity.text_en.is_empty());
}

#[test]
fn a_change_is_answered_with_counters_and_the_conflicts_it_touches() {
    let full = joint(SIGNATORY);
    let view = PublishedView {
        version: 2,
        unchanged: true,
        revision: 9,
        conflicts: full.content().findings[0].conflicts.clone(),
        secrets: full.content().secrets.clone(),
    };
    let published = picture::published(&view);
    assert_eq!((published.version, published.unchanged, published.revision), (2, true, 9));
    assert_eq!(published.conflicts.len(), 2);
    let resolved = picture::resolved(&view);
    assert_eq!(resolved.revision, 9);
    assert_eq!(resolved.conflict.unwrap().field, "severity");
}

#[test]
fn a_problem_is_told_in_both_languages_and_without_the_text() {
    let fault = Fault {
        reason: Reason::IdentifierFound,
        field: "full.observations[0].note".to_owned(),
        characters: Some((3, 16)),
        rule: Some(Rule::Phone),
        warning: false,
    };
    let by_reason =
        Fault { reason: Reason::BadTime, characters: None, rule: None, ..fault.clone() };
    let reader = Preview {
        reader: "kvv".to_owned(),
        groups: vec!["place:sub_area".to_owned()],
        rule: "POL-12/kvv-a".to_owned(),
        observations: 4,
    };
    let problems = [fault, by_reason].map(Problem::from).into();
    let wire = picture::validated(&ValidationView { problems, readers: vec![reader] });
    let [screened, other] = wire.problems.as_slice() else { panic!() };
    assert_eq!(screened.reason, "IDENTIFIER_FOUND");
    assert_eq!((screened.first_character, screened.end_character), (3, 16));
    assert_eq!(screened.text_sv, Rule::Phone.text_sv());
    assert_eq!(screened.text_en, Rule::Phone.text_en());
    assert_eq!(other.text_sv, Reason::BadTime.text_sv());
    assert_eq!(other.text_en, Reason::BadTime.remedy());
    assert_eq!(wire.readers[0].field_groups, ["place:sub_area"]);
}
