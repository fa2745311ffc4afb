use std::collections::BTreeSet;

use samsyn_domain::{Period, Timestamp, registry::FieldGroup};
use samsyn_proto::v1::{self, count_series, observation::Location};

use super::super::{
    About, Amount, Assessment, Counts, Fields, Identity, Labels, ObjectKind, Opened, Place,
    PlaceVariant, Rejected, Step, Verified, VerifiedObject,
};

const CATEGORY: &str = "disorder.noise";
const START: i64 = 1_759_168_800_000_000;

fn labels() -> Labels {
    Labels {
        level: 1,
        audience: BTreeSet::from(["signatories".to_owned(), "kriminalvarden".to_owned()]),
        purposes: BTreeSet::from(["local-prevention".to_owned()]),
        regime: "nonpersonal".to_owned(),
        secrecy_provisions: BTreeSet::new(),
        retain_until: Some(Timestamp::from_micros(START + 7_000_000)),
        person_related: false,
        special_category: false,
        originator_control: true,
        embargo_until: None,
        onward_sharing: false,
    }
}

fn object(id: u8, kind: ObjectKind, about: About) -> VerifiedObject {
    let identity = Identity { about, area: "farsta".to_owned(), labels: labels() };
    let fields = Fields {
        identity,
        place: Opened::Withheld,
        time: Opened::Withheld,
        counts: Opened::Withheld,
        assessment: Opened::Withheld,
        text: Opened::Withheld,
        provenance: Opened::Withheld,
    };
    VerifiedObject { id: [id; 16], slot: u32::from(id), kind, fields }
}

fn contribution(id: u8, kind: ObjectKind, owner: &str) -> VerifiedObject {
    let about = About::Contribution {
        category: CATEGORY.to_owned(),
        observation_kind: 2,
        priority: "unsafe_places".to_owned(),
        owner: owner.to_owned(),
        owner_kind: if owner.starts_with("lpo") { 2 } else { 1 },
        geography: 2,
    };
    let mut object = object(id, kind, about);
    object.fields.place = Opened::Value(Place {
        variant: PlaceVariant::SubArea,
        place: None,
        sub_area: Some("farsta-strand".to_owned()),
        area: "farsta".to_owned(),
        coordinates: None,
        treatment: None,
    });
    let amount = Amount::Exact(Some(u64::from(id)));
    object.fields.counts =
        Opened::Value(Counts { source: Some("rounds".to_owned()), amount, treatment: None });
    object
}

fn observation(id: u8, owner: &str, severity: u8) -> VerifiedObject {
    let mut object = contribution(id, ObjectKind::Observation, owner);
    let ends = Timestamp::from_micros(START + 7_200_000_001);
    object.fields.time = Opened::Value((Timestamp::from_micros(START), ends));
    object.fields.assessment = Opened::Value(Assessment::Observation {
        severity: Some(severity),
        trend: Some(3),
        basis: Some(1),
        reliability: Some(2),
        credibility: None,
    });
    object.fields.text = Opened::Value("Höga ljud.".to_owned());
    object
}

/// A decision that settled a conflict; without an outcome, a dissent.
fn decision(candidates: &[u8], outcome: Option<u8>, by: &[&str]) -> VerifiedObject {
    let about = About::Decision {
        category: CATEGORY.to_owned(),
        geography: 2,
        period: "2025-W40".to_owned(),
        geography_id: "farsta-strand".to_owned(),
    };
    let mut object = object(200, ObjectKind::Decision, about);
    object.fields.assessment = Opened::Value(Assessment::Decision {
        field: "severity".to_owned(),
        outcome,
        candidates: candidates.iter().map(|id| [*id; 16]).collect(),
        decided_by: by.iter().map(|party| (*party).to_owned()).collect(),
        dissent: outcome.is_none(),
    });
    object.fields.text = Opened::Value("Efter samråd.".to_owned());
    object
}

