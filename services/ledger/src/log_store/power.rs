//! Power is cut from a log, over and over: its votes and entries are what was acknowledged last, or
//! that and what was just being done.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use openraft::{
    EntryPayload, RaftLogReader as _, storage::RaftLogStorageExt as _,
    vote::leader_id_adv::LeaderId,
};

use super::*;
use crate::{
    entry::Entry,
    platter::Platter,
    samples::{NOW, log_id, numbered},
    several::{dice::Dice, seeds},
};

/// The seeds of every run of the tests.
const SEEDS: Range<u64> = 1..41;
/// So many lives of a log has a seed.
const LIVES: u64 = 10;
const AT_ONCE: usize = 4;

/// What is done to a log.
#[derive(Debug, Clone)]
enum Step {
    Vote(u64),
    /// Numbers of entries.
    Append(Vec<u64>),
    /// From an index on.
    Truncate(u64),
    /// Up to an index.
    Purge(u64),
}

/// What a log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    vote: u64,
    /// The first index that was not purged.
    begin: u64,
    /// Numbers of entries, by index.
    entries: BTreeMap<u64, u64>,
}

/// What was acknowledged, and what is being done.
#[derive(Debug, Default)]
struct Told {
    sure: Model,
    doing: Option<Step>,
    /// The index after the last that was said to be committed, and is not truncated.
    committed: u64,
}

impl Model {
    fn end(&self) -> u64 {
        self.entries.last_key_value().map_or(self.begin, |(last, _)| last + 1)
    }

    /// What it holds after the first part of a step, or all of it.
    fn after(&self, step: &Step, part: usize) -> Self {
        let mut after = self.clone();
        match step {
            Step::Vote(term) => after.vote = *term,
            Step::Append(numbers) => {
                let new = (self.end()..).zip(numbers.iter().copied());
                after.entries.extend(new.take(part));
            }
            Step::Truncate(from) => drop(after.entries.split_off(from)),
            Step::Purge(upto) => {
                after.begin = upto + 1;
                after.entries = after.entries.split_off(&after.begin);
            }
        }
        after
    }

    /// What it may hold when a step was not acknowledged.
    fn may_be(&self, step: &Step) -> Vec<Self> {
        let parts = if let Step::Append(numbers) = step { numbers.len() } else { 1 };
        (1..=parts).map(|part| self.after(step, part)).collect()
    }
}

impl Told {
    fn next(&self, dice: &mut Dice, number: &mut u64) -> Step {
        let Self { sure, committed, .. } = self;
        let (begin, end, open) = (sure.begin, sure.end(), sure.begin.max(*committed));
        match dice.below(10) {
            0 | 1 => Step::Vote(sure.vote + 1),
            2 if end > open => Step::Truncate(open + dice.below(end - open)),
            3 if end > begin => Step::Purge(begin + dice.below(end - begin)),
            _ => {
                let first = *number;
                *number += 1 + dice.below(12);
                Step::Append((first..*number).collect())
            }
        }
    }
}

#[test]
fn a_log_whose_power_is_cut_holds_what_it_acknowledged() {
    seeds::each(SEEDS, AT_ONCE, run, |seed| seed);
}

