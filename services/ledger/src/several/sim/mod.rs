//! Seeds: writers, parties and readers on three or five nodes while messages and nodes fail, and
//! what must hold.
//!
//! A seed gives the steps of what fails, what each writer does, and the chances of messages. Which
//! of them meet is up to the threads and the disks of the machine: a seed that has shown something
//! shows it again often, not always.

mod dense;
mod follow;
mod leaders_rise;
mod linearizable;
mod load;
mod nemesis;
mod observed;
mod opens;
mod publish;
mod recorded;
mod same_state;
mod shown;
mod steps;
mod streams;
mod survives;

use std::ops::Range;

use super::{dice::Dice, seeds, trade::Reads, *};

use self::{
    follow::read_all,
    load::Load,
    observed::Observed,
    shown::{Sent, Stream},
    steps::{schedule, voters},
};

/// The seeds of every run of the tests.
const SEEDS: Range<u64> = 1..7;
/// So many clusters run at once: they wait more than they work.
const AT_ONCE: usize = 6;

/// What must hold of what was observed.
type Invariant = fn(&Observed) -> Result<(), String>;

const INVARIANTS: [(&str, Invariant); 8] = [
    ("survives", survives::holds),
    ("same state", same_state::holds),
    ("leaders rise", leaders_rise::holds),
    ("dense", dense::holds),
    ("opens", opens::holds),
    ("linearizable", linearizable::holds),
    ("streams", streams::holds),
    ("recorded", recorded::holds),
];

#[test]
fn what_was_acknowledged_holds_whatever_fails() {
    seeds::each(SEEDS, AT_ONCE, run, schedule);
}

impl Several {
    /// Has streams come to their end, and compares them; what was observed.
    async fn ended(&self, load: Load, dice: &mut Dice) -> Observed {
        let (mut fresh, mut sent) = (BTreeMap::new(), Vec::new());
        for reads in Reads::ALL {
            let stream = Stream::of(reads, format!("fresh-{reads:?}"));
            fresh.insert(reads, self.whole(stream, dice, &mut sent).await);
        }
        let goal = |(reads, fresh): (&Reads, &Stream)| Some((*reads, fresh.revision()?));
        let mut observed = load.stop(Some(fresh.iter().filter_map(goal).collect())).await;
        for stream in std::mem::take(&mut observed.streams) {
            let again = Stream::again(&stream, format!("again-{}", stream.card));
            let again = self.whole(again, dice, &mut sent).await;
            observed.compared.push((stream, again));
        }
        observed.fresh = fresh;
        observed.sent.extend(sent);
        self.alike().await;
        self.running().for_each(|ledger| observed.ended(ledger));
        observed
    }

    /// A stream with all that there is, from one of the nodes.
    async fn whole(&self, mut stream: Stream, dice: &mut Dice, sent: &mut Vec<Sent>) -> Stream {
        let deadline = Instant::now() + PATIENCE;
        let node = dice.pick(&self.nodes.keys().copied().collect::<Vec<_>>()).unwrap();
        while let Err(error) = read_all(self.at(node), &mut stream, sent).await {
            assert!(Instant::now() < deadline, "node {node}: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stream
    }
}

/// Runs a seed; what does not hold.
async fn run(seed: u64) -> Vec<String> {
    let mut nodes = Several::with(voters(seed)).await;
    let mut load = Load::start(&nodes.wire, seed);
    nodes.wire.trouble(Some(Dice::of(seed, 0)));
    for step in schedule(seed) {
        nodes.take_step(step).await;
    }
    nodes.wire.trouble(None);
    if load.all_go_on() {
        nodes.mend().await;
    }
    load.calm().await;
    let observed = if load.all_go_on() {
        nodes.alike().await;
        nodes.ended(load, &mut Dice::of(seed, 3)).await
    } else {
        load.stop(None).await
    };
    println!("seed {seed}: {} voters, {observed}", voters(seed));
    for id in 1..=voters(seed) {
        nodes.stop(id).await;
    }
    let held = INVARIANTS.iter().map(|(name, holds)| (name, holds(&observed)));
    let broken = held.filter_map(|(name, held)| Some(format!("{name}: {}", held.err()?)));
    broken.collect()
}