fn verified(objects: Vec<VerifiedObject>) -> Verified {
    Verified {
        domain: "stockholm.se".to_owned(),
        agreement: "farsta-2024".to_owned(),
        edition: "farsta:2025-w40:operative".to_owned(),
        area: "farsta".to_owned(),
        period: "2025-W40".parse::<Period>().unwrap().bounds(),
        track: "operative".to_owned(),
        round: 1,
        content_root: [0; 32],
        basis_commitment: [0; 32],
        merge_version: 1,
        class_digest: [0; 32],
        sequence: 1,
        manifest_digest: [0; 32],
        endorsements: Vec::new(),
        objects,
        fields_opened: 0,
        signatures: 0,
    }
}

fn series(party: &str, amount: count_series::Amount) -> v1::CountSeries {
    let (kind, source_kind, party) = (2, "rounds".to_owned(), party.to_owned());
    v1::CountSeries { kind, source_kind, party, statistics: false, amount: Some(amount) }
}

fn contributed(id: u8, party: &str, severity: u32) -> v1::Contribution {
    let mut shown = v1::Observation {
        id: hex::encode([id; 16]),
        category: CATEGORY.to_owned(),
        location: Some(Location::SubAreaId("farsta-strand".to_owned())),
        count: Some(id.into()),
        severity: Some(severity),
        trend: 3,
        basis: 1,
        source_kind: "rounds".to_owned(),
        reliability: "B".to_owned(),
        note: "Höga ljud.".to_owned(),
        labels: Some(v1::Labels {
            level: 1,
            audience: vec!["signatories".to_owned(), "kriminalvarden".to_owned()],
            purposes: vec!["local-prevention".to_owned()],
            regime: "nonpersonal".to_owned(),
            originator_control: true,
            ..v1::Labels::default()
        }),
        ..v1::Observation::default()
    };
    let start = START / 1_000_000;
    shown.starts_at.get_or_insert_default().seconds = start;
    let ends = shown.ends_at.get_or_insert_default();
    (ends.seconds, ends.nanos) = (start + 7_200, 1_000);
    let labels = shown.labels.as_mut().unwrap();
    labels.retain_until.get_or_insert_default().seconds = start + 7;
    let form = v1::Form::Observation.into();
    v1::Contribution { party: party.to_owned(), version: 0, observation: Some(shown), form }
}

/// Two parties, two steps apart.
fn world() -> Vec<VerifiedObject> {
    vec![observation(1, "farsta", 2), observation(4, "lpo-farsta", 4)]
}

/// What is shown of them: a conflict that nobody has settled.
fn shown() -> v1::Finding {
    v1::Finding {
        id: "farsta-strand/disorder.noise".to_owned(),
        finding_class: v1::FindingClass::Conflicting.into(),
        seen_by: vec!["municipal".to_owned(), "police".to_owned()],
        contributions: vec![contributed(1, "farsta", 2), contributed(4, "lpo-farsta", 4)],
        severity: None,
        trend: 3,
        conflicts: vec![v1::Conflict {
            id: "2025-w40:farsta-strand/disorder.noise:severity".to_owned(),
            field: "severity".to_owned(),
            must_act: vec!["coordinator".to_owned(), "kommunpolis".to_owned()],
            resolved: false,
            reason: String::new(),
            dissenting: Vec::new(),
            candidates: vec!["farsta=2".to_owned(), "lpo-farsta=4".to_owned()],
        }],
        withheld: Vec::new(),
        area: "farsta".to_owned(),
        period: Some(v1::Period { code: "2025-W40".to_owned() }),
        counts: vec![
            series("farsta", count_series::Amount::Exact(1)),
            series("lpo-farsta", count_series::Amount::Exact(4)),
        ],
        related: Vec::new(),
        dissents: Vec::new(),
    }
}

fn check(objects: Vec<VerifiedObject>, finding: v1::Finding) -> Result<usize, Rejected> {
    verified(objects).matches(&[finding])
}

#[test]
fn findings_that_follow_from_the_opened_objects_are_accepted() {
    assert!(check(world(), shown()).unwrap() > 40);
    assert_eq!(verified(Vec::new()).matches(&[]), Ok(0));
}

