//! Consensus: orders submissions, keeps the state, and tells what happened.

mod cluster;
#[cfg(test)]
mod tests;
mod timing;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use openraft::{
    BasicNode, Config, ReadPolicy, SnapshotPolicy,
    async_runtime::watch::WatchReceiver as _,
    errors::{ClientWriteError, Fatal as Stop, RaftError},
    impls::ProgressResponder,
    raft::ClientWriteResult,
};
use prost::Message as _;
use samsyn_domain::{
    FeatureLevel, Refusal, State,
    command::{Command, Reply, Submission},
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, broadcast, mpsc, watch},
};
use tracing::Instrument as _;

use crate::{
    Error, Levels,
    disk::make_dir,
    entry::{Raft, Types},
    fatal::{Fatal, Reason},
    format::{RECORD_BYTES_MAX, encode_submission},
    log_store::LogStore,
    machine::Machine,
    peers::Network,
    proposer::{Clock, Proposal, Proposer, Stamps},
    root::Root,
    trace::{Cause, Happened},
};

/// So many submissions wait for their answer at most.
const SUBMISSIONS_MAX: usize = 4096;
/// The largest submission, in bytes: a record less what stands around it.
const SUBMISSION_BYTES_MAX: usize = RECORD_BYTES_MAX / 2;
/// So many events a slow reader may lag.
const FEED_EVENTS_MAX: usize = 4096;
/// A snapshot is due after so many entries.
const SNAPSHOT_ENTRIES: u64 = 20_000;
/// So many entries stay in the log behind a snapshot, for nodes that are a little behind.
const ENTRIES_KEPT: u64 = 1_000;
/// So long the sending and taking in of a snapshot may take, in milliseconds.
const SNAPSHOT_MILLIS: u64 = 600_000;
/// So long a node replays its log before it gives up.
const RECOVERY: Duration = Duration::from_secs(60);

pub use cluster::{Card, Cluster, Member, Place, Role};
pub use timing::Timing;

/// Where a node's files are and which node it is.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The directory that holds log, state and snapshot.
    pub(crate) dir: PathBuf,
    /// The node's number in its domain.
    pub(crate) node: u64,
    /// How other nodes reach it.
    pub(crate) address: String,
    /// What it tells of itself.
    pub(crate) card: Card,
    /// Whether a node without a log begins a log of its own; else it waits for that of others.
    pub(crate) founds: bool,
    /// How long nodes wait for each other.
    pub(crate) timing: Timing,
    /// The way to the other nodes.
    pub(crate) network: Network,
    /// What it knows of the log.
    pub(crate) levels: Levels,
    /// Where it runs.
    pub(crate) threads: Handle,
}

/// The consensus of one node; a cheap handle.
#[derive(Clone)]
pub(crate) struct Consensus {
    raft: Raft,
    machine: Machine,
    log: LogStore,
    fatal: Fatal,
    stamps: Arc<Stamps>,
    room: Arc<Semaphore>,
    proposals: mpsc::Sender<Proposal>,
    network: Network,
    card: Card,
    levels: Levels,
    dir: PathBuf,
    /// Nobody sends to it any more when consensus has ended.
    end: watch::Receiver<()>,
}

