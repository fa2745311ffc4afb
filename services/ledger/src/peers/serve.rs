//! What this node answers the others.

use std::{io, path::PathBuf, sync::Arc};

use futures::{Stream, StreamExt as _, pin_mut};
use openraft::errors::{Fatal, RaftError};
use samsyn_domain::{
    FeatureLevel, State,
    command::{Command, MarkMessage},
    message::Step,
};
use samsyn_proto::raft::{self, install_snapshot_request::Part};
use tokio::{fs::File, io::AsyncWriteExt as _, sync::Mutex};

use super::convert;
use crate::{
    Error,
    entry::{Snapshot, Types},
    format::{Stored as _, decode_submission, encode_vote},
    keys::Keys,
    raft_handle::Consensus,
    snapshot,
};

/// Why a node is not answered.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It is no member of this domain.
    #[error("node {0} is no member of this domain; add it with `samsyn cluster add-learner`")]
    NoMember(u64),
    /// It speaks for another node.
    #[error("node {0} speaks for another node")]
    NotItself(u64),
    /// What it said does not read.
    #[error("what the node sent does not read")]
    Unreadable(#[from] io::Error),
    /// It decides by another policy.
    #[error("the node decides by another policy than the domain's; restart it with the same")]
    OtherPolicy,
    /// Only the domain itself makes such a change.
    #[error("a node asks for a change that only a leader makes")]
    NotForNodes,
    /// This node failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl PeerError {
    /// Whether it may have been done all the same.
    #[must_use]
    pub const fn leaves_open(&self) -> bool {
        matches!(self, Self::Failed(Error::OutcomeUnknown | Error::Stopped(_)))
    }
}

/// What a node answers the other nodes; cheap to clone. Whoever calls it knows by certificate which
/// node asks.
#[derive(Clone)]
pub struct Peer {
    consensus: Consensus,
    keys: Arc<Keys>,
    dir: PathBuf,
    /// Held while keys come with entries, so that they are taken in the order of the entries; and
    /// while a snapshot comes, of which there is one at a time.
    taking: Arc<Mutex<()>>,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("peer")
    }
}

impl Peer {
    pub(crate) fn new(consensus: Consensus, keys: Arc<Keys>, dir: PathBuf) -> Self {
        Self { consensus, keys, dir, taking: Arc::default() }
    }

    /// Puts entries into this node's log.
    ///
    /// # Errors
    /// When they do not read, or this node cannot keep them. One whose level it does not know ends
    /// this node.
    pub async fn append(
        &self,
        from: u64,
        request: raft::AppendRequest,
    ) -> Result<raft::AppendResponse, PeerError> {
        let read = convert::decode_append(request, self.consensus.levels().knows);
        let (append, keys) = self.known(read)?;
        itself(from, append.vote.leader_id.node_id)?;
        let raft = self.consensus.raft();
        let answer = if keys.is_empty() {
            raft.append_entries(append).await.map_err(stopped)?
        } else {
            let taking = self.taking.lock().await;
            // A key is on disk before what is sealed under it, if need be beside another. The
            // leader's counts from when its entries are accepted: by then nothing that is sealed
            // under the other is in this log.
            self.take(keys.clone(), false).await?;
            let answer = raft.append_entries(append).await.map_err(stopped)?;
            if answer.is_success() {
                self.take(keys, true).await?;
            }
            drop(taking);
            answer
        };
        let answer = convert::encode_appended(&answer);
        answer.ok_or_else(|| Error::Fatal("entries were kept in part".to_owned()).into())
    }

    /// Gives a vote, or says whether it would.
    ///
    /// # Errors
    /// When the question does not read, or this node cannot keep its vote.
    pub async fn vote(
        &self,
        from: u64,
        request: raft::VoteRequest,
    ) -> Result<raft::VoteResponse, PeerError> {
        let ask = convert::decode_ask(&request)?;
        itself(from, ask.vote.leader_id.node_id)?;
        let raft = self.consensus.raft();
        let answer = if request.pre_vote { raft.pre_vote(ask).await } else { raft.vote(ask).await };
        Ok(convert::encode_voted(&answer.map_err(stopped)?))
    }

    /// Takes note that leadership is handed over.
    ///
    /// # Errors
    /// When the message does not read.
    pub async fn transfer_leader(
        &self,
        from: u64,
        request: raft::TransferLeaderRequest,
    ) -> Result<raft::TransferLeaderResponse, PeerError> {
        let transfer = convert::decode_transfer(&request)?;
        itself(from, transfer.from_leader().leader_id.node_id)?;
        let noted = self.consensus.raft().handle_transfer_leader(transfer).await;
        if let Err(why) = noted.map_err(|stop| fatal(&stop))? {
            tracing::info!(reason = %why, "leadership is not taken over");
        }
        Ok(raft::TransferLeaderResponse {})
    }

