//! The other nodes of the domain: how this one reaches them, and what it answers them.

mod convert;
mod link;
mod serve;

use std::{fmt, time::Duration};

use futures::{future::BoxFuture, stream::BoxStream};
use samsyn_proto::raft;

pub(crate) use link::Network;
pub use serve::{Peer, PeerError};

/// The largest part of a snapshot in one message, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A node as others reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number in the domain.
    pub id: u64,
    /// Host and port of its listener for nodes.
    pub address: String,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} at {}", self.id, self.address)
    }
}

/// Why another node did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// It was not asked: there is no way to it.
    #[error("it cannot be reached: {0}")]
    Away(String),
    /// It was asked, and gave no answer in time, or one that leaves it open; it may have done it.
    #[error("it gave no answer: {0}")]
    Silent(String),
    /// It was asked and did not do it.
    #[error("it refused: {0}")]
    Refused(String),
}

/// An answer that is on its way.
pub type Answer<T> = BoxFuture<'static, Result<T, Unreached>>;

/// How messages get to other nodes. Whoever implements it makes sure that a node is who it is
/// taken for, both ways, and that an answer comes within the time given or not at all.
pub trait Transport: Send + Sync + 'static {
    /// Sends entries of the log.
    fn append(
        &self,
        to: &Node,
        request: raft::AppendRequest,
        within: Duration,
    ) -> Answer<raft::AppendResponse>;

    /// Asks for a vote.
    fn vote(
        &self,
        to: &Node,
        request: raft::VoteRequest,
        within: Duration,
    ) -> Answer<raft::VoteResponse>;

    /// Hands leadership over.
    fn transfer_leader(
        &self,
        to: &Node,
        request: raft::TransferLeaderRequest,
        within: Duration,
    ) -> Answer<raft::TransferLeaderResponse>;

    /// Sends a snapshot. A stream that ends before its time is one that could not be read.
    fn install_snapshot(
        &self,
        to: &Node,
        parts: BoxStream<'static, raft::InstallSnapshotRequest>,
        within: Duration,
    ) -> Answer<raft::InstallSnapshotResponse>;

    /// Asks for the domain's keys.
    fn get_keys(
        &self,
        to: &Node,
        request: raft::GetKeysRequest,
        within: Duration,
    ) -> Answer<raft::GetKeysResponse>;

    /// Has a change of the domain itself ordered.
    fn submit(
        &self,
        to: &Node,
        request: raft::SubmitRequest,
        within: Duration,
    ) -> Answer<raft::SubmitResponse>;

    /// Asks how it is.
    fn get_health(&self, to: &Node, within: Duration) -> Answer<raft::GetHealthResponse>;
}
