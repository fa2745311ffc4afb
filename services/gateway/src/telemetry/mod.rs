//! What a process tells those who run it: lines, spans and metrics. Ids and numbers, never content.
//!
//! One list says which names lines and spans may have ([`fields`]), one table which metrics there
//! are ([`table`]). A collector gets all three over OTLP where one is configured; Prometheus
//! scrapes the metrics from the operations listener. Nothing of it ever holds up a call.

mod calls;
mod fields;
mod lines;
mod metrics;
mod observed;
mod otlp;
mod queue;
mod sampler;
mod table;
#[cfg(test)]
mod tests;
mod traceparent;

use std::time::Duration;

use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use self::lines::LogFormat;
pub(crate) use self::{
    calls::{Calls, Meter},
    metrics::Metrics,
    otlp::Collector,
    queue::Exported,
};
use crate::Checked;

/// How long the end of a process waits for a collector.
pub(crate) const END_MAX: Duration = Duration::from_secs(3);

/// Why there is no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum NoTelemetry {
    /// The collector's address cannot be used.
    #[error("cannot send to the collector; check `operations.otlp`")]
    Collector(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metrics do not fit together.
    #[error("the metrics do not fit together")]
    Metrics(#[from] opentelemetry_sdk::error::OTelSdkError),
    /// Somebody else in this process writes lines already.
    #[error("this process writes its log elsewhere already")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// Lines and spans of this process; sends what it has when it ends.
#[derive(Debug, Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// Writes lines to standard error. `RUST_LOG` says how much, else `logged`.
    ///
    /// # Errors
    /// When this process writes its log elsewhere already.
    pub fn lines(format: LogFormat, logged: &str) -> Result<Self, NoTelemetry> {
        tracing_subscriber::registry().with(written(format, logged)).try_init()?;
        Ok(Self::default())
    }

    /// As [`Self::lines`]; and sends lines and spans to the collector of a configuration, if it
    /// names one. Needs a runtime of tokio.
    ///
    /// # Errors
    /// When the collector's address cannot be used, or this process writes its log elsewhere.
    pub fn start(checked: &Checked, format: LogFormat, logged: &str) -> Result<Self, NoTelemetry> {
        let Some(collector) = checked.collector() else { return Self::lines(format, logged) };
        let exported = &checked.exported;
        let per_second_max = checked.config.operations.traces_per_second;
        let traces = collector.traces(per_second_max, exported)?;
        let logs = collector.logs(exported)?;
        let spans = tracing_opentelemetry::layer()
            .with_tracer(otlp::tracer(&traces))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| {
                metadata.is_span()
                    && *metadata.level() <= Level::INFO
                    && fields::is_ours(metadata)
                    && fields::passes(metadata)
            }));
        let sent = otlp::Lines::new(&logs).with_filter(asked_for(logged));
        let registry = tracing_subscriber::registry().with(spans).with(sent);
        registry.with(written(format, logged)).try_init()?;
        Ok(Self { traces: Some(traces), logs: Some(logs) })
    }

    /// Sends what is left, within some seconds.
    pub async fn end(self) {
        let Self { traces, logs } = self;
        let end = move || {
            let traces = traces.map(|traces| traces.shutdown_with_timeout(END_MAX));
            let logs = logs.map(|logs| logs.shutdown_with_timeout(END_MAX));
            [traces, logs].into_iter().flatten().find_map(Result::err)
        };
        match tokio::task::spawn_blocking(end).await {
            Ok(None) => {}
            Ok(Some(error)) => tracing::warn!(%error, "the last of the telemetry was not sent"),
            Err(error) => tracing::warn!(%error, "the end of the telemetry broke off"),
        }
    }
}

/// Lines to standard error.
fn written<S>(format: LogFormat, logged: &str) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .event_format(format)
        .with_writer(std::io::stderr)
        .with_filter(asked_for(logged))
}

/// What `RUST_LOG` asks for, or else this, of what may be written.
fn asked_for<S: tracing::Subscriber>(
    logged: &str,
) -> impl tracing_subscriber::layer::Filter<S> + use<S> {
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(logged));
    filter_fn(fields::passes).and(asked)
}
