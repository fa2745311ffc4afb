use std::collections::BTreeSet;

use samsyn_domain::{
    Credibility, Kind, Observation, PriorityId, Reliability, Secrecy, Severity, SourceId, Trend,
    command::{Command, RecordDissent, ResolveConflict},
    commit::position::{Group, Position, Variant},
    merge::{ConflictRef, Field, Key, Outcome},
    registry::Role,
};

use super::world::{ALL, Keys, NOW, SALT, World, area, counted, observation, period, severe};
use crate::edition::Unmade;

type Change = fn(&mut Observation);

fn root(published: &[(&str, Vec<Observation>)]) -> [u8; 32] {
    let mut world = World::new();
    for (party, observations) in published {
        world.publish(party, observations.clone());
    }
    world.content(SALT).unwrap().root()
}

#[test]
fn the_root_is_the_same_whatever_the_order_of_publication() {
    let [one, two, three] =
        ["1", "2", "3"].map(|id| observation(id, "graffiti", ALL));
    let all = root(&[("sdf", vec![one.clone(), two.clone()]), ("lpo", vec![three.clone()])]);
    let apart = root(&[
        ("lpo", vec![three.clone()]),
        ("sdf", vec![two.clone()]),
        ("sdf", vec![one.clone()]),
    ]);
    assert_eq!(all, apart);
    let mut earlier = one.clone();
    earlier.content.severity = Severity::of(5);
    let changed = root(&[("sdf", vec![earlier]), ("lpo", vec![three]), ("sdf", vec![one, two])]);
    assert_eq!(all, changed);
}

#[test]
fn the_root_changes_with_every_field_of_an_observation() {
    let labelled = |change: fn(&mut samsyn_domain::Labels)| {
        move |o: &mut Observation| change(std::sync::Arc::make_mut(&mut o.content.labels))
    };
    let changes: [Change; 14] = [
        |o| o.content.kind = Kind::Environment,
        |o| o.content.priority = PriorityId::parse("other").unwrap(),
        |o| o.content.geography.place = None,
        |o| o.content.starts_at = NOW.after_seconds(1),
        |o| o.content.ends_at = NOW.after_seconds(61),
        |o| o.content.count = None,
        |o| o.content.severity = None,
        |o| o.content.trend = Some(Trend::Up),
        |o| o.content.basis = samsyn_domain::Basis::Estimate,
        |o| o.content.source = SourceId::parse("patrol").unwrap(),
        |o| o.content.reliability = Reliability::of("F"),
        |o| o.content.credibility = Credibility::of(6),
        |o| o.sealed = Some(Keys::seal_secret(Some("mörkt"), None)),
        |o| o.sealed = Some(Keys::seal_secret(None, Some((5, 6)))),
    ];
    let labels = [
        labelled(|l| l.level = Secrecy::of(2).unwrap()),
        labelled(|l| l.person_related = true),
        labelled(|l| l.special_category = true),
        labelled(|l| l.originator_control = true),
        labelled(|l| l.onward_sharing = true),
        labelled(|l| l.regime = samsyn_domain::Regime::Gdpr),
        labelled(|l| l.retain_until = NOW),
        labelled(|l| l.secrecy_provisions = BTreeSet::from(["OSL 18:1".into()])),
    ];
    let base = observation("1", "graffiti", ALL);
    let mut roots = BTreeSet::from([root(&[("sdf", vec![base.clone()])])]);
    let mut see = |changed: Observation| {
        assert!(roots.insert(root(&[("sdf", vec![changed])])), "{} roots", roots.len());
    };
    for change in changes {
        let mut changed = base.clone();
        change(&mut changed);
        see(changed);
    }
    for change in labels {
        let mut changed = base.clone();
        change(&mut changed);
        see(changed);
    }
    see(observation("1", "noise", ALL));
    see(observation("2", "graffiti", ALL));
    assert!(roots.insert(root(&[("lpo", vec![base])])));
}

#[test]
fn another_round_has_another_root() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    let first = world.content([1; 32]).unwrap().root();
    assert_eq!(world.content([1; 32]).unwrap().root(), first);
    assert_ne!(world.content([2; 32]).unwrap().root(), first);
}

#[test]
fn what_an_endorser_may_not_see_is_left_out() {
    let mut world = World::new();
    let mut secret = observation("secret", "graffiti", &["signatories"]);
    std::sync::Arc::make_mut(&mut secret.content.labels).level = Secrecy::of(3).unwrap();
    let mut later = observation("later", "graffiti", &["signatories"]);
    std::sync::Arc::make_mut(&mut later.content.labels).embargo_until =
        Some(NOW.after_seconds(5));
    let sdf = vec![
        observation("all", "graffiti", &["signatories"]),
        observation("party", "graffiti", &["lpo"]),
        observation("organisation", "graffiti", &["polis"]),
        observation("partner", "graffiti", &["kv"]),
        observation("own", "graffiti", &[]),
        secret,
        later,
    ];
    world.publish("sdf", sdf);
    world.publish("lpo", vec![observation("own", "graffiti", &["polis"])]);
    let content = world.content(SALT).unwrap();
    let left_out: Vec<_> =
        content.left_out().iter().map(|(p, id)| format!("{p}:{id}")).collect();
    assert_eq!(left_out, ["lpo:own", "sdf:later", "sdf:own", "sdf:partner", "sdf:secret"]);
    assert_eq!(content.objects(), 3 + 1 + cells(&content));
    let versions: Vec<u64> = content.basis().pictures.values().copied().collect();
    assert_eq!((versions, content.basis().revision), (vec![1, 1], 2));
}