    /// Takes a snapshot in the place of this node's state.
    ///
    /// # Errors
    /// When it does not read or ends early, or this node cannot keep it. One whose level it does
    /// not know ends this node.
    pub async fn install_snapshot(
        &self,
        from: u64,
        parts: impl Stream<Item = io::Result<raft::InstallSnapshotRequest>> + Send,
    ) -> Result<raft::InstallSnapshotResponse, PeerError> {
        let bad = |what: &str| PeerError::Unreadable(crate::format::damaged(what.to_owned()));
        pin_mut!(parts);
        let first = parts.next().await.transpose()?.and_then(|first| first.part);
        let Some(Part::Header(header)) = first else {
            return Err(bad("a snapshot without a header"));
        };
        let bytes = header.bytes;
        let (vote, meta, keys) = convert::decode_header(header)?;
        itself(from, vote.leader_id.node_id)?;
        let taking = self.taking.lock().await;
        let path = self.dir.join("snapshot.incoming");
        receive(&path, bytes, parts).await?;
        let knows = self.consensus.levels().knows;
        // What does not read is told by whoever takes it in, if its vote still counts.
        if let Ok(read) = snapshot::Reader::open(&path) {
            self.known(read.head().clone().known(knows).map_err(io::Error::from))?;
        }
        self.take(keys.clone(), false).await?;
        let snapshot = Snapshot { meta, snapshot: path.clone() };
        let installed = self.consensus.raft().install_full_snapshot(vote, snapshot).await;
        // What is left of it is written over by the next.
        let _ = tokio::fs::remove_file(&path).await;
        let answer = installed.map_err(|stop| fatal(&stop))?.vote;
        if answer == vote {
            self.take(keys, true).await?;
        }
        drop(taking);
        Ok(raft::InstallSnapshotResponse { vote: Some(encode_vote(&answer)) })
    }

    /// Gives the domain's keys, to a node that knows the domain's level; else that level alone.
    ///
    /// # Errors
    /// When the node is no member.
    pub fn get_keys(
        &self,
        from: u64,
        request: raft::GetKeysRequest,
    ) -> Result<raft::GetKeysResponse, PeerError> {
        self.member(from)?;
        let level = self.consensus.read(State::level);
        let knows = FeatureLevel::of(request.level).unwrap_or_default();
        let is_known = knows >= level;
        if !is_known {
            tracing::warn!(
                node = from,
                "the node knows the log up to level {knows}, and the domain is at level {level}: \
                 it is given no keys; install a version that knows level {level} there"
            );
        }
        let file = if is_known { self.keys.exported()? } else { String::new() };
        Ok(raft::GetKeysResponse { file, level: level.number() })
    }

    /// Orders a change that the domain itself makes at another node.
    ///
    /// # Errors
    /// When the node is no member or decides by another policy, when the change is none that a
    /// node makes by itself, or when this node does not lead.
    pub async fn submit(
        &self,
        from: u64,
        request: raft::SubmitRequest,
    ) -> Result<raft::SubmitResponse, PeerError> {
        self.member(from)?;
        let ours = self.consensus.read(|state| state.policy().copied());
        if ours.is_none_or(|policy| request.policy != policy) {
            return Err(PeerError::OtherPolicy);
        }
        let missing = || crate::format::damaged("a change that is not there");
        let submission = decode_submission(request.submission.ok_or_else(missing)?)
            .map_err(crate::format::damaged)?;
        if submission.key.is_some() || !is_for_nodes(&submission.command) {
            return Err(PeerError::NotForNodes);
        }
        let (position, reply) = self.consensus.submit(submission).await?;
        Ok(raft::SubmitResponse { position, reply: Some(reply.encode()) })
    }

    /// How this node is.
    #[must_use]
    pub fn health(&self) -> raft::GetHealthResponse {
        self.consensus.health()
    }

    /// Ends this node where what came is of a level that it does not know: it skips nothing.
    fn known<T>(&self, read: io::Result<T>) -> Result<T, PeerError> {
        read.map_err(|error| match Error::level_unknown(&error) {
            Some(unknown) => {
                self.consensus.stop(&unknown.to_string());
                unknown.clone().into()
            }
            None => error.into(),
        })
    }

    fn member(&self, node: u64) -> Result<(), PeerError> {
        if self.consensus.is_member(node) { Ok(()) } else { Err(PeerError::NoMember(node)) }
    }

    async fn take(&self, keys: Vec<convert::Key>, replace: bool) -> Result<(), PeerError> {
        let all = Arc::clone(&self.keys);
        let taken = tokio::task::spawn_blocking(move || all.take(&keys, replace)).await;
        Ok(taken.map_err(|error| Error::Fatal(error.to_string()))??)
    }
}

/// What every node asks of the leader in the course of reads: records of what is shown and of which
/// message was opened, what policy decides of labels, what was refused; and of backups.
const fn is_for_nodes(command: &Command) -> bool {
    matches!(
        command,
        Command::Disclose(_)
            | Command::Grants(_)
            | Command::Denials(_)
            | Command::BackUp(_)
            | Command::MarkMessage(MarkMessage { step: Step::Read, .. })
    )
}

/// A node speaks for itself alone.
const fn itself(from: u64, claimed: u64) -> Result<(), PeerError> {
    if from == claimed { Ok(()) } else { Err(PeerError::NotItself(from)) }
}

async fn receive(
    path: &std::path::Path,
    bytes: u64,
    mut parts: impl Stream<Item = io::Result<raft::InstallSnapshotRequest>> + Unpin,
) -> Result<(), PeerError> {
    let mut file = File::create(path).await?;
    let mut left = bytes;
    while let Some(part) = parts.next().await.transpose()? {
        let Some(Part::Chunk(chunk)) = part.part else {
            return Err(crate::format::damaged("a snapshot with two headers").into());
        };
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        left = left
            .checked_sub(length)
            .ok_or_else(|| crate::format::damaged("a snapshot is longer than announced"))?;
        file.write_all(&chunk).await?;
    }
    if left > 0 {
        return Err(crate::format::damaged("a snapshot ends early").into());
    }
    Ok(file.sync_all().await?)
}

fn stopped(error: RaftError<Types>) -> PeerError {
    match error {
        RaftError::Fatal(stop) => fatal(&stop),
        RaftError::APIError(never) => match never {},
    }
}

fn fatal(stop: &Fatal<Types>) -> PeerError {
    PeerError::Failed(crate::raft_handle::stopped(stop))
}
