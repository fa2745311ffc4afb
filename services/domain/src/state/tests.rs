mod forms;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    Audience, Basis, CategoryId, Content, Form, Kind, Labels, Observation, OrganisationId, Period,
    PriorityId, Regime, Secrecy, Severity, SourceId,
    command::{
        Actor, AddPart, Command, Found, IdempotencyKey, InParts, PART_CHANGES_MAX, PART_SECONDS,
        PARTS_MAX, Publish, Tick, UPLOADS_MAX, UPLOADS_PER_SERVICE_MAX, Upload,
    },
    merge::{Decisions, merge},
    registry::Document,
    row::What,
};

const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);

fn founded() -> State {
    let organisation = |id: &str| {
        let domain = format!("{id}.example");
        serde_json::json!({
            "id": id, "name": id, "orgnr": "1", "trust_domain": domain, "clearance": 3,
        })
    };
    let party = |id: &str, organisation: &str, kind: &str| {
        serde_json::json!({
            "id": id, "organisation": organisation, "name": id, "kind": kind, "sub_kind": "s",
        })
    };
    let document: Document = serde_json::from_value(serde_json::json!({
        "lists": {"priorities": [{"id": "unsafe_places", "sv": "s", "en": "e"}]},
        "organisations": [
            organisation("stad"), organisation("polis"),
        ],
        "parties": [
            party("sdf", "stad", "municipal"), party("lpo", "polis", "police"),
        ],
        "categories": [{"id": "graffiti", "sv": "Klotter", "en": "Graffiti",
            "kind": "observed_disorder", "priority": "unsafe_places", "geography": "place"}],
        "areas": [{"id": "a", "name": "A"}],
    }))
    .unwrap();
    let mut state = State::default();
    let found = Found {
        domain: "d".into(),
        document: document.into(),
        key_file: [0; 32],
        policy: [1; 32],
        level: FeatureLevel::FIRST,
    };
    let applied = state.apply(NOW, 1, &own(0, Command::Found(Box::new(found))));
    assert_eq!(applied.reply, Reply::Epoch { epoch: 1 });
    state
}

fn actor() -> Actor {
    Actor {
        organisation: OrganisationId::parse("stad").unwrap(),
        service: ServiceId::parse("stad/sdf").unwrap(),
        role: None,
        pseudonym: None,
    }
}

fn own(epoch: u64, command: Command) -> Submission {
    let valid_until = NOW.after_seconds(1_000_000);
    Submission { actor: actor(), key: None, epoch, valid_until, command }
}

fn key_made(at: Timestamp) -> IdempotencyKey {
    let millis = u128::try_from(at.micros() / 1_000).unwrap();
    IdempotencyKey::of(millis << 80 | 7 << 76 | 0b10 << 62 | 1).unwrap()
}

fn observation(id: &str, severity: u32, embargo: Option<Timestamp>) -> Observation {
    let labels = Labels {
        level: Secrecy::of(1).unwrap(),
        audience: BTreeSet::from([Audience::parse("signatories").unwrap()]),
        purposes: BTreeSet::new(),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: NOW.after_seconds(1_000_000),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: embargo,
        onward_sharing: false,
    };
    let area = AreaId::parse("a").unwrap();
    Observation {
        id: ObservationId::parse(id).unwrap(),
        content: Content {
            form: Form::Observation,
            category: CategoryId::parse("graffiti").unwrap(),
            kind: Kind::ObservedDisorder,
            priority: PriorityId::parse("unsafe_places").unwrap(),
            geography: crate::Geography { area, sub_area: None, place: None },
            starts_at: NOW,
            ends_at: NOW.after_seconds(60),
            count: Some(1),
            severity: Severity::of(severity),
            trend: None,
            basis: Basis::Fact,
            source: SourceId::parse("s").ok(),
            reliability: None,
            credibility: None,
            labels: labels.into(),
        },
        sealed: None,
    }
}

fn publish(base: u64, upserts: Vec<Observation>, withdrawn: &[&str]) -> Command {
    Command::Publish(Publish {
        party: PartyId::parse("sdf").unwrap(),
        area: AreaId::parse("a").unwrap(),
        base_version: base,
        upserts,
        withdrawn: withdrawn.iter().map(|id| ObservationId::parse(id).unwrap()).collect(),
        reason: None,
        covers: None,
        manifest: None,
        parts: None,
    })
}

