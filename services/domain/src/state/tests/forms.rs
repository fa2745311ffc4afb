//! Points of series and assessments in state: of which period they are, and what their ids name.

use super::*;

/// A point of a series, of October 2025.
fn point(series: &str, period: &str) -> Observation {
    let period: Period = period.parse().unwrap();
    let (starts_at, ends_at) = period.bounds();
    let one = observation("x", 1, None);
    let content = Content { form: Form::Series, severity: None, starts_at, ends_at, ..one.content };
    let id = ObservationId::of_point(&ObservationId::parse(series).unwrap(), period).unwrap();
    Observation { id, content, sealed: None }
}

fn assessment(id: &str, period: &str) -> Observation {
    let Observation { content, .. } = point("x", period);
    let content = Content { form: Form::Assessment, source: None, count: None, ..content };
    Observation { id: ObservationId::parse(id).unwrap(), content, sealed: None }
}

#[test]
fn what_is_said_of_a_period_is_of_no_other() {
    let mut state = founded();
    let all = vec![
        observation("seen", 2, None),
        point("counted", "2025-W40"),
        point("counted", "2025-10"),
        assessment("said", "2025-Q4"),
        assessment("more", "2025"),
    ];
    state.apply(NOW, 2, &own(1, publish(0, all, &[])));
    let area = AreaId::parse("a").unwrap();
    let of = |period: &str| {
        let contributions = state.area(&area).unwrap().contributions(period.parse().unwrap(), 1);
        contributions.map(|stage| stage.id.to_string()).collect::<BTreeSet<_>>()
    };
    let expected = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(of("2025-W40"), expected(&["seen", "counted@2025-W40"]));
    assert_eq!(of("2025-10"), expected(&["seen", "counted@2025-10"]));
    assert_eq!(of("2025-Q4"), expected(&["seen", "said"]));
    assert_eq!(of("2025"), expected(&["seen", "more"]));
    assert_eq!(of("2025-09"), expected(&[]));
}

#[test]
fn a_withdrawn_series_goes_with_all_of_its_points() {
    let mut state = founded();
    let all = ["2025-W40", "2025-W41", "2025-10"].map(|period| point("s", period)).to_vec();
    let near = vec![point("s@2025", "2025-10"), point("s1", "2025-10"), assessment("r", "2025-10")];
    state.apply(NOW, 2, &own(1, publish(0, [all, near].concat(), &[])));
    state.apply(NOW, 3, &own(1, publish(1, vec![], &["s@2025-W41"])));
    let withdrawn = state.apply(NOW, 4, &own(1, publish(2, vec![], &["s"])));
    assert_eq!(withdrawn.reply, Reply::Published { version: 3, revision: 3, unchanged: false });
    let area = AreaId::parse("a").unwrap();
    let own_at = |revision| {
        let party = PartyId::parse("sdf").unwrap();
        let own = state.area(&area).unwrap().own(&party, revision);
        own.map(|stage| stage.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(own_at(2).len(), 5);
    assert_eq!(own_at(3), ["r", "s1@2025-10", "s@2025@2025-10"]);
    let mut again = state.clone();
    let again = again.apply(NOW, 5, &own(1, publish(3, vec![], &["s"])));
    assert_eq!(again.reply, Reply::Published { version: 3, revision: 3, unchanged: true });
    let unknown = state.apply(NOW, 5, &own(1, publish(3, vec![], &["t"])));
    assert_eq!(refused(&unknown), Reason::NotFound);
}

#[test]
fn an_id_names_one_thing_whatever_its_form() {
    let mut state = founded();
    let all = vec![observation("o", 2, None), point("s", "2025-10"), assessment("r", "2025-10")];
    state.apply(NOW, 2, &own(1, publish(0, all, &[])));
    for (upsert, free) in [
        (observation("s", 2, None), "s"),
        (assessment("s", "2025-10"), "s"),
        (point("o", "2025-10"), "o"),
        (point("r", "2025-W40"), "r"),
        (observation("s@2025-10", 2, None), "s@2025-10"),
        (assessment("o", "2025-10"), "o"),
        (observation("r", 2, None), "r"),
    ] {
        let refusal = state.clone().apply(NOW, 3, &own(1, publish(1, vec![upsert.clone()], &[])));
        assert_eq!(refused(&refusal), Reason::DuplicateId, "{upsert:?}");
        let mut other = state.clone();
        other.apply(NOW, 3, &own(1, publish(1, vec![], &[free])));
        let applied = other.apply(NOW, 4, &own(1, publish(2, vec![upsert], &[])));
        assert!(matches!(applied.reply, Reply::Published { version: 3, .. }), "{applied:?}");
    }
    // What a full replacement puts in the place of what it withdraws may be of another form.
    let replaced = publish(1, vec![point("o", "2025-10")], &["o"]);
    let applied = state.apply(NOW, 3, &own(1, replaced));
    assert_eq!(applied.reply, Reply::Published { version: 2, revision: 2, unchanged: false });
}
