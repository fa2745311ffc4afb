//! Power is cut from one node, over and over: what it acknowledged is there afterwards, once, and
//! nothing of it goes back.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use samsyn_domain::{Sealed, Secret, UnitKey};

use crate::{
    Error,
    keys::Keys,
    peers::Network,
    platter::Platter,
    raft_handle::{Consensus, Options},
    root::Root,
    samples::{alone, numbered, standing},
    several::{dice::Dice, seeds},
};

/// The seeds of every run of the tests.
const SEEDS: Range<u64> = 1..13;
/// So many lives of a node has a seed.
const LIVES: usize = 25;
const AT_ONCE: usize = 4;
/// So many submit at once.
const SUBMITTERS: u64 = 8;
/// So many numbers are a submitter's own in a life.
const NUMBERS: u64 = 1_000;
/// So many lives seal under one key.
const LIVES_A_UNIT: u64 = 3;

/// How a life goes, and how it ends.
#[derive(Debug, Clone, Copy)]
struct Life {
    lasts: Duration,
    /// It builds a snapshot and cuts its log down to it.
    shortens: bool,
    /// Power is cut; else its process is killed.
    loses_power: bool,
}

fn lives(seed: u64) -> Vec<Life> {
    let mut dice = Dice::of(seed, 1);
    let life = |_| Life {
        lasts: Duration::from_micros(dice.below(40_000)),
        shortens: dice.percent(15),
        loses_power: dice.percent(75),
    };
    (0..LIVES).map(life).collect()
}

#[test]
fn a_node_whose_power_is_cut_loses_and_doubles_nothing_acknowledged() {
    seeds::each(SEEDS, AT_ONCE, run, lives);
}

/// What a node acknowledged, and what was sealed with it.
type Acknowledged = BTreeMap<u64, Sealed>;

async fn run(seed: u64) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let disk = Platter::watch(dir.path());
    let mut dice = Dice::of(seed, 2);
    let mut told = Told::default();
    for life in lives(seed) {
        let (consensus, keys) = match open(dir.path()).await {
            Ok(opened) => opened,
            Err(error) => return vec![format!("it does not start: {error}")],
        };
        if let Err(why) = told.holds(&consensus, &keys) {
            return vec![why];
        }
        let acknowledged = Arc::new(Mutex::new(Some(Acknowledged::new())));
        let submitters = (0..SUBMITTERS).map(|nth| {
            let first = told.next + nth * NUMBERS;
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(submit(consensus.clone(), Arc::clone(&keys), first, acknowledged))
        });
        let submitters: Vec<_> = submitters.collect();
        told.next += SUBMITTERS * NUMBERS;
        if life.shortens {
            shorten(&consensus).await;
        }
        tokio::time::sleep(life.lasts).await;
        told.roots.extend(consensus.marks());
        told.roots.extend([consensus.reached()]);
        // From here on its word does not count.
        let acknowledged = acknowledged.lock().unwrap().take().unwrap();
        let image = match life.loses_power {
            true => disk.powerless(&mut dice),
            false => disk.killed(),
        };
        consensus.close().await;
        // They end by themselves, and then nothing touches the files.
        futures::future::join_all(submitters).await;
        disk.restore(image);
        told.acknowledged.extend(acknowledged);
    }
    println!("seed {seed}: {} acknowledged in {LIVES} lives", told.acknowledged.len());
    Vec::new()
}

/// What a node has told so far.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Acknowledged,
    /// The digests at positions that it had reached.
    roots: BTreeMap<u64, Root>,
    /// The last term that it led in.
    term: u64,
    /// The next number to submit.
    next: u64,
}

impl Told {
    /// Whether a node that has started anew still has what it told.
    fn holds(&mut self, consensus: &Consensus, keys: &Keys) -> Result<(), String> {
        let (term, _) = consensus.led();
        if term < self.term {
            return Err(format!("it is in term {term} after term {}", self.term));
        }
        self.term = term;
        let mut found = BTreeMap::<u64, u64>::new();
        consensus.read(|state| {
            for row in state.evidence().disclosures() {
                *found.entry(row.serial.parse().unwrap()).or_default() += 1;
            }
        });
        for (number, sealed) in &self.acknowledged {
            match found.get(number) {
                Some(1) => {}
                times => return Err(format!("record {number} is there so often: {times:?}")),
            }
            if keys.open_secret(sealed).is_none() {
                return Err(format!("what was sealed with record {number} does not open"));
            }
        }
        if let Some((number, times)) = found.iter().find(|(_, times)| **times > 1) {
            return Err(format!("record {number} is there {times} times"));
        }
        for (position, root) in consensus.marks().into_iter().chain([consensus.reached()]) {
            match self.roots.get(&position) {
                Some(before) if *before != root => {
                    return Err(format!("the digest at {position} is another than before"));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}

async fn open(dir: &Path) -> Result<(Consensus, Arc<Keys>), Error> {
    let alone = alone(dir);
    let keys = Arc::new(Keys::open(&dir.join("keys"))?);
    let options = Options { network: Network::new(Arc::clone(&keys), None), ..alone };
    let consensus = Consensus::open(options, standing()).await?;
    consensus.recover().await?;
    Ok((consensus, keys))
}

/// Submits numbers, each after something was sealed, and notes which were acknowledged.
async fn submit(
    consensus: Consensus,
    keys: Arc<Keys>,
    first: u64,
    acknowledged: Arc<Mutex<Option<Acknowledged>>>,
) {
    for number in first..first + NUMBERS {
        let unit = UnitKey::named(&format!(
            "stad|skarholmen|{}",
            number / NUMBERS / SUBMITTERS / LIVES_A_UNIT
        ));
        let secret = Secret { note: Some(number.to_string()), coordinates: None };
        let Ok(Some(sealed)) = keys.seal_secret(&unit, "o", &secret) else { return };
        if consensus.submit(numbered(number)).await.is_err() {
            return;
        }
        if let Some(acknowledged) = acknowledged.lock().unwrap().as_mut() {
            acknowledged.insert(number, sealed);
        }
    }
}

async fn shorten(consensus: &Consensus) {
    let (applied, _) = consensus.reached();
    let raft = consensus.raft();
    raft.trigger().snapshot().await.ok();
    raft.trigger().purge_log(applied).await.ok();
}
