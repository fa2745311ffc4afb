//! Who had what was withdrawn, and who has confirmed over its link that it is gone.

use std::time::Duration;

use samsyn_domain::{ObservationId, Timestamp};
use samsyn_ledger::Rejection;
use samsyn_policy::{Held, Holder, HolderList, ObservationRef, Way};
use tokio::time::timeout;

use super::{
    deliveries::{Holds, delivers},
    pictures::{area, draft, kept},
    world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World, ground},
};

impl Domain {
    /// Who may have had an observation of a party, as a desk here is told.
    async fn holders(&self, who: Who, party: Who, id: &str) -> Result<HolderList, Rejection> {
        let caller = who.caller();
        let reader = self.ledger.reader(&caller, ground())?;
        let observation = ObservationId::parse(id).unwrap();
        let of = ObservationRef { party: party.party(), area: area(), observation };
        let view = self.ledger.holders(&caller, &reader, &of).await?;
        Ok(view.content().clone())
    }

    /// The one that had it on a way, as its own party is told here.
    async fn holder(&self, id: &str, way: Way) -> Option<Holder> {
        let list = self.holders(self.who, self.who, id).await.unwrap();
        list.holders.into_iter().find(|holder| holder.way == way)
    }

    /// Waits until what one had on a way is as it should be.
    async fn becomes(&self, id: &str, way: Way, is: impl Fn(Held) -> bool) -> Holder {
        let becomes = timeout(PATIENCE, async {
            loop {
                match self.holder(id, way).await {
                    Some(holder) if is(holder.held) => return holder,
                    Some(_) | None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        match becomes.await {
            Ok(holder) => holder,
            Err(_) => panic!("{:?}", self.holder(id, way).await),
        }
    }
}

const fn is_confirmed(held: Held) -> bool {
    matches!(held, Held::Confirmed(_))
}

/// Why a desk is not told.
fn refused(asked: Result<HolderList, Rejection>) -> (&'static str, String) {
    match asked {
        Err(Rejection::Denied(denial)) => (denial.why.id(), denial.field),
        other => panic!("{other:?}"),
    }
}

const LATER: Timestamp = NOW.after_seconds(60);

/// Stamps of a second differ by microseconds.
fn is_of(at: Timestamp, second: Timestamp) -> bool {
    second <= at && at < second.after_seconds(1)
}

/// Confirmed after what was withdrawn.
fn is_later(held: Held) -> bool {
    matches!(held, Held::Confirmed(at) if is_of(at, LATER))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_confirmed_gone_once_the_link_is_whole() {
    let world = World::of(|_| (), delivers).await;
    world.city.publishes(vec![draft("c1", 2), kept("own", 1)], &[]).await.unwrap();
    world.is_same().await;
    let holder = world.city.becomes("c1", Way::Delivery, |held| held == Held::Has).await;
    let told = (holder.receiver.to_string(), holder.service.to_string());
    assert_eq!(told, ("polismyndigheten".to_owned(), "polisen.example/link".to_owned()));
    assert_eq!(holder.peer, Some(POLICE.id()));
    assert!(is_of(holder.first_at, NOW) && !holder.in_passing, "{holder:?}");
    // What its party keeps was given to nobody.
    let own = world.city.holders(CITY, CITY, "own").await.unwrap();
    assert_eq!((own.gone_at, own.holders), (None, Vec::new()));
    world.wire.cut();
    world.city.at(LATER);
    world.city.publishes(Vec::new(), &["c1"]).await.unwrap();
    let cut = world.city.becomes("c1", Way::Delivery, |held| held != Held::Has).await;
    assert_eq!(cut.held, Held::Unconfirmed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let list = world.city.holders(CITY, CITY, "c1").await.unwrap();
    let cut = list.holders.iter().find(|holder| holder.way == Way::Delivery).unwrap();
    assert_eq!(cut.held, Held::Unconfirmed);
    assert!(list.gone_at.is_some_and(|at| is_of(at, LATER)), "{list:?}");
    world.wire.mend();
    let holder = world.city.becomes("c1", Way::Delivery, is_confirmed).await;
    assert!(is_later(holder.held), "{holder:?}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_contributed_is_confirmed_gone_by_the_home_of_its_area() {
    let world = World::new().await;
    world.police.publishes(vec![draft("p1", 2), kept("own", 1)], &[]).await.unwrap();
    world.police.is_in_step().await;
    let holder = world.police.holder("p1", Way::Contribution).await.unwrap();
    assert_eq!((holder.held, holder.peer), (Held::Has, Some(CITY.id())));
    assert!(world.police.holder("own", Way::Contribution).await.is_none());
    world.wire.cut();
    world.police.at(LATER);
    // Narrowed, it goes from there as if it were withdrawn.
    world.police.publishes(vec![kept("p1", 2)], &[]).await.unwrap();
    let holder = world.police.holder("p1", Way::Contribution).await.unwrap();
    assert_eq!(holder.held, Held::Unconfirmed);
    world.wire.mend();
    let holder = world.police.becomes("p1", Way::Contribution, is_confirmed).await;
    assert!(is_later(holder.held), "{holder:?}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_it_at_the_home_is_named_there_as_it_read() {
    let world = World::new().await;
    world.city.publishes(vec![draft("c1", 2)], &[]).await.unwrap();
    assert_eq!(world.city.holders(CITY, CITY, "c1").await.unwrap().holders, Vec::new());
    // The desk of the police reads by a call, and then follows.
    world.city.joint(POLICE).await.unwrap();
    let mut holds = Holds::default();
    let mut feed = world.city.follows(POLICE, "").await;
    holds.until(&mut feed, |holds| !holds.findings.is_empty()).await;
    world.city.at(LATER);
    world.city.publishes(Vec::new(), &["c1"]).await.unwrap();
    holds.until(&mut feed, |holds| holds.findings.is_empty()).await;
    let both = world.city.holders(CITY, CITY, "c1").await.unwrap().holders;
    let told: Vec<_> = both.iter().map(|one| (one.way, one.held)).collect();
    assert_eq!(told, [(Way::Call, Held::Unconfirmed), (Way::Followed, Held::Unconfirmed)]);
    let context = world.city.context();
    world.city.ledger.acknowledge(&POLICE.caller(), &context, &holds.cursor).await.unwrap();
    // What was followed is confirmed by that; what was read by a call is not.
    assert_eq!(world.city.holder("c1", Way::Call).await.unwrap().held, Held::Unconfirmed);
    let follower = world.city.holder("c1", Way::Followed).await.unwrap();
    assert!(is_later(follower.held), "{follower:?}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_party_is_answered_as_if_it_were_not_there() {
    let world = World::new().await;
    world.city.publishes(vec![draft("c1", 2)], &[]).await.unwrap();
    world.city.joint(POLICE).await.unwrap();
    let there = refused(world.city.holders(POLICE, CITY, "c1").await);
    let nowhere = refused(world.city.holders(POLICE, CITY, "c2").await);
    assert_eq!(there, ("NOT_FOUND", "observation_id".to_owned()));
    assert_eq!(there, nowhere);
    assert_eq!(refused(world.city.holders(CITY, CITY, "c2").await), nowhere);
    world.close().await;
}
