//! The other requests.

use samsyn_domain::merge::{Field, Outcome};
use samsyn_policy::At;

use crate::{
    Reason, admin,
    inbound::{
        AcknowledgeAsked, AnswerAsked, CollisionsAsked, DisclosuresAsked, DissentAsked,
        EditionAsked, ExplainAccessAsked, Fault, HoldersAsked, JointAsked, LockAsked, OpenAsked,
        PictureAsked, ReleaseAsked, Resolve, SuspendAsked,
        fixture::{self, wire_time},
        scope, write_context,
    },
    v1,
};

const EDITION: &str = "a:2025-10:operative:1";

pub(super) fn resolve() -> v1::ResolveConflictRequest {
    v1::ResolveConflictRequest {
        context: Some(fixture::write_context()),
        conflict_id: "2025-10:a-square/graffiti:severity".to_owned(),
        revision: 7,
        outcome: Some(v1::resolve_conflict_request::Outcome::Severity(4)),
        reason: "Vi såg det tillsammans.".to_owned(),
        party: "sdf".to_owned(),
    }
}

pub(super) fn dissent() -> v1::RecordDissentRequest {
    v1::RecordDissentRequest {
        context: Some(fixture::write_context()),
        area: "a".to_owned(),
        period: fixture::month(),
        finding_id: "a-square/graffiti".to_owned(),
        field_name: "counts".to_owned(),
        reason: String::new(),
        party: "sdf".to_owned(),
    }
}

pub(super) fn open() -> v1::OpenEditionRequest {
    v1::OpenEditionRequest {
        context: Some(fixture::write_context()),
        area: "a".to_owned(),
        period: fixture::month(),
        track: "operative".to_owned(),
        due: Some(wire_time(86_400)),
        party: "sdf".to_owned(),
    }
}

pub(super) fn send() -> v1::SendMessageRequest {
    v1::SendMessageRequest {
        context: Some(fixture::write_context()),
        ground: Some(fixture::read_context()),
        from_function: "2120000142/larmcentral".to_owned(),
        to_functions: vec!["2021000225/frivard".to_owned()],
        kind: "question".to_owned(),
        respond_by: Some(wire_time(86_400)),
        subject: "Belysning vid torget".to_owned(),
        body: "Vet ni när den lagas?".to_owned(),
        labels: Some(v1::Labels { audience: Vec::new(), ..fixture::labels() }),
        ..v1::SendMessageRequest::default()
    }
}

pub(super) fn mark() -> v1::MarkMessageRequest {
    v1::MarkMessageRequest {
        context: Some(fixture::write_context()),
        function_address: "2021000225/frivard".to_owned(),
        message_id: "1f".repeat(32),
        step: v1::MessageStep::Acted.into(),
    }
}

pub(super) fn lock() -> v1::LockEditionRequest {
    v1::LockEditionRequest {
        context: Some(fixture::write_context()),
        edition_id: EDITION.to_owned(),
        revision: 7,
        analysis: "Läget är stabilt.".to_owned(),
        analysis_labels: Some(fixture::labels()),
        party: "sdf".to_owned(),
    }
}

pub(super) fn answer() -> v1::AnswerEditionRequest {
    let answer = v1::Answer {
        party: "sdf".to_owned(),
        verdict: v1::Verdict::EndorsedWithReservation.into(),
        text: "Med förbehåll för torget.".to_owned(),
        statement: vec![1; 600],
        signature: vec![2; 64],
        key_id: "sdf-coordinator-1".to_owned(),
        actor_role: "coordinator".to_owned(),
        text_salt: vec![3; 32],
    };
    v1::AnswerEditionRequest {
        context: Some(fixture::write_context()),
        edition_id: EDITION.to_owned(),
        answer: Some(answer),
    }
}

pub(super) fn release() -> v1::ReleaseEditionRequest {
    v1::ReleaseEditionRequest {
        context: Some(fixture::write_context()),
        edition_id: EDITION.to_owned(),
        content_root: vec![9; 32],
        party: "sdf".to_owned(),
    }
}

