//! Consensus on real files: restarts, snapshots, damage, time, load.

use std::{
    fs,
    io::{BufReader, Read as _},
    sync::atomic::{AtomicI64, Ordering},
};

use futures::{StreamExt as _, stream::FuturesUnordered};

use openraft::storage::RaftStateMachine as _;
use rustix::fs::{CWD, Mode, mkfifoat};
use samsyn_domain::{Timestamp, row::Event};

use super::*;
use crate::samples::{NOW, adopt_policy, alone, numbered, open, standing};

/// Submits numbered disclosures at once; all are acknowledged.
async fn submit(consensus: &Consensus, numbers: std::ops::Range<u64>) {
    let all: FuturesUnordered<_> =
        numbers.map(|number| consensus.submit(numbered(number))).collect();
    let all: Vec<_> = all.collect().await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

fn all(consensus: &Consensus) -> (State, Root, u64) {
    (consensus.read(State::clone), consensus.root(), consensus.applied())
}

/// Numbers as they were disclosed.
fn recorded(state: &State) -> Vec<u64> {
    state.evidence().disclosures().iter().map(|row| row.serial.parse().unwrap()).collect()
}

async fn snapshot(consensus: &Consensus, purge: bool) {
    let applied = consensus.applied();
    consensus.raft.trigger().snapshot().await.unwrap();
    let wait = || consensus.raft.wait(Some(Duration::from_secs(10)));
    let id = consensus.machine.head().applied.unwrap();
    wait().snapshot(id, "built").await.unwrap();
    if purge {
        consensus.raft.trigger().purge_log(applied).await.unwrap();
        wait().purged(Some(id), "purged").await.unwrap();
    }
}

async fn refused(dir: &Path) -> (PathBuf, String) {
    let error = Consensus::open(alone(dir), standing()).await.unwrap_err();
    let Error::Damaged { file, what, .. } = error else { panic!("{error}") };
    (file, what)
}

#[tokio::test]
async fn a_restart_gives_back_state_root_and_position() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = None;
    for round in 0..3 {
        let consensus = open(dir.path()).await;
        if let Some((state, root, applied)) = before {
            // The leader's first entry is blank: it moves position and root, and no row.
            assert!(consensus.read(State::clone) == state, "round {round}");
            assert_eq!(consensus.root(), root_after_blanks(root, applied, consensus.applied()));
        }
        submit(&consensus, round * 300..(round + 1) * 300).await;
        before = Some(all(&consensus));
        consensus.close().await;
    }
    let consensus = open(dir.path()).await;
    let mut numbers = consensus.read(recorded);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..900).collect::<Vec<_>>());
    consensus.close().await;
}

fn root_after_blanks(root: Root, from: u64, to: u64) -> Root {
    (from + 1..=to).fold(root, |root, position| root.after(position, &[]))
}

#[tokio::test]
async fn a_lost_state_is_rebuilt_from_snapshot_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    submit(&consensus, 0..400).await;
    snapshot(&consensus, true).await;
    submit(&consensus, 400..500).await;
    let (state, root, applied) = all(&consensus);
    consensus.close().await;
    fs::remove_file(dir.path().join("state.redb")).unwrap();

    let consensus = open(dir.path()).await;
    assert!(consensus.read(State::clone) == state);
    assert_eq!(consensus.root(), root_after_blanks(root, applied, consensus.applied()));
    consensus.close().await;

    fs::remove_file(dir.path().join("state.redb")).unwrap();
    fs::remove_file(dir.path().join("snapshot")).unwrap();
    let (file, what) = refused(dir.path()).await;
    assert!(file.ends_with("state.redb"), "{}", file.display());
    assert!(what.contains("before the log begins"), "{what}");
}

#[tokio::test]
async fn a_lost_log_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    submit(&consensus, 0..300).await;
    consensus.close().await;
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    let (file, what) = refused(dir.path()).await;
    assert!(file.ends_with("log"), "{}", file.display());
    assert!(what.contains("which the state holds"), "{what}");
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    submit(&consensus, 0..10).await;
    snapshot(&consensus, false).await;
    consensus.close().await;
    let path = dir.path().join("snapshot");
    let good = fs::read(&path).unwrap();
    for offset in 0..good.len() {
        let mut bad = good.clone();
        bad[offset] ^= 1 << (offset % 8);
        fs::write(&path, &bad).unwrap();
        let error = crate::snapshot::verify(&path, FeatureLevel::NEWEST).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{offset}: {error}");
    }
    for bad in [&good[..good.len() - 1], &[good.as_slice(), &[0]].concat(), &[]] {
        fs::write(&path, bad).unwrap();
        assert!(refused(dir.path()).await.0.ends_with("snapshot"));
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
    fs::write(&path, good).unwrap();
    open(dir.path()).await.close().await;
}