fn refused(applied: &Applied) -> Reason {
    let Reply::Refused(refusal) = &applied.reply else { panic!("{:?}", applied.reply) };
    refusal.reason
}

#[test]
fn a_publication_makes_one_version_and_one_revision() {
    let mut state = founded();
    let both = vec![observation("1", 2, None), observation("2", 3, None)];
    let applied = state.apply(NOW, 2, &own(1, publish(0, both, &[])));
    let expected = Reply::Published { version: 1, revision: 1, unchanged: false };
    assert_eq!(applied.reply, expected);
    assert_eq!(applied.events, [Event::Revised { area: AreaId::parse("a").unwrap(), revision: 1 }]);
}

#[test]
fn equal_content_makes_no_version() {
    let mut state = founded();
    state.apply(NOW, 2, &own(1, publish(0, vec![observation("1", 2, None)], &[])));
    let again = state.apply(NOW, 3, &own(1, publish(1, vec![observation("1", 2, None)], &[])));
    assert_eq!(again.reply, Reply::Published { version: 1, revision: 1, unchanged: true });
    assert_eq!(again.rows, [Row::Stamp(NOW)]);
}

#[test]
fn row31_a_lost_update_is_refused_with_the_current_version() {
    let mut state = founded();
    state.apply(NOW, 2, &own(1, publish(0, vec![observation("1", 2, None)], &[])));
    let lost = state.apply(NOW, 3, &own(1, publish(0, vec![observation("1", 5, None)], &[])));
    assert_eq!(refused(&lost), Reason::VersionConflict);
    assert!(matches!(lost.reply, Reply::Refused(Refusal { current: 1, .. })));
}

#[test]
fn an_unknown_withdrawal_is_refused_and_a_repeated_one_changes_nothing() {
    let mut state = founded();
    state.apply(NOW, 2, &own(1, publish(0, vec![observation("1", 2, None)], &[])));
    assert_eq!(
        refused(&state.apply(NOW, 3, &own(1, publish(1, vec![], &["9"])))),
        Reason::NotFound
    );
    state.apply(NOW, 4, &own(1, publish(1, vec![], &["1"])));
    let again = state.apply(NOW, 5, &own(1, publish(2, vec![], &["1"])));
    assert_eq!(again.reply, Reply::Published { version: 2, revision: 2, unchanged: true });
    assert_eq!(
        state
            .area(&AreaId::parse("a").unwrap())
            .unwrap()
            .own(&PartyId::parse("sdf").unwrap(), 2)
            .count(),
        0
    );
    assert_eq!(
        state
            .area(&AreaId::parse("a").unwrap())
            .unwrap()
            .own(&PartyId::parse("sdf").unwrap(), 1)
            .count(),
        1
    );
}

#[test]
fn row28_a_repeated_key_returns_the_first_answer_also_of_a_refusal() {
    let mut state = founded();
    let keyed = |body, command| Submission { key: Some((key_made(NOW), body)), ..own(1, command) };
    let first = state.apply(NOW, 2, &keyed([1; 32], publish(7, vec![], &[])));
    assert_eq!(refused(&first), Reason::VersionConflict);
    let repeated =
        state.apply(NOW.after_seconds(90_000), 3, &keyed([1; 32], publish(7, vec![], &[])));
    assert_eq!(repeated.reply, first.reply);
    let reused = state.apply(NOW, 4, &keyed([2; 32], publish(0, vec![], &[])));
    assert_eq!(refused(&reused), Reason::KeyReused);
}

#[test]
fn row30_an_unknown_key_that_is_old_or_from_the_future_is_never_executed() {
    let mut state = founded();
    for made in [NOW.after_seconds(-KEY_SECONDS_AND_MORE), NOW.after_seconds(121)] {
        let key = Some((key_made(made), [1; 32]));
        let late = Submission { key, ..own(1, publish(0, vec![observation("1", 2, None)], &[])) };
        assert_eq!(refused(&state.apply(NOW, 2, &late)), Reason::KeyExpired);
    }
    assert_eq!(state.revision(&AreaId::parse("a").unwrap()), 0);
}

