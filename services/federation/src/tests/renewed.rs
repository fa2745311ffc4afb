//! A link of which one side has forgotten what it had said begins anew, when both operators say so.

use std::time::Duration;

use samsyn_domain::{command::LinkChange, link::FrozenFor, message::Step};
use tokio::time::timeout;

use super::{
    deliveries::delivers,
    pictures::{area, draft},
    world::{CITY, Domain, PATIENCE, POLICE, Who, World},
};

impl Domain {
    async fn is_frozen(&self, peer: Who) {
        let stands = timeout(PATIENCE, async {
            while self.ledger.link(&peer.id()).frozen != Some(FrozenFor::Regression) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(stands.await.is_ok(), "{:?}", self.ledger.link(&peer.id()));
    }

    async fn has_subjects(&self, expected: &[&str]) {
        let comes = timeout(PATIENCE, async {
            while self.inbox().await.len() < expected.len() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(comes.await.is_ok(), "{:?}", self.inbox().await);
        assert_eq!(self.inbox().await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_what_was_lost_comes_again_and_nothing_is_doubled() {
    let mut world = World::of(|_| (), delivers).await;
    // Before the backup: a message each way, a picture, a view.
    let kept = world.city.sends(POLICE, "before").await;
    world.city.reaches(kept, Step::Accepted).await;
    let answered = world.police.sends(CITY, "from before").await;
    world.police.reaches(answered, Step::Accepted).await;
    world.police.publishes(vec![draft("p1", 1)], &[]).await.unwrap();
    world.police.is_in_step().await;
    world.city.publishes(vec![draft("c1", 1)], &[]).await.unwrap();
    world.is_same().await;
    let backup = world.back_up_police().await;
    // After it: what the police's domain will have forgotten.
    let lost = world.city.sends(POLICE, "lost").await;
    world.city.reaches(lost, Step::Accepted).await;
    let told = world.police.sends(CITY, "told and forgotten").await;
    world.police.reaches(told, Step::Accepted).await;
    world.police.acts_on(kept).await;
    world.city.reaches(kept, Step::Acted).await;
    world.police.publishes(vec![draft("p2", 2)], &["p1"]).await.unwrap();
    world.police.is_in_step().await;
    world.city.publishes(vec![draft("c2", 2)], &["c1"]).await.unwrap();
    world.is_same().await;

    world.restore_police(&backup).await;
    world.city.is_frozen(POLICE).await;
    let waits = world.city.sends(POLICE, "while it stands still").await;
    world.city.publishes(vec![draft("c3", 3)], &[]).await.unwrap();
    assert_eq!(world.police.inbox().await, ["before"]);
    // One operator alone changes nothing.
    world.city.sets_link(LinkChange::Renew).await;
    world.wire.tear();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.police.inbox().await, ["before"]);
    world.police.sets_link(LinkChange::Renew).await;
    world.wire.tear();

    // What was lost comes again, in its order; what was there is there once.
    world.police.has_subjects(&["before", "lost", "while it stands still"]).await;
    world.city.reaches(waits, Step::Accepted).await;
    world.city.has_subjects(&["from before", "told and forgotten"]).await;
    // The ladder of what came further goes no step back.
    assert_eq!(world.city.steps(kept).await.last(), Some(&Step::Acted));
    assert_eq!(world.city.steps(lost).await.last(), Some(&Step::Accepted));
    // The police's picture at its home is that of its domain of now, and the view is whole.
    world.police.is_in_step().await;
    assert_eq!(
        world.city.has(POLICE).await.counts,
        [("p1".to_owned(), Some(1))].into(),
        "{}",
        area()
    );
    world.is_same().await;
    // It is a link like any other from here on, also for who begins anew.
    world.restart_city().await;
    world.restart_police().await;
    world.city.sends(POLICE, "after").await;
    let all = ["before", "lost", "while it stands still", "after"];
    world.police.has_subjects(&all).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_was_lost_with_the_sender_comes_again() {
    let mut world = World::new().await;
    let asked = world.police.sends(CITY, "asked").await;
    world.police.reaches(asked, Step::Accepted).await;
    let backup = world.back_up_police().await;
    world.city.acts_on(asked).await;
    world.police.reaches(asked, Step::Acted).await;
    world.restore_police(&backup).await;
    world.city.is_frozen(POLICE).await;
    assert_eq!(world.police.steps(asked).await.last(), Some(&Step::Accepted));
    for domain in [&world.city, &world.police] {
        domain.sets_link(LinkChange::Renew).await;
    }
    world.wire.tear();
    world.police.reaches(asked, Step::Acted).await;
    world.city.has_subjects(&["asked"]).await;
    // Begun anew once more, though nobody forgot: nothing is doubled.
    for domain in [&world.police, &world.city] {
        domain.at(super::world::NOW.after_seconds(60));
        domain.sets_link(LinkChange::Renew).await;
    }
    world.wire.tear();
    let after = world.city.sends(POLICE, "after").await;
    world.city.reaches(after, Step::Accepted).await;
    world.police.has_subjects(&["after"]).await;
    world.city.has_subjects(&["asked"]).await;
    world.close().await;
}