#[tokio::test]
async fn a_received_snapshot_replaces_nothing_before_it_is_verified() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ahead, behind) = (open(from.path()).await, open(to.path()).await);
    submit(&ahead, 0..20).await;
    snapshot(&ahead, false).await;
    submit(&behind, 100..103).await;
    let before = all(&behind);
    let (good, bad) = (from.path().join("snapshot"), from.path().join("bad"));
    let mut bytes = fs::read(&good).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bad, bytes).unwrap();

    let meta = ahead.machine.head().meta();
    let mut machine = behind.machine.clone();
    assert!(machine.install_snapshot(&meta, bad).await.is_err());
    let other = behind.machine.head().meta();
    assert!(machine.install_snapshot(&other, good.clone()).await.is_err());
    assert!(all(&behind) == before);
    assert!(machine.get_current_snapshot().await.unwrap().is_none());

    machine.install_snapshot(&meta, good).await.unwrap();
    assert!(all(&behind) == all(&ahead));
    assert_eq!(machine.get_current_snapshot().await.unwrap().unwrap().meta, meta);
    ahead.close().await;
    behind.close().await;
}

#[tokio::test]
async fn who_closes_waits_for_a_snapshot_that_is_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    submit(&consensus, 0..3_000).await;
    // Whoever writes into a pipe waits for who reads from it.
    let building = dir.path().join("snapshot.building");
    mkfifoat(CWD, &building, Mode::RUSR | Mode::WUSR).unwrap();
    let reader = tokio::task::spawn_blocking(move || fs::File::open(building).unwrap());
    consensus.raft.trigger().snapshot().await.unwrap();
    let pipe = BufReader::new(reader.await.unwrap());

    let machine = consensus.machine.clone();
    let mut closing = tokio::task::spawn_blocking(move || machine.close());
    let closed = tokio::time::timeout(Duration::from_millis(300), &mut closing).await;
    let read = tokio::task::spawn_blocking(move || pipe.bytes().count()).await.unwrap();
    assert!(read > 64 * 1024, "a pipe holds {read} bytes that nobody has read");
    assert!(closed.is_err(), "it was closed while a snapshot was being written");
    closing.await.unwrap();
    consensus.close().await;
}

#[tokio::test]
async fn a_damaged_or_newer_state_is_refused_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    submit(&consensus, 0..200).await;
    let (state, root, applied) = all(&consensus);
    consensus.close().await;
    let path = dir.path().join("state.redb");
    let good = fs::read(&path).unwrap();
    let (mut refusals, mut harmless) = (0, 0);
    for offset in (0..good.len()).step_by(good.len() / 500) {
        let mut bad = good.clone();
        bad[offset] ^= 1 << (offset % 8);
        fs::write(&path, &bad).unwrap();
        match crate::store::Store::open(&path, FeatureLevel::NEWEST) {
            Err(Error::Damaged { .. }) => {
                assert!(fs::read(&path).unwrap() == bad, "{offset}: a refused file was changed");
                refusals += 1;
            }
            Err(error) => panic!("{error}"),
            Ok((mut store, head, restored)) => {
                let found = (restored == state, head.root, head.index());
                assert_eq!(found, (true, root, Some(applied)));
                store.commit(&[], &head).unwrap();
                store.close().unwrap();
                harmless += 1;
            }
        }
    }
    println!("flips in the state store: refused {refusals}, harmless {harmless}");
    assert!(refusals > 0);
    fs::write(&path, &good).unwrap();
    crate::store::tests::make_newer(&path);
    assert!(refused(dir.path()).await.1.contains("start the newer program"));
    fs::write(&path, b"not a database, and longer than its header".repeat(100)).unwrap();
    assert!(refused(dir.path()).await.0.ends_with("state.redb"));
}