const KEY_SECONDS_AND_MORE: i64 = crate::command::KEY_SECONDS + 1;

#[test]
fn a_permit_of_an_earlier_epoch_is_refused_and_not_stored() {
    let mut state = founded();
    let stale =
        Submission { key: Some((key_made(NOW), [1; 32])), ..own(0, publish(0, vec![], &[])) };
    assert_eq!(refused(&state.apply(NOW, 2, &stale)), Reason::EpochStale);
    let fresh = Submission { epoch: 1, ..stale };
    let fresh = state.apply(NOW, 3, &fresh);
    assert_eq!(fresh.reply, Reply::Published { version: 0, revision: 0, unchanged: true });
}

#[test]
fn an_embargo_ends_by_a_tick_with_a_revision_of_its_own() {
    let mut state = founded();
    let until = NOW.after_seconds(100);
    state.apply(NOW, 2, &own(1, publish(0, vec![observation("1", 2, Some(until))], &[])));
    let area = AreaId::parse("a").unwrap();
    let held = |state: &State| {
        state
            .area(&area)
            .unwrap()
            .contributions("2025-10".parse().unwrap(), state.revision(&area))
            .any(|s| s.embargoed)
    };
    state.apply(NOW.after_seconds(99), 3, &own(1, Command::Tick(Tick)));
    assert!(held(&state));
    let ended = state.apply(NOW.after_seconds(100), 4, &own(1, Command::Tick(Tick)));
    assert!(!held(&state));
    assert_eq!(ended.events, [Event::Revised { area: area.clone(), revision: 2 }]);
    assert_eq!(state.area(&area).unwrap().changed(1, 2).len(), 1);
}

#[test]
fn absorbing_the_rows_gives_the_same_state() {
    let mut state = founded();
    let mut rows = Vec::new();
    let mut replica = founded();
    for (position, command) in [
        publish(0, vec![observation("1", 2, None), observation("2", 4, None)], &[]),
        publish(1, vec![observation("1", 3, None)], &["2"]),
        Command::Tick(Tick),
    ]
    .into_iter()
    .enumerate()
    {
        rows.extend(state.apply(NOW, position as u64 + 2, &own(1, command)).rows);
    }
    for row in rows {
        replica.absorb(row);
    }
    assert_eq!(state, replica);
}

proptest! {
    /// Delta after delta or all at once: the same joint picture.
    #[test]
    fn deltas_come_to_the_same_as_a_full_publication(
        edits in prop::collection::vec((0..6_u8, 0..6_u32), 1..30)
    ) {
        let area = AreaId::parse("a").unwrap();
        let mut state = founded();
        let mut last = BTreeMap::new();
        for (position, (id, severity)) in edits.iter().enumerate() {
            let base = state.picture(&PartyId::parse("sdf").unwrap(), &area).version();
            let id = id.to_string();
            let known = last.contains_key(&id);
            let command = match severity {
                0 if known => publish(base, vec![], &[&id]),
                0 => continue,
                severity => publish(base, vec![observation(&id, *severity, None)], &[]),
            };
            state.apply(NOW, position as u64 + 2, &own(1, command));
            last.insert(id, *severity);
        }
        let all = last.iter().filter(|(_, s)| **s > 0).map(|(id, s)| observation(id, *s, None));
        let mut full = founded();
        full.apply(NOW, 2, &own(1, publish(0, all.collect(), &[])));
        let picture = |state: &State| {
            let period: Period = "2025-10".parse().unwrap();
            let registry = state.registry();
            let seen: Vec<_> = state.area(&area).map_or_else(Vec::new, |a| {
                let stages = a.contributions(period, state.revision(&area));
                stages.filter_map(|stage| in_full(registry, stage)).map(|mut seen| {
                    seen.version = None;
                    seen
                }).collect()
            });
            merge(period, seen, &Decisions::default(), |_| crate::Level::Place)
        };
        prop_assert_eq!(picture(&state), picture(&full));
    }
}

