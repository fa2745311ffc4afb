//! Stamps submissions and hands them to consensus, in one order.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use openraft::type_config::alias::{CommittedLeaderIdOf, WriteResponderOf};
use samsyn_domain::{FeatureLevel, Timestamp, command::Submission};
use tokio::sync::mpsc;

use crate::{
    Error,
    entry::{Entry, Raft, Types},
    machine::Machine,
    trace::Cause,
};

/// What time it is.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A leader whose last stamp is further ahead of its clock proposes nothing.
const AHEAD_MAX_SECONDS: i64 = 2;

/// The stamps of one leader: they rise, and follow its clock.
pub(crate) struct Stamps {
    clock: Clock,
    machine: Machine,
    last: AtomicI64,
}

impl Stamps {
    pub(crate) fn new(machine: Machine, clock: Clock) -> Self {
        Self { clock, machine, last: AtomicI64::new(Timestamp::ZERO.micros()) }
    }

    /// What time it is at this node.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// # Errors
    /// [`Error::ClockBehind`] when this leader may propose nothing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.last() > (self.clock)().after_seconds(AHEAD_MAX_SECONDS) {
            return Err(Error::ClockBehind);
        }
        Ok(())
    }

    /// The next stamp. Only the proposer takes one.
    fn next(&self) -> Timestamp {
        let at = self.last().after_micros(1).max((self.clock)());
        self.last.store(at.micros(), Ordering::Relaxed);
        at
    }

    /// The last stamp of this leader, or of another whose entries are applied here.
    fn last(&self) -> Timestamp {
        let own = Timestamp::from_micros(self.last.load(Ordering::Relaxed));
        own.max(self.machine.read(samsyn_domain::State::stamp))
    }
}

impl fmt::Debug for Stamps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamps").field("last", &self.last()).finish_non_exhaustive()
    }
}

/// A submission, and whom its outcome goes to.
pub(crate) struct Proposal {
    pub(crate) submission: Arc<Submission>,
    pub(crate) cause: Option<Cause>,
    /// What whoever reads it must know.
    pub(crate) level: FeatureLevel,
    pub(crate) responder: WriteResponderOf<Types>,
    /// Under which leader it was made; under another it is not ordered.
    pub(crate) leader: CommittedLeaderIdOf<Types>,
}

/// The task that gives the log its order.
pub(crate) struct Proposer {
    raft: Raft,
    stamps: Arc<Stamps>,
}

impl Proposer {
    pub(crate) const fn new(raft: Raft, stamps: Arc<Stamps>) -> Self {
        Self { raft, stamps }
    }

    /// Runs until consensus stops or nobody submits any more.
    pub(crate) async fn run(self, mut proposals: mpsc::Receiver<Proposal>) {
        while let Some(proposal) = proposals.recv().await {
            let Proposal { submission, cause, level, responder, leader } = proposal;
            let entry = Entry { at: self.stamps.next(), submission, cause, level };
            let write = self.raft.write(entry).responder(responder).with_leader(leader);
            if write.await.is_err() {
                return;
            }
        }
    }
}