pub(super) fn suspend() -> admin::v1::SuspendServiceRequest {
    admin::v1::SuspendServiceRequest {
        context: Some(fixture::write_context()),
        service: "stad/system".to_owned(),
        reason: "Nyckeln har kommit bort.".to_owned(),
    }
}

fn at(fault: Fault) -> (Reason, String) {
    (fault.reason, fault.field)
}

fn refused(reason: Reason, field: &str) -> (Reason, String) {
    (reason, field.to_owned())
}

#[test]
fn an_outcome_is_stated_by_a_function() {
    let registry = fixture::registry();
    let parsed = Resolve::parse(resolve(), &registry).unwrap();
    assert_eq!(parsed.conflict.id(), "2025-10:a-square/graffiti:severity");
    assert!(matches!(parsed.outcome, Outcome::Severity(grade) if grade.grade() == 4));

    let mut nobody = resolve();
    nobody.context.get_or_insert_default().actor_role.clear();
    let fault = at(Resolve::parse(nobody, &registry).unwrap_err());
    assert_eq!(fault, refused(Reason::MissingField, "context.actor_role"));
}

#[test]
fn an_outcome_is_a_value_that_can_be_one() {
    use v1::resolve_conflict_request::Outcome as Wire;
    let cases = [
        (None, refused(Reason::MissingField, "outcome")),
        (Some(Wire::Severity(6)), refused(Reason::BadField, "severity")),
        (Some(Wire::Trend(0)), refused(Reason::UnknownCode, "trend")),
        (Some(Wire::Dissent(false)), refused(Reason::BadField, "dissent")),
    ];
    for (outcome, expected) in cases {
        let request = v1::ResolveConflictRequest { outcome, ..resolve() };
        assert_eq!(at(Resolve::parse(request, &fixture::registry()).unwrap_err()), expected);
    }
}

#[test]
fn a_dissent_is_on_a_field_of_a_finding_of_the_area() {
    let registry = fixture::registry();
    let parsed = DissentAsked::parse(dissent(), &registry).unwrap();
    assert_eq!((parsed.field, parsed.reason), (Field::Counts, None));
    let elsewhere =
        v1::RecordDissentRequest { finding_id: "b-square/graffiti".into(), ..dissent() };
    let fault = at(DissentAsked::parse(elsewhere, &registry).unwrap_err());
    assert_eq!(fault, refused(Reason::NotFound, "finding_id"));
    let field = v1::RecordDissentRequest { field_name: "note".into(), ..dissent() };
    let fault = at(DissentAsked::parse(field, &registry).unwrap_err());
    assert_eq!(fault, refused(Reason::UnknownCode, "field_name"));
}

#[test]
fn an_edition_is_opened_for_a_period_that_is_agreed() {
    let registry = fixture::registry();
    assert!(OpenAsked::parse(open(), &registry).is_ok());
    let year =
        v1::OpenEditionRequest { period: Some(v1::Period { code: "2025".to_owned() }), ..open() };
    let fault = at(OpenAsked::parse(year, &registry).unwrap_err());
    assert_eq!(fault, refused(Reason::BadPeriod, "period"));
    let track = v1::OpenEditionRequest { track: "fast".into(), ..open() };
    let fault = at(OpenAsked::parse(track, &registry).unwrap_err());
    assert_eq!(fault, refused(Reason::UnknownCode, "track"));
    let due = v1::OpenEditionRequest { due: None, ..open() };
    let fault = at(OpenAsked::parse(due, &registry).unwrap_err());
    assert_eq!(fault, refused(Reason::MissingField, "due"));
}

#[test]
fn an_analysis_is_labelled_and_bounded() {
    let parse = |request| LockAsked::parse(request, &fixture::registry(), fixture::NOW);
    assert_eq!(parse(lock()).unwrap().analysis, "Läget är stabilt.");
    let bare = v1::LockEditionRequest { analysis_labels: None, ..lock() };
    let fault = at(parse(bare).unwrap_err());
    assert_eq!(fault, refused(Reason::LabelsMissing, "analysis_labels"));
    let mut high = lock();
    high.analysis_labels.get_or_insert_default().level = 4;
    let fault = at(parse(high).unwrap_err());
    assert_eq!(fault, refused(Reason::LevelTooHigh, "analysis_labels.level"));
    let long = v1::LockEditionRequest { analysis: "x".repeat(8_001), ..lock() };
    assert_eq!(at(parse(long).unwrap_err()), refused(Reason::FieldTooLong, "analysis"));
}

