use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{AreaId, PlaceId, Regime, Secrecy, SubAreaId};

fn place(n: u8) -> Geography {
    Geography {
        area: AreaId::parse("a").unwrap(),
        sub_area: Some(SubAreaId::parse("a/s").unwrap()),
        place: (n > 0).then(|| PlaceId::parse(&format!("a/s/p{n}")).unwrap()),
    }
}

fn labels() -> Arc<Labels> {
    Arc::new(Labels {
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
    })
}

pub(super) fn seen(party: &str, id: u32, severity: u32, trend: Option<Trend>) -> Seen {
    let kind = if party.starts_with("lpo") { PartyKind::Police } else { PartyKind::Municipal };
    Seen {
        party: PartyId::parse(party).unwrap(),
        party_kind: kind,
        id: format!("o{id}"),
        form: Form::Observation,
        version: Some(1),
        category: CategoryId::parse("youth_gathering").unwrap(),
        kind: Kind::ObservedDisorder,
        priority: PriorityId::parse("youth_at_risk").unwrap(),
        geography: place(1),
        place_shown: true,
        time: Some((
            Timestamp::from_micros(i64::from(id)),
            Timestamp::from_micros(i64::from(id) + 1),
        )),
        count: Some((SourceId::parse("police_report").unwrap(), Some(2))),
        assessment: Some(Assessed {
            severity: Severity::of(severity),
            trend,
            basis: Basis::Fact,
            reliability: None,
            credibility: None,
        }),
        sealed: None,
        text_shown: true,
        coordinates_shown: true,
        labels: labels(),
    }
}

fn week() -> Period {
    "2025-W40".parse().unwrap()
}

pub(super) fn roles() -> BTreeSet<Role> {
    BTreeSet::from([Role::Coordinator, Role::Kommunpolis])
}

pub(super) fn one(contributions: Vec<Seen>, statements: &[Statement]) -> Finding {
    let decisions =
        Decisions { statements: statements.iter().collect(), dissents: Vec::new(), roles: roles() };
    let mut findings = merge(week(), contributions, &decisions, |_| Level::Place);
    assert_eq!(findings.len(), 1);
    findings.remove(0)
}

#[test]
fn within_one_step_the_highest_severity_holds() {
    let finding = one(vec![seen("lpo-a", 1, 3, None), seen("sdf-a", 2, 4, None)], &[]);
    assert_eq!((finding.class, finding.severity), (Class::Corroborated, Severity::of(4)));
}

#[test]
fn further_apart_is_a_conflict_without_a_joint_value() {
    let finding = one(vec![seen("lpo-a", 1, 2, None), seen("sdf-a", 2, 4, None)], &[]);
    assert_eq!((finding.class, finding.severity), (Class::Conflicting, None));
    assert_eq!(finding.conflicts[0].must_act, roles());
    assert_eq!(finding.conflicts[0].at.id(), "2025-w40:a/s/p1/youth_gathering:severity");
}

#[test]
fn two_city_offices_are_still_only_the_city() {
    let finding = one(vec![seen("sdf-a", 1, 3, None), seen("traffic", 2, 3, None)], &[]);
    assert_eq!(finding.class, Class::OneSided);
    assert_eq!(finding.seen_by, BTreeSet::from([PartyKind::Municipal]));
}

#[test]
fn of_equal_starts_the_more_severe_gives_the_trend_whatever_the_ids() {
    let at = |id: u32, severity, trend| {
        let time = seen("lpo-a", 1, 1, None).time;
        Seen { time, ..seen("lpo-a", id, severity, Some(trend)) }
    };
    for [a, b, c] in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let more_severe = vec![at(a, 4, Trend::Down), at(b, 3, Trend::Up)];
        assert_eq!(one(more_severe, &[]).trend, Some(Trend::Down));
        let equal = vec![at(a, 3, Trend::Down), at(b, 3, Trend::Up), at(c, 3, Trend::Flat)];
        assert_eq!(one(equal, &[]).trend, Some(Trend::Up));
    }
}

