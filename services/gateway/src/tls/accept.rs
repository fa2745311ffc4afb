//! Accepting: bounds first, then the handshake, then the connection's place in the table.

use std::{
    convert::Infallible, future::poll_fn, io, net::IpAddr, pin::pin, sync::Arc, time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tracing::instrument::WithSubscriber as _;

use super::{
    HTTP2, Tls,
    connection::Connection,
    live::Live,
    reason::Reason,
    source::{Seat, Tally},
    underway::{Turn, Underway},
    verify::{Verified, Verifier},
};
use crate::threads::Threads;

/// A fatal `no_application_protocol` alert, as a record (RFC 8446, sections 5.1 and 6.2). Before
/// our first flight it goes in the clear.
const NO_HTTP2_ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 120];
/// So many refused handshakes are told singly, in such a time.
const LINES_MAX: usize = 20;
const LINES_PER: Duration = Duration::from_secs(10);
/// How long we wait after the system refused a connection, out of files for instance.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Accepted connections on their way to the server.
pub(super) type Ready = mpsc::Sender<Result<Connection, Infallible>>;

/// Accepts on one listener.
#[derive(Debug)]
pub(super) struct Acceptor {
    tls: Tls,
    /// Where connections are served.
    serving: Handle,
    threads: Threads,
    seats: Arc<Semaphore>,
    underway: Underway,
    connected: Tally,
}

/// A connection that may begin its handshake, with the seats it takes.
struct Admitted {
    tcp: TcpStream,
    source: IpAddr,
    turn: Turn,
    seat: OwnedSemaphorePermit,
    connection: Seat,
}

impl Acceptor {
    /// An acceptor with the limits of `tls`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new(tls: Tls) -> io::Result<Self> {
        let limits = tls.limits;
        Ok(Self {
            tls,
            serving: Handle::current(),
            threads: Threads::for_handshakes()?,
            seats: Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS))),
            underway: Underway::new(limits.handshakes_max, limits.handshakes_per_source_max),
            connected: Tally::new(limits.connections_per_source_max),
        })
    }

    /// Accepts in the background, until the shutdown or until nobody takes the connections.
    /// Handshakes that are then under way are dropped.
    pub(super) fn start(
        self,
        listener: TcpListener,
        ready: Ready,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) {
        let threads = self.threads.handle().clone();
        threads.spawn(self.run(listener, ready, shutdown).with_current_subscriber());
    }

    async fn run(self, listener: TcpListener, ready: Ready, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut handshakes = JoinSet::new();
        let mut lines = Lines::default();
        loop {
            let admitted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = ready.closed() => break,
                Some(ended) = handshakes.join_next() => {
                    // One that panics has said so.
                    if let Ok((source, Err(reason))) = ended {
                        // What is counted has been told.
                        lines.refused(reason, source);
                        self.tls.outcomes().count(Some(reason));
                    }
                    continue;
                }
                admitted = self.admit(&listener) => admitted,
            };
            let (tls, ready) = (self.tls.clone(), ready.clone());
            let handshake = Box::pin(async move {
                let source = admitted.source;
                (source, serve(&tls, admitted, ready).await)
            });
            handshakes.spawn_on(handshake, self.threads.handle());
        }
        // Nobody can connect any more when the stream of connections ends.
        drop(listener);
    }

    // While all seats are taken, connections wait in the system's backlog.
    async fn admit(&self, listener: &TcpListener) -> Admitted {
        loop {
            let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else {
                // INVARIANT: nobody closes the semaphore.
                std::future::pending().await
            };
            let (tcp, source) = accept(listener, &self.serving).await;
            // A share of connections that is full crowds nobody out: it is asked for first.
            let connection = self.connected.enter(source);
            let turn = connection.as_ref().and_then(|_| self.underway.enter(source));
            match (turn, connection) {
                (Some(turn), Some(connection)) => {
                    return Admitted { tcp, source, turn, seat, connection };
                }
                // A line for each would let a flood fill the log at next to no cost.
                (None, _) | (_, None) => tracing::debug!(%source, "too many connections"),
            }
        }
    }
}

