//! The instruments of the table, and what they are told.

use std::{fmt, sync::Arc, time::Duration};

use opentelemetry::{
    KeyValue, Value,
    metrics::{Counter, Histogram, Meter, MeterProvider as _, UpDownCounter},
};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use prometheus::{Encoder as _, Registry, TextEncoder};
use samsyn_ledger::{Ordered, Watcher};
use samsyn_proto::Reason;
use tonic::Code;

use super::{
    NoTelemetry,
    otlp::Collector,
    table::{self, Row},
};

/// The name under which metrics, spans and lines come.
pub(super) const SCOPE: &str = "samsyn";
/// Bounds of the ranges of durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 20.0];

/// The metrics of a process; cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    provider: SdkMeterProvider,
    registry: Registry,
    meter: Meter,
    calls: Counter<u64>,
    call_duration: Histogram<f64>,
    streams: UpDownCounter<i64>,
    given_rows: Counter<u64>,
    given: Counter<u64>,
    feed_lag: Histogram<f64>,
    changes: Counter<u64>,
    change_duration: Histogram<f64>,
    disclosures: Counter<u64>,
}

impl Metrics {
    /// Makes the instruments; a collector gets them from time to time.
    ///
    /// # Errors
    /// When the exporters do not fit together.
    pub(crate) fn new(collector: Option<&Collector>) -> Result<Self, NoTelemetry> {
        let registry = Registry::new();
        let scraped = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .scope_info_enabled(false)
            .build()?;
        let mut provider = SdkMeterProvider::builder().with_reader(scraped);
        if let Some(collector) = collector {
            provider = provider
                .with_resource(collector.resource())
                .with_reader(PeriodicReader::builder(collector.metrics()?).build());
        }
        let provider = provider.build();
        let meter = provider.meter(SCOPE);
        Ok(Self(Arc::new(Inner {
            calls: counter(&meter, &table::CALLS),
            call_duration: durations(&meter, &table::CALL_DURATION),
            streams: meter
                .i64_up_down_counter(table::STREAMS.name)
                .with_unit(table::STREAMS.unit)
                .with_description(table::STREAMS.help)
                .build(),
            given_rows: counter(&meter, &table::GIVEN_ROWS),
            given: counter(&meter, &table::GIVEN),
            feed_lag: durations(&meter, &table::FEED_LAG),
            changes: counter(&meter, &table::CHANGES),
            change_duration: durations(&meter, &table::CHANGE_DURATION),
            disclosures: counter(&meter, &table::DISCLOSURES),
            provider,
            registry,
            meter,
        })))
    }

    /// Where what is looked up at each scrape is registered.
    pub(super) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// All of them as Prometheus scrapes them. Blocks on files of the system.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(crate) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// Gives the collector what it has not got, within a time. Blocks.
    pub(crate) fn end(&self, longest: Duration) {
        if let Err(error) = self.0.provider.shutdown_with_timeout(longest) {
            tracing::debug!(%error, "the last metrics could not be sent");
        }
    }

    /// A stream was opened, or closed.
    pub(super) fn stream(&self, method: &Arc<str>, more: i64) {
        self.0.streams.add(more, &[label(table::METHOD, Arc::clone(method))]);
    }

    /// A call ended.
    pub(super) fn call(&self, ended: &Ended<'_>) {
        let Ended { method, code, reason, bytes, took } = ended;
        let method = label(table::METHOD, Arc::clone(method));
        let code = label(table::CODE, format!("{code:?}"));
        let reason = label(table::REASON, reason.map_or("", Reason::id));
        self.0.calls.add(1, &[method.clone(), code, reason]);
        if let Some(took) = took {
            self.0.call_duration.record(took.as_secs_f64(), std::slice::from_ref(&method));
        }
        self.0.given.add(*bytes, &[method]);
    }

    /// So many rows were given or taken in.
    pub(crate) fn rows(&self, method: &Arc<str>, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.0.given_rows.add(rows, &[label(table::METHOD, Arc::clone(method))]);
    }

    /// So long after it was applied a change was ready for a stream.
    pub(crate) fn fed(&self, lag: Duration) {
        self.0.feed_lag.record(lag.as_secs_f64(), &[]);
    }

    /// Tells them what becomes of changes, as long as they are there.
    pub(crate) fn watcher(&self) -> Watcher {
        // A strong one would make a ring: they look at the ledger, which tells them.
        let metrics = Arc::downgrade(&self.0);
        Arc::new(move |ordered| {
            if let Some(metrics) = metrics.upgrade() {
                Self(metrics).ordered(&ordered);
            }
        })
    }

    /// What became of a change.
    pub(super) fn ordered(&self, ordered: &Ordered) {
        let outcome = match ordered.done {
            Some(true) => "done",
            Some(false) => "refused",
            None => "failed",
        };
        let verb = label(table::VERB, ordered.verb);
        self.0.changes.add(1, &[verb.clone(), label(table::DONE, outcome)]);
        self.0.change_duration.record(ordered.took.as_secs_f64(), &[verb]);
        let disclosures = u64::try_from(ordered.disclosures).unwrap_or(u64::MAX);
        self.0.disclosures.add(disclosures, &[]);
    }
}

/// A call that ended.
pub(super) struct Ended<'a> {
    pub(super) method: &'a Arc<str>,
    pub(super) code: Code,
    pub(super) reason: Option<Reason>,
    pub(super) bytes: u64,
    /// None of a stream.
    pub(super) took: Option<Duration>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metrics")
    }
}

/// A label of the table with a value of its set.
pub(super) fn label(label: table::Label, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(label.name, value)
}

fn counter(meter: &Meter, row: &Row) -> Counter<u64> {
    meter.u64_counter(row.name).with_unit(row.unit).with_description(row.help).build()
}

fn durations(meter: &Meter, row: &Row) -> Histogram<f64> {
    meter
        .f64_histogram(row.name)
        .with_unit(row.unit)
        .with_description(row.help)
        .with_boundaries(SECONDS.to_vec())
        .build()
}