#[test]
fn every_value_that_does_not_follow_is_refused_in_its_group() {
    type Change = fn(&mut v1::Finding);
    fn first(finding: &mut v1::Finding) -> &mut v1::Observation {
        finding.contributions[0].observation.as_mut().unwrap()
    }
    let changes: [(FieldGroup, Change); 25] = [
        (FieldGroup::Identity, |f| f.id.push('x')),
        (FieldGroup::Identity, |f| f.area = "vantor".to_owned()),
        (FieldGroup::Identity, |f| f.period = None),
        (FieldGroup::Identity, |f| f.finding_class = 1),
        (FieldGroup::Identity, |f| f.seen_by.truncate(1)),
        (FieldGroup::Identity, |f| f.related.push("farsta/disorder.noise".to_owned())),
        (FieldGroup::Identity, |f| f.contributions.truncate(1)),
        (FieldGroup::Identity, |f| f.contributions[0].party = "lpo-farsta".to_owned()),
        (FieldGroup::Identity, |f| first(f).category = "disorder".to_owned()),
        (FieldGroup::Identity, |f| first(f).labels.as_mut().unwrap().onward_sharing = true),
        (FieldGroup::Provenance, |f| f.contributions[0].version = 3),
        (FieldGroup::Place, |f| first(f).location = None),
        (FieldGroup::Place, |f| first(f).location = Some(Location::PlaceId("x".to_owned()))),
        (FieldGroup::Time, |f| first(f).starts_at = None),
        (FieldGroup::Time, |f| first(f).ends_at.as_mut().unwrap().nanos = 1_001),
        (FieldGroup::Counts, |f| first(f).count = Some(2)),
        (FieldGroup::Counts, |f| f.counts[0].amount = Some(count_series::Amount::Exact(2))),
        (FieldGroup::Counts, |f| f.counts.truncate(1)),
        (FieldGroup::Assessment, |f| first(f).severity = Some(3)),
        (FieldGroup::Assessment, |f| first(f).reliability = "A".to_owned()),
        (FieldGroup::Assessment, |f| f.severity = Some(4)),
        (FieldGroup::Assessment, |f| f.trend = 0),
        (FieldGroup::Assessment, |f| f.conflicts[0].resolved = true),
        (FieldGroup::Assessment, |f| f.conflicts[0].candidates[0] = "farsta=3".to_owned()),
        (FieldGroup::Text, |f| first(f).note.clear()),
    ];
    for (number, (group, change)) in changes.into_iter().enumerate() {
        let mut finding = shown();
        change(&mut finding);
        let rejected = check(world(), finding).unwrap_err();
        assert_eq!((rejected.step(), rejected.group()), (Step::Findings, Some(group)), "{number}");
    }
}

#[test]
fn an_opened_decision_settles_a_conflict_and_one_on_other_objects_does_not() {
    let mut settled = shown();
    settled.severity = Some(3);
    settled.finding_class = v1::FindingClass::Corroborated.into();
    settled.conflicts[0].resolved = true;
    settled.conflicts[0].must_act.clear();
    settled.conflicts[0].reason = "Efter samråd.".to_owned();
    let with = |decision| [world(), vec![decision]].concat();
    let both = ["farsta", "lpo-farsta"];
    assert!(check(with(decision(&[1, 4], Some(3), &both)), settled.clone()).is_ok());
    assert!(check(with(decision(&[1, 9], Some(3), &both)), settled.clone()).is_err());
    assert!(check(with(decision(&[1], Some(3), &both)), settled.clone()).is_err());
    assert!(check(with(decision(&[1, 9], Some(3), &both)), shown()).is_ok());
    settled.conflicts[0].reason = "Annat.".to_owned();
    assert!(check(with(decision(&[1, 4], Some(3), &both)), settled).is_err());
}

#[test]
fn a_dissent_is_shown_where_it_was_opened() {
    let mut dissented = shown();
    dissented.dissents.push(v1::Dissent {
        party: "farsta".to_owned(),
        field: "severity".to_owned(),
        reason: "Efter samråd.".to_owned(),
    });
    dissented.conflicts[0].dissenting.push("farsta".to_owned());
    let opened = [world(), vec![decision(&[1, 4], None, &["farsta"])]].concat();
    assert!(check(opened.clone(), dissented.clone()).is_ok());
    assert!(check(opened, shown()).is_err());
    assert!(check(world(), dissented.clone()).is_err());
    let twice = [world(), vec![decision(&[1, 4], None, &["farsta"]); 2]].concat();
    dissented.dissents.push(dissented.dissents[0].clone());
    assert!(check(twice, dissented).is_ok());
}