#[test]
fn what_was_to_be_kept_until_now_is_gone_with_a_revision_of_its_own() {
    let mut state = founded();
    let (party, area) = (PartyId::parse("sdf").unwrap(), AreaId::parse("a").unwrap());
    let mut short = observation("1", 3, None);
    let until = NOW.after_seconds(100);
    short.content.labels =
        Labels { retain_until: until, ..Labels::clone(&short.content.labels) }.into();
    let both = publish(0, vec![short, observation("2", 3, None)], &[]);
    state.apply(NOW, 2, &own(1, both));
    let ids = |state: &State| -> Vec<String> {
        let own = state.area(&area).unwrap().own(&party, state.revision(&area));
        own.map(|stage| stage.id.to_string()).collect()
    };
    assert!(!state.has_due(NOW.after_seconds(99)));
    assert!(state.has_due(until));
    let applied = state.apply(until, 3, &own(1, Command::Tick(Tick)));
    assert!(matches!(applied.events[..], [Event::Revised { .. }]), "{:?}", applied.events);
    assert_eq!((ids(&state), state.revision(&area)), (vec!["2".to_owned()], 2));
    assert!(!state.has_due(until), "it ends once");
    let index = state.area(&area).unwrap();
    let then: Vec<_> = index.contributions("2025-10".parse().unwrap(), 1).collect();
    let became = then.iter().map(|stage| (stage.id.as_str(), index.became(stage).1));
    let became: Vec<_> = became.collect();
    assert_eq!(became, [("1", Some(What::RetentionEnd)), ("2", None)]);
}

#[test]
fn what_an_observation_became_ends_where_it_was_withdrawn() {
    let mut state = founded();
    for (position, command) in [
        (2, publish(0, vec![observation("1", 2, None)], &[])),
        (3, publish(1, vec![observation("1", 3, None)], &[])),
        (4, publish(2, Vec::new(), &["1"])),
        (5, publish(3, vec![observation("1", 5, None)], &[])),
    ] {
        state.apply(NOW, position, &own(1, command));
    }
    let index = state.area(&AreaId::parse("a").unwrap()).unwrap();
    let became = |revision| {
        let stage = index.contributions("2025-10".parse().unwrap(), revision).next().unwrap();
        let (last, by) = index.became(stage);
        (last.map(|stage| stage.revision), by)
    };
    assert_eq!(became(1), (Some(2), Some(What::Publication)));
    assert_eq!(became(2), (Some(2), Some(What::Publication)));
    assert_eq!(became(4), (Some(4), None));
}

#[test]
fn a_party_with_nothing_to_report_says_so_once_for_each_period() {
    let mut state = founded();
    let area = AreaId::parse("a").unwrap();
    let nothing = |base_version, covers: &str| {
        Command::Publish(Publish {
            party: PartyId::parse("lpo").unwrap(),
            area: AreaId::parse("a").unwrap(),
            base_version,
            upserts: Vec::new(),
            withdrawn: Vec::new(),
            reason: None,
            covers: Some(covers.parse().unwrap()),
            manifest: None,
            parts: None,
        })
    };
    let covered = |state: &State, period: &str, revision| {
        state.covered_by(&area, period.parse().unwrap(), revision)
    };
    let mut apply = |position, command| state.apply(NOW, position, &own(1, command)).reply;
    let said = |version, unchanged| Reply::Published { version, revision: version, unchanged };
    assert_eq!(apply(2, nothing(0, "2025-09")), said(1, false));
    assert_eq!(apply(3, nothing(1, "2025-09")), said(1, true));
    assert_eq!(apply(4, nothing(1, "2025-W37")), said(1, true), "the month holds the week");
    assert_eq!(apply(5, nothing(1, "2025-Q3")), said(2, false));
    let police = BTreeSet::from([PartyKind::Police]);
    assert_eq!(covered(&state, "2025-09", 1), police);
    assert_eq!(covered(&state, "2025-08", 1), BTreeSet::new());
    assert_eq!(covered(&state, "2025-08", 2), police);
}

fn upload() -> Upload {
    Upload { service: actor().service, key: key_made(NOW) }
}

fn part(number: u32, body: u8, upserts: Vec<Observation>) -> Command {
    Command::AddPart(AddPart { upload: upload(), body: [body; 32], number, upserts })
}

