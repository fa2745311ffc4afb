//! A right to a view that ends, whatever happens around that: from then on nothing of it leaves its
//! home, and all of it goes from where it was.

use std::sync::{Arc, Mutex, PoisonError};

use samsyn_domain::{
    link::{Header, Kind, Payload},
    message::Step,
};
use samsyn_proto::link::{Frame, frame};

use super::{Act, At, Dice, LATER, Life, act, each};
use crate::tests::{
    deliveries::{delivers_until_tomorrow, for_the_police},
    world::{NOW, POLICE, World, ground},
};

/// So many steps before the right ends, and after it.
const STEPS: usize = 14;

impl Life {
    /// The city has something new for the view.
    async fn shows(&self, dice: &mut Dice) {
        let mut seen = for_the_police();
        seen.content.count = u32::try_from(1 + dice.below(1_000)).ok();
        self.world.city.publishes(vec![seen], &[]).await.unwrap();
    }

    async fn lives(&mut self, seed: u64, dice: &mut Dice) {
        for _ in 0..STEPS {
            let act = act(dice);
            println!("seed {seed}: {act:?}");
            self.does(act, dice).await;
            if dice.below(2) == 0 {
                self.shows(dice).await;
            }
        }
    }
}

/// What the city has numbered of the view since a time, beside that it has ended.
fn brings(frame: &Frame) -> Option<String> {
    let Some(frame::Kind::Envelope(envelope)) = &frame.kind else { return None };
    let (header, _) = Header::decode(&envelope.header).unwrap();
    if header.issued_at < NOW.after_seconds(86_400) {
        return None;
    }
    match Payload::decode(Kind::from_number(header.kind)?, &envelope.payload).unwrap() {
        Payload::View(step) if !step.terms.ended || !step.events.is_empty() => {
            Some(format!("{step:?}"))
        }
        Payload::Edition(edition) => Some(format!("{edition:?}")),
        Payload::View(_)
        | Payload::Message(_)
        | Payload::Receipt { .. }
        | Payload::Contribution(_)
        | Payload::Answer { .. }
        | Payload::EditionAnswer(_)
        | Payload::EditionAnswered(_) => None,
    }
}

async fn life(seed: u64, mut dice: Dice) {
    let mut life = Life::begins(World::endorsing_and(delivers_until_tomorrow).await);
    let brought: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&brought);
    life.world.wire.watch(move |by_city, frame| {
        let brings = by_city.then(|| brings(frame)).flatten();
        seen.lock().unwrap_or_else(PoisonError::into_inner).extend(brings);
    });
    life.shows(&mut dice).await;
    life.world.police.has_received(|one| one.is_some_and(|(_, count)| count > 0)).await;
    life.lives(seed, &mut dice).await;
    println!("seed {seed}: the right ends");
    life.now = NOW.after_seconds(86_400 + LATER);
    At::BOTH.iter().for_each(|at| life.domain(*at).at(life.now));
    life.lives(seed, &mut dice).await;
    life.does(Act::Mend, &mut dice).await;
    life.is_open().await;
    life.world.police.has_received(|one| one.is_none()).await;
    assert_eq!(life.world.police.refuses(POLICE, ground()).await.0, "HOME_ELSEWHERE");
    // The link is whole, and has brought all that was numbered before.
    let after = life.world.city.sends(POLICE, "after").await;
    life.world.city.reaches(after, Step::Accepted).await;
    assert!(life.world.police.received().is_none());
    assert_eq!(*brought.lock().unwrap(), [""; 0], "seed {seed}");
    life.world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_right_has_ended_nothing_more_leaves_and_nothing_stays() {
    each(0..4, life).await;
}
