//! Listeners beside that of clients: who is let in is known to each of them.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::{Underway, accept};

/// How long a guest may take for its handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// How many handshakes there are at a time; then the oldest of the address with most gives way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handshakes {
    /// In all.
    pub(crate) at_once: usize,
    /// Of one address.
    pub(crate) per_source: usize,
}

/// A connection of a guest, and who that is.
pub(crate) struct Guest<W> {
    stream: TlsStream<TcpStream>,
    who: W,
}

impl<W: Clone + Send + Sync + 'static> Connected for Guest<W> {
    type ConnectInfo = W;

    fn connect_info(&self) -> W {
        self.who.clone()
    }
}

impl<W: Unpin> AsyncRead for Guest<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<W: Unpin> AsyncWrite for Guest<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Lets in whom `greet` takes, by a handshake of its own.
pub(crate) fn guests<W, F>(
    listener: TcpListener,
    bounds: Handshakes,
    greet: impl Fn(TcpStream) -> F + Send + 'static,
) -> ReceiverStream<Result<Guest<W>, Infallible>>
where
    W: Send + 'static,
    F: Future<Output = io::Result<(TlsStream<TcpStream>, W)>> + Send + 'static,
{
    let (ready, connections) = mpsc::channel(1);
    let serving = Handle::current();
    tokio::spawn(async move {
        let underway = Underway::new(bounds.at_once, bounds.per_source);
        let mut handshakes = JoinSet::new();
        loop {
            let (tcp, source): (TcpStream, IpAddr) = tokio::select! {
                () = ready.closed() => return,
                Some(_) = handshakes.join_next() => continue,
                accepted = accept(&listener, &serving) => accepted,
            };
            let Some(turn) = underway.enter(source) else {
                tracing::debug!(%source, "too many connections");
                continue;
            };
            // Else messages would wait for each other.
            if tcp.set_nodelay(true).is_err() {
                continue;
            }
            let (greeting, ready) = (greet(tcp), ready.clone());
            handshakes.spawn(async move {
                let greeted = timeout(HANDSHAKE_MAX, async {
                    let (stream, who) = greeting.await?;
                    // A server that is gone takes nothing more.
                    let _ = ready.send(Ok(Guest { stream, who })).await;
                    io::Result::Ok(())
                });
                let why = tokio::select! {
                    biased;
                    greeted = greeted => match greeted {
                        Ok(Ok(())) => return,
                        Ok(Err(error)) => error.kind().to_string(),
                        Err(_) => "deadline".to_owned(),
                    },
                    () = turn.over() => "crowded out".to_owned(),
                };
                tracing::info!(%source, reason = why, "nobody was let in");
            });
        }
    });
    ReceiverStream::new(connections)
}
