//! Seeds: writers and readers on three nodes while messages and nodes fail, and what must hold.
//!
//! A seed gives the steps of what fails, what each writer does, and the chances of messages. Which
//! of them meet is up to the threads and the disks of the machine: a seed that has shown something
//! shows it again often, not always.

mod dense;
mod linearizable;
mod load;
mod nemesis;
mod observed;
mod one_leader;
mod opens;
mod same_state;
mod steps;
mod survives;

use std::{
    env,
    fmt::Write as _,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tokio::runtime::Builder;

use super::{dice::Dice, *};

use self::{load::Load, observed::Observed, steps::schedule};

/// The seeds of every run of the tests.
const SEEDS: Range<u64> = 1..7;
/// The seeds to run instead: `<from>..<to>`.
const SEEDS_VARIABLE: &str = "SAMSYN_SEEDS";
/// So many clusters run at once: they wait more than they work.
const AT_ONCE: usize = 6;

/// What must hold of what was observed.
type Invariant = fn(&Observed) -> Result<(), String>;

const INVARIANTS: [(&str, Invariant); 6] = [
    ("survives", survives::holds),
    ("same state", same_state::holds),
    ("one leader", one_leader::holds),
    ("dense", dense::holds),
    ("opens", opens::holds),
    ("linearizable", linearizable::holds),
];

#[test]
fn what_was_acknowledged_holds_whatever_fails() {
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(String::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    if let Some(why) = failure(seed) {
                        println!("{why}");
                        failed.lock().unwrap().push_str(&why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed}");
}

fn seeds() -> Range<u64> {
    let Ok(given) = env::var(SEEDS_VARIABLE) else { return SEEDS };
    let (from, to) = given.split_once("..").expect("seeds are given as `<from>..<to>`");
    from.parse().unwrap()..to.parse().unwrap()
}

/// Why a seed does not pass, with its steps.
fn failure(seed: u64) -> Option<String> {
    let began = Instant::now();
    let run = thread::spawn(move || {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let complaints = runtime.block_on(run(seed));
        runtime.shutdown_background();
        complaints
    });
    let complaints = run.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        vec![text.unwrap_or("it did not come to its end").to_owned()]
    });
    if complaints.is_empty() {
        return None;
    }
    let mut why = format!("seed {seed}, after {:?}:\n", began.elapsed());
    for complaint in complaints {
        writeln!(why, "  {complaint}").unwrap();
    }
    writeln!(why, "  steps: {:?}", schedule(seed)).unwrap();
    Some(why)
}

/// Runs a seed; what does not hold.
async fn run(seed: u64) -> Vec<String> {
    let mut nodes = Nodes3::start().await;
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
    println!("seed {seed}: {observed}");
    for id in 1..=3 {
        nodes.stop(id).await;
    }
    let held = INVARIANTS.iter().map(|(name, holds)| (name, holds(&observed)));
    let broken = held.filter_map(|(name, held)| Some(format!("{name}: {}", held.err()?)));
    broken.collect()
}
