//! Load: workers that do one thing again and again, and how long it took each time.

use std::time::{Duration, Instant};

use samsyn_tests::raw::Failure;
use tokio::task::JoinSet;

/// What a round of load came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Operations a second.
    pub(crate) rate: f64,
    /// How long half of them took at most.
    pub(crate) p50: Duration,
    /// How long 99 of 100 took at most.
    pub(crate) p99: Duration,
}

impl Round {
    /// Of how long each operation took, and all of them together.
    pub(crate) fn of(mut took: Vec<Duration>, all: Duration) -> Result<Self, Failure> {
        took.sort_unstable();
        let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
        let rate = f64::from(u32::try_from(took.len())?) / all.as_secs_f64();
        Ok(Self { rate, p50: at(50), p99: at(99) })
    }
}

/// Something that does one thing again and again.
pub(crate) trait Worker: Send + 'static {
    /// Does it once.
    fn once(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Has all workers go for some time; gives them back.
pub(crate) async fn round<W: Worker>(
    workers: Vec<W>,
    length: Duration,
) -> Result<(Vec<W>, Round), Failure> {
    let began = Instant::now();
    let mut going = JoinSet::new();
    for mut worker in workers {
        going.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < length {
                let since = Instant::now();
                worker.once().await?;
                took.push(since.elapsed());
            }
            Ok::<_, Failure>((worker, took))
        });
    }
    let (mut workers, mut took) = (Vec::new(), Vec::new());
    while let Some(done) = going.join_next().await {
        let (worker, its) = done??;
        workers.push(worker);
        took.extend(its);
    }
    Ok((workers, Round::of(took, began.elapsed())?))
}

/// The middle one of some rounds, by rate.
pub(crate) fn middle(rounds: &[Round]) -> Option<Round> {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    rounds.get(rounds.len() / 2).copied()
}