#[test]
fn a_conflict_may_be_settled_as_one_that_stands_and_stays_open_without_an_outcome() {
    let mut stands = shown();
    stands.finding_class = v1::FindingClass::Corroborated.into();
    stands.conflicts[0].resolved = true;
    let both = ["farsta", "lpo-farsta"];
    for by in [&both[..], &both[..1]] {
        let opened = [world(), vec![decision(&[1, 4], Some(0), by)]].concat();
        assert!(check(opened.clone(), stands.clone()).is_ok());
        assert!(check(opened, shown()).is_err());
    }
    // A dissent on an open conflict does not settle it.
    let dissent = [world(), vec![decision(&[1, 4], None, &both[..1])]].concat();
    assert!(check(dissent, stands.clone()).is_err());
    let mut open = decision(&[1, 4], None, &both);
    if let Opened::Value(Assessment::Decision { dissent, .. }) = &mut open.fields.assessment {
        *dissent = false;
    }
    let opened = [world(), vec![open]].concat();
    assert!(check(opened.clone(), shown()).is_ok());
    assert!(check(opened, stands).is_err());
}

#[test]
fn a_withheld_assessment_hides_conflicts_and_a_withheld_place_goes_up_to_the_area() {
    let mut objects = world();
    objects[1].fields.assessment = Opened::Withheld;
    objects[1].fields.place = Opened::Withheld;
    objects[0].fields.place = Opened::Withheld;
    let mut finding = shown();
    assert!(check(objects.clone(), finding.clone()).is_err());
    finding.id = "farsta/disorder.noise".to_owned();
    finding.finding_class = v1::FindingClass::Corroborated.into();
    finding.severity = Some(2);
    finding.conflicts.clear();
    for contribution in &mut finding.contributions {
        contribution.observation.as_mut().unwrap().location = None;
    }
    let police = finding.contributions[1].observation.as_mut().unwrap();
    (police.severity, police.trend, police.basis) = (None, 0, 0);
    police.reliability.clear();
    assert!(check(objects, finding).is_ok());
    let mut third = observation(7, "trafikkontoret", 3);
    third.fields.assessment = Opened::Withheld;
    let objects = [world(), vec![third]].concat();
    let mut finding = shown();
    finding.contributions.push(contributed(7, "trafikkontoret", 3));
    let traffic = finding.contributions[2].observation.as_mut().unwrap();
    (traffic.severity, traffic.trend, traffic.basis) = (None, 0, 0);
    traffic.reliability.clear();
    finding.counts.push(series("trafikkontoret", count_series::Amount::Exact(7)));
    assert!(check(objects.clone(), finding.clone()).is_err());
    finding.conflicts.clear();
    finding.finding_class = v1::FindingClass::Corroborated.into();
    assert!(check(objects, finding).is_ok());
}

/// The two parties, a point of the first and an assessment of the second; and what is shown.
fn of_all_forms() -> (Vec<VerifiedObject>, v1::Finding) {
    let (from, to) = "2025-W40".parse::<Period>().unwrap().bounds();
    let mut point = observation(7, "farsta", 2);
    (point.kind, point.fields.assessment) = (ObjectKind::Series, Opened::Absent);
    let mut said = observation(9, "lpo-farsta", 4);
    (said.kind, said.fields.counts) = (ObjectKind::Assessment, Opened::Absent);
    let Opened::Value(Assessment::Observation { basis, .. }) = &mut said.fields.assessment else {
        panic!()
    };
    *basis = Some(2);
    let mut shown = shown();
    let of_period = |id, party, form: v1::Form| {
        let mut contribution = contributed(id, party, 4);
        contribution.form = form.into();
        let seen = contribution.observation.as_mut().unwrap();
        let at = |at: Timestamp| (at.micros() / 1_000_000, 0);
        let (starts, ends) = (seen.starts_at.as_mut().unwrap(), seen.ends_at.as_mut().unwrap());
        (starts.seconds, starts.nanos) = at(from);
        (ends.seconds, ends.nanos) = at(to);
        contribution
    };
    let mut counted = of_period(7, "farsta", v1::Form::Series);
    let seen = counted.observation.as_mut().unwrap();
    (seen.severity, seen.trend, seen.basis) = (None, 0, 0);
    seen.reliability.clear();
    let mut assessed = of_period(9, "lpo-farsta", v1::Form::Assessment);
    let seen = assessed.observation.as_mut().unwrap();
    (seen.count, seen.basis) = (None, 2);
    seen.source_kind.clear();
    shown.contributions.extend([counted, assessed]);
    let amount = count_series::Amount::Exact(7);
    shown.counts.push(v1::CountSeries { statistics: true, ..series("farsta", amount) });
    let mut objects = world();
    for mut object in [point, said] {
        object.fields.time = Opened::Value((from, to));
        objects.push(object);
    }
    (objects, shown)
}

