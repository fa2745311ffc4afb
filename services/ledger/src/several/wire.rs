//! A network in memory, with the faults of a real one.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::BoxStream};
use samsyn_proto::raft;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use super::dice::Dice;
use crate::{Answer, Ledger, Node, Peer, PeerError, Transport, Unreached};

/// After so long without an answer a connection is looked after, and found to be dead.
const ALIVE_MAX: Duration = Duration::from_secs(4);

/// One life of a node, from its start to its end.
#[derive(Debug, Default)]
pub(crate) struct Life {
    node: u64,
    has_begun: AtomicBool,
    is_over: AtomicBool,
    trouble: Mutex<Option<String>>,
    /// Held while something is done at the node from without.
    work: Arc<RwLock<()>>,
}

impl Life {
    pub(crate) fn of(node: u64) -> Arc<Self> {
        Arc::new(Self { node, ..Self::default() })
    }

    pub(crate) const fn node(&self) -> u64 {
        self.node
    }

    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::SeqCst)
    }

    /// From now on nothing that the node says counts.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Notes why the node could not begin.
    pub(crate) fn fail(&self, why: String) {
        *self.trouble.lock().unwrap() = Some(why);
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap().clone()
    }

    /// Leave to do something at the node; none when it has ended.
    pub(crate) fn work(&self) -> Option<OwnedRwLockReadGuard<()>> {
        let work = Arc::clone(&self.work).try_read_owned().ok()?;
        (!self.is_over()).then_some(work)
    }

    /// Waits until nothing is done at the node any more.
    pub(crate) async fn idle(&self) {
        drop(self.work.write().await);
    }
}

/// A node as it is connected.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) life: Arc<Life>,
    pub(crate) ledger: Ledger,
    peer: Peer,
}

/// What the nodes of a test are connected by.
#[derive(Default)]
pub(crate) struct Wire {
    nodes: Mutex<BTreeMap<u64, Connected>>,
    /// From whom nothing gets to whom.
    cut: Mutex<BTreeSet<(u64, u64)>>,
    /// What messages meet with; nothing without.
    chance: Mutex<Option<Dice>>,
}

/// What a message meets with.
#[derive(Debug, Default)]
struct Fate {
    /// How long it is on its way.
    there: Duration,
    /// How long its answer is.
    back: Duration,
    loses: Option<Loss>,
    /// It comes once more, after so long.
    again: Option<Duration>,
}

/// What does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Request,
    /// Whoever is asked stops in the middle of it, as a call does whose connection breaks.
    Rest,
    Answer,
}

#[derive(Debug, Clone, Copy)]
struct Loss {
    what: What,
    /// The connection breaks, and who asked is told at once.
    shows: bool,
    /// When, for what is lost in the middle.
    after: Duration,
}

impl Fate {
    fn of(dice: &mut Dice) -> Self {
        let mut late = |percent| {
            let is_late = dice.percent(percent);
            if is_late { dice.millis(1, 50) } else { Duration::ZERO }
        };
        let (there, back) = (late(10), late(10));
        let what = match dice.below(100) {
            0 => Some(What::Request),
            1 => Some(What::Answer),
            2 => Some(What::Rest),
            3.. => None,
        };
        let mut loss = |what| {
            let (shows, after) = (dice.percent(85), dice.millis(0, 20));
            Loss { what, shows, after }
        };
        let loses = what.map(&mut loss);
        let again = dice.percent(4).then(|| dice.millis(0, 300));
        Self { there, back, loses, again }
    }

    /// How long whoever is asked is at it before it stops.
    fn stops(&self) -> Option<Duration> {
        self.loses.filter(|loss| loss.what == What::Rest).map(|loss| loss.after)
    }

    async fn loses(&self, what: What) -> Option<Unreached> {
        match self.loses {
            Some(loss) if loss.what == what && !loss.shows => Some(silence().await),
            Some(loss) if loss.what == what => Some(broken()),
            Some(_) | None => None,
        }
    }
}

fn broken() -> Unreached {
    Unreached::Silent("the connection broke".to_owned())
}

/// What comes of an answer that does not come: the connection is noticed to be dead.
async fn silence() -> Unreached {
    tokio::time::sleep(ALIVE_MAX).await;
    broken()
}

impl Wire {
    pub(crate) fn connect(&self, life: Arc<Life>, ledger: Ledger) {
        let (node, peer) = (life.node, ledger.peer());
        self.nodes.lock().unwrap().insert(node, Connected { life, ledger, peer });
    }

    pub(crate) fn disconnect(&self, node: u64) {
        self.nodes.lock().unwrap().remove(&node);
    }

    /// The nodes that are connected.
    pub(crate) fn nodes(&self) -> Vec<Connected> {
        self.nodes.lock().unwrap().values().cloned().collect()
    }

    /// Cuts one way.
    pub(crate) fn cut(&self, from: u64, to: u64) {
        self.cut.lock().unwrap().insert((from, to));
    }

    /// Cuts a node off from all, both ways.
    pub(crate) fn isolate(&self, node: u64) {
        for other in 1..=9 {
            self.cut(node, other);
            self.cut(other, node);
        }
    }

    pub(crate) fn heal(&self) {
        self.cut.lock().unwrap().clear();
    }

    /// From now on messages are late, lost, doubled and overtaken by chance, or no longer.
    pub(crate) fn trouble(&self, dice: Option<Dice>) {
        *self.chance.lock().unwrap() = dice;
    }

