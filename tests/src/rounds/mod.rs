//! Rounds of faults under load: three nodes, each a process, with a proxy between them. Each round
//! strikes in one way while parties publish, heals, and then reads back what was acknowledged from
//! every node.

mod fault;
mod reader;
mod report;
mod writer;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

pub use self::{
    fault::Fault,
    report::{Report, Round},
};
use self::{
    reader::Reader,
    writer::{Acknowledged, Writer},
};
use crate::{
    cluster::{Cluster, PATIENCE, Plan},
    dice::Dice,
    observed::{AREA, PARTY},
    raw::Failure,
};

/// Whoever reads what happens in the area.
const READER: &str = "lpo-skarholmen";
/// How long parties publish before anything happens.
const CALM: Duration = Duration::from_millis(500);
/// A fault holds so long at least, and up to so much longer. A node that is cut off is to notice.
const HELD: Duration = Duration::from_millis(3_500);
const HELD_SPREAD: Duration = Duration::from_millis(1_500);
/// No share of a service stands in the way.
const SHARES: &str = "[limits]\nrequests_per_second = 1000000\nrequests_burst = 1000000\n\
    rows_per_second = 100000000\nrows_burst = 100000000\nbytes_per_second = 4000000000\n\
    bytes_burst = 4000000000\n";

/// What is to happen.
#[derive(Debug, Clone)]
pub struct Options {
    /// The fault of each round.
    pub faults: Vec<Fault>,
    /// From what everything else is drawn.
    pub seed: u64,
    /// How many parties publish at a time, as far as there are so many.
    pub writers: usize,
}

impl Options {
    /// So many rounds, drawn from a seed: each fault comes about equally often.
    #[must_use]
    pub fn drawn(rounds: usize, seed: u64, writers: usize) -> Self {
        let mut dice = Dice::of(seed, 0);
        let (mut faults, mut left) = (Vec::new(), Vec::new());
        while faults.len() < rounds {
            if left.is_empty() {
                left.extend(Fault::ALL);
            }
            let Some(fault) = dice.pick(&left) else { break };
            left.retain(|other| *other != fault);
            faults.push(fault);
        }
        Self { faults, seed, writers }
    }
}

/// Does all rounds with nodes of the binary at this path; tells of each when it is over.
///
/// # Errors
/// When something does not come back in time. What was lost or doubled is no error: it is counted.
pub async fn run(
    program: &Path,
    options: &Options,
    mut told: impl FnMut(&Round),
) -> Result<Report, Failure> {
    let plan = Plan { settings: SHARES, proxy: Some(options.seed), ..Plan::default() };
    let mut stage = Stage {
        cluster: Cluster::start(program, plan).await?,
        dice: Dice::of(options.seed, 1),
        writers: Vec::new(),
    };
    stage.writers = stage.writers(options.writers).await?;
    let reader = Reader::start(&stage.cluster.whole(1, READER)?, AREA);
    let mut report = Report::default();
    for fault in &options.faults {
        let round = Box::pin(stage.round(*fault, &reader)).await;
        let round = round.map_err(|why| format!("{fault}: {why}"))?;
        told(&round);
        report.add(round);
    }
    Ok(report)
}

/// The nodes, and who publishes.
struct Stage {
    cluster: Cluster,
    dice: Dice,
    writers: Vec<Writer>,
}

impl Stage {
    /// So many parties that can publish, each of its own picture and beginning with another node.
    async fn writers(&self, count: usize) -> Result<Vec<Writer>, Failure> {
        let mut pictures = self.cluster.pictures()?;
        pictures.sort_by_key(|(party, area)| (party != PARTY || area != AREA, area != AREA));
        let nodes = self.cluster.nodes();
        let mut writers = Vec::new();
        for (picture, first) in pictures.into_iter().zip(nodes.into_iter().cycle()) {
            if writers.len() == count {
                break;
            }
            let profile = self.cluster.whole(first, &picture.0)?;
            // A party that answers for a part of an area alone says nothing of the whole.
            writers.extend(Writer::start(&profile, picture).await?);
        }
        Ok(writers)
    }

    async fn round(&mut self, fault: Fault, reader: &Reader) -> Result<Round, Failure> {
        let leader = Box::pin(self.cluster.leader(&self.cluster.nodes())).await?;
        let acknowledged = Arc::new(Acknowledged::default());
        let (stop, stopped) = watch::channel(false);
        let mut writing = JoinSet::new();
        for writer in self.writers.drain(..) {
            writing.spawn(writer.write(Arc::clone(&acknowledged), stopped.clone()));
        }
        let count = writing.len();
        sleep(CALM).await;

        acknowledged.begin();
        let (mut elected, held) = (None, HELD + self.dice.within(HELD_SPREAD));
        let struck = fault.strike(&mut self.cluster, leader, &mut self.dice).await?;
        let since = Instant::now();
        if let Some((before, among)) = struck.electing(&self.cluster) {
            elected = Some(self.cluster.elected(before, &among, since).await?.1);
        }
        sleep(struck.holds(held).saturating_sub(since.elapsed())).await;
        struck.heal(&mut self.cluster)?;
        let all = timeout(PATIENCE, acknowledged.by_all_after(Instant::now(), count)).await;
        let is_stuck = all.is_err();

        stop.send_replace(true);
        while let Some(writer) = writing.join_next().await {
            self.writers.push(writer??);
        }
        if is_stuck {
            return Err("not every party got an answer after all was healed".into());
        }
        Box::pin(self.cluster.alike()).await?;
        let (silent, waited) = acknowledged.longest();
        let mut round = Round { fault, silent, waited, elected, ..Round::default() };
        self.read_back(&mut round).await?;
        let revisions = self.writers.iter().filter(|writer| writer.area() == AREA);
        let revision = revisions.map(Writer::revision).max().unwrap_or(0);
        round.followed = reader.reaches(revision).await?;
        Ok(round)
    }

    /// Compares what each node holds with what was acknowledged; then it is withdrawn.
    async fn read_back(&mut self, round: &mut Round) -> Result<(), Failure> {
        for writer in &mut self.writers {
            let mut worst = writer.out_of_step();
            for node in self.cluster.nodes() {
                let client = self.cluster.client(node, writer.party()).await?;
                let (lost, doubled) = writer.compare(&client).await?;
                worst = (worst.0.max(lost), worst.1.max(doubled));
            }
            round.acknowledged += writer.acknowledged();
            round.lost += worst.0;
            round.doubled += worst.1;
            writer.withdraw().await?;
        }
        Ok(())
    }
}
