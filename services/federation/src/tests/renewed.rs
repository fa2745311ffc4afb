//! A link of which one side has forgotten what it had said begins anew, when both operators say so.

use std::{path::Path, time::Duration};

use samsyn_domain::{command::LinkChange, link::FrozenFor, message::Step};
use samsyn_proto::link::frame;
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    deliveries::{delivers, delivers_until_tomorrow, for_the_police},
    impostor::Hostile,
    pictures::draft,
    world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World},
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

impl World {
    async fn restart(&mut self, who: Who) {
        if who.id() == CITY.id() {
            self.restart_city().await;
        } else {
            self.restart_police().await;
        }
    }

    /// A domain, with the folder of its files.
    fn of_whom(&self, who: Who) -> (&Domain, &Path) {
        let [city, police] = &self.dirs;
        if who.id() == CITY.id() {
            (&self.city, city.path())
        } else {
            (&self.police, police.path())
        }
    }

    /// Stops a domain, keeps its files as they are, and has it go on.
    pub(super) async fn back_up(&mut self, who: Who) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        let (domain, files) = self.of_whom(who);
        domain.stop().await;
        copy_dir(files, copy.path());
        self.restart(who).await;
        copy
    }

    /// Has a domain go on from files that were kept: what came since is lost.
    pub(super) async fn restore(&mut self, who: Who, from: &TempDir) {
        self.wire.tear();
        let (domain, files) = self.of_whom(who);
        domain.stop().await;
        std::fs::remove_dir_all(files).unwrap();
        copy_dir(from.path(), files);
        self.restart(who).await;
    }

    /// Both operators have the link begin anew.
    async fn renews(&self) {
        for domain in [&self.city, &self.police] {
            domain.sets_link(LinkChange::Renew).await;
        }
        self.wire.tear();
    }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
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
    let backup = world.back_up(POLICE).await;
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

    world.restore(POLICE, &backup).await;
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
    assert_eq!(world.city.has(POLICE).await.counts, [("p1".to_owned(), Some(1))].into());
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
    let backup = world.back_up(POLICE).await;
    world.city.acts_on(asked).await;
    world.police.reaches(asked, Step::Acted).await;
    world.restore(POLICE, &backup).await;
    world.city.is_frozen(POLICE).await;
    assert_eq!(world.police.steps(asked).await.last(), Some(&Step::Accepted));
    world.renews().await;
    world.police.reaches(asked, Step::Acted).await;
    world.city.has_subjects(&["asked"]).await;
    // Begun anew once more, though nobody forgot: nothing is doubled.
    for domain in [&world.police, &world.city] {
        domain.at(NOW.after_seconds(60));
        domain.sets_link(LinkChange::Renew).await;
    }
    world.wire.tear();
    let after = world.city.sends(POLICE, "after").await;
    world.city.reaches(after, Step::Accepted).await;
    world.police.has_subjects(&["after"]).await;
    world.city.has_subjects(&["asked"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_had_ended_before_a_restore_has_ended_after_it() {
    let mut world = World::of(|_| (), delivers_until_tomorrow).await;
    world.city.publishes(vec![for_the_police()], &[]).await.unwrap();
    world.police.has_received(|one| one.is_some_and(|(_, count)| count > 0)).await;
    let backup = world.back_up(POLICE).await;
    let tomorrow = NOW.after_seconds(86_400);
    for domain in [&world.city, &world.police] {
        domain.at(tomorrow);
    }
    world.wire.tear();
    world.police.has_received(|one| one.is_none()).await;
    world.restore(POLICE, &backup).await;
    world.police.at(tomorrow);
    world.city.is_frozen(POLICE).await;
    assert!(world.police.received().is_some(), "it has forgotten that it ended");
    world.renews().await;
    let after = world.city.sends(POLICE, "after").await;
    world.city.reaches(after, Step::Accepted).await;
    assert!(world.police.received().is_none());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_before_a_restore_of_its_home_is_withdrawn_after_it() {
    let mut world = World::new().await;
    world.police.publishes(vec![draft("p1", 1)], &[]).await.unwrap();
    world.police.is_in_step().await;
    let backup = world.back_up(CITY).await;
    world.police.publishes(Vec::new(), &["p1"]).await.unwrap();
    world.police.is_in_step().await;
    assert!(world.city.has(POLICE).await.counts.is_empty());
    world.restore(CITY, &backup).await;
    world.police.is_frozen(CITY).await;
    assert_eq!(world.city.has(POLICE).await.counts.len(), 1, "it has it again");
    world.renews().await;
    let gone = timeout(PATIENCE, async {
        while !world.city.has(POLICE).await.counts.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(gone.await.is_ok(), "{:?}", world.police.contributed().await);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_goes_again_however_old() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens_from(&world.city, &world.police, |_| ()).await;
    let old = world.police.sends(CITY, "old").await;
    while !matches!(hostile.next().await, frame::Kind::Envelope(_)) {}
    drop(hostile);
    for domain in [&world.city, &world.police] {
        domain.at(NOW.after_seconds(40 * 86_400));
    }
    world.renews().await;
    world.wire.mend();
    world.police.reaches(old, Step::Accepted).await;
    world.city.has_subjects(&["old"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_of_a_chain_before_does_not_stop_the_one_that_was_begun_since() {
    let world = World::new().await;
    let (ledger, police) = (&world.city.ledger, POLICE.id());
    let freeze = |chain| ledger.freeze_link(&police, chain, FrozenFor::Fork);
    let before = ledger.link(&police).out.epoch;
    world.renews().await;
    freeze(before).await.unwrap();
    let after = world.city.sends(POLICE, "after").await;
    world.city.reaches(after, Step::Accepted).await;
    freeze(ledger.link(&police).out.epoch).await.unwrap();
    assert_eq!(ledger.link(&police).frozen, Some(FrozenFor::Fork));
    world.close().await;
}