impl Consensus {
    /// Opens or creates a node's files.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a file does not read, [`Error::LevelUnknown`] when one is of a level
    /// that the node does not know; then nothing was changed.
    pub(crate) async fn open(options: Options, clock: Clock) -> Result<Self, Error> {
        let fatal = Fatal::new();
        let Options { dir, node, address, card, founds, timing, network, levels, threads } =
            options;
        let (reporter, files) = (fatal.clone(), dir.clone());
        let opened =
            tokio::task::spawn_blocking(move || open_files(&files, reporter, levels.knows)).await;
        let (log, machine) = opened.map_err(|error| Error::Fatal(error.to_string()))??;
        let (config, reached) = (config(timing)?, network.clone());
        // What it starts stays on the threads on which it was begun.
        let begun = threads.spawn(Raft::new(node, config, reached, log.clone(), machine.clone()));
        let begun = begun.await.map_err(|error| Error::Fatal(error.to_string()))?;
        let raft = begun.map_err(|stop| stopped(&stop))?;
        let stamps = Arc::new(Stamps::new(machine.clone(), clock));
        let (proposals, received) = mpsc::channel(SUBMISSIONS_MAX);
        let room = Arc::new(Semaphore::new(SUBMISSIONS_MAX));
        threads.spawn(Proposer::new(raft.clone(), Arc::clone(&stamps)).run(received));
        let (running, end) = watch::channel(());
        threads.spawn(report_stop(raft.clone(), fatal.clone(), running));
        let this = Self {
            raft,
            machine,
            log,
            fatal,
            stamps,
            room,
            proposals,
            network,
            card,
            levels,
            dir,
            end,
        };
        if founds {
            this.found(node, address).await?;
        }
        Ok(this)
    }

