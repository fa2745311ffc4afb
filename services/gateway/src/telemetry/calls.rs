//! Around every call: its span, in the trace that its client is in, and its metrics.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use opentelemetry::trace::TraceContextExt as _;
use samsyn_proto::Reason;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{
    metrics::{Ended, Metrics},
    traceparent,
};
use crate::{
    edge::{Methods, Rows},
    status,
};

/// The method of a call that has none of ours.
const UNKNOWN: &str = "unknown";

/// The layer, outside of everything else; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    metrics: Metrics,
    methods: Arc<Methods>,
}

impl Calls {
    /// Over the methods of these descriptors.
    ///
    /// # Errors
    /// When the descriptors do not decode.
    pub(crate) fn new(metrics: Metrics, descriptors: &[u8]) -> Result<Self, prost::DecodeError> {
        Ok(Self { metrics, methods: Arc::new(Methods::of(descriptors)?) })
    }

    fn begin(&self, request: &mut Request<Body>) -> Under {
        let path = request.uri().path();
        let stream = self.methods.is_stream(path);
        let method = if self.methods.has(path) { path.trim_start_matches('/') } else { UNKNOWN };
        let span = tracing::info_span!(
            "call",
            otel.name = method,
            otel.kind = "server",
            code = Empty,
            reason = Empty
        );
        if let Some(parent) = traceparent::of(request.headers()) {
            let context = opentelemetry::Context::new().with_remote_span_context(parent);
            // It fails for a span that nobody exports, and then nothing is lost.
            let _ = span.set_parent(context);
        }
        let meter = Meter { metrics: self.metrics.clone(), method: method.into() };
        request.extensions_mut().insert(meter.clone());
        if stream {
            meter.metrics.stream(&meter.method, 1);
        }
        Under { meter, span, stream, began: Instant::now(), bytes: 0, outcome: None }
    }
}

/// What a handler counts rows by; requests carry it as an extension.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    metrics: Metrics,
    method: Arc<str>,
}

impl Meter {
    /// Of a request.
    ///
    /// # Errors
    /// When it came past the layer, which none does.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let meter = request.extensions().get::<Self>().cloned();
        meter.ok_or_else(|| status::reason(Reason::Internal, ""))
    }

    /// So many rows were given.
    pub(crate) fn rows(&self, rows: usize) {
        self.metrics.rows(&self.method, rows);
    }

    /// The metrics of the process.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl<S> Layer<S> for Calls {
    type Service = Told<S>;

    fn layer(&self, inner: S) -> Told<S> {
        Told { inner, calls: self.clone() }
    }
}

/// The services behind the layer.
#[derive(Debug, Clone)]
pub(crate) struct Told<S> {
    inner: S,
    calls: Calls,
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Told<S>
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
        let mut under = self.calls.begin(&mut request);
        let work = under.span.in_scope(|| self.inner.call(request));
        Box::pin(async move {
            let response = work.instrument(under.span.clone()).await?;
            if response.status() != StatusCode::OK {
                under.outcome = Some((Code::Unknown, None));
            }
            under.ended_by(response.headers());
            if let Some(Rows(rows)) = response.extensions().get() {
                under.meter.rows(*rows);
            }
            Ok(response.map(|inner| Body::new(Answered { inner, under })))
        })
    }
}

/// A call that is under way. It ends when this is dropped.
struct Under {
    meter: Meter,
    span: Span,
    stream: bool,
    began: Instant,
    bytes: u64,
    outcome: Option<(Code, Option<Reason>)>,
}

impl Under {
    /// Headers or trailers, which may hold a status.
    fn ended_by(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            let details = status.get_error_details();
            let reason = details.error_info().and_then(|info| Reason::from_id(&info.reason));
            self.outcome = Some((status.code(), reason));
        }
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let Self { meter, span, stream, began, bytes, outcome } = self;
        // A client that went away gets no status.
        let (code, reason) = outcome.unwrap_or((Code::Cancelled, None));
        span.record("code", tracing::field::debug(code));
        if let Some(reason) = reason {
            span.record("reason", reason.id());
        }
        let took = (!*stream).then(|| began.elapsed());
        let (method, bytes) = (&meter.method, *bytes);
        meter.metrics.call(&Ended { method, code, reason, bytes, took });
        if *stream {
            meter.metrics.stream(method, -1);
        }
    }
}

/// The body of an answer.
struct Answered {
    inner: Body,
    under: Under,
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.under.span.clone();
        let polled = span.in_scope(|| Pin::new(&mut self.inner).poll_frame(cx));
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            if let Some(trailers) = frame.trailers_ref() {
                self.under.ended_by(trailers);
            } else if let Some(data) = frame.data_ref() {
                let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
                self.under.bytes = self.under.bytes.saturating_add(bytes);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
