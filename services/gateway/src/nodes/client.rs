//! What this node asks of others.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::BoxStream};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use samsyn_ledger::{Answer, Node, Transport, Unreached};
use samsyn_proto::raft::{self, peer_service_client::PeerServiceClient};
use tokio::{runtime::Handle, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Response, Status,
    transport::{Channel, Endpoint},
};

use super::Identity;

/// The largest message between nodes, in bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How much of a message may be under way, in bytes.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How often a silent connection is tried, and how long it may be silent then.
const KEEPALIVE: Duration = Duration::from_secs(2);

/// A message that is larger does not stand in the way of heartbeats, in bytes.
const BULK_BYTES: usize = 64 * 1024;
/// How long a connection for what may be large may be silent: on a narrow link what it carries
/// stands in the way of what tells whether it lives.
const KEEPALIVE_BEHIND_BULK: Duration = Duration::from_mins(1);

/// What goes over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Whatever is small: that another node lives is heard here.
    Messages,
    /// Snapshots, and many or large entries.
    Bulk,
    /// Calls that are passed on, large ones among them.
    Calls,
}

/// By number and address of the node, and by what goes there.
type Channels = BTreeMap<(u64, String, Kind), Channel>;

/// The ways to the other nodes; cheap to clone. A connection is made when it is needed, and anew
/// when it broke.
#[derive(Clone)]
pub(super) struct Dialer {
    identity: Identity,
    /// Where connections are served.
    threads: Handle,
    channels: Arc<Mutex<Channels>>,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Dialer {
    /// With a node's identity, and where its connections are served.
    pub(super) fn new(identity: Identity, threads: Handle) -> Self {
        Self { identity, threads, channels: Arc::default() }
    }

    /// The way to a node for calls that are passed on.
    pub(super) fn for_calls(&self, to: &Node) -> Channel {
        self.channel_for(to, Kind::Calls)
    }

    fn channel(&self, to: &Node) -> Channel {
        self.channel_for(to, Kind::Messages)
    }

    fn channel_for(&self, to: &Node, kind: Kind) -> Channel {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.open(to.clone(), kind);
        channels.entry((to.id, to.address.clone(), kind)).or_insert_with(open).clone()
    }

    fn open(&self, to: Node, kind: Kind) -> Channel {
        let silent_max = match kind {
            Kind::Messages => KEEPALIVE,
            Kind::Bulk | Kind::Calls => KEEPALIVE_BEHIND_BULK,
        };
        // The address is dialled by the connector: this one only fills the headers.
        let endpoint = Endpoint::from_static("http://node")
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(silent_max)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let identity = self.identity.clone();
        let _entered = self.threads.enter();
        endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
            let (identity, to) = (identity.clone(), to.clone());
            async move {
                let connected = identity.connect(&to.address, to.id);
                let connected = tokio::time::timeout(CONNECT_MAX, connected).await;
                let late = |_| io::Error::from(io::ErrorKind::TimedOut);
                connected.map_err(late)?.map(TokioIo::new)
            }
        }))
    }

    fn ask<T, F>(
        channel: Channel,
        within: Duration,
        ask: impl FnOnce(PeerServiceClient<Channel>) -> F + Send + 'static,
    ) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<Response<T>, Status>> + Send + 'static,
    {
        let client = PeerServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let asked = tokio::time::timeout(within, ask(client));
        let answered = asked.map(|asked| match asked {
            Err(_) => Err(Unreached::Silent("it took too long".to_owned())),
            Ok(answer) => answer.map(Response::into_inner).map_err(|status| unreached(&status)),
        });
        answered.boxed()
    }
}

/// A status of the transport has a source; one that the node gave has none, and is `UNKNOWN` where
/// the node does not know itself what became of it.
fn unreached(status: &Status) -> Unreached {
    let why = status.message().to_owned();
    match std::error::Error::source(status) {
        None if status.code() == Code::Unknown => Unreached::Silent(why),
        None => Unreached::Refused(why),
        Some(source) => Unreached::Silent(format!("{why}: {source}")),
    }
}

impl Transport for Dialer {
    fn append(
        &self,
        to: &Node,
        request: raft::AppendRequest,
        within: Duration,
    ) -> Answer<raft::AppendResponse> {
        let is_bulk = request.encoded_len() > BULK_BYTES;
        let channel = self.channel_for(to, if is_bulk { Kind::Bulk } else { Kind::Messages });
        Self::ask(channel, within, move |mut node| async move { node.append(request).await })
    }

    fn vote(
        &self,
        to: &Node,
        request: raft::VoteRequest,
        within: Duration,
    ) -> Answer<raft::VoteResponse> {
        Self::ask(self.channel(to), within, move |mut node| async move { node.vote(request).await })
    }

    fn transfer_leader(
        &self,
        to: &Node,
        request: raft::TransferLeaderRequest,
        within: Duration,
    ) -> Answer<raft::TransferLeaderResponse> {
        Self::ask(self.channel(to), within, move |mut node| async move {
            node.transfer_leader(request).await
        })
    }

    fn install_snapshot(
        &self,
        to: &Node,
        parts: BoxStream<'static, raft::InstallSnapshotRequest>,
        within: Duration,
    ) -> Answer<raft::InstallSnapshotResponse> {
        let (send, sent) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut parts = parts;
            while let Some(part) = parts.next().await {
                if send.send(part).await.is_err() {
                    return;
                }
            }
        });
        let sent = ReceiverStream::new(sent);
        let channel = self.channel_for(to, Kind::Bulk);
        Self::ask(channel, within, move |mut node| async move { node.install_snapshot(sent).await })
    }

    fn get_keys(
        &self,
        to: &Node,
        request: raft::GetKeysRequest,
        within: Duration,
    ) -> Answer<raft::GetKeysResponse> {
        let ask =
            move |mut node: PeerServiceClient<Channel>| async move { node.get_keys(request).await };
        Self::ask(self.channel(to), within, ask)
    }

    fn submit(
        &self,
        to: &Node,
        request: raft::SubmitRequest,
        within: Duration,
    ) -> Answer<raft::SubmitResponse> {
        Self::ask(
            self.channel(to),
            within,
            move |mut node| async move { node.submit(request).await },
        )
    }

    fn get_health(&self, to: &Node, within: Duration) -> Answer<raft::GetHealthResponse> {
        let ask = |mut node: PeerServiceClient<Channel>| async move {
            node.get_health(raft::GetHealthRequest {}).await
        };
        Self::ask(self.channel(to), within, ask)
    }
}
