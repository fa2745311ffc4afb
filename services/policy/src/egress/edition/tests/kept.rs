use std::sync::Arc;

use samsyn_domain::{EditionId, Observation, row::Row};

use super::{
    keys::Keys,
    world::{ALL, NOW, SALT, World, area, observation, period, severe},
};
use crate::{
    At, Contents, Denial, EditionView, Egress, JointView, Opening, Projection, ReviewView, Shared,
    Why, egress::kept::KEPT_MAX,
};

/// Leaves a page.
const LEAVES: usize = 7;
const EVERY: usize = 1_000;

/// A world with a released edition, with notes under seal in it.
fn released() -> (World, EditionId) {
    let mut world = World::new();
    let noted = |id: &str| Observation {
        sealed: Some(Keys::seal_secret(Some("mörkt"), None)),
        ..observation(id, "graffiti", ALL)
    };
    world.publish("sdf", vec![noted("1"), noted("2"), severe("3", "graffiti", 4, ALL)]);
    world.publish("lpo", vec![observation("4", "graffiti", ALL)]);
    let id = world.released(SALT);
    (world, id)
}

/// What a reader gets with what is kept.
fn with<T: Clone>(
    world: &World,
    contents: &Contents,
    organisation: &str,
    read: impl FnOnce(&Egress<'_>) -> Result<Projection<T>, Denial>,
) -> Result<T, Denial> {
    world.read_keeping(organisation, contents, NOW, read)
}

/// Object, position, salt, canonical bytes.
type Leaf = ([u8; 16], u8, Vec<u8>, Vec<u8>);

/// All that a review gives, in order.
fn leaves(pages: &[ReviewView]) -> Vec<Leaf> {
    let openings = pages.iter().flat_map(|page| &page.openings);
    let leaf = |one: &Opening| (one.object, one.position, one.salt.clone(), one.canonical.clone());
    openings.map(leaf).collect()
}

/// All pages of a review.
fn review(world: &World, contents: Option<&Contents>, organisation: &str) -> Vec<ReviewView> {
    let id = world.state.editions().next().unwrap().id.clone();
    let mut pages = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let read = |egress: &Egress<'_>| egress.review(&id, at, LEAVES);
        let page = match contents {
            Some(contents) => with(world, contents, organisation, read),
            None => world.read(organisation, read),
        };
        let page = page.unwrap();
        from = page.next.map(|next| usize::try_from(next).unwrap());
        pages.push(page);
    }
    pages
}

fn view(world: &World, contents: &Contents, organisation: &str, id: &EditionId) -> EditionView {
    with(world, contents, organisation, |egress| egress.edition(id, 0, EVERY)).unwrap()
}

#[test]
fn all_pages_of_a_round_are_made_from_one_content_whoever_reads() {
    let (world, id) = released();
    let contents = Contents::default();
    let before = world.keys.made();
    with(&world, &contents, "stad", |egress| egress.review(&id, 0, LEAVES)).unwrap();
    let once = world.keys.made() - before;
    assert!(once > 0);
    let pages = review(&world, Some(&contents), "stad").len();
    assert!(pages > 5, "{pages} pages");
    review(&world, Some(&contents), "polis");
    for organisation in ["stad", "polis", "kv", "fk"] {
        view(&world, &contents, organisation, &id);
    }
    assert_eq!(world.keys.made() - before, once);
    let before = world.keys.made();
    review(&world, None, "stad");
    assert_eq!(world.keys.made() - before, pages * once, "else each page makes it");
}

#[test]
fn what_is_kept_gives_each_reader_what_is_made_anew() {
    let (world, id) = released();
    let contents = Contents::default();
    // The one who sees most comes first.
    for organisation in ["stad", "polis"] {
        let kept = review(&world, Some(&contents), organisation);
        let anew = review(&world, None, organisation);
        assert_eq!(leaves(&kept), leaves(&anew));
    }
    for organisation in ["stad", "polis", "kv", "fk"] {
        let kept = view(&world, &contents, organisation, &id);
        let anew = world.read(organisation, |egress| egress.edition(&id, 0, EVERY)).unwrap();
        assert_eq!(kept.joint.findings, anew.joint.findings, "{organisation}");
        assert_eq!((kept.analysis, kept.proof), (anew.analysis, anew.proof), "{organisation}");
    }
    let not_his = with(&world, &contents, "xx", |egress| egress.edition(&id, 0, EVERY));
    assert_eq!(not_his.unwrap_err().why, Why::NotFound);
    let not_asked = with(&world, &contents, "kv", |egress| egress.review(&id, 0, EVERY));
    assert_eq!(not_asked.unwrap_err().why, Why::NotAllowed);
}

#[test]
fn another_round_has_content_of_its_own() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    world.publish("lpo", vec![observation("2", "graffiti", ALL)]);
    let id = world.open();
    world.lock(&id, SALT);
    let contents = Contents::default();
    let first = review(&world, Some(&contents), "stad");
    world.publish("lpo", vec![severe("2", "graffiti", 5, ALL)]);
    world.lock(&id, [6; 32]);
    let second = review(&world, Some(&contents), "stad");
    let root = |pages: &[ReviewView]| (pages[0].round, pages[0].round_salt);
    assert_eq!((root(&first), root(&second)), ((1, SALT), (2, [6; 32])));
    assert_ne!(leaves(&first), leaves(&second));
    assert_eq!(leaves(&second), leaves(&review(&world, None, "stad")));
}