/// The next connection of a listener, and from where; it belongs to the runtime that will serve it.
pub(crate) async fn accept(listener: &TcpListener, serving: &Handle) -> (TcpStream, IpAddr) {
    loop {
        let accepted = poll_fn(|cx| {
            // That one watches for its bytes.
            let _entered = serving.enter();
            listener.poll_accept(cx)
        });
        match accepted.await {
            Ok((tcp, source)) => return (tcp, source.ip()),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(reason = %error.kind(), "cannot accept connections");
                sleep(BACK_OFF).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

async fn serve(tls: &Tls, admitted: Admitted, ready: Ready) -> Result<(), Reason> {
    let Admitted { tcp, turn, seat, connection, .. } = admitted;
    let greeted = async {
        let spoke = timeout(tls.limits.silence_max, tcp.peek(&mut [0])).await;
        if !matches!(spoke, Ok(Ok(1..))) {
            return Err(Reason::Deadline);
        }
        let live = tls.live();
        let outcome = timeout(tls.limits.handshake_max, handshake(tls, &live, tcp)).await;
        let (stream, verified) = outcome.unwrap_or(Err(Reason::Deadline))?;
        let place = tls.enter(&verified, live.generation())?;
        let connection = Connection::new(stream, verified, place, (connection, seat));
        // It keeps its turn until the server has room: the backlog is bounded. A server that is
        // gone takes nothing more.
        let _ = ready.send(Ok(connection)).await;
        tls.outcomes().count(None);
        Ok(())
    };
    tokio::select! {
        biased;
        outcome = greeted => outcome,
        () = turn.over() => Err(Reason::CrowdedOut),
    }
}

async fn handshake(
    tls: &Tls,
    live: &Live,
    tcp: TcpStream,
) -> Result<(TlsStream<TcpStream>, Verified), Reason> {
    let failed = |error: io::Error| Reason::of_handshake(&error);
    tcp.set_nodelay(true).map_err(failed)?;
    let hello = rustls::server::Acceptor::default();
    let mut start = LazyConfigAcceptor::new(hello, tcp).await.map_err(failed)?;
    let http2 = start.client_hello().alpn().is_some_and(|mut names| names.any(|n| n == HTTP2));
    if !http2 {
        // rustls insists on a common protocol only if the peer offers any.
        start.io.write_all(&NO_HTTP2_ALERT).await.map_err(failed)?;
        return Err(Reason::NoHttp2);
    }
    let verifier = Arc::new(tls.verifier(live));
    let outcome = start.into_stream(Arc::new(tls.config(live, Arc::clone(&verifier)))).await;
    verified(&verifier, outcome)
}

fn verified(
    verifier: &Verifier,
    outcome: io::Result<TlsStream<TcpStream>>,
) -> Result<(TlsStream<TcpStream>, Verified), Reason> {
    match (verifier.outcome(), outcome) {
        (Some(Ok(verified)), Ok(stream)) => Ok((stream, verified)),
        (Some(Err(reason)), _) => Err(reason),
        (None, Ok(_)) => Err(Reason::NoCertificate),
        (Some(Ok(_)) | None, Err(error)) => Err(Reason::of_handshake(&error)),
    }
}

/// Says which handshakes are refused; in a flood, how many.
#[derive(Debug, Default)]
struct Lines {
    told: usize,
    untold: usize,
    since: Option<Instant>,
}

impl Lines {
    fn refused(&mut self, reason: Reason, source: IpAddr) {
        if self.since.is_none_or(|since| since.elapsed() >= LINES_PER) {
            if self.untold > 0 {
                tracing::info!(handshakes = self.untold, "more were refused");
            }
            *self = Self { since: Some(Instant::now()), ..Self::default() };
        }
        if self.told < LINES_MAX {
            self.told += 1;
            tracing::info!(%reason, %source, "handshake refused");
        } else {
            self.untold += 1;
        }
    }
}