#[test]
fn points_and_assessments_are_what_their_objects_say() {
    let (objects, shown) = of_all_forms();
    check(objects.clone(), shown.clone()).unwrap();
    let tampered = |change: fn(&mut v1::Finding)| {
        let mut finding = shown.clone();
        change(&mut finding);
        check(objects.clone(), finding).unwrap_err().group()
    };
    let (identity, counts) = (Some(FieldGroup::Identity), Some(FieldGroup::Counts));
    assert_eq!(tampered(|f| f.contributions[2].form = v1::Form::Observation.into()), identity);
    assert_eq!(tampered(|f| f.contributions[3].form = v1::Form::Unspecified.into()), identity);
    assert_eq!(tampered(|f| f.contributions[0].form = v1::Form::Series.into()), identity);
    assert_eq!(tampered(|f| f.counts[2].statistics = false), counts);
    let added = |finding: &mut v1::Finding| {
        finding.counts.remove(2);
        finding.counts[0].amount = Some(count_series::Amount::Exact(8));
    };
    assert_eq!(tampered(added), counts);
    let graded = |finding: &mut v1::Finding| {
        finding.contributions[2].observation.as_mut().unwrap().severity = Some(2);
    };
    assert_eq!(tampered(graded), Some(FieldGroup::Assessment));
}

#[test]
fn cells_are_shown_as_they_are() {
    let counted = |amount| {
        let mut cell = contribution(5, ObjectKind::Cell, "");
        let source = Some("rounds".to_owned());
        cell.fields.counts = Opened::Value(Counts { source, amount, treatment: None });
        vec![cell]
    };
    let finding = |amount| v1::Finding {
        contributions: Vec::new(),
        conflicts: Vec::new(),
        trend: 0,
        finding_class: v1::FindingClass::OneSided.into(),
        seen_by: Vec::new(),
        counts: vec![series("", amount)],
        ..shown()
    };
    let small = || counted(Amount::Band { lower: 1, below: 5 });
    let below = count_series::Amount::Below(5);
    assert!(check(small(), finding(below)).is_ok());
    let none = counted(Amount::Exact(Some(0)));
    assert!(check(none, finding(count_series::Amount::Exact(0))).is_ok());
    let told = check(small(), finding(count_series::Amount::Exact(3))).unwrap_err();
    assert_eq!(told.group(), Some(FieldGroup::Counts));
    let mut named = finding(below);
    named.counts[0].party = "farsta".to_owned();
    assert!(check(small(), named).is_err());
    let mut seen = finding(below);
    seen.seen_by.push("municipal".to_owned());
    assert!(check(small(), seen).is_err());
    let mut assessed = finding(below);
    assessed.severity = Some(3);
    assert!(check(small(), assessed).is_err());
}

#[test]
fn an_unknown_merge_version_or_period_is_refused() {
    let mut newer = verified(world());
    newer.merge_version = 2;
    assert_eq!(newer.matches(&[shown()]).unwrap_err().step(), Step::Findings);
    let mut odd = verified(world());
    odd.period.1 = Timestamp::from_micros(START);
    assert_eq!(odd.matches(&[shown()]).unwrap_err().step(), Step::Findings);
    let doubled = verified(world()).matches(&[shown(), shown()]);
    assert_eq!(doubled.unwrap_err().step(), Step::Findings);
}

#[test]
fn nothing_that_was_opened_is_written_by_debug() {
    let text = format!("{:?}", verified(world()));
    assert!(!text.contains("ljud") && !text.contains("lpo-farsta"), "{text}");
}