async fn run(seed: u64) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let disk = Platter::watch(dir.path());
    let mut dice = Dice::of(seed, 0);
    let (mut sure, mut committed) = (Model::default(), 0);
    for life in 0..LIVES {
        let store = match LogStore::open(dir.path(), FeatureLevel::NEWEST) {
            Ok(store) => store,
            Err(error) => return vec![format!("life {life}: it does not open: {error}")],
        };
        let told = Arc::new(Mutex::new(Some(Told { sure, doing: None, committed })));
        let steps = Dice::of(seed, 1 + life);
        let work = tokio::spawn(work(store.clone(), steps, life * 1_000_000, Arc::clone(&told)));
        tokio::time::sleep(Duration::from_micros(dice.below(8_000))).await;
        let (image, ended) = {
            // From here on nothing is acknowledged, and at most one step is being done.
            let told = &mut *told.lock().unwrap();
            let cuts = dice.percent(80);
            (if cuts { disk.powerless(&mut dice) } else { disk.killed() }, told.take())
        };
        work.abort();
        let Told { sure: told, doing, committed: upto } = ended.unwrap();
        committed = upto;
        if work.await.is_err_and(|error| error.is_panic()) {
            return vec![format!("life {life}: a step failed")];
        }
        store.close();
        disk.restore(image);
        let may_be = doing.iter().flat_map(|step| told.may_be(step));
        let may_be: Vec<_> = may_be.chain([told.clone()]).collect();
        sure = match held(dir.path()).await {
            Ok(held) if may_be.contains(&held) => held,
            Ok(held) => return vec![format!("life {life}: {held:?} after {told:?} and {doing:?}")],
            Err(error) => return vec![format!("life {life}: it does not open: {error}")],
        };
    }
    Vec::new()
}

/// Does steps until nobody wants to be told any more.
async fn work(
    mut store: LogStore,
    mut dice: Dice,
    mut number: u64,
    told: Arc<Mutex<Option<Told>>>,
) {
    loop {
        let (step, begin, end) = {
            let mut told = told.lock().unwrap();
            let Some(told) = told.as_mut() else { return };
            let step = told.next(&mut dice, &mut number);
            told.doing = Some(step.clone());
            (step, told.sure.begin, told.sure.end())
        };
        match step.clone() {
            Step::Vote(term) => {
                let leader_id = LeaderId { term, node_id: 1 };
                store.save_vote(&Vote { leader_id, committed: false }).await.unwrap();
            }
            Step::Append(numbers) => {
                let entries = (end..).zip(numbers).map(|(index, number)| {
                    let submission = Arc::new(numbered(number));
                    let level = FeatureLevel::FIRST;
                    let entry = Entry { at: NOW, submission, cause: None, level };
                    let payload = EntryPayload::Normal(entry);
                    RaftEntry { log_id: log_id(index), payload }
                });
                store.blocking_append(entries.collect::<Vec<_>>()).await.unwrap();
            }
            Step::Truncate(from) if from == begin => {
                let purged = begin.checked_sub(1).map(log_id);
                store.truncate_after(purged).await.unwrap();
            }
            Step::Truncate(from) => store.truncate_after(Some(log_id(from - 1))).await.unwrap(),
            Step::Purge(upto) => store.purge(log_id(upto)).await.unwrap(),
        }
        let mut told = told.lock().unwrap();
        let Some(told) = told.as_mut() else { return };
        told.sure = told.sure.after(&step, usize::MAX);
        told.doing = None;
        // Written, and not synced.
        if let Some(last) = told.sure.entries.keys().last().filter(|_| dice.percent(20)) {
            let id = StoredLogId(log_id(*last));
            told.committed = last + 1;
            store.now(|log| log.commit(id)).unwrap();
            store.now(|log| store.flush(log, false, None)).unwrap();
        }
    }
}

/// What a log holds that is opened and closed.
async fn held(dir: &Path) -> Result<Model, Error> {
    let mut store = LogStore::open(dir, FeatureLevel::NEWEST)?;
    let ends = store.ends().map_err(Error::io(dir))?;
    let vote = store.read_vote().await.map_err(Error::io(dir))?;
    let entries = store.try_get_log_entries(..).await.map_err(Error::io(dir))?;
    store.close();
    let number = |entry: &RaftEntry| match &entry.payload {
        EntryPayload::Normal(entry) => {
            let (key, _) = entry.submission.key.expect("it has a key");
            u64::try_from(key.uuid() & u128::from(u64::MAX >> 2)).unwrap()
        }
        EntryPayload::Blank | EntryPayload::Membership(_) => panic!("nobody appended it"),
    };
    Ok(Model {
        vote: vote.map_or(0, |vote| vote.leader_id.term),
        begin: ends.last_purged_log_id.map_or(0, |id| id.index + 1),
        entries: entries.iter().map(|entry| (entry.log_id.index, number(entry))).collect(),
    })
}
