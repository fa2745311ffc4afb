use std::collections::BTreeSet;

use super::{
    super::tests::{in_form, one, roles, seen},
    *,
};
use crate::{
    Severity, Trend,
    merge::{Outcome, Seen, Statement},
};

const RULES: [Rule; 11] = [
    Rule::SeenByBoth,
    Rule::SeenByOne,
    Rule::HighestWithinOne,
    Rule::FurtherApart,
    Rule::EqualTrends,
    Rule::FlatBeside,
    Rule::UpAgainstDown,
    Rule::Settled,
    Rule::SeriesApart,
    Rule::StatisticsApart,
    Rule::StatisticsAlone,
];

fn told(finding: &Finding) -> Vec<(Field, &'static str)> {
    explain(finding).iter().map(|step| (step.field, step.rule.id())).collect()
}

#[test]
fn every_rule_has_an_id_of_its_own_and_a_sentence_in_both_languages() {
    let ids: Vec<_> = RULES.iter().map(|rule| rule.id()).collect();
    let expected: Vec<_> = (1..=11).map(|n| format!("MERGE-{n:02}")).collect();
    assert_eq!(ids, expected);
    let texts: BTreeSet<_> = RULES.iter().flat_map(|r| [r.text_sv(), r.text_en()]).collect();
    assert_eq!(texts.len(), 2 * RULES.len());
    assert!(texts.iter().all(|text| text.contains(' ') && text.ends_with('.')), "{texts:?}");
}

#[test]
fn each_joint_value_names_its_rule() {
    use Field::{Class, Counts, Severity as Grade, Trend as Way};
    let (up, down, flat) = (Some(Trend::Up), Some(Trend::Down), Some(Trend::Flat));
    let counts = (Counts, "MERGE-09");
    for (parties, expected) in [
        (
            [("lpo-a", 3, up), ("sdf-a", 4, up)],
            vec![(Class, "MERGE-01"), (Grade, "MERGE-03"), (Way, "MERGE-05"), counts],
        ),
        (
            [("sdf-a", 3, flat), ("traffic", 3, up)],
            vec![(Class, "MERGE-02"), (Grade, "MERGE-03"), (Way, "MERGE-06"), counts],
        ),
        (
            [("lpo-a", 2, up), ("sdf-a", 4, down)],
            vec![(Class, "MERGE-01"), (Grade, "MERGE-04"), (Way, "MERGE-07"), counts],
        ),
        (
            [("sdf-a", 2, None), ("traffic", 4, None)],
            vec![(Class, "MERGE-02"), (Grade, "MERGE-04"), counts],
        ),
    ] {
        let contributions = (1..)
            .zip(parties)
            .map(|(id, (party, severity, trend))| seen(party, id, severity, trend));
        assert_eq!(told(&one(contributions.collect(), &[])), expected, "{parties:?}");
    }
}

#[test]
fn what_was_settled_names_the_decision() {
    let contributions = || vec![seen("lpo-a", 1, 2, None), seen("sdf-a", 2, 4, None)];
    let conflict = one(contributions(), &[]).conflicts.remove(0);
    assert_eq!(
        format!("{conflict:?}"),
        "conflict 2025-w40:a/s/p1/youth_gathering:severity resolved false"
    );
    let statement = |role| Statement {
        conflict: conflict.at.clone(),
        party: PartyId::parse("sdf-a").unwrap(),
        role,
        outcome: Outcome::Severity(Severity::of(3).unwrap()),
        candidates: conflict.candidates.clone(),
        reason: None,
    };
    let statements: Vec<_> = roles().into_iter().map(statement).collect();
    let steps = told(&one(contributions(), &statements));
    assert!(steps.contains(&(Field::Severity, "MERGE-08")), "{steps:?}");
}

#[test]
fn a_step_names_the_contributions_that_gave_the_value_and_no_others() {
    let bare = Seen { assessment: None, count: None, ..seen("traffic", 3, 1, None) };
    let uncounted = seen("sdf-a", 2, 4, None);
    let uncounted =
        Seen { count: uncounted.count.clone().map(|(source, _)| (source, None)), ..uncounted };
    let finding = one(vec![seen("lpo-a", 1, 3, Some(Trend::Up)), uncounted, bare.clone()], &[]);
    let from = |step: &Step| step.from.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
    let from: Vec<_> = explain(&finding).iter().map(|step| (step.field, from(step))).collect();
    assert_eq!(
        from,
        [
            (Field::Class, ids(&["o1", "o2", "o3"])),
            (Field::Severity, ids(&["o1", "o2"])),
            (Field::Trend, ids(&["o1"])),
            (Field::Counts, ids(&["o1"])),
        ]
    );
    assert_eq!(told(&one(vec![bare], &[])), [(Field::Class, "MERGE-02")]);
}

#[test]
fn statistics_are_explained_apart_from_what_was_seen() {
    let point = |party, id| in_form(seen(party, id, 3, None), Form::Series);
    let said = in_form(seen("lpo-a", 4, 4, None), Form::Assessment);
    let beside = one(vec![seen("sdf-a", 1, 3, None), point("sdf-a", 2), said], &[]);
    assert_eq!(
        told(&beside),
        [
            (Field::Class, "MERGE-01"),
            (Field::Severity, "MERGE-03"),
            (Field::Counts, "MERGE-09"),
            (Field::Counts, "MERGE-10"),
        ]
    );
    let from = |finding: &Finding, n: usize| {
        explain(finding)[n].from.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>()
    };
    assert_eq!((from(&beside, 0), from(&beside, 1)), (ids(&["o4", "o1"]), ids(&["o4", "o1"])));
    assert_eq!((from(&beside, 2), from(&beside, 3)), (ids(&["o1"]), ids(&["o2"])));
    let alone = one(vec![point("sdf-a", 1), point("lpo-a", 2)], &[]);
    assert_eq!(told(&alone), [(Field::Class, "MERGE-11"), (Field::Counts, "MERGE-10")]);
    assert_eq!(from(&alone, 0), ids(&["o2", "o1"]));
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}