#[test]
fn an_answer_keeps_what_was_signed() {
    let parsed = AnswerAsked::parse(answer()).unwrap();
    assert_eq!(parsed.text.as_deref(), Some("Med förbehåll för torget."));
    assert_eq!((parsed.statement.len(), parsed.signature.len()), (600, 64));
    let wrong = |change: fn(&mut v1::Answer)| {
        let mut request = answer();
        change(request.answer.get_or_insert_default());
        at(AnswerAsked::parse(request).unwrap_err())
    };
    let fault = wrong(|answer| answer.text = "fo\u{308}rbehåll".to_owned());
    assert_eq!(fault, refused(Reason::BadCharacters, "answer.text"));
    let fault = wrong(|answer| answer.verdict = 0);
    assert_eq!(fault, refused(Reason::MissingField, "answer.verdict"));
    let fault = wrong(|answer| answer.verdict = 4);
    assert_eq!(fault, refused(Reason::UnknownCode, "answer.verdict"));
    let fault = wrong(|answer| answer.actor_role.clear());
    assert_eq!(fault, refused(Reason::MissingField, "answer.actor_role"));
    let fault = wrong(|answer| answer.statement = vec![0; 4_097]);
    assert_eq!(fault, refused(Reason::FieldTooLong, "answer.statement"));
}

#[test]
fn a_content_root_has_32_bytes() {
    assert_eq!(ReleaseAsked::parse(release()).unwrap().root, [9; 32]);
    let short = v1::ReleaseEditionRequest { content_root: vec![9; 31], ..release() };
    let fault = at(ReleaseAsked::parse(short).unwrap_err());
    assert_eq!(fault, refused(Reason::BadField, "content_root"));
}

#[test]
fn a_suspension_names_a_service() {
    assert_eq!(SuspendAsked::parse(suspend()).unwrap().service.as_str(), "stad/system");
    let nobody = admin::v1::SuspendServiceRequest { service: String::new(), ..suspend() };
    let fault = at(SuspendAsked::parse(nobody).unwrap_err());
    assert_eq!(fault, refused(Reason::MissingField, "service"));
}

#[test]
fn a_change_has_a_key_and_a_known_role() {
    let refuse = |change: fn(&mut v1::WriteContext)| {
        let mut context = fixture::write_context();
        change(&mut context);
        at(write_context(Some(context)).unwrap_err())
    };
    assert_eq!(at(write_context(None).unwrap_err()), refused(Reason::MissingField, "context"));
    let fault = refuse(|context| context.idempotency_key = "1".to_owned());
    assert_eq!(fault, refused(Reason::KeyMalformed, "context.idempotency_key"));
    let fault = refuse(|context| context.actor_role = "chef".to_owned());
    assert_eq!(fault, refused(Reason::UnknownCode, "context.actor_role"));
    let fault = refuse(|context| context.actor_pseudonym = "p".repeat(129));
    assert_eq!(fault, refused(Reason::FieldTooLong, "context.actor_pseudonym"));
}

#[test]
fn a_joint_picture_is_read_at_a_revision_or_a_time_and_not_both() {
    let request = |revision, recorded_at| v1::GetJointPictureRequest {
        area: "a".to_owned(),
        period: fixture::month(),
        revision,
        recorded_at,
        ..v1::GetJointPictureRequest::default()
    };
    let read = |revision, time| JointAsked::parse(request(revision, time)).map(|asked| asked.at);
    assert_eq!(read(0, None), Ok(At::Newest));
    assert_eq!(read(3, None), Ok(At::Revision(3)));
    assert_eq!(read(0, Some(wire_time(0))), Ok(At::Recorded(fixture::NOW)));
    let fault = at(read(3, Some(wire_time(0))).unwrap_err());
    assert_eq!(fault, refused(Reason::BadField, "recorded_at"));
}

