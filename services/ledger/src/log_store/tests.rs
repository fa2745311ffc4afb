//! openraft's own suite on the real stores, and every way in which a file of the log can break.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use openraft::{
    RaftLogReader as _,
    storage::RaftLogStorageExt as _,
    testing::log::{StoreBuilder, Suite},
};
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::*;
use crate::{fatal::Fatal, machine::Machine, platter::Platter, samples, several::dice::Dice};

const ENTRIES: u64 = 20;

struct Builder;

impl StoreBuilder<Types, LogStore, Machine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), openraft::StorageError<Types>> {
        let dir = tempfile::tempdir().unwrap();
        let log_dir = dir.path().join("log");
        fs::create_dir(&log_dir).unwrap();
        let log = LogStore::open(&log_dir, FeatureLevel::NEWEST).unwrap();
        let machine =
            Machine::open(dir.path(), broadcast::channel(16).0, Fatal::new(), FeatureLevel::NEWEST)
                .unwrap();
        Ok((dir, log, machine))
    }
}

#[tokio::test]
async fn openrafts_suite_holds() {
    Suite::test_all(Builder).await.unwrap();
}

/// A log of some entries, closed. Its one file, and how long that was before each entry.
async fn filled(dir: &Path) -> (PathBuf, Vec<u64>) {
    let mut store = LogStore::open(dir, FeatureLevel::NEWEST).unwrap();
    let mut lengths = Vec::new();
    for index in 0..ENTRIES {
        lengths.push(fs::metadata(only_chunk(dir)).unwrap().len());
        store.blocking_append([samples::tick(index)]).await.unwrap();
    }
    store.close();
    (only_chunk(dir), lengths)
}

fn only_chunk(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut chunks = files.filter(|path| path.extension().is_some_and(|e| e == "wal"));
    let chunk = chunks.next().unwrap();
    assert!(chunks.next().is_none());
    chunk
}

/// A directory that holds nothing but one file.
fn holding(dir: &Path, name: &Path, bytes: &[u8]) -> PathBuf {
    for file in fs::read_dir(dir).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let path = dir.join(name.file_name().unwrap());
    fs::write(&path, bytes).unwrap();
    path
}

async fn entries(store: &mut LogStore) -> Vec<RaftEntry> {
    store.try_get_log_entries(..).await.unwrap()
}

fn expected(count: u64) -> Vec<RaftEntry> {
    (0..count).map(samples::tick).collect()
}

#[tokio::test]
async fn no_flipped_bit_loses_an_acknowledged_entry() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chunk, _) = filled(source.path()).await;
    let good = fs::read(&chunk).unwrap();
    let (mut refused, mut harmless, mut lost, mut panicked) = (0, 0, 0, 0);
    for (offset, bit) in (0..good.len()).flat_map(|offset| (0..8).map(move |bit| (offset, bit))) {
        let mut bad = good.clone();
        bad[offset] ^= 1 << bit;
        let file = holding(dir.path(), &chunk, &bad);
        match catch_unwind(AssertUnwindSafe(|| LogStore::open(dir.path(), FeatureLevel::NEWEST))) {
            Err(_) => panicked += 1,
            Ok(Err(Error::Damaged { file: named, offset: from, .. })) => {
                assert_eq!(named, file);
                assert!(from <= u64::try_from(offset).unwrap(), "{from} after {offset}");
                assert!(fs::read(&file).unwrap() == bad, "a refused file was changed");
                refused += 1;
            }
            Ok(Err(error)) => panic!("{error}"),
            Ok(Ok(mut store)) => match entries(&mut store).await == expected(ENTRIES) {
                true => harmless += 1,
                false => lost += 1,
            },
        }
    }
    println!(
        "{} flips: refused {refused}, harmless {harmless}, lost {lost}, panicked {panicked}",
        good.len() * 8
    );
    assert_eq!((lost, panicked), (0, 0));
}

#[tokio::test]
async fn a_torn_tail_costs_its_own_entry_alone_and_is_kept_aside() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chunk, lengths) = filled(source.path()).await;
    let good = fs::read(&chunk).unwrap();
    let last = usize::try_from(*lengths.last().unwrap()).unwrap();
    for cut in last..good.len() {
        let file = holding(dir.path(), &chunk, &good[..cut]);
        let mut store = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
        assert_eq!(entries(&mut store).await, expected(ENTRIES - 1), "cut at {cut}");
        let aside = PathBuf::from(format!("{}.torn-{last}", file.display()));
        match cut == last {
            true => assert!(!aside.exists()),
            false => assert_eq!(fs::read(aside).unwrap(), good[last..cut]),
        }
        store.blocking_append([samples::tick(ENTRIES - 1)]).await.unwrap();
        store.close();
        let mut again = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
        assert_eq!(entries(&mut again).await, expected(ENTRIES), "cut at {cut}");
    }
}

