//! The edge of the gateway: what every call passes before a handler sees it, and every answer on
//! its way out.
//!
//! tonic leaves open what must not be: it ignores a malformed deadline, answers a passed one as
//! cancelled and lets it not bound streams, passes on the texts of its decoder, and sheds no load.
//! This layer lies over it and decides all of that before.

mod body;
mod budget;
mod deadline;
mod limits;
mod mend;
mod metadata;
mod method;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use samsyn_proto::Reason;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep_until},
};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use self::{
    body::Metered,
    budget::{Budgets, NoRoom, Spending},
    deadline::Deadline,
    method::Kind,
};
use crate::{
    status,
    tls::{Access, Call, Leaving},
};

pub(crate) use self::{budget::Rate, limits::CallLimits, method::Methods};

/// Reads the deadline in headers, for every kind of call.
#[cfg(fuzzing)]
pub(crate) fn read_deadline(headers: &HeaderMap) {
    for kind in [Kind::Unary, Kind::Waiting, Kind::Stream] {
        let _ = Deadline::of(headers, kind, &CallLimits::default(), Instant::now());
    }
}

/// How long a call that found no room waits before it comes again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);
/// The content type of gRPC, alone or with a format behind it.
const CONTENT_TYPE: &[u8] = b"application/grpc";

/// How many rows an answer has; a handler lets its response carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows(pub(crate) usize);

/// The layer; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Edge(Arc<Inner>);

struct Inner {
    limits: CallLimits,
    methods: Methods,
    budgets: Budgets,
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Edge {
    /// With these limits, over the methods of these descriptors.
    ///
    /// # Errors
    /// When the descriptors do not decode.
    pub(crate) fn new(
        limits: CallLimits,
        descriptors: &[u8],
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, prost::DecodeError> {
        let room = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Ok(Self(Arc::new(Inner {
            methods: Methods::of(descriptors)?,
            budgets: Budgets::new(limits),
            calls: room(limits.calls_max),
            streams: room(limits.streams_max),
            limits,
            stopping,
        })))
    }

    /// Lets a call in, or says why not. Who calls too often is told so before anything of the call
    /// is looked at.
    fn admit(&self, request: &mut Request<Body>) -> Result<Admitted, Refused> {
        let Inner { limits, methods, budgets, calls, streams, stopping } = &*self.0;
        let access = request.extensions().get::<Access>().cloned();
        let access = access.ok_or_else(|| no(Reason::NoCertificate))?;
        match access.left() {
            Some(Leaving::Certificate) => return Err(no(Reason::CertificateEnded)),
            Some(Leaving::Suspended) => return Err(no(Reason::Suspended)),
            Some(Leaving::CutOff) => return Err(later(Reason::NoLeader, RETRY)),
            None => {}
        }
        let kind = methods.kind(request.uri().path());
        let stream = kind == Some(Kind::Stream);
        let service = format!("{}/{}", access.peer().organisation(), access.peer().service());
        let spending =
            budgets.begin(&service, stream, Instant::now()).map_err(|no_room| match no_room {
                NoRoom::Spent(wait) => later(Reason::QuotaExceeded, wait),
                NoRoom::Busy => later(Reason::QuotaExceeded, RETRY),
            })?;
        if *stopping.borrow() {
            return Err(later(Reason::Draining, RETRY));
        }
        is_grpc(request)?;
        let kind = kind.ok_or_else(|| no(Reason::UnknownMethod))?;
        is_plain(request.headers())?;
        let deadline = Deadline::of(request.headers(), kind, limits, Instant::now()).map_err(no)?;
        let room = if stream { streams } else { calls };
        let room = Arc::clone(room).try_acquire_owned();
        let room = room.map_err(|_| later(Reason::Overloaded, RETRY))?;
        metadata::strip(request.headers_mut());
        let (call, spending) = (Arc::new(access.call()), Arc::new(spending));
        let held = Held { access, call, spending, deadline };
        request.extensions_mut().insert(held.clone());
        Ok(Admitted { held, stream, room })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a request that was let in brings along for its handler.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) access: Access,
    pub(crate) call: Arc<Call>,
    pub(crate) spending: Arc<Spending>,
    pub(crate) deadline: Deadline,
}

impl Held {
    /// Of a request.
    ///
    /// # Errors
    /// When it came past the edge, which none does.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let held = request.extensions().get::<Self>().cloned();
        held.ok_or_else(|| status::reason(Reason::NoCertificate, ""))
    }
}

/// A call that was let in, with what it holds.
struct Admitted {
    held: Held,
    stream: bool,
    room: OwnedSemaphorePermit,
}

/// An answer to who was not let in.
enum Refused {
    Status(Box<Status>),
    /// It does not speak gRPC.
    Http(StatusCode),
}

fn no(reason: Reason) -> Refused {
    Refused::Status(Box::new(status::reason(reason, "")))
}

fn later(reason: Reason, wait: Duration) -> Refused {
    Refused::Status(Box::new(status::later(reason, wait)))
}

impl From<Refused> for Response<Body> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Status(status) => {
                tracing::debug!(code = ?status.code(), "not let in");
                status.into_http()
            }
            Refused::Http(code) => {
                let mut response = Self::new(Body::empty());
                *response.status_mut() = code;
                response
            }
        }
    }
}

/// A call is a POST with a content type of gRPC (gRPC over HTTP/2, "Requests").
fn is_grpc(request: &Request<Body>) -> Result<(), Refused> {
    if request.method() != Method::POST {
        return Err(Refused::Http(StatusCode::METHOD_NOT_ALLOWED));
    }
    let of = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let format = of.and_then(|of| of.strip_prefix(CONTENT_TYPE));
    if format.is_some_and(|rest| matches!(rest, b"" | b"+proto") || rest.starts_with(b";")) {
        return Ok(());
    }
    Err(Refused::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// Nothing compressed is taken: a few bytes could unpack to any number.
fn is_plain(headers: &HeaderMap) -> Result<(), Refused> {
    let packed = headers.get_all("grpc-encoding").iter().any(|value| value != "identity");
    if packed { Err(no(Reason::UnsupportedEncoding)) } else { Ok(()) }
}

impl<S> Layer<S> for Edge {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, edge: self.clone() }
    }
}

/// The services behind the edge.
#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    edge: Edge,
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.edge.admit(&mut request) {
            Ok(admitted) => Box::pin(answer(admitted, self.inner.call(request))),
            Err(refused) => Box::pin(std::future::ready(Ok(refused.into()))),
        }
    }
}

async fn answer(admitted: Admitted, work: impl Future<Output = Answer>) -> Answer {
    let Admitted { held, stream, room } = admitted;
    let Held { call, spending, deadline, .. } = held;
    let mut response = match in_time(deadline.at(), work).await {
        Some(answer) => answer?,
        None => return Ok(status::reason(Reason::DeadlineExceeded, "").into_http()),
    };
    mend::mend(response.headers_mut());
    if let Some(&Rows(rows)) = response.extensions().get() {
        // What is too much is paid for by the next call.
        let _ = spending.rows(rows, Instant::now());
    }
    let until = stream.then(|| deadline.at());
    Ok(response.map(|body| Body::new(Metered::new(body, call, spending, until, room))))
}

/// The outcome of work, or none when the deadline came first. Asks the clock as well as the timer:
/// the transport's own timer of the same length must never be seen to be first.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    let Some(at) = deadline else { return Some(work.await) };
    let (mut work, mut timer) = (std::pin::pin!(work), std::pin::pin!(sleep_until(at)));
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        if timer.as_mut().poll(cx).is_ready() || Instant::now() >= at {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}