#[test]
fn scopes_name_what_can_exist() {
    let asked = v1::Scope {
        areas: vec!["a".to_owned()],
        priorities: vec!["unsafe_places".to_owned()],
        period_kinds: vec!["week".to_owned(), "fortnight".to_owned()],
    };
    let fault = at(scope(Some(asked.clone())).unwrap_err());
    assert_eq!(fault, refused(Reason::UnknownCode, "scope.period_kinds[1]"));
    let period_kinds = vec!["week".to_owned()];
    let parsed = scope(Some(v1::Scope { period_kinds, ..asked })).unwrap();
    assert_eq!((parsed.areas.len(), parsed.priorities.len(), parsed.periods.len()), (1, 1, 1));
    assert_eq!(scope(None), Ok(samsyn_policy::Scope::default()));
    let group = v1::ExplainAccessRequest { field_group: "places".into(), ..Default::default() };
    let fault = at(ExplainAccessAsked::parse(group).unwrap_err());
    assert_eq!(fault, refused(Reason::UnknownCode, "field_group"));
}

#[test]
fn spans_of_time_end_after_they_start() {
    let collisions = |from, to| {
        let request = v1::ListMeetingCollisionsRequest {
            role: "kommunpolis".to_owned(),
            starts_at: Some(wire_time(from)),
            ends_at: Some(wire_time(to)),
            ..v1::ListMeetingCollisionsRequest::default()
        };
        CollisionsAsked::parse(request).map_err(at)
    };
    assert!(collisions(0, 400 * 86_400).is_ok());
    let bad = refused(Reason::BadTime, "ends_at");
    assert_eq!(collisions(0, 400 * 86_400 + 1), Err(bad.clone()));
    assert_eq!(collisions(0, 0), Err(bad.clone()));
    let disclosures = v1::ListDisclosuresRequest {
        starts_at: Some(wire_time(1)),
        ends_at: Some(wire_time(0)),
        ..v1::ListDisclosuresRequest::default()
    };
    assert_eq!(DisclosuresAsked::parse(disclosures).map_err(at), Err(bad));
    let all = DisclosuresAsked::parse(v1::ListDisclosuresRequest::default()).unwrap();
    assert_eq!(all.filter, samsyn_policy::DisclosureFilter::default());
}

#[test]
fn what_cannot_be_an_observation_is_answered_like_one_that_is_not_there() {
    let asked = |area: &str, party: &str, id: &str| {
        let (area, party) = (area.to_owned(), party.to_owned());
        let observation_id = id.to_owned();
        let asked = v1::ListHoldersRequest { area, party, observation_id, ..Default::default() };
        HoldersAsked::parse(asked).map(|asked| asked.of.observation.to_string()).map_err(at)
    };
    assert_eq!(asked("a", "p", "W40-17"), Ok("W40-17".to_owned()));
    assert_eq!(asked("", "p", "o"), Err(refused(Reason::MissingField, "area")));
    assert_eq!(asked("a", "", "o"), Err(refused(Reason::MissingField, "party")));
    assert_eq!(asked("a", "p", ""), Err(refused(Reason::MissingField, "observation_id")));
    let nowhere = Err(refused(Reason::NotFound, "observation_id"));
    for (area, party, id) in [("A b", "p", "o"), ("a", "P p", "o"), ("a", "p", "\u{e5} o")] {
        assert_eq!(asked(area, party, id), nowhere, "{area} {party} {id}");
    }
}

#[test]
fn reads_and_acknowledgements_name_their_object() {
    let missing = |field| refused(Reason::MissingField, field);
    let picture = PictureAsked::parse(v1::GetPictureRequest::default()).map_err(at);
    assert_eq!(picture, Err(missing("party")));
    let edition = EditionAsked::parse(v1::GetEditionRequest::default()).map_err(at);
    assert_eq!(edition, Err(missing("edition_id")));
    let context = Some(fixture::write_context());
    let request = v1::AcknowledgeEventsRequest { context, cursor: String::new() };
    assert_eq!(AcknowledgeAsked::parse(request).map_err(at), Err(missing("cursor")));
}
