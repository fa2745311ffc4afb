//! Seeds: writers and readers on three or five nodes while messages and nodes fail, and what must
//! hold.
//!
//! A seed gives the steps of what fails, what each writer does, and the chances of messages. Which
//! of them meet is up to the threads and the disks of the machine: a seed that has shown something
//! shows it again often, not always.

mod dense;
mod leaders_rise;
mod linearizable;
mod load;
mod nemesis;
mod observed;
mod opens;
mod same_state;
mod steps;
mod survives;

use std::ops::Range;

use super::{dice::Dice, seeds, *};

use self::{
    load::Load,
    observed::Observed,
    steps::{schedule, voters},
};

/// The seeds of every run of the tests.
const SEEDS: Range<u64> = 1..7;
/// So many clusters run at once: they wait more than they work.
const AT_ONCE: usize = 6;

/// What must hold of what was observed.
type Invariant = fn(&Observed) -> Result<(), String>;

const INVARIANTS: [(&str, Invariant); 6] = [
    ("survives", survives::holds),
    ("same state", same_state::holds),
    ("leaders rise", leaders_rise::holds),
    ("dense", dense::holds),
    ("opens", opens::holds),
    ("linearizable", linearizable::holds),
];

#[test]
fn what_was_acknowledged_holds_whatever_fails() {
    seeds::each(SEEDS, AT_ONCE, run, schedule);
}

/// Runs a seed; what does not hold.
async fn run(seed: u64) -> Vec<String> {
    let mut nodes = Several::with(voters(seed)).await;
    let load = Load::start(&nodes.wire, seed);
    nodes.wire.trouble(Some(Dice::of(seed, 0)));
    for step in schedule(seed) {
        nodes.take_step(step).await;
    }
    nodes.wire.trouble(None);
    if load.all_go_on() {
        nodes.mend().await;
    }
    let mut observed = load.stop().await;
    if observed.gave_up.is_empty() {
        nodes.alike().await;
        nodes.running().for_each(|ledger| observed.ended(ledger));
    }
    println!("seed {seed}: {} voters, {observed}", voters(seed));
    for id in 1..=voters(seed) {
        nodes.stop(id).await;
    }
    let held = INVARIANTS.iter().map(|(name, holds)| (name, holds(&observed)));
    let broken = held.filter_map(|(name, held)| Some(format!("{name}: {}", held.err()?)));
    broken.collect()
}