#[test]
fn a_function_that_need_not_act_settles_nothing_and_blocks_nothing() {
    let contributions = || vec![seen("lpo-a", 1, 2, None), seen("sdf-a", 2, 4, None)];
    let open = one(contributions(), &[]);
    let conflict = &open.conflicts[0];
    let stated = |role, grade| Statement {
        conflict: conflict.at.clone(),
        party: PartyId::parse("sdf-a").unwrap(),
        role,
        outcome: Outcome::Severity(Severity::of(grade).unwrap()),
        candidates: conflict.candidates.clone(),
        reason: None,
    };
    let statements = [stated(Role::Coordinator, 3), stated(Role::Kommunpolis, 2)];
    let settled_by = |roles: BTreeSet<Role>| {
        let statements = statements.iter().collect();
        let decisions = Decisions { statements, dissents: Vec::new(), roles };
        merge(week(), contributions(), &decisions, |_| Level::Place)[0].severity
    };
    assert_eq!(settled_by(BTreeSet::from([Role::Coordinator])), Severity::of(3));
    assert_eq!(settled_by(BTreeSet::from([Role::Kommunpolis])), Severity::of(2));
    assert_eq!(settled_by(roles()), None);
    assert_eq!(settled_by(BTreeSet::new()), None);
}

#[test]
fn a_party_speaks_with_its_highest_severity_and_its_latest_trend() {
    let finding = one(
        vec![
            seen("lpo-a", 1, 5, Some(Trend::Down)),
            seen("lpo-a", 2, 4, Some(Trend::Up)),
            seen("lpo-a", 3, 4, None),
        ],
        &[],
    );
    assert_eq!((finding.severity, finding.trend), (Severity::of(5), Some(Trend::Up)));
}

#[test]
fn up_against_down_conflicts_and_flat_beside_up_does_not() {
    let against = one(
        vec![seen("lpo-a", 1, 3, Some(Trend::Up)), seen("sdf-a", 2, 3, Some(Trend::Down))],
        &[],
    );
    assert_eq!((against.class, against.trend), (Class::Conflicting, None));
    let beside = one(
        vec![seen("lpo-a", 1, 3, Some(Trend::Up)), seen("sdf-a", 2, 3, Some(Trend::Flat))],
        &[],
    );
    assert_eq!((beside.class, beside.trend), (Class::Corroborated, None));
    assert!(beside.conflicts.is_empty());
    let equal =
        one(vec![seen("lpo-a", 1, 3, Some(Trend::Up)), seen("sdf-a", 2, 3, Some(Trend::Up))], &[]);
    assert_eq!(equal.trend, Some(Trend::Up));
}

fn statement(on: &Finding, role: Role, severity: u32) -> Statement {
    Statement {
        conflict: on.conflicts[0].at.clone(),
        party: PartyId::parse("sdf-a").unwrap(),
        role,
        outcome: Outcome::Severity(Severity::of(severity).unwrap()),
        candidates: on.conflicts[0].candidates.clone(),
        reason: None,
    }
}

#[test]
fn equal_outcomes_of_all_functions_settle_a_conflict_and_a_changed_value_reopens_it() {
    let said = vec![seen("lpo-a", 1, 2, None), seen("sdf-a", 2, 4, None)];
    let open = one(said.clone(), &[]);
    let half = [statement(&open, Role::Coordinator, 3)];
    let waiting = one(said.clone(), &half);
    assert_eq!(waiting.conflicts[0].must_act, BTreeSet::from([Role::Kommunpolis]));
    assert_eq!(waiting.severity, None);
    let both = [half[0].clone(), statement(&open, Role::Kommunpolis, 3)];
    let settled = one(said.clone(), &both);
    assert_eq!((settled.class, settled.severity), (Class::Corroborated, Severity::of(3)));
    assert!(settled.conflicts[0].resolved);
    let apart = [half[0].clone(), statement(&open, Role::Kommunpolis, 4)];
    let unsettled = one(said, &apart);
    assert_eq!((unsettled.severity, &unsettled.conflicts[0].must_act), (None, &roles()));
    let changed = one(vec![seen("lpo-a", 1, 1, None), seen("sdf-a", 2, 4, None)], &both);
    assert_eq!((changed.class, changed.severity), (Class::Conflicting, None));
}

#[test]
fn what_is_related_is_of_the_same_category_and_another_level_of_the_same_place() {
    let key = |geography, category: &str| Key {
        geography,
        category: CategoryId::parse(category).unwrap(),
    };
    let elsewhere = Geography { sub_area: SubAreaId::parse("a/t").ok(), ..place(0) };
    let district = Geography { sub_area: None, ..place(0) };
    let keys = [
        key(district.clone(), "graffiti"),
        key(district, "noise"),
        key(place(0), "noise"),
        key(place(1), "noise"),
        key(place(2), "noise"),
        key(elsewhere, "noise"),
    ];
    let of = |n: usize| related(&keys[n], &keys);
    assert_eq!(of(3), ["a/noise", "a/s/noise"]);
    assert_eq!(of(2), ["a/noise", "a/s/p1/noise", "a/s/p2/noise"]);
    assert_eq!(of(0), Vec::<String>::new());
    assert_eq!(of(1), ["a/s/noise", "a/s/p1/noise", "a/s/p2/noise", "a/t/noise"]);
    assert_eq!(of(5), ["a/noise"]);
}