#[test]
fn nothing_is_kept_from_one_epoch_to_another() {
    let (mut world, id) = released();
    let contents = Contents::default();
    view(&world, &contents, "stad", &id);
    let before = world.keys.made();
    view(&world, &contents, "stad", &id);
    assert_eq!(world.keys.made(), before);
    world.state.absorb(Row::Epoch(world.state.epoch() + 1));
    world.decide();
    view(&world, &contents, "stad", &id);
    assert!(world.keys.made() > before);
}

#[test]
fn what_was_kept_goes_with_its_key() {
    let (mut world, id) = released();
    let contents = Contents::default();
    review(&world, Some(&contents), "stad");
    let gone = |world: &World| {
        let read = with(world, &contents, "stad", |egress| egress.review(&id, 0, LEAVES));
        matches!(read.unwrap_err().why, Why::Internal(_))
    };
    world.keys.unit = None;
    assert!(gone(&world), "its key is destroyed");
    world.keys.unit = Some([3; 32]);
    review(&world, Some(&contents), "stad");
    world.keys.unit = Some([9; 32]);
    assert!(gone(&world), "another key of the same name opens nothing");
}

/// The joint picture as a reader sees it at a moment, with what is kept.
fn picture(world: &World, contents: &Contents, organisation: &str) -> Arc<Shared<JointView>> {
    let read = |egress: &Egress<'_>| egress.joint(&area(), period(), At::Newest);
    with(world, contents, organisation, read).unwrap()
}

#[test]
fn a_picture_is_made_once_for_a_class_as_long_as_nothing_changes_under_it() {
    let (mut world, _) = released();
    let contents = Contents::default();
    let same = |world: &World, organisation: &str| {
        let [one, other] = [(); 2].map(|()| picture(world, &contents, organisation));
        let anew = world.read(organisation, |egress| egress.joint(&area(), period(), At::Newest));
        assert_eq!(**one, **anew.unwrap(), "what is kept is what would be made");
        assert!(Arc::ptr_eq(&one, &other));
        one
    };
    let first = same(&world, "stad");
    assert!(!Arc::ptr_eq(&first, &same(&world, "polis")), "each class its own");
    world.publish("lpo", vec![severe("4", "graffiti", 5, ALL)]);
    let second = same(&world, "stad");
    assert_ne!(first.findings, second.findings, "another revision");
    let noted = |view: &JointView| {
        let seen = view.findings.iter().flat_map(|finding| &finding.contributions);
        seen.filter(|seen| view.secrets.of(seen.sealed.as_ref()).is_some()).count()
    };
    assert!(noted(&second) > 0);
    world.keys.unit = None;
    assert_eq!(noted(&picture(&world, &contents, "stad")), 0, "it goes with its key");
}

#[test]
fn a_kept_picture_of_an_earlier_revision_shows_no_more_than_what_it_has_become() {
    let mut world = World::new();
    world.publish("lpo", vec![observation("1", "graffiti", ALL)]);
    world.decide();
    let contents = Contents::default();
    let revision = world.state.revision(&area());
    let then = |world: &World| {
        let read = |egress: &Egress<'_>| egress.joint(&area(), period(), At::Revision(revision));
        with(world, &contents, "stad", read).unwrap().findings.len()
    };
    assert_eq!(then(&world), 1);
    world.publish("lpo", vec![observation("1", "graffiti", &["kv"])]);
    world.decide();
    assert_eq!(then(&world), 0, "its party has narrowed it since");
}

#[test]
fn what_was_kept_is_dropped_when_it_rests() {
    let (world, id) = released();
    let contents = Contents::default();
    let made_at = |seconds: i64| {
        let before = world.keys.made();
        let at = NOW.after_seconds(seconds);
        let read = |egress: &Egress<'_>| egress.review(&id, 0, LEAVES);
        world.read_keeping("stad", &contents, at, read).unwrap();
        world.keys.made() > before
    };
    let seconds = [0, 59, 118, 179];
    assert_eq!(seconds.map(made_at), [true, false, false, true]);
    contents.expire(NOW.after_seconds(240));
    assert_eq!(format!("{contents:?}"), "content of 0 rounds and 0 pictures");
    made_at(300);
    contents.expire(NOW);
    assert_eq!(
        format!("{contents:?}"),
        "content of 0 rounds and 0 pictures",
        "a clock that was set back"
    );
}

#[test]
fn so_many_rounds_are_kept_and_no_more() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    world.publish("lpo", vec![observation("2", "graffiti", ALL)]);
    let id = world.open();
    let contents = Contents::default();
    let at = |round: u8| NOW.after_micros(round.into());
    for round in 1..=70 {
        world.lock(&id, [round; 32]);
        let read = |egress: &Egress<'_>| egress.review(&id, 0, LEAVES);
        world.read_keeping("stad", &contents, at(round), read).unwrap();
    }
    assert_eq!(format!("{contents:?}"), format!("content of {KEPT_MAX} rounds and 0 pictures"));
    let before = world.keys.made();
    let read = |egress: &Egress<'_>| egress.review(&id, 0, LEAVES);
    world.read_keeping("stad", &contents, at(71), read).unwrap();
    assert_eq!(world.keys.made(), before, "the one that was asked for last");
}
