use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    Basis, Credibility, Kind, Labels, Level, Observation, PartyId, PriorityId, Regime, Reliability,
    Secrecy, Severity, SourceId, Trend, UnitKey,
    command::{Command, RecordDissent, ResolveConflict},
    commit::{
        hash,
        position::{Group, Position, Variant},
        salt::RoundSalt,
    },
    merge::{ConflictRef, Field, Key, Outcome},
    registry::{Role, Track},
    row::Row,
};

use super::{
    super::object::{Object, What},
    keys::Keys,
    world::{ALL, NOW, SALT, World, area, counted, labels, observation, period, reason, severe},
};
use crate::edition::{Analysis, Content, Frame, Unmade, content};

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
    let [one, two, three] = ["1", "2", "3"].map(|id| observation(id, "graffiti", ALL));
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

/// The root of the one observation's object: no cell or decision hides what it commits to.
fn object_root(party: &str, observation: Observation) -> hash::Digest {
    let mut world = World::new();
    world.publish(party, vec![observation]);
    let content = world.content(SALT).unwrap();
    let is_observation = |object: &&Object| matches!(object.what, What::Contribution(_));
    content.objects.values().find(is_observation).unwrap().tree.root()
}

#[test]
fn the_root_changes_with_every_field_of_an_observation() {
    let labelled = |change: fn(&mut Labels)| {
        move |o: &mut Observation| change(Arc::make_mut(&mut o.content.labels))
    };
    let changes: [Change; 16] = [
        |o| o.content.kind = Kind::Environment,
        |o| o.content.priority = PriorityId::parse("other").unwrap(),
        |o| o.content.geography.place = None,
        |o| o.content.starts_at = NOW.after_seconds(1),
        |o| o.content.ends_at = NOW.after_seconds(61),
        |o| o.content.count = None,
        |o| o.content.severity = None,
        |o| o.content.trend = Some(Trend::Up),
        |o| o.content.basis = Basis::Estimate,
        |o| o.content.source = SourceId::parse("patrol").ok(),
        |o| o.content.reliability = Reliability::of("F"),
        |o| o.content.credibility = Credibility::of(6),
        |o| o.sealed = Some(Keys::seal_secret(Some("mörkt"), None)),
        |o| o.sealed = Some(Keys::seal_secret(Some("ljust"), None)),
        |o| o.sealed = Some(Keys::seal_secret(None, Some((5, 6)))),
        |o| o.sealed = Some(Keys::seal_secret(None, Some((5, 7)))),
    ];
    let labels = [
        labelled(|l| l.level = Secrecy::of(2).unwrap()),
        labelled(|l| l.person_related = true),
        labelled(|l| l.special_category = true),
        labelled(|l| l.originator_control = true),
        labelled(|l| l.onward_sharing = true),
        labelled(|l| l.regime = Regime::Gdpr),
        labelled(|l| l.retain_until = NOW),
        labelled(|l| l.secrecy_provisions = BTreeSet::from(["OSL 18:1".into()])),
    ];
    let base = observation("1", "graffiti", ALL);
    let mut roots = BTreeSet::from([object_root("sdf", base.clone())]);
    let mut see = |changed: Observation| {
        assert!(roots.insert(object_root("sdf", changed)), "{} roots", roots.len());
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
    assert!(roots.insert(object_root("lpo", base)));
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
    Arc::make_mut(&mut secret.content.labels).level = Secrecy::of(3).unwrap();
    let mut later = observation("later", "graffiti", &["signatories"]);
    Arc::make_mut(&mut later.content.labels).embargo_until = Some(NOW.after_seconds(5));
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
    let left_out: Vec<_> = content.left_out().iter().map(|(p, id)| format!("{p}:{id}")).collect();
    assert_eq!(left_out, ["lpo:own", "sdf:later", "sdf:own", "sdf:partner", "sdf:secret"]);
    assert_eq!(content.objects(), 3 + 1 + cells(&content));
    let versions: Vec<u64> = content.basis().pictures.values().copied().collect();
    assert_eq!((versions, content.basis().revision), (vec![2, 2], 4));
}

fn cells(content: &Content) -> u32 {
    let is_cell = |object: &&Object| matches!(object.what, What::Cell(_));
    u32::try_from(content.objects.values().filter(is_cell).count()).unwrap()
}

#[test]
fn both_coarser_places_stand_beside_every_exact_one() {
    let mut world = World::new();
    let mut coarse = observation("1", "theft", ALL);
    coarse.content.geography = coarse.content.geography.coarsened(Level::District);
    world.publish("sdf", vec![coarse, observation("2", "theft", ALL)]);
    let content = world.content(SALT).unwrap();
    let is_observation = |object: &&Object| matches!(object.what, What::Contribution(_));
    let observations = content.objects.values().filter(is_observation);
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
    world.state.absorb(Row::Epoch(99));
    let (area, salt) = (area(), RoundSalt::new(SALT));
    let revision = world.state.revision(&area);
    let frame = Frame {
        registry: world.state.registry(),
        area: &area,
        period: period(),
        track: Track::Operative,
        revision,
    };
    let (labels, unit) = (labels(&["signatories"]), UnitKey::named("unit"));
    let analysis = Analysis { text: "", labels: &labels, unit: &unit };
    let made = content(&world.state, &world.keys, frame, &salt, analysis);
    assert_eq!(made.unwrap_err(), Unmade::Undecided);
}

#[test]
fn an_analysis_that_an_endorser_may_not_see_is_refused() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    world.content(SALT).unwrap();
    let (area, salt, unit) = (area(), RoundSalt::new(SALT), UnitKey::named("unit"));
    let revision = world.state.revision(&area);
    let frame = Frame {
        registry: world.state.registry(),
        area: &area,
        period: period(),
        track: Track::Operative,
        revision,
    };
    let made = |labels: &Labels| {
        let analysis = Analysis { text: "", labels, unit: &unit };
        content(&world.state, &world.keys, frame, &salt, analysis).map(drop)
    };
    assert_eq!(made(&labels(&["signatories"])), Ok(()));
    assert_eq!(made(&labels(&["sdf", "lpo"])), Ok(()));
    assert_eq!(made(&labels(&["sdf"])), Err(Unmade::AnalysisWithheld));
    let secret = Labels { level: Secrecy::MAX, ..labels(&["signatories"]) };
    assert_eq!(made(&secret), Err(Unmade::AnalysisWithheld));
    let later = Some(world.state.stamp().after_seconds(1));
    let embargoed = Labels { embargo_until: later, ..labels(&["signatories"]) };
    assert_eq!(made(&embargoed), Err(Unmade::AnalysisWithheld));
}