fn of_parts(number: u32, base: u64) -> Command {
    let Command::Publish(publish) = publish(base, Vec::new(), &[]) else { panic!("it publishes") };
    let parts = Some(InParts { upload: upload(), body: [7; 32], number });
    Command::Publish(Publish { parts, ..publish })
}

#[test]
fn parts_take_effect_together_and_only_as_the_whole_that_was_asked_for() {
    let mut state = founded();
    let mut apply = |position, command| state.apply(NOW, position, &own(1, command));
    let first = vec![observation("1", 2, None), observation("2", 3, None)];
    assert_eq!(apply(2, part(0, 7, first)).reply, Reply::Done);
    assert_eq!(refused(&apply(3, of_parts(2, 0))), Reason::PartGone, "one is missing");
    apply(4, part(1, 8, vec![observation("3", 4, None)]));
    assert_eq!(refused(&apply(5, of_parts(2, 0))), Reason::PartGone, "one is of another request");
    apply(6, part(1, 7, vec![observation("3", 4, None)]));
    let whole = apply(7, of_parts(2, 0));
    assert_eq!(whole.reply, Reply::Published { version: 1, revision: 1, unchanged: false });
    let staged = whole.rows.iter().filter(|row| matches!(row, Row::Stage(_))).count();
    let gone = whole.rows.iter().filter(|row| matches!(row, Row::PartGone(..))).count();
    assert_eq!((staged, gone), (3, 2));
    assert_eq!(state.parts().uploads(), 0);
}

#[test]
fn parts_whose_publication_does_not_come_are_let_go() {
    let mut state = founded();
    state.apply(NOW, 2, &own(1, part(0, 7, vec![observation("1", 2, None)])));
    let soon = NOW.after_seconds(PART_SECONDS - 1);
    assert!(!state.has_due(soon));
    state.apply(soon, 3, &own(1, Command::Tick(Tick)));
    assert!(state.parts().has(&upload()));
    let late = NOW.after_seconds(PART_SECONDS);
    assert!(state.has_due(late));
    state.apply(late, 4, &own(1, Command::Tick(Tick)));
    assert_eq!((state.parts().uploads(), state.has_due(late)), (0, false));
}

#[test]
fn no_more_publications_in_parts_are_taken_than_the_limit() {
    let mut state = founded();
    let numbered = |number: usize| {
        let service = ServiceId::parse(&format!("a/s{number}")).unwrap();
        let upload = Upload { service, ..upload() };
        let upserts = vec![observation("1", 2, None)];
        Command::AddPart(AddPart { upload, body: [7; 32], number: 0, upserts })
    };
    for (position, number) in (2..).zip(0..UPLOADS_MAX) {
        assert_eq!(state.apply(NOW, position, &own(1, numbered(number))).reply, Reply::Done);
    }
    let more = state.apply(NOW, 90, &own(1, numbered(UPLOADS_MAX)));
    assert_eq!(refused(&more), Reason::UploadLimit);
    assert_eq!(state.apply(NOW, 91, &own(1, numbered(0))).reply, Reply::Done, "one that is open");
    let mut state = founded();
    let of_one = |number: u64| {
        let key = IdempotencyKey::of(key_made(NOW).uuid() + u128::from(number)).unwrap();
        let upload = Upload { key, ..upload() };
        Command::AddPart(AddPart { upload, body: [7; 32], number: 0, upserts: Vec::new() })
    };
    for number in 0..u64::try_from(UPLOADS_PER_SERVICE_MAX).unwrap() {
        assert_eq!(state.apply(NOW, number + 2, &own(1, of_one(number))).reply, Reply::Done);
    }
    assert_eq!(refused(&state.apply(NOW, 90, &own(1, of_one(90)))), Reason::UploadLimit);
    let upserts = vec![observation("1", 2, None); PART_CHANGES_MAX + 1];
    assert_eq!(refused(&state.apply(NOW, 92, &own(1, part(0, 7, upserts)))), Reason::TooLarge);
    let beyond = state.apply(NOW, 93, &own(1, part(PARTS_MAX, 7, Vec::new())));
    assert_eq!(refused(&beyond), Reason::TooLarge);
}