#[test]
fn a_dissent_stands_on_its_own_finding_alone() {
    let contributions = vec![seen("lpo-a", 1, 3, None)];
    let on = |geography| Key { geography, category: contributions[0].category.clone() };
    let dissent =
        Dissent { party: PartyId::parse("sdf-a").unwrap(), field: Field::Severity, reason: None };
    let dissents = vec![(on(place(1)), dissent.clone()), (on(place(2)), dissent.clone())];
    let decisions = Decisions { dissents, ..Decisions::default() };
    let findings = merge(week(), contributions.clone(), &decisions, |_| Level::Place);
    assert_eq!(findings[0].dissents, [dissent]);
}

#[test]
fn counts_stand_apart_by_source_and_party() {
    let mut survey = seen("sdf-a", 3, 3, None);
    survey.count = Some((SourceId::parse("survey").unwrap(), Some(7)));
    let finding = one(
        vec![
            seen("lpo-a", 1, 3, None),
            seen("lpo-a", 2, 3, None),
            seen("sdf-a", 4, 3, None),
            survey,
        ],
        &[],
    );
    let amounts: Vec<_> = finding.counts.iter().map(|s| s.amount).collect();
    assert_eq!(amounts, [Amount::Exact(4), Amount::Exact(2), Amount::Exact(7)]);
}

#[test]
fn statistics_are_added_to_nothing_and_say_nothing_of_who_sees() {
    let point = |party, id| in_form(seen(party, id, 3, None), Form::Series);
    let finding =
        one(vec![seen("sdf-a", 1, 3, None), seen("sdf-a", 2, 3, None), point("sdf-a", 3)], &[]);
    let counts: Vec<_> = finding.counts.iter().map(|s| (s.statistics, s.amount)).collect();
    assert_eq!(counts, [(false, Amount::Exact(4)), (true, Amount::Exact(2))]);

    let beside = one(vec![seen("sdf-a", 1, 3, None), point("lpo-a", 2), point("lpo-a", 3)], &[]);
    assert_eq!((beside.class, beside.seen_by.len()), (Class::OneSided, 1));
    assert_eq!(beside.counts.iter().filter(|series| series.statistics).count(), 2);

    let alone = one(vec![point("sdf-a", 1), point("lpo-a", 2)], &[]);
    assert_eq!((alone.class, alone.seen_by.len()), (Class::OneSided, 0));
    assert_eq!((alone.severity, alone.contributions.len()), (None, 2));
}

#[test]
fn an_assessment_takes_part_like_what_was_seen() {
    let said = |party, id, severity, trend| {
        in_form(seen(party, id, severity, Some(trend)), Form::Assessment)
    };
    let seen = seen("lpo-a", 1, 3, Some(Trend::Down));
    let finding = one(vec![seen.clone(), said("lpo-a", 2, 4, Trend::Up)], &[]);
    assert_eq!((finding.class, finding.severity), (Class::OneSided, Severity::of(4)));
    assert_eq!(finding.trend, Some(Trend::Up), "it starts later than what was seen");
    let apart = one(vec![seen, said("sdf-a", 2, 5, Trend::Up)], &[]);
    let fields: Vec<_> = apart.conflicts.iter().map(|conflict| conflict.at.field).collect();
    assert_eq!((apart.class, fields), (Class::Conflicting, vec![Field::Severity, Field::Trend]));
    let amounts: Vec<_> = apart.counts.iter().map(|series| series.amount).collect();
    assert_eq!(amounts, [Amount::Exact(2)]);
}

#[test]
fn a_coarser_finding_of_the_same_place_is_related_and_not_merged() {
    let mut wide = seen("sdf-a", 9, 3, None);
    wide.geography = place(0);
    let findings =
        merge(week(), vec![seen("lpo-a", 1, 3, None), wide], &Decisions::default(), |_| {
            Level::Place
        });
    assert_eq!(findings.len(), 2);
    assert_eq!(findings[0].related, ["a/s/p1/youth_gathering"]);
    assert_eq!(findings[1].related, ["a/s/youth_gathering"]);
}

