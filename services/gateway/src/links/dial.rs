//! The way to other domains, over TLS.

use std::{io, sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};
use hyper_util::rt::TokioIo;
use samsyn_domain::registry::Peer;
use samsyn_federation::{Dial, DialError, FRAMES_READY, Wire, WireError};
use samsyn_proto::link::{
    ExchangeRequest, ExchangeResponse, Frame, link_service_client::LinkServiceClient,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use super::{Identity, identity::Linker, serve::FRAME_BYTES_MAX};

/// How long connecting may take, and the answer of the other side.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How often a silent connection is tried, and how long it may be silent then.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Dials with this domain's certificate.
#[derive(Debug, Clone)]
pub(super) struct TlsDial {
    identity: Identity,
}

impl TlsDial {
    pub(super) const fn new(identity: Identity) -> Self {
        Self { identity }
    }

    async fn open(self, peer: Peer, endpoint: String) -> Result<Wire, DialError> {
        let late = |_| DialError("it took too long".to_owned());
        let failed = |why: io::Error| DialError(why.to_string());
        let connecting = self.identity.connect(&peer, &endpoint);
        let (stream, linker) =
            timeout(CONNECT_MAX, connecting).await.map_err(late)?.map_err(failed)?;
        // The connection is there: the connector gives it once.
        let mut stream = Some(TokioIo::new(stream));
        let once = tower::service_fn(move |_| {
            let stream = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
            std::future::ready(stream)
        });
        let endpoint = Endpoint::from_static("http://link")
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true);
        let channel = timeout(CONNECT_MAX, endpoint.connect_with_connector(once)).await;
        let broken = |_| DialError("the connection broke".to_owned());
        let channel = channel.map_err(late)?.map_err(broken)?;
        let mut client = LinkServiceClient::new(channel)
            .max_decoding_message_size(FRAME_BYTES_MAX)
            .max_encoding_message_size(FRAME_BYTES_MAX);
        let (outgoing, frames) = mpsc::channel::<Frame>(FRAMES_READY);
        let requests =
            ReceiverStream::new(frames).map(|frame| ExchangeRequest { frame: Some(frame) });
        let refused = |status: tonic::Status| DialError(status.message().to_owned());
        let answered = timeout(CONNECT_MAX, client.exchange(requests));
        let answers = answered.await.map_err(late)?.map_err(refused)?.into_inner();
        let frame = |answer: Result<ExchangeResponse, tonic::Status>| {
            answer.map_err(|_| WireError)?.frame.ok_or(WireError)
        };
        Ok(wire(&self.identity, linker, answers.map(frame).boxed(), outgoing))
    }
}

/// A wire to who has proved to be a peer.
pub(super) fn wire(
    identity: &Identity,
    linker: Linker,
    incoming: futures::stream::BoxStream<'static, Result<Frame, WireError>>,
    outgoing: mpsc::Sender<Frame>,
) -> Wire {
    let (certificate_until, identity) = (linker.until(), identity.clone());
    let holds = Arc::new(move || identity.holds(&linker));
    Wire { incoming, outgoing, certificate_until, holds }
}

impl Dial for TlsDial {
    fn dial(&self, peer: &Peer, endpoint: &str) -> BoxFuture<'static, Result<Wire, DialError>> {
        self.clone().open(peer.clone(), endpoint.to_owned()).boxed()
    }
}
