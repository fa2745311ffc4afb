//! Accepting: bounds first, then the handshake, then the connection's place in the table.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    HTTP2, Tls,
    connection::Connection,
    live::Live,
    reason::Reason,
    source::{Seat, Tally},
    verify::{Verified, Verifier},
};

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
    slots: Arc<Semaphore>,
    seats: Arc<Semaphore>,
    handshaking: Tally,
    connected: Tally,
    lines: Arc<Mutex<Lines>>,
}

/// A connection that may begin its handshake, with the seats it takes.
struct Admitted {
    tcp: TcpStream,
    source: IpAddr,
    slots: Arc<Semaphore>,
    seat: OwnedSemaphorePermit,
    handshake: Seat,
    connection: Seat,
}

impl Acceptor {
    /// An acceptor with the limits of `tls`.
    pub(super) fn new(tls: Tls) -> Self {
        let limits = tls.limits;
        Self {
            tls,
            slots: Arc::new(Semaphore::new(limits.handshakes_max.min(Semaphore::MAX_PERMITS))),
            seats: Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS))),
            handshaking: Tally::new(limits.handshakes_per_source_max),
            connected: Tally::new(limits.connections_per_source_max),
            lines: Arc::default(),
        }
    }

    /// Accepts until the shutdown or until nobody takes the connections. Handshakes that are then
    /// under way are dropped.
    pub(super) async fn run(
        self,
        listener: TcpListener,
        ready: Ready,
        shutdown: impl Future<Output = ()>,
    ) {
        let mut shutdown = pin!(shutdown);
        let mut handshakes = JoinSet::new();
        loop {
            while handshakes.try_join_next().is_some() {}
            let admitted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = ready.closed() => break,
                admitted = self.admit(&listener) => admitted,
            };
            let (tls, ready, lines) = (self.tls.clone(), ready.clone(), Arc::clone(&self.lines));
            handshakes.spawn(Box::pin(async move {
                let source = admitted.source;
                if let Err(reason) = serve(&tls, admitted, ready).await {
                    tls.outcomes().count(Some(reason));
                    // No code panics while it holds the lock.
                    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.refused(reason, source);
                }
            }));
        }
    }

    // While all seats are taken, connections wait in the system's backlog.
    async fn admit(&self, listener: &TcpListener) -> Admitted {
        loop {
            let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else {
                // INVARIANT: nobody closes the semaphore.
                std::future::pending().await
            };
            let (tcp, source) = accept(listener).await;
            match (self.handshaking.enter(source), self.connected.enter(source)) {
                (Some(handshake), Some(connection)) => {
                    let slots = Arc::clone(&self.slots);
                    return Admitted { tcp, source, slots, seat, handshake, connection };
                }
                // A line for each would let a flood fill the log at next to no cost.
                (None, _) | (_, None) => tracing::debug!(%source, "too many connections"),
            }
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
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
    let Admitted { tcp, slots, seat, handshake: handshake_seat, connection, .. } = admitted;
    // Who says nothing takes no slot.
    let spoke = timeout(tls.limits.silence_max, tcp.peek(&mut [0])).await;
    if !matches!(spoke, Ok(Ok(1..))) {
        return Err(Reason::Deadline);
    }
    // INVARIANT: nobody closes the semaphore.
    let Ok(slot) = slots.acquire_owned().await else { return Err(Reason::Deadline) };
    let live = tls.live();
    let outcome = timeout(tls.limits.handshake_max, handshake(tls, &live, tcp)).await;
    drop(handshake_seat);
    let (stream, verified) = outcome.unwrap_or(Err(Reason::Deadline))?;
    let place = tls.enter(&verified, live.generation())?;
    let connection = Connection::new(stream, verified.peer().clone(), place, (connection, seat));
    tls.outcomes().count(None);
    // The slot is held until the server has room: the backlog is bounded. A server that is gone
    // takes nothing more.
    let _ = ready.send(Ok(connection)).await;
    drop(slot);
    Ok(())
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
