//! Does the steps of a schedule, and mends everything in the end.

use std::future::Future;

use super::{super::*, steps::Step};

/// So long a change of the members may take before it is left to itself.
const CHANGE_MAX: Duration = Duration::from_secs(1);

impl Several {
    /// Does a step, where the nodes are so that it can be done.
    pub(super) async fn take_step(&mut self, step: Step) {
        match step {
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Isolate(id) => self.wire.isolate(id),
            Step::Cut(from, to) => self.wire.cut(from, to),
            Step::Heal => self.wire.heal(),
            Step::IsolateLeader => self.leaders().for_each(|id| self.wire.isolate(id)),
            Step::Stop(id) if self.runs(id) => self.stop(id).await,
            Step::Crash(id) if self.runs(id) => self.crash([id]).await,
            Step::CutPower(id, chance) if self.runs(id) => self.cut_power([id], chance).await,
            Step::CrashLeader => self.crash(self.leaders().collect::<Vec<_>>()).await,
            Step::CutLeaderPower(chance) => {
                self.cut_power(self.leaders().collect::<Vec<_>>(), chance).await;
            }
            Step::CutAllPower(chance) => {
                self.cut_power(self.nodes.keys().copied().collect::<Vec<_>>(), chance).await;
            }
            Step::SetClock(id, millis) => self.set_clock(id, millis),
            Step::Start(id) if !self.runs(id) => drop(self.opened(id).await),
            Step::Stop(_) | Step::Crash(_) | Step::CutPower(..) | Step::Start(_) => {}
            Step::StartAll => self.start_all().await,
            Step::HandOver(id) => self.at_leader(async |leader| leader.transfer(id).await).await,
            Step::Demote(id) => self.at_leader(async |leader| leader.demote(id).await).await,
            Step::Promote(id) => self.at_leader(async |leader| leader.promote(id).await).await,
            Step::Snapshot(id) => self.shorten(id).await,
        }
    }

    /// The nodes that take themselves for the leader.
    fn leaders(&self) -> impl Iterator<Item = u64> {
        let leaders = self.running().filter(|ledger| ledger.place() == Place::Here);
        leaders.map(|ledger| ledger.cluster().node)
    }

    fn runs(&self, id: u64) -> bool {
        self.nodes.contains_key(&id)
    }

    async fn start_all(&mut self) {
        for id in self.disks.keys().copied().collect::<Vec<_>>() {
            if !self.runs(id) {
                self.opened(id).await;
            }
        }
    }

    /// Asks each node that takes itself for the leader. What it answers does not matter.
    async fn at_leader<F>(&self, ask: impl Fn(Ledger) -> F)
    where
        F: Future<Output = Result<(), Error>>,
    {
        for ledger in self.running().filter(|ledger| ledger.place() == Place::Here) {
            let asked = tokio::time::timeout(CHANGE_MAX, ask(ledger.clone()));
            asked.await.ok();
        }
    }

    async fn shorten(&self, id: u64) {
        if !self.runs(id) {
            return;
        }
        let ledger = self.at(id);
        let consensus = &ledger.inner.consensus;
        let (applied, _) = consensus.reached();
        ledger.snapshot().await.ok();
        let built = consensus.raft().wait(Some(CHANGE_MAX));
        let is_there = |metrics: &openraft::RaftMetrics<_>| {
            metrics.snapshot.is_some_and(|last: crate::entry::LogId| last.index >= applied)
        };
        if built.metrics(is_there, "a snapshot").await.is_ok() {
            consensus.raft().trigger().purge_log(applied).await.ok();
        }
    }

    /// Heals, starts and promotes all, and waits until all serve.
    pub(super) async fn mend(&mut self) {
        self.wire.heal();
        self.disks.keys().for_each(|id| self.set_clock(*id, 0));
        self.start_all().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let members = self.leader().await.cluster().members;
            let learner = members.iter().find(|member| member.role == Role::Learner);
            let Some(learner) = learner.map(|member| member.node.id) else { break };
            self.at_leader(async |leader| leader.promote(learner).await).await;
            assert!(Instant::now() < deadline, "node {learner} does not become a voter");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        within("all serve", || self.running().all(Ledger::serves)).await;
    }
}
