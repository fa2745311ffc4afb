//! One accepted connection: the stream, who is at its other end, and its place in the table.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::{access::Access, frames::Frames, source::Seat, table::Place, verify::Verified};

/// A connection that has passed the handshake. Its requests carry its [`Access`] as an extension.
/// Once it is ended through [`Connections`](super::Connections), every read and write fails.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    verified: Verified,
    place: Place,
    frames: Frames,
    _seats: Seats,
}

/// What a connection holds of its source's share and of all.
pub(super) type Seats = (Seat, OwnedSemaphorePermit);

impl Connection {
    /// Binds a stream to its peer.
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        verified: Verified,
        place: Place,
        seats: Seats,
    ) -> Self {
        Self { stream, verified, place, frames: Frames::new(), _seats: seats }
    }
}

impl Connected for Connection {
    type ConnectInfo = Access;

    fn connect_info(&self) -> Access {
        self.place.access(self.verified.clone())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.place.reading(cx)?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let came = buf.filled().get(before..).unwrap_or_default();
        if !self.frames.follow(came) {
            tracing::info!(reason = "asked_too_often", "connection ended");
            return Poll::Ready(Err(io::Error::other("asked too often")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.place.writing(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.place.writing(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.place.writing(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    // An ended connection does not say goodbye: a peer that does not read could hold it open.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.place.writing(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", self.verified.peer()).finish_non_exhaustive()
    }
}
