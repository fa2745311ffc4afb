//! What consensus says to the other nodes.

use std::{
    fmt,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use openraft::{
    BasicNode, OptionalSend, RaftNetworkFactory, RaftNetworkV2,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    type_config::alias::SnapshotOf,
};
use prost::Message as _;
use samsyn_proto::raft::{InstallSnapshotRequest, install_snapshot_request::Part};
use tokio::{fs::File, io::AsyncReadExt as _};

use super::{CHUNK_BYTES, Node, Transport, Unreached, convert};
use crate::{
    entry::{Types, Vote},
    format::decode_vote,
    keys::Keys,
};

/// Entries are on another node's disk within so long, beside the time that they take on a narrow
/// link, or it is given up for a while. A heartbeat has less time: consensus says how much.
const APPEND_MAX: Duration = Duration::from_secs(2);
/// The narrowest link that nodes are made for, in bytes a millisecond: 64 kB a second.
const LINK_BYTES_PER_MILLI: usize = 64;
/// A snapshot takes at most so long, however large it is.
const SNAPSHOT_MAX: Duration = Duration::from_mins(10);

/// The way to the other nodes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Network {
    keys: Arc<Keys>,
    transport: Option<Arc<dyn Transport>>,
}

impl Network {
    /// Over a transport; without one every node is out of reach.
    pub(crate) const fn new(keys: Arc<Keys>, transport: Option<Arc<dyn Transport>>) -> Self {
        Self { keys, transport }
    }

    /// The transport.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn transport(&self) -> Result<&Arc<dyn Transport>, Unreached> {
        let alone = || Unreached::Away("this node has no listener for nodes".to_owned());
        self.transport.as_ref().ok_or_else(alone)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("network")
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Link;

    async fn new_client(&mut self, id: u64, node: &BasicNode) -> Link {
        let to = Node { id, address: node.addr.clone() };
        Link { network: self.clone(), to, keys_sent: 0 }
    }
}

/// The way to one node.
pub(crate) struct Link {
    network: Network,
    to: Node,
    /// So many of this node's keys are confirmed to be there.
    keys_sent: usize,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("to", &self.to).finish_non_exhaustive()
    }
}

impl Link {
    fn ask(&self) -> Result<(&Arc<dyn Transport>, &Node), RPCError<Types>> {
        Ok((self.network.transport().map_err(|why| missed(&why))?, &self.to))
    }
}

/// How long entries of so many bytes may take.
fn append_max(bytes: usize) -> Duration {
    let millis = u64::try_from(bytes / LINK_BYTES_PER_MILLI).unwrap_or(u64::MAX);
    APPEND_MAX.saturating_add(Duration::from_millis(millis))
}

fn missed(why: &Unreached) -> RPCError<Types> {
    match why {
        Unreached::Away(_) | Unreached::Silent(_) => RPCError::Unreachable(Unreachable::new(why)),
        Unreached::Refused(_) => RPCError::Network(NetworkError::new(why)),
    }
}

fn unread(error: &io::Error) -> RPCError<Types> {
    RPCError::Network(NetworkError::new(error))
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = PathBuf;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        // Read after the entries were made: every key that they are sealed under is among them. A
        // heartbeat carries none: what it would bring came with the entries before it.
        let (keys, sent) = match request.entries.as_slice() {
            [] => (Vec::new(), self.keys_sent),
            [..] => self.network.keys.since(self.keys_sent),
        };
        let (transport, to) = self.ask()?;
        let request = convert::encode_append(request, keys);
        let within = if request.entries.is_empty() {
            option.hard_ttl()
        } else {
            append_max(request.encoded_len())
        };
        let answer = transport.append(to, request, within).await.map_err(|why| missed(&why))?;
        let answer = convert::decode_appended(answer).map_err(|error| unread(&error))?;
        if answer.is_success() {
            self.keys_sent = sent;
        }
        Ok(answer)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let (transport, to) = self.ask()?;
        let request = convert::encode_ask(&request, false);
        let answer =
            transport.vote(to, request, option.hard_ttl()).await.map_err(|why| missed(&why))?;
        convert::decode_voted(&answer).map_err(|error| unread(&error))
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let (transport, to) = self.ask()?;
        let request = convert::encode_ask(&request, true);
        let answer =
            transport.vote(to, request, option.hard_ttl()).await.map_err(|why| missed(&why))?;
        convert::decode_voted(&answer).map_err(|error| unread(&error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<Types, PathBuf>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let (keys, _) = self.network.keys.since(0);
        let (transport, to) = self.ask()?;
        let path: &Path = snapshot.snapshot.as_ref();
        let failed = |error: io::Error| StreamingError::from(unread(&error));
        let file = File::open(path).await.map_err(failed)?;
        let bytes = file.metadata().await.map_err(failed)?.len();
        let header = convert::encode_header(&vote, &snapshot.meta, bytes, keys);
        let parts = stream::iter([Part::Header(header)]).chain(chunks(file));
        let parts = parts.map(|part| InstallSnapshotRequest { part: Some(part) }).boxed();
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            answer = transport.install_snapshot(to, parts, SNAPSHOT_MAX) => {
                let vote = answer.map_err(|why| missed(&why))?.vote;
                let missing = || unread(&crate::format::damaged("an answer without a vote"));
                Ok(SnapshotResponse::new(decode_vote(&vote.ok_or_else(missing)?)))
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let (transport, to) = self.ask()?;
        let request = convert::encode_transfer(&request);
        let answer = transport.transfer_leader(to, request, option.hard_ttl()).await;
        answer.map(|_| Ok(())).map_err(|why| missed(&why))
    }
}

/// The bytes of a file in parts; ends early when it cannot be read.
fn chunks(file: File) -> impl stream::Stream<Item = Part> + Send {
    stream::unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let mut part = (&mut file).take(CHUNK_BYTES as u64);
        match part.read_to_end(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Part::Chunk(chunk.into()), file)),
            Err(error) => {
                tracing::warn!(reason = %error.kind(), "a snapshot cannot be read");
                None
            }
        }
    })
}
