//! A network in memory, with the faults of a real one.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::BoxStream};
use samsyn_proto::raft;

use crate::{Answer, Node, Peer, PeerError, Transport, Unreached};

/// What the nodes of a test are connected by.
#[derive(Default)]
pub(crate) struct Wire {
    peers: Mutex<BTreeMap<u64, Peer>>,
    /// From whom nothing gets to whom.
    cut: Mutex<BTreeSet<(u64, u64)>>,
}

impl Wire {
    pub(crate) fn connect(&self, node: u64, peer: Peer) {
        self.peers.lock().unwrap().insert(node, peer);
    }

    pub(crate) fn disconnect(&self, node: u64) {
        self.peers.lock().unwrap().remove(&node);
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

    fn passes(&self, from: u64, to: u64) -> bool {
        !self.cut.lock().unwrap().contains(&(from, to))
    }
}

/// One node's end of the wire.
pub(crate) struct End {
    pub(crate) wire: Arc<Wire>,
    pub(crate) node: u64,
}

impl End {
    fn ask<T, F>(
        &self,
        to: &Node,
        within: Duration,
        ask: impl FnOnce(Peer, u64) -> F + Send + 'static,
    ) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PeerError>> + Send + 'static,
    {
        let (wire, from, to) = (Arc::clone(&self.wire), self.node, to.id);
        let asked = async move {
            let peer = wire.peers.lock().unwrap().get(&to).cloned();
            let peer = peer.filter(|_| wire.passes(from, to));
            let Some(peer) = peer else { return Err(Unreached::Away("no way".to_owned())) };
            // It goes on at the other end when nobody waits for the answer any more.
            let answer = tokio::spawn(ask(peer, from)).await;
            let answer = answer.map_err(|error| Unreached::Silent(error.to_string()))?;
            if !wire.passes(to, from) {
                return std::future::pending().await;
            }
            answer.map_err(|error| Unreached::Refused(error.to_string()))
        };
        let timed = tokio::time::timeout(within, asked);
        timed.map(|timed| timed.unwrap_or(Err(Unreached::Silent("too late".to_owned())))).boxed()
    }
}

impl Transport for End {
    fn append(
        &self,
        to: &Node,
        request: raft::AppendRequest,
        within: Duration,
    ) -> Answer<raft::AppendResponse> {
        self.ask(to, within, move |peer, from| async move { peer.append(from, request).await })
    }

    fn vote(
        &self,
        to: &Node,
        request: raft::VoteRequest,
        within: Duration,
    ) -> Answer<raft::VoteResponse> {
        self.ask(to, within, move |peer, from| async move { peer.vote(from, request).await })
    }

    fn transfer_leader(
        &self,
        to: &Node,
        request: raft::TransferLeaderRequest,
        within: Duration,
    ) -> Answer<raft::TransferLeaderResponse> {
        self.ask(
            to,
            within,
            move |peer, from| async move { peer.transfer_leader(from, request).await },
        )
    }

    fn install_snapshot(
        &self,
        to: &Node,
        parts: BoxStream<'static, raft::InstallSnapshotRequest>,
        within: Duration,
    ) -> Answer<raft::InstallSnapshotResponse> {
        let parts = parts.map(io::Result::Ok);
        self.ask(
            to,
            within,
            move |peer, from| async move { peer.install_snapshot(from, parts).await },
        )
    }

    fn get_keys(&self, to: &Node, within: Duration) -> Answer<raft::GetKeysResponse> {
        self.ask(to, within, move |peer, from| async move { peer.get_keys(from) })
    }

    fn submit(
        &self,
        to: &Node,
        request: raft::SubmitRequest,
        within: Duration,
    ) -> Answer<raft::SubmitResponse> {
        self.ask(to, within, move |peer, from| async move { peer.submit(from, request).await })
    }

    fn get_health(&self, to: &Node, within: Duration) -> Answer<raft::GetHealthResponse> {
        self.ask(to, within, move |peer, _| async move { Ok(peer.health()) })
    }
}