#[tokio::test]
async fn zeros_that_a_power_loss_left_are_a_torn_tail() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chunk, _) = filled(source.path()).await;
    let mut bytes = fs::read(&chunk).unwrap();
    let end = bytes.len();
    bytes.resize(end + 5_000, 0);
    let file = holding(dir.path(), &chunk, &bytes);
    let mut store = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
    assert_eq!(entries(&mut store).await, expected(ENTRIES));
    let aside = format!("{}.torn-{end}", file.display());
    assert_eq!(fs::metadata(aside).unwrap().len(), 5_000);
}

#[tokio::test]
async fn a_cut_inside_the_log_is_damage_and_names_the_mend() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chunk, lengths) = filled(source.path()).await;
    let mut bytes = fs::read(&chunk).unwrap();
    let at = usize::try_from(lengths[10]).unwrap();
    bytes.drain(at..at + 5);
    let file = holding(dir.path(), &chunk, &bytes);
    let message = LogStore::open(dir.path(), FeatureLevel::NEWEST).err().unwrap().to_string();
    assert!(message.contains(&format!("`{}` is damaged at byte {at}", file.display())));
    assert!(message.contains("put the file back from a copy"), "{message}");
}

#[tokio::test]
async fn a_missing_file_is_damage_wherever_it_stood() {
    let source = tempfile::tempdir().unwrap();
    let mut config = Config::new(source.path().display());
    config.wal.chunk_max_records = Some(6);
    let mut log = RaftLog::<Stored>::open(Arc::new(config)).unwrap();
    for index in 0..ENTRIES {
        let entry = samples::tick(index);
        let stored = (StoredLogId(entry.log_id), StoredPayload::new(entry.payload));
        log.append([stored]).unwrap();
    }
    drop(log);
    let files = fs::read_dir(source.path()).unwrap().map(|file| file.unwrap().path());
    let mut chunks: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "wal")).collect();
    chunks.sort();
    assert!(chunks.len() > 3);
    assert_eq!(
        entries(&mut LogStore::open(source.path(), FeatureLevel::NEWEST).unwrap()).await,
        expected(ENTRIES)
    );
    for missing in &chunks[..chunks.len() - 1] {
        let hidden = missing.with_extension("hidden");
        fs::rename(missing, &hidden).unwrap();
        let error = LogStore::open(source.path(), FeatureLevel::NEWEST).err().unwrap();
        let Error::Damaged { file, .. } = error else { panic!("{error}") };
        assert!(chunks.contains(&file), "{}", file.display());
        fs::rename(&hidden, missing).unwrap();
    }
    assert_eq!(
        entries(&mut LogStore::open(source.path(), FeatureLevel::NEWEST).unwrap()).await,
        expected(ENTRIES)
    );
}

#[tokio::test]
async fn what_a_killed_process_left_is_synced_before_another_trusts_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Platter::watch(dir.path());
    let mut store = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
    store.blocking_append([samples::tick(0)]).await.unwrap();
    let entry = samples::tick(1);
    let stored = (StoredLogId(entry.log_id), StoredPayload::new(entry.payload));
    store.now(|log| log.append([stored])).unwrap();
    store.now(|log| log.flush(false, None)).unwrap();
    store.now(|log| log.wait_worker_idle()).unwrap();
    let killed = disk.killed();
    store.close();
    disk.restore(killed);
    let mut store = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
    assert_eq!(entries(&mut store).await, expected(2), "it may tell others that it has both");
    for seed in 0..20 {
        let powerless = disk.powerless(&mut Dice::of(seed, 0));
        store.close();
        disk.restore(powerless);
        store = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
        assert_eq!(entries(&mut store).await, expected(2), "seed {seed}");
    }
}

#[tokio::test]
async fn a_log_in_use_is_not_opened_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
    let error = LogStore::open(dir.path(), FeatureLevel::NEWEST).err().unwrap();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    store.close();
    LogStore::open(dir.path(), FeatureLevel::NEWEST).unwrap();
}
