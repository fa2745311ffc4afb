//! Runs that chance decides, by seed.

use std::{
    env,
    fmt::{Debug, Write as _},
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::Builder;

/// The seeds to run in place of those of every run: `<from>..<to>`.
const SEEDS: &str = "SAMSYN_SEEDS";
/// After so many seconds no further seed is begun.
const SECONDS: &str = "SAMSYN_SEEDS_SECONDS";

/// Runs seeds, so many at once, and fails with what did not hold and what was done in these runs.
pub(crate) fn each<F, D: Debug>(
    every_run: Range<u64>,
    at_once: usize,
    run: impl Fn(u64) -> F + Copy + Send + Sync + 'static,
    done: impl Fn(u64) -> D + Sync,
) where
    F: Future<Output = Vec<String>>,
{
    let seeds = given().unwrap_or(every_run);
    let (next, ran) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let end = seconds().map(|seconds| Instant::now() + seconds);
    let failed = Mutex::new(String::new());
    let one_by_one = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) || end.is_some_and(|end| end < Instant::now()) {
                return;
            }
            ran.fetch_add(1, Ordering::Relaxed);
            if let Some(mut why) = failure(seed, run) {
                writeln!(why, "  done: {:?}", done(seed)).unwrap();
                println!("{why}");
                failed.lock().unwrap().push_str(&why);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(one_by_one);
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{} seeds from {} on", ran.into_inner(), seeds.start);
    assert!(failed.is_empty(), "{failed}");
}

fn seconds() -> Option<Duration> {
    let seconds = env::var(SECONDS).ok()?;
    Some(Duration::from_secs(seconds.parse().expect("a number of seconds")))
}

fn given() -> Option<Range<u64>> {
    let given = env::var(SEEDS).ok()?;
    let (from, to) = given.split_once("..").expect("seeds are given as `<from>..<to>`");
    Some(from.parse().unwrap()..to.parse().unwrap())
}

/// Why a seed does not pass.
fn failure<F>(seed: u64, run: impl Fn(u64) -> F + Send + 'static) -> Option<String>
where
    F: Future<Output = Vec<String>>,
{
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
    Some(why)
}