    fn fate(&self) -> Fate {
        self.chance.lock().unwrap().as_mut().map(Fate::of).unwrap_or_default()
    }

    fn passes(&self, from: u64, to: u64) -> bool {
        !self.cut.lock().unwrap().contains(&(from, to))
    }

    fn way(&self, from: u64, to: u64) -> Option<Connected> {
        let other = self.nodes.lock().unwrap().get(&to).cloned();
        other.filter(|_| self.passes(from, to))
    }
}

/// One node's end of the wire.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) wire: Arc<Wire>,
    pub(crate) life: Arc<Life>,
}

impl End {
    /// Asks once, or now and then twice where `again` is the same question.
    fn ask<T, F, A>(&self, to: &Node, within: Duration, ask: A, again: Option<A>) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PeerError>> + Send + 'static,
        A: FnOnce(Peer, u64) -> F + Send + 'static,
    {
        let (this, to) = (self.clone(), to.id);
        let asked = async move {
            let Self { wire, life } = &this;
            if life.is_over() || wire.way(life.node, to).is_none() {
                return Err(Unreached::Away("no way".to_owned()));
            }
            let fate = wire.fate();
            if let (Some(ask), Some(later)) = (again, fate.again) {
                tokio::spawn(this.clone().deliver(to, later, None, ask));
            }
            if let Some(lost) = fate.loses(What::Request).await {
                return Err(lost);
            }
            // It goes on at the other end when nobody waits for the answer any more.
            let deliver = this.clone().deliver(to, fate.there, fate.stops(), ask);
            let answer = tokio::spawn(deliver).await;
            let answer = answer.map_err(|error| Unreached::Silent(error.to_string()))?;
            let answer = answer.ok_or_else(broken)?;
            if let Some(lost) = fate.loses(What::Answer).await {
                return Err(lost);
            }
            tokio::time::sleep(fate.back).await;
            if !wire.passes(to, life.node) {
                return Err(silence().await);
            }
            answer.map_err(|error| match error.leaves_open() {
                true => Unreached::Silent(error.to_string()),
                false => Unreached::Refused(error.to_string()),
            })
        };
        let timed = tokio::time::timeout(within, asked);
        timed.map(|timed| timed.unwrap_or(Err(Unreached::Silent("too late".to_owned())))).boxed()
    }

    /// Has a node do what it is asked after a while, also when who asked has ended by then; none
    /// when it never got there, or when the other ended or stopped meanwhile.
    async fn deliver<T, F>(
        self,
        to: u64,
        after: Duration,
        stops: Option<Duration>,
        ask: impl FnOnce(Peer, u64) -> F,
    ) -> Option<Result<T, PeerError>>
    where
        F: Future<Output = Result<T, PeerError>>,
    {
        tokio::time::sleep(after).await;
        let other = self.wire.way(self.life.node, to)?;
        let _work = other.life.work()?;
        let answer = ask(other.peer, self.life.node);
        let answer = match stops {
            None => answer.await,
            Some(stops) => tokio::time::timeout(stops, answer).await.ok()?,
        };
        (!other.life.is_over()).then_some(answer)
    }
}

impl Transport for End {
    fn append(
        &self,
        to: &Node,
        request: raft::AppendRequest,
        within: Duration,
    ) -> Answer<raft::AppendResponse> {
        let ask = move |peer: Peer, from| async move { peer.append(from, request).await };
        self.ask(to, within, ask.clone(), Some(ask))
    }

    fn vote(
        &self,
        to: &Node,
        request: raft::VoteRequest,
        within: Duration,
    ) -> Answer<raft::VoteResponse> {
        let ask = move |peer: Peer, from| async move { peer.vote(from, request).await };
        self.ask(to, within, ask, Some(ask))
    }

    fn transfer_leader(
        &self,
        to: &Node,
        request: raft::TransferLeaderRequest,
        within: Duration,
    ) -> Answer<raft::TransferLeaderResponse> {
        let ask = move |peer: Peer, from| async move { peer.transfer_leader(from, request).await };
        self.ask(to, within, ask, Some(ask))
    }

    fn install_snapshot(
        &self,
        to: &Node,
        parts: BoxStream<'static, raft::InstallSnapshotRequest>,
        within: Duration,
    ) -> Answer<raft::InstallSnapshotResponse> {
        let parts = parts.map(io::Result::Ok);
        let ask = move |peer: Peer, from| async move { peer.install_snapshot(from, parts).await };
        self.ask(to, within, ask, None)
    }

    fn get_keys(
        &self,
        to: &Node,
        request: raft::GetKeysRequest,
        within: Duration,
    ) -> Answer<raft::GetKeysResponse> {
        self.ask(to, within, move |peer, from| async move { peer.get_keys(from, request) }, None)
    }

    // Never doubled: a call over HTTP/2 is not carried out twice, and nobody asks anew by itself.
    fn submit(
        &self,
        to: &Node,
        request: raft::SubmitRequest,
        within: Duration,
    ) -> Answer<raft::SubmitResponse> {
        let ask = move |peer: Peer, from| async move { peer.submit(from, request).await };
        self.ask(to, within, ask, None)
    }

    fn get_health(&self, to: &Node, within: Duration) -> Answer<raft::GetHealthResponse> {
        self.ask(to, within, move |peer, _| async move { Ok(peer.health()) }, None)
    }
}