#[tokio::test]
async fn t25_stamps_rise_while_the_clock_stands_or_steps_back() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOW.micros()));
    let shown = Arc::clone(&now);
    let clock: Clock = Arc::new(move || Timestamp::from_micros(shown.load(Ordering::Relaxed)));
    let consensus = Consensus::open(alone(dir.path()), clock).await.unwrap();
    consensus.recover().await.unwrap();
    submit(&consensus, 0..50).await;
    now.store(NOW.after_seconds(-1).micros(), Ordering::Relaxed);
    submit(&consensus, 50..100).await;
    let at: Vec<_> =
        consensus.read(|s| s.evidence().disclosures().iter().map(|row| row.at).collect());
    assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{at:?}");
    assert_eq!(at.len(), 100);

    now.store(NOW.after_seconds(-3).micros(), Ordering::Relaxed);
    assert!(matches!(consensus.submit(numbered(100)).await, Err(Error::ClockBehind)));
    now.store(NOW.micros(), Ordering::Relaxed);
    submit(&consensus, 100..101).await;
    consensus.close().await;
}

#[tokio::test]
async fn a_repetition_is_answered_and_not_executed_again() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    let (first_at, first) = consensus.submit(numbered(1)).await.unwrap();
    let (again_at, again) = consensus.submit(numbered(1)).await.unwrap();
    assert_eq!((&first, first_at < again_at), (&Reply::Recorded { first: 1 }, true));
    assert_eq!(first, again);
    assert_eq!(consensus.read(recorded), [1]);
    consensus.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_submissions_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    let before = consensus.log.syncs();
    let started = std::time::Instant::now();
    for round in 0..20 {
        submit(&consensus, round * 64..(round + 1) * 64).await;
    }
    let syncs = consensus.log.syncs() - before;
    println!("1280 submissions, 64 at a time: {syncs} syncs, {:?}", started.elapsed());
    assert!(syncs < 640, "{syncs} syncs for 1280 submissions");
    consensus.close().await;
}

#[tokio::test]
async fn row45_a_full_house_refuses_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    let room = u32::try_from(consensus.room.available_permits()).unwrap();
    let taken = consensus.room.try_acquire_many(room).unwrap();
    assert!(matches!(consensus.submit(numbered(1)).await, Err(Error::Overloaded)));
    drop(taken);
    submit(&consensus, 1..2).await;
    consensus.close().await;
}

#[tokio::test]
async fn a_state_that_cannot_be_written_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    let mut fatal = consensus.fatal();
    assert!(fatal.borrow().is_none());
    consensus.machine.close();
    let refused = consensus.submit(numbered(1)).await.unwrap_err();
    assert!(matches!(refused, Error::Stopped(_) | Error::OutcomeUnknown), "{refused}");
    let reported = fatal.wait_for(Option::is_some);
    tokio::time::timeout(Duration::from_secs(5), reported).await.unwrap().unwrap();
    assert!(matches!(consensus.submit(numbered(2)).await, Err(Error::Stopped(_))));
    consensus.close().await;
}

#[tokio::test]
async fn a_closed_ledger_says_so_and_its_files_are_free() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    submit(&consensus, 0..1).await;
    consensus.close().await;
    let refused = consensus.submit(numbered(1)).await.unwrap_err();
    assert!(matches!(refused, Error::Closed | Error::OutcomeUnknown), "{refused}");
    assert!(consensus.fatal().borrow().is_none());
    open(dir.path()).await.close().await;
}

#[tokio::test]
async fn events_tell_positions_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let consensus = open(dir.path()).await;
    let mut events = consensus.events();
    submit(&consensus, 0..3).await;
    let mut positions = Vec::new();
    let mut epoch = 0;
    for _ in 0..3 {
        let adopt = Submission { epoch, ..adopt_policy() };
        epoch = consensus.submit(adopt).await.unwrap().0;
        positions.push(epoch);
    }
    consensus.barrier().await.unwrap();
    for position in positions {
        let Happened { position: at, event, .. } = events.recv().await.unwrap();
        assert_eq!((at, event), (position, Event::Epoch(position)));
    }
    assert!(events.is_empty(), "a disclosure woke somebody");
    consensus.close().await;
}

#[tokio::test]
async fn a_node_that_has_applied_nothing_tells_no_digest() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { founds: false, ..alone(dir.path()) };
    let consensus = Consensus::open(options, standing()).await.unwrap();
    assert_eq!(consensus.health().roots, [], "others have another at position 0");
    consensus.close().await;
}