fn cells(content: &crate::edition::Content) -> u32 {
    let is_cell = |object: &&super::super::object::Object| {
        matches!(object.what, super::super::object::What::Cell(_))
    };
    u32::try_from(content.objects.values().filter(is_cell).count()).unwrap()
}

#[test]
fn both_coarser_places_stand_beside_every_exact_one() {
    let mut world = World::new();
    let mut coarse = observation("1", "theft", ALL);
    coarse.content.geography = coarse.content.geography.coarsened(samsyn_domain::Level::District);
    world.publish("sdf", vec![coarse, observation("2", "theft", ALL)]);
    let content = world.content(SALT).unwrap();
    let observations = content.objects.values().filter(|object| {
        matches!(object.what, super::super::object::What::Observation(_))
    });
    for object in observations {
        for variant in [Variant::Exact, Variant::First, Variant::Second] {
            assert!(object.leaves.contains_key(&Position::new(Group::Place, variant)));
        }
    }
}

#[test]
fn more_objects_than_fit_are_refused() {
    let mut world = World::of_depth(4);
    let some = |count: u32| (0..count).map(|i| counted(&i.to_string(), "graffiti", 0)).collect();
    world.publish("sdf", some(7));
    assert_eq!(world.content(SALT).unwrap().objects(), 8);
    world.publish("sdf", vec![counted("7", "graffiti", 0)]);
    let refused = world.content(SALT).unwrap_err();
    assert_eq!(refused, Unmade::TooManyObjects { objects: 9, limit: 8 });
    assert_eq!(refused.id(), "TOO_MANY_OBJECTS");
}

#[test]
fn without_decisions_of_policy_no_cell_is_made() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    assert!(world.content(SALT).is_ok());
    world.state.absorb(samsyn_domain::row::Row::Epoch(99));
    let area = area();
    let frame = super::super::Frame {
        area: &area,
        period: period(),
        track: samsyn_domain::registry::Track::Operative,
        revision: 1,
    };
    let salt = samsyn_domain::commit::salt::RoundSalt::new(SALT);
    let unit = samsyn_domain::UnitKey::named("unit");
    let labels = super::world::labels(&[]);
    let analysis = super::super::Analysis { text: "", labels: &labels, unit: &unit };
    let made = super::super::content(&world.state, &world.keys, frame, &salt, analysis);
    assert_eq!(made.unwrap_err(), Unmade::Undecided);
}

pub(super) fn settle(world: &mut World, category: &str, outcome: Outcome) {
    let key = Key::parse(&format!("a/{category}"), world.state.registry()).unwrap();
    let conflict = ConflictRef { key, period: period(), field: Field::Severity };
    for (party, role) in [("sdf", Role::Coordinator), ("lpo", Role::Kommunpolis)] {
        let reply = world.apply(Command::ResolveConflict(ResolveConflict {
            conflict: conflict.clone(),
            revision: world.state.revision(&area()),
            party: samsyn_domain::PartyId::parse(party).unwrap(),
            role,
            outcome,
            reason: Some(Keys::seal_secret(Some("enligt möte"), None)),
        }));
        assert_eq!(super::world::reason(&reply), None);
    }
}

#[test]
fn every_decision_and_dissent_that_counts_is_an_object() {
    let mut world = World::new();
    world.publish("sdf", vec![severe("1", "theft", 1, ALL)]);
    world.publish("lpo", vec![severe("1", "theft", 4, ALL)]);
    let open = world.content(SALT).unwrap();
    assert_eq!(open.basis().decisions.len(), 0);
    settle(&mut world, "theft", Outcome::Severity(Severity::of(3).unwrap()));
    let settled = world.content(SALT).unwrap();
    assert_eq!(settled.basis().decisions.len(), 1);
    let finding = Key::parse("a/theft", world.state.registry()).unwrap();
    for _ in 0..2 {
        let reply = world.apply(Command::RecordDissent(RecordDissent {
            finding: finding.clone(),
            period: period(),
            field: Field::Severity,
            party: samsyn_domain::PartyId::parse("lpo").unwrap(),
            reason: None,
        }));
        assert_eq!(super::world::reason(&reply), None);
    }
    assert_eq!(world.content(SALT).unwrap().basis().decisions.len(), 3);
    world.publish("lpo", vec![severe("1", "theft", 5, ALL)]);
    assert_eq!(world.content(SALT).unwrap().basis().decisions.len(), 2);
}
