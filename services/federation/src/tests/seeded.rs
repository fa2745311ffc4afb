//! Whatever happens to wire and processes, by seed: each message takes effect once, receipts come
//! to one end, the home of an area has of an own picture what it may have, and both sides have one
//! chain.
//!
//! `SAMSYN_SEEDS=from..to` runs other seeds; a failure tells its seed and steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};

use samsyn_domain::message::{MessageId, Step};

use super::{
    pictures::{draft, kept},
    world::{CITY, POLICE, World},
};

/// How many steps a life has.
const STEPS: usize = 40;

/// A generator of Marsaglia (xorshift64*): the same seed gives the same steps.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    FromCity(u64),
    FromPolice(u64),
    Cut,
    Mend,
    Tear,
    RestartCity,
    RestartPolice,
    CityMarks,
    PoliceMark,
    /// So many of the observations of the police become new, changed, kept or withdrawn.
    Publish(u64),
    Wait(u64),
}

fn act(dice: &mut Dice) -> Act {
    match dice.below(18) {
        0..=2 => Act::FromCity(1 + dice.below(8)),
        3..=5 => Act::FromPolice(1 + dice.below(8)),
        6 => Act::Cut,
        7 | 8 => Act::Mend,
        9 => Act::Tear,
        10 => Act::RestartCity,
        11 => Act::RestartPolice,
        12 if dice.below(2) == 0 => Act::CityMarks,
        12 => Act::PoliceMark,
        13..=16 => Act::Publish(1 + dice.below(6)),
        _ => Act::Wait(dice.below(300)),
    }
}

/// What the police have in their own picture: each with its count, and whether it is for others.
#[derive(Default)]
struct Own(BTreeMap<String, (u32, bool)>);

impl Own {
    async fn publishes(&mut self, world: &World, count: u64, dice: &mut Dice) {
        let (mut drafts, mut withdrawn) = (Vec::new(), Vec::new());
        let named: BTreeSet<u64> = (0..count).map(|_| dice.below(12)).collect();
        for id in named.into_iter().map(|number| format!("o{number}")) {
            let (fate, count) = (dice.below(6), u32::try_from(dice.below(1_000)).unwrap());
            match fate {
                0 | 1 if self.0.remove(&id).is_some() => withdrawn.push(id),
                2 => {
                    drafts.push(kept(&id, count));
                    self.0.insert(id, (count, false));
                }
                _ => {
                    drafts.push(draft(&id, count));
                    self.0.insert(id, (count, true));
                }
            }
        }
        let withdrawn: Vec<&str> = withdrawn.iter().map(String::as_str).collect();
        world.police.publishes(drafts, &withdrawn).await.unwrap();
    }

    /// What the city may have of it.
    fn shared(&self) -> BTreeMap<String, Option<u32>> {
        let shared = self.0.iter().filter(|(_, (_, shared))| *shared);
        shared.map(|(id, (count, _))| (id.clone(), Some(*count))).collect()
    }
}

#[derive(Default)]
struct Sent {
    ids: Vec<(MessageId, String)>,
    acted: BTreeMap<MessageId, ()>,
}

async fn life(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut world = World::new().await;
    let (mut by_city, mut by_police) = (Sent::default(), Sent::default());
    let mut own = Own::default();
    let mut steps = Vec::new();
    for _ in 0..STEPS {
        let act = act(&mut dice);
        steps.push(act);
        match act {
            Act::FromCity(count) => {
                for _ in 0..count {
                    let subject = by_city.ids.len().to_string();
                    by_city.ids.push((world.city.sends(POLICE, &subject).await, subject));
                }
            }
            Act::FromPolice(count) => {
                for _ in 0..count {
                    let subject = by_police.ids.len().to_string();
                    by_police.ids.push((world.police.sends(CITY, &subject).await, subject));
                }
            }
            Act::Cut => world.wire.cut(),
            Act::Mend => world.wire.mend(),
            Act::Tear => world.wire.tear(),
            Act::RestartCity => world.restart_city().await,
            Act::RestartPolice => world.restart_police().await,
            Act::CityMarks => {
                let there = world.city.inbox().await.len();
                for (id, _) in by_police.ids.iter().take(there) {
                    world.city.acts_on(*id).await;
                    by_police.acted.insert(*id, ());
                }
            }
            Act::PoliceMark => {
                let there = world.police.inbox().await.len();
                for (id, _) in by_city.ids.iter().take(there) {
                    world.police.acts_on(*id).await;
                    by_city.acted.insert(*id, ());
                }
            }
            Act::Publish(count) => own.publishes(&world, count, &mut dice).await,
            Act::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }
    world.wire.mend();
    let told = format!("seed {seed}: {steps:?}");
    let stands = world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, own.shared(), "{told}");
    assert_eq!(stands.held, own.shared().len(), "{told}");
    for (sent, domain, other) in
        [(&by_city, &world.city, &world.police), (&by_police, &world.police, &world.city)]
    {
        for (id, _) in &sent.ids {
            let expected = if sent.acted.contains_key(id) { Step::Acted } else { Step::Accepted };
            let steps = domain.reaches(*id, expected).await;
            let ends = steps.iter().filter(|step| step.is_end()).count();
            assert!(ends <= 1 && steps.is_sorted(), "{steps:?} {told}");
        }
        // Exactly once, and each sender's in the order in which it sent them.
        let subjects: Vec<String> = sent.ids.iter().map(|(_, subject)| subject.clone()).collect();
        assert_eq!(other.inbox().await, subjects, "{told}");
    }
    let city = world.city.ledger.link(&POLICE.id());
    let police = world.police.ledger.link(&CITY.id());
    assert_eq!((city.out, police.out), (police.taken, city.taken), "{told}");
    assert_eq!((city.frozen, police.frozen), (None, None), "{told}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_takes_effect_once_whatever_happens() {
    let seeds = env::var("SAMSYN_SEEDS").ok().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    let budget = env::var("SAMSYN_SEEDS_SECONDS").ok().and_then(|text| text.parse().ok());
    let began = tokio::time::Instant::now();
    let all = seeds.unwrap_or(0..4);
    let mut run = 0;
    for seed in all.clone() {
        if budget.is_some_and(|seconds| began.elapsed() > Duration::from_secs(seconds)) {
            break;
        }
        println!("seed {seed}");
        life(seed).await;
        run += 1;
    }
    println!("{run} seeds from {}", all.start);
    assert!(run > 0, "no seed was run");
}