    /// Orders a submission, at the leader. Returns its position in the log and the answer, after it
    /// is on the disks of a quorum and applied here; a refusal without either, where the domain's
    /// level is too low.
    ///
    /// # Errors
    /// [`Error::Overloaded`], [`Error::NoLeader`], [`Error::ClockBehind`], [`Error::TooLarge`] and
    /// [`Error::Closed`] mean that it was not ordered; after [`Error::OutcomeUnknown`] and
    /// [`Error::Stopped`] it may have been.
    pub(crate) async fn submit(&self, submission: Submission) -> Result<(u64, Reply), Error> {
        self.stamps.check()?;
        if let Err(refusal) = self.takes(&submission.command) {
            return Ok((self.applied(), Reply::Refused(refusal)));
        }
        let bytes = encode_submission(&submission).encoded_len();
        if bytes > SUBMISSION_BYTES_MAX {
            return Err(Error::TooLarge { bytes, bytes_max: SUBMISSION_BYTES_MAX });
        }
        let _room = self.room.try_acquire().map_err(|_| Error::Overloaded)?;
        // What is sealed in it was sealed under this leader's keys: as soon as another leads, which
        // may have brought others, it is not taken into the log.
        let leader = self.raft.as_leader().map_err(|_| self.reason().unwrap_or(Error::NoLeader))?;
        let leader = leader.to_committed_leader_id();
        let (responder, committed, answer) = ProgressResponder::new();
        let level = (self.levels.needs)(&submission.command);
        let (submission, cause) = (Arc::new(submission), Cause::current());
        let proposal = Proposal { submission, cause, level, responder, leader };
        self.proposals.try_send(proposal).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => self.reason().unwrap_or(Error::Closed),
        })?;
        let decided = async {
            // One that is discarded is never committed; its answer says so.
            let _ = committed.instrument(tracing::info_span!("commit")).await;
            answer.await.ok()
        };
        // What is sent to consensus while it ends may be neither answered nor dropped.
        let mut end = self.end.clone();
        let decided = tokio::select! {
            biased;
            decided = decided => decided,
            _ = end.changed() => None,
        };
        match decided {
            Some(result) => answered(result),
            None => Err(self.reason().unwrap_or(Error::OutcomeUnknown)),
        }
    }

    /// Whether a command may be proposed at the domain's level.
    fn takes(&self, command: &Command) -> Result<(), Refusal> {
        self.read(|state| state.takes(command, (self.levels.needs)(command)))
    }

    /// What this node knows of the log.
    pub(crate) const fn levels(&self) -> Levels {
        self.levels
    }

    /// Looks at the state as it is applied here.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.machine.read(look)
    }

    /// What happens from now on, with its position, in order and without content. A reader that
    /// lags too far is told how many it lost.
    pub(crate) fn events(&self) -> broadcast::Receiver<Happened> {
        self.machine.events()
    }

    /// Writes all that is applied by now to a file. Blocks.
    pub(crate) fn copy(&self, to: &Path) -> Result<(), Error> {
        self.machine.copy(to)
    }

    /// Waits until this node's state holds everything that was acknowledged before the call.
    ///
    /// # Errors
    /// When this node does not lead, or a quorum does not answer.
    pub(crate) async fn barrier(&self) -> Result<(), Error> {
        match self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(_)) => Err(Error::NoLeader),
            Err(RaftError::Fatal(stop)) => Err(self.reason().unwrap_or_else(|| stopped(&stop))),
        }
    }

    /// The digest over everything written up to [`Self::applied`].
    pub(crate) fn root(&self) -> Root {
        self.machine.head().root
    }

    /// The position up to which the state has come.
    pub(crate) fn applied(&self) -> u64 {
        self.machine.head().index().unwrap_or_default()
    }

    /// Submissions that wait for their answer.
    pub(crate) fn waiting(&self) -> usize {
        SUBMISSIONS_MAX.saturating_sub(self.room.available_permits())
    }

    /// Whether this node knows who leads, and nothing has stopped it.
    pub(crate) fn serves(&self) -> bool {
        let metrics = self.raft.metrics();
        let known = metrics.borrow_watched().current_leader.is_some();
        known && self.fatal.reason().is_none()
    }

    /// Turns to a reason when the process must end.
    pub(crate) fn fatal(&self) -> watch::Receiver<Reason> {
        self.fatal.watch()
    }

    /// Lets the log go, as a disk does that fails.
    #[cfg(test)]
    pub(crate) fn lose_log(&self) {
        self.log.close();
    }

    /// How far the state has come, and the digest there.
    #[cfg(test)]
    pub(crate) fn reached(&self) -> (u64, Root) {
        let head = self.machine.head();
        (head.index().unwrap_or_default(), head.root)
    }

    /// The digests at the last positions that all nodes note.
    #[cfg(test)]
    pub(crate) fn marks(&self) -> Vec<(u64, Root)> {
        self.machine.marks()
    }

    /// The term, and who leads in it, as this node knows it.
    #[cfg(test)]
    pub(crate) fn led(&self) -> (u64, Option<u64>) {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        (metrics.current_term, metrics.current_leader)
    }

    /// Stops, writes what is not on disk yet and lets the files go. What waits for an answer gets
    /// [`Error::OutcomeUnknown`].
    pub(crate) async fn close(&self) {
        // Only a core that is already gone fails to stop.
        self.raft.shutdown().await.ok();
        let (machine, log) = (self.machine.clone(), self.log.clone());
        let close = move || {
            machine.close();
            log.close();
        };
        tokio::task::spawn_blocking(close).await.ok();
    }

    /// Begins a log of which this node is the only voter, unless there is one.
    async fn found(&self, node: u64, address: String) -> Result<(), Error> {
        if self.raft.is_initialized().await.map_err(|stop| stopped(&stop))? {
            return Ok(());
        }
        let members = BTreeMap::from([(node, BasicNode::new(address))]);
        let founded = self.raft.initialize(members).await;
        founded.map_err(|error| Error::Fatal(error.to_string()))
    }

    /// Waits until this node's state is what was acknowledged before it started.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn recover(&self) -> Result<(), Error> {
        let recovered = self.raft.wait_for_recovery(Some(RECOVERY)).await;
        recovered.map(drop).map_err(|_| self.reason().unwrap_or(Error::NoLeader))
    }

    fn reason(&self) -> Option<Error> {
        self.fatal.reason().map(|why| Error::Stopped(why.to_string()))
    }
}

impl fmt::Debug for Consensus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consensus").field("head", &self.machine.head()).finish_non_exhaustive()
    }
}