fn any_keys() -> impl Strategy<Value = BTreeSet<Key>> {
    let key = (0..2_u8, 0..3_u8, 0..3_u8, 0..2_u8).prop_map(|(area, sub_area, place, category)| {
        let (area, sub) = (["a", "b"][usize::from(area)], format!("s{sub_area}"));
        let sub = (sub_area > 0).then(|| format!("{area}/{sub}"));
        let spot = sub.as_ref().filter(|_| place > 0).map(|sub| format!("{sub}/p{place}"));
        Key {
            geography: Geography {
                area: AreaId::parse(area).unwrap(),
                sub_area: sub.map(|sub| SubAreaId::parse(&sub).unwrap()),
                place: spot.map(|spot| PlaceId::parse(&spot).unwrap()),
            },
            category: CategoryId::parse(["graffiti", "noise"][usize::from(category)]).unwrap(),
        }
    });
    prop::collection::btree_set(key, 0..30)
}

fn any_seen() -> impl Strategy<Value = Seen> {
    (0..4_u8, 0..40_u32, 0..6_u32, 0..4_i64, 0..4_u8, 0..3_usize).prop_map(
        |(party, id, severity, trend, at, form)| {
            let parties = ["lpo-a", "lpo-b", "sdf-a", "traffic"];
            let mut one = seen(parties[usize::from(party)], id, severity, Trend::of(trend));
            one.id = format!("{}-{id}", parties[usize::from(party)]);
            one.geography = place(at);
            in_form(one, Form::ALL[form])
        },
    )
}

/// The same in another form: a point is not assessed, and an assessment counts nothing.
pub(super) fn in_form(seen: Seen, form: Form) -> Seen {
    let period = week().bounds();
    match form {
        Form::Observation => seen,
        Form::Series => {
            let unassessed = |assessed| Assessed { severity: None, trend: None, ..assessed };
            let assessment = seen.assessment.map(unassessed);
            Seen { form, time: Some(period), assessment, ..seen }
        }
        Form::Assessment => Seen { form, time: Some(period), count: None, ..seen },
    }
}

/// One contribution an id: a party's own picture holds each id once.
fn any_contributions() -> impl Strategy<Value = Vec<Seen>> {
    prop::collection::vec(any_seen(), 0..40).prop_map(|all| {
        let unique: BTreeMap<String, Seen> =
            all.into_iter().map(|seen| (seen.id.clone(), seen)).collect();
        unique.into_values().collect()
    })
}

proptest! {
    #[test]
    fn what_is_related_is_found_as_if_all_were_looked_at(keys in any_keys()) {
        let keys: Vec<Key> = keys.into_iter().collect();
        for key in &keys {
            let of_one_branch = keys.iter().filter(|other| {
                other.category == key.category
                    && other.geography.level() != key.geography.level()
                    && other.geography.same_branch(&key.geography)
            });
            let expected: Vec<_> = of_one_branch.map(Key::id).collect();
            prop_assert_eq!(related(key, &keys), expected);
        }
    }

    #[test]
    fn the_merge_does_not_know_the_order(
        (all, shuffled) in any_contributions()
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let merged = |these| merge(week(), these, &Decisions::default(), |_| Level::Place);
        prop_assert_eq!(merged(all), merged(shuffled));
    }

    #[test]
    fn statistics_change_no_value_of_what_is_there_without_them(all in any_contributions()) {
        let merged = |these| merge(week(), these, &Decisions::default(), |_| Level::Place);
        let whole = merged(all.clone());
        let sights = all.iter().filter(|seen| seen.is_sight()).cloned().collect::<Vec<_>>();
        let bare: BTreeMap<Key, Finding> =
            merged(sights).into_iter().map(|finding| (finding.key.clone(), finding)).collect();
        for mut finding in whole {
            finding.contributions.retain(Seen::is_sight);
            finding.counts.retain(|series| !series.statistics);
            let Some(bare) = bare.get(&finding.key) else {
                prop_assert_eq!((finding.class, finding.seen_by.len()), (Class::OneSided, 0));
                continue;
            };
            finding.related.clone_from(&bare.related);
            prop_assert_eq!(&finding, bare);
        }
    }

    #[test]
    fn the_merge_does_not_count_a_contribution_twice(all in any_contributions()) {
        let merged = |these| merge(week(), these, &Decisions::default(), |_| Level::Place);
        let doubled = all.iter().chain(&all).cloned().collect::<Vec<_>>();
        prop_assert_eq!(merged(all), merged(doubled));
    }

    #[test]
    fn a_finding_depends_on_its_own_contributions_alone(all in any_contributions()) {
        let whole = merge(week(), all, &Decisions::default(), |_| Level::Place);
        for finding in whole {
            let own = finding.contributions.clone();
            let alone = super::finding(
                finding.key.clone(), week(), own, &Decisions::default(), finding.related.clone(),
            );
            prop_assert_eq!(Some(finding), alone);
        }
    }
}
