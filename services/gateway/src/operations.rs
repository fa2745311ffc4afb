//! The listener of those who run the process: metrics, and whether it lives and is ready. Plain
//! HTTP/1.1 without names or passwords, so it belongs on loopback.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use samsyn_ledger::Ledger;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time,
};

use crate::telemetry::Metrics;

/// Connections at a time: those who scrape, and no more.
const CONNECTIONS_MAX: usize = 16;
/// How long the headers of a request may take.
const HEADERS_MAX: Duration = Duration::from_secs(5);
/// How long a connection may last, with its one request.
const CONNECTION_MAX: Duration = Duration::from_secs(30);
/// Headers of a request, in bytes.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Headers of a request.
const HEADER_COUNT_MAX: usize = 64;
/// How long we wait after the system refused a connection.
const BACK_OFF: Duration = Duration::from_millis(50);
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A bound listener.
#[derive(Debug)]
pub(crate) struct Operations(TcpListener);

/// What it tells about.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) metrics: Metrics,
    pub(crate) ledger: Ledger,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Operations {
    /// Binds it.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(crate) async fn bind(at: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(at).await.map(Self)
    }

    /// Serves until it is dropped.
    pub(crate) async fn run(self, told: Told) {
        let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            // INVARIANT: nobody closes the semaphore.
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
            match self.0.accept().await {
                Ok((tcp, _)) => {
                    let told = told.clone();
                    tokio::spawn(async move {
                        // A connection that breaks off has its answer or needs none.
                        let _ = time::timeout(CONNECTION_MAX, serve(tcp, told)).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::warn!(reason = %error.kind(), "cannot accept connections");
                    time::sleep(BACK_OFF).await;
                }
            }
        }
    }
}

async fn serve(tcp: TcpStream, told: Told) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let told = told.clone();
        async move { Ok::<_, Infallible>(answer(&request, &told).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADER_COUNT_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), service)
        .await
}

async fn answer(request: &Request<Incoming>, told: &Told) -> Response<String> {
    if request.method() != Method::GET {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    match request.uri().path() {
        "/metrics" => metrics(told.metrics.clone()).await,
        "/livez" => text(StatusCode::OK, "lives\n"),
        "/readyz" => match told.unready() {
            None => text(StatusCode::OK, "ready\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        _ => text(StatusCode::NOT_FOUND, "/metrics, /livez or /readyz\n"),
    }
}

impl Told {
    /// Why the process should get no calls; none when it should.
    fn unready(&self) -> Option<&'static str> {
        if *self.stopping.borrow() {
            return Some("draining\n");
        }
        (!self.ledger.serves()).then_some("the ledger does not serve\n")
    }
}

async fn metrics(metrics: Metrics) -> Response<String> {
    let made = tokio::task::spawn_blocking(move || metrics.text()).await;
    let made = made.ok().and_then(Result::ok).and_then(|made| String::from_utf8(made).ok());
    let Some(made) = made else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n");
    };
    let mut answer = Response::new(made);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(METRICS));
    answer
}

fn text(status: StatusCode, text: &str) -> Response<String> {
    let mut answer = Response::new(text.to_owned());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
    answer
}