fn config(timing: Timing) -> Result<Arc<Config>, Error> {
    let (heartbeat, election) = timing.millis();
    let config = Config {
        cluster_name: "samsyn".to_owned(),
        heartbeat_interval: heartbeat,
        election_timeout_min: election,
        election_timeout_max: election.saturating_mul(2),
        install_snapshot_timeout: SNAPSHOT_MILLIS,
        enable_pre_vote: Some(true),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_ENTRIES),
        max_in_snapshot_log_to_keep: ENTRIES_KEPT,
        // What a leader had committed last may not be on its disk as committed: among others it is
        // elected anew after a start, and knows it then.
        enable_leader_restore: Some(matches!(timing, Timing::Alone)),
        ..Config::default()
    };
    config.validate().map(Arc::new).map_err(|error| Error::Fatal(error.to_string()))
}

/// Where in a node's directory its log is.
pub(crate) fn log_dir(dir: &Path) -> PathBuf {
    dir.join("log")
}

fn open_files(dir: &Path, fatal: Fatal, knows: FeatureLevel) -> Result<(LogStore, Machine), Error> {
    let log_dir = log_dir(dir);
    make_dir(dir)?;
    make_dir(&log_dir)?;
    let log = LogStore::open(&log_dir, knows)?;
    let (feed, _) = broadcast::channel(FEED_EVENTS_MAX);
    let machine = Machine::open(dir, feed, fatal, knows)?;
    fit_together(dir, &log, &machine)?;
    log.is_known_after(machine.head().index())?;
    Ok((log, machine))
}

/// Whether log, state and snapshot are of one history without a gap.
fn fit_together(dir: &Path, log: &LogStore, machine: &Machine) -> Result<(), Error> {
    let ends = log.ends().map_err(Error::io(dir))?;
    let state = machine.head();
    let snapshot = machine.snapshot_head().unwrap_or_default();
    let reached = if state.applied < snapshot.applied { snapshot } else { state };
    if ends.last_purged_log_id > reached.applied {
        let begin = ends.last_purged_log_id.map_or(0, |id| id.index.saturating_add(1));
        let what = format!("it ends before the log begins, at entry {begin}");
        let mend = "put it or the snapshot back from a copy, or let this node join anew";
        return Err(Error::damaged(&dir.join("state.redb"), 0, format!("{what}; {mend}")));
    }
    // With more voters a quorum without this node may have committed what its log has not yet.
    if reached.has_one_voter() && ends.last_log_id < reached.applied {
        let applied = reached.index().unwrap_or_default();
        let what = format!("it ends before entry {applied}, which the state holds");
        let mend = "put the log's files back from a copy";
        return Err(Error::damaged(&dir.join("log"), 0, format!("{what}; {mend}")));
    }
    Ok(())
}

/// Watches for the end of consensus, and reports one that nobody asked for.
async fn report_stop(raft: Raft, fatal: Fatal, _running: watch::Sender<()>) {
    let mut metrics = raft.metrics();
    drop(raft);
    loop {
        let state = metrics.borrow_watched().running_state.clone();
        match state {
            Ok(()) => {}
            Err(Stop::Stopped) => return,
            Err(stop @ (Stop::StorageError(_) | Stop::Panicked)) => {
                return fatal.report(&stop.to_string());
            }
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

pub(crate) fn stopped(stop: &Stop<Types>) -> Error {
    match stop {
        Stop::Stopped => Error::Closed,
        Stop::StorageError(_) | Stop::Panicked => Error::Stopped(stop.to_string()),
    }
}

fn answered(result: ClientWriteResult<Types>) -> Result<(u64, Reply), Error> {
    match result {
        Ok(response) => {
            let reply = response.data.reply.ok_or(Error::OutcomeUnknown)?;
            Ok((response.log_id.index, reply))
        }
        Err(ClientWriteError::LogEntryDiscarded(_)) => Err(Error::OutcomeUnknown),
        Err(
            ClientWriteError::ForwardToLeader(_)
            | ClientWriteError::ChangeMembershipError(_)
            | ClientWriteError::PreconditionFailed(_),
        ) => Err(Error::NoLeader),
    }
}
