//! How a client gets to a domain: by the first of its nodes that answers.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    codegen::{Service, http::Uri},
    transport::{Channel, Endpoint},
};

use crate::{
    Profile,
    probe::{Obstacle, address, config, server_name},
};

/// How long one node may take to answer.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The same where there are others to ask.
const NEXT_AFTER: Duration = Duration::from_secs(2);
/// How often a silent connection is tried, and how long it may be silent then: a node that is cut
/// off is left for another.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Where a node of the domain is.
#[derive(Debug, Clone)]
struct Place {
    host: String,
    port: u16,
    name: ServerName<'static>,
}

/// The ways to a domain; cheap to clone. It goes on with the node that answered last, and with the
/// next when that one does not.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    config: Arc<ClientConfig>,
    places: Arc<[Place]>,
    current: Arc<AtomicUsize>,
}

impl Dial {
    /// With a profile's endpoints and certificate.
    ///
    /// # Errors
    /// What of the profile does not hold.
    pub(crate) fn new(profile: &Profile) -> Result<Self, Obstacle> {
        let place = |endpoint: &String| {
            let (host, port) = address(endpoint)?;
            Ok(Place { name: server_name(&host)?, host, port })
        };
        let all = std::iter::once(&profile.endpoint).chain(&profile.others);
        Ok(Self {
            config: config(profile)?,
            places: all.map(place).collect::<Result<_, Obstacle>>()?,
            current: Arc::default(),
        })
    }

    /// Connects. The channel connects anew, to whichever node answers, when the connection breaks.
    ///
    /// # Errors
    /// When no node answers.
    pub(crate) async fn connect(self) -> Result<Channel, tonic::transport::Error> {
        // The address is dialled below: this one only fills the headers.
        Endpoint::from_static("http://samsyn")
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .connect_with_connector(self)
            .await
    }

    async fn dial(self) -> io::Result<TlsStream<TcpStream>> {
        let count = self.places.len();
        let first = self.current.load(Ordering::Relaxed);
        let within = if count > 1 { NEXT_AFTER } else { CONNECT_MAX };
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for at in (0..count).map(|step| first.wrapping_add(step) % count) {
            let Some(place) = self.places.get(at) else { continue };
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            let dialled = timeout(within, self.to(place)).await.map_err(late);
            match dialled.and_then(|dialled| dialled) {
                Ok(stream) => {
                    // The next connection is made when this one broke: to the node after it.
                    self.current.store(at.wrapping_add(1) % count, Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn to(&self, place: &Place) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect((place.host.as_str(), place.port)).await?;
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(place.name.clone(), tcp).await
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialled = self.clone().dial();
        Box::pin(async move { dialled.await.map(TokioIo::new) })
    }
}