#[test]
fn one_side_alone_is_no_basis_whatever_the_other_keeps_to_itself() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    let incomplete = Err(Unmade::BasisIncomplete);
    assert_eq!(world.content_of_these(SALT).map(drop), incomplete);
    world.publish("lpo", vec![observation("kept", "graffiti", &[])]);
    assert_eq!(world.content_of_these(SALT).map(drop), incomplete);
    world.cover("lpo");
    assert_eq!(world.content_of_these(SALT).map(drop), Ok(()));
}

pub(super) fn settle(world: &mut World, category: &str, outcome: Outcome) {
    let key = Key::parse(&format!("a/{category}"), world.state.registry()).unwrap();
    let conflict = ConflictRef { key, period: period(), field: Field::Severity };
    for (party, role) in [("sdf", Role::Coordinator), ("lpo", Role::Kommunpolis)] {
        let reply = world.apply(Command::ResolveConflict(ResolveConflict {
            conflict: conflict.clone(),
            revision: world.state.revision(&area()),
            party: PartyId::parse(party).unwrap(),
            role,
            outcome,
            reason: Some(Keys::seal_secret(Some("enligt möte"), None)),
        }));
        assert_eq!(reason(&reply), None);
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
            party: PartyId::parse("lpo").unwrap(),
            reason: None,
        }));
        assert_eq!(reason(&reply), None);
    }
    assert_eq!(world.content(SALT).unwrap().basis().decisions.len(), 3);
    world.publish("lpo", vec![severe("1", "theft", 5, ALL)]);
    assert_eq!(world.content(SALT).unwrap().basis().decisions.len(), 2);
}
