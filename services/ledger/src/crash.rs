//! A process that is killed loses nothing that it acknowledged, and doubles nothing.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::samples::{numbered, open};

const ROUNDS: u64 = 20;
const SUBMITTERS: usize = 16;
/// So many numbers are submitted again after each crash, under their first keys.
const REPEATED: u64 = 200;

const DIR: &str = "SAMSYN_TEST_CRASH_DIR";
const FROM: &str = "SAMSYN_TEST_CRASH_FROM";

/// Runs in the process that is killed: submits numbers and prints those acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let (Ok(dir), Ok(from)) = (env::var(DIR), env::var(FROM)) else { return };
    let consensus = open(&PathBuf::from(dir)).await;
    let next = Arc::new(AtomicU64::new(from.parse().unwrap()));
    let submitters = (0..SUBMITTERS).map(|_| {
        let (consensus, next) = (consensus.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                consensus.submit(numbered(number)).await.unwrap();
                println!("\nacknowledged {number}");
            }
        })
    });
    futures::future::join_all(submitters).await;
}

/// Lets a child run a while and kills it. How often each number was acknowledged.
fn round(dir: &std::path::Path, from: u64, after_first: Duration, acknowledged: &mut Vec<u64>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(DIR, dir)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = None;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut take = |line: String| {
        let number: Option<u64> =
            line.strip_prefix("acknowledged ").map(|number| number.parse().unwrap());
        acknowledged.extend(number);
        number.is_some()
    };
    for line in lines.by_ref() {
        if take(line) && first.get_or_insert_with(Instant::now).elapsed() > after_first {
            break;
        }
    }
    assert!(first.is_some(), "nothing was acknowledged");
    child.kill().unwrap();
    child.wait().unwrap();
    // What was printed before it died, but for a line that was cut.
    for line in lines.filter(|line| line.len() == "acknowledged ".len() + 7) {
        take(line);
    }
}

#[tokio::test]
async fn a_killed_process_loses_and_doubles_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    // Numbers of seven digits, so that a cut line shows.
    let mut from = 1_000_000;
    for n in 0..ROUNDS {
        let after_first = Duration::from_millis(60 + n * 37 % 400);
        round(dir.path(), from, after_first, &mut acknowledged);
        from = acknowledged.iter().max().unwrap().saturating_sub(REPEATED).max(1_000_000);
    }
    let consensus = open(dir.path()).await;
    let mut found = BTreeMap::<u64, u64>::new();
    consensus.read(|state| {
        for row in state.evidence().disclosures() {
            *found.entry(row.serial.parse().unwrap()).or_default() += 1;
        }
    });
    acknowledged.sort_unstable();
    acknowledged.dedup();
    let lost = acknowledged.iter().filter(|number| !found.contains_key(number)).count();
    let doubled = found.values().filter(|times| **times > 1).count();
    println!("acknowledged {}, lost {lost}, doubled {doubled}", acknowledged.len());
    assert_eq!((lost, doubled), (0, 0));
    consensus.close().await;
}
