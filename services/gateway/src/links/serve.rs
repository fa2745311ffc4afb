//! What this node answers other domains.

use std::{pin::Pin, time::Duration};

use futures::StreamExt as _;
use samsyn_federation::{FRAMES_READY, Links, WireError};
use samsyn_proto::link::{
    ExchangeRequest, ExchangeResponse, Frame,
    link_service_server::{LinkService, LinkServiceServer},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use super::{Identity, dial::wire, identity::Linker};
use crate::tls::{Handshakes, guests};

/// The largest frame, in bytes: an envelope with its header.
pub(super) const FRAME_BYTES_MAX: usize = 512 * 1024;
/// Domains behind one address share its handshakes.
const HANDSHAKES: Handshakes = Handshakes { at_once: 64, per_source: 16 };
/// Sessions on one connection: one, and one that takes its place.
const CALLS_MAX: u32 = 4;
/// How much a peer may send before it is read, in bytes.
const WINDOW_BYTES: u32 = 1024 * 1024;
/// Headers of one call, in bytes.
const HEADER_BYTES_MAX: u32 = 8 * 1024;
/// How often a silent connection is tried, and how long it may be silent then.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// Calls that were reset before they were begun: more is an attack.
const RESETS_MAX: usize = 20;

/// Serves peers as long as it is polled.
pub(super) async fn serve(
    listener: TcpListener,
    identity: Identity,
    links: Links,
) -> Result<(), tonic::transport::Error> {
    let answering = LinkServiceServer::new(Answering { identity: identity.clone(), links })
        .max_decoding_message_size(FRAME_BYTES_MAX)
        .max_encoding_message_size(FRAME_BYTES_MAX);
    let incoming = guests(listener, HANDSHAKES, move |tcp| {
        let identity = identity.clone();
        async move { identity.accept(tcp).await }
    });
    Server::builder()
        .max_concurrent_streams(CALLS_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(answering)
        .serve_with_incoming(incoming)
        .await
}

struct Answering {
    identity: Identity,
    links: Links,
}

type Answers = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

#[tonic::async_trait]
impl LinkService for Answering {
    type ExchangeStream = Answers;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let linker = request.extensions().get::<Linker>().cloned();
        let linker = linker.ok_or_else(|| Status::unauthenticated("this is for domains"))?;
        let frames =
            request.into_inner().map(|asked| asked.map_err(|_| WireError)?.frame.ok_or(WireError));
        let (outgoing, told) = mpsc::channel::<Frame>(FRAMES_READY);
        let domain = linker.domain.clone();
        self.links.answer(&domain, wire(&self.identity, linker, frames.boxed(), outgoing));
        let answers = ReceiverStream::new(told);
        let answers = answers.map(|frame| Ok(ExchangeResponse { frame: Some(frame) }));
        Ok(Response::new(answers.boxed()))
    }
}
