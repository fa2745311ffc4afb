//! What this node answers others: consensus, and the calls that they pass on.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::TryStreamExt as _;
use http::{HeaderValue, Request};
use samsyn_ledger::{Ledger, Peer, PeerError};
use samsyn_proto::{
    Reason,
    raft::{
        self,
        peer_service_server::{PeerService, PeerServiceServer},
    },
};
use tokio::{net::TcpListener, runtime::Handle, task::JoinSet};
use tonic::{Response, Status, Streaming, body::Body, service::Routes, transport::Server};
use tower::{Layer, Service};

use super::{Identity, client::MESSAGE_BYTES_MAX, forward};
use crate::{
    edge::Edge,
    status,
    tls::{Handshakes, Tls, guests},
};

/// Nodes behind one address share its handshakes.
const HANDSHAKES: Handshakes = Handshakes { at_once: 64, per_source: 32 };
/// Calls of one node at a time.
const CALLS_MAX: u32 = 1_024;
/// How much a node may send before it is read, in bytes.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Headers of one call, evidence included, in bytes.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// How often a silent connection is tried, and how long it may be silent then: as long as something
/// large fills a narrow link. Who dials notices sooner.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_BEHIND_BULK: Duration = Duration::from_mins(1);
/// Calls that were reset before they were begun: heartbeats are, by the dozen, while this node is
/// held up.
const RESETS_MAX: usize = 1_024;
/// What stands before the methods that nodes have among themselves.
const OF_NODES: &str = "/samsyn.raft.v1.";

/// Serves other nodes as long as it is polled: consensus by the ledger, what they pass on by the
/// same services as everyone's.
pub(super) async fn serve(
    listener: TcpListener,
    identity: Identity,
    ledger: Ledger,
    ((tls, edge, services), calls): (Calls, Handle),
) -> Result<(), tonic::transport::Error> {
    let node = Node(ledger.peer());
    let nodes = PeerServiceServer::new(node)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let split = Split { nodes: Routes::new(nodes), tls, ledger, calls };
    let incoming = guests(listener, HANDSHAKES, move |tcp| {
        let identity = identity.clone();
        async move {
            let (stream, node) = identity.accept(tcp).await?;
            Ok((stream, FromNode(node)))
        }
    });
    Server::builder()
        .max_concurrent_streams(CALLS_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_BEHIND_BULK))
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .layer(split)
        .layer(edge)
        .add_routes(services)
        .serve_with_incoming(incoming)
        .await
}

/// What it takes to serve the calls that nodes pass on.
pub(super) type Calls = (Tls, Edge, Routes);

/// Which node calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FromNode(u64);

/// Parts what nodes say to each other from what they pass on, and makes sure whose that is.
#[derive(Clone)]
struct Split {
    nodes: Routes,
    tls: Tls,
    ledger: Ledger,
    /// Where calls are served.
    calls: Handle,
}

impl<S> Layer<S> for Split {
    type Service = Parted<S>;

    fn layer(&self, calls: S) -> Parted<S> {
        Parted { split: self.clone(), calls }
    }
}

#[derive(Clone)]
struct Parted<S> {
    split: Split,
    calls: S,
}

type Answered = Result<http::Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Parted<S>
where
    S: Service<Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answered> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.calls.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Split { nodes, tls, ledger, calls } = &self.split;
        if request.uri().path().starts_with(OF_NODES) {
            return Box::pin(nodes.clone().call(request));
        }
        let from = request.extensions().get::<FromNode>().copied();
        let evidence = forward::evidence(request.headers(), request.uri().path());
        let access = evidence.and_then(|chain| tls.judge(&chain));
        let is_member = from.is_some_and(|FromNode(node)| ledger.has_member(node));
        let Some(access) = access.filter(|_| is_member) else {
            let refused = status::reason(Reason::NoCertificate, "").into_http();
            return Box::pin(std::future::ready(Ok(refused)));
        };
        request.extensions_mut().insert(access);
        let (mut call, ledger) = (JoinSet::new(), ledger.clone());
        // It ends when nobody waits for its answer any more.
        call.spawn_on(self.calls.call(request), calls);
        Box::pin(async move {
            let Some(Ok(answer)) = call.join_next().await else {
                return Ok(forward::outcome_unknown());
            };
            let mut response = answer?;
            let position = HeaderValue::from(ledger.figures().applied);
            response.headers_mut().insert(forward::POSITION, position);
            Ok(response)
        })
    }
}

/// The methods that nodes have among themselves.
struct Node(Peer);

fn from<T>(request: &tonic::Request<T>) -> Result<u64, Status> {
    let node = request.extensions().get::<FromNode>().map(|FromNode(node)| *node);
    node.ok_or_else(|| Status::unauthenticated("this is for nodes"))
}

fn refused(error: &PeerError) -> Status {
    let text = error.to_string();
    match error {
        PeerError::NoMember(_) | PeerError::NotItself(_) | PeerError::NotForNodes => {
            Status::permission_denied(text)
        }
        PeerError::Unreadable(_) => Status::invalid_argument(text),
        PeerError::OtherPolicy => Status::failed_precondition(text),
        PeerError::Failed(_) if error.leaves_open() => Status::unknown(text),
        PeerError::Failed(_) => Status::unavailable(text),
    }
}

#[tonic::async_trait]
impl PeerService for Node {
    async fn append(
        &self,
        request: tonic::Request<raft::AppendRequest>,
    ) -> Result<Response<raft::AppendResponse>, Status> {
        let from = from(&request)?;
        self.0
            .append(from, request.into_inner())
            .await
            .map(Response::new)
            .map_err(|error| refused(&error))
    }

    async fn vote(
        &self,
        request: tonic::Request<raft::VoteRequest>,
    ) -> Result<Response<raft::VoteResponse>, Status> {
        let from = from(&request)?;
        self.0
            .vote(from, request.into_inner())
            .await
            .map(Response::new)
            .map_err(|error| refused(&error))
    }

    async fn transfer_leader(
        &self,
        request: tonic::Request<raft::TransferLeaderRequest>,
    ) -> Result<Response<raft::TransferLeaderResponse>, Status> {
        let from = from(&request)?;
        let noted = self.0.transfer_leader(from, request.into_inner()).await;
        noted.map(Response::new).map_err(|error| refused(&error))
    }

    async fn install_snapshot(
        &self,
        request: tonic::Request<Streaming<raft::InstallSnapshotRequest>>,
    ) -> Result<Response<raft::InstallSnapshotResponse>, Status> {
        let from = from(&request)?;
        let parts = request.into_inner().map_err(io::Error::other);
        self.0
            .install_snapshot(from, parts)
            .await
            .map(Response::new)
            .map_err(|error| refused(&error))
    }

    async fn get_keys(
        &self,
        request: tonic::Request<raft::GetKeysRequest>,
    ) -> Result<Response<raft::GetKeysResponse>, Status> {
        let given = self.0.get_keys(from(&request)?, request.into_inner());
        given.map(Response::new).map_err(|error| refused(&error))
    }

    async fn submit(
        &self,
        request: tonic::Request<raft::SubmitRequest>,
    ) -> Result<Response<raft::SubmitResponse>, Status> {
        let from = from(&request)?;
        self.0
            .submit(from, request.into_inner())
            .await
            .map(Response::new)
            .map_err(|error| refused(&error))
    }

    async fn get_health(
        &self,
        _: tonic::Request<raft::GetHealthRequest>,
    ) -> Result<Response<raft::GetHealthResponse>, Status> {
        Ok(Response::new(self.0.health()))
    }
}
