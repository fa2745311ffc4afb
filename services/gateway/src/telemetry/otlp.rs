//! What goes to a collector over OTLP: spans, lines and metrics, in batches, over gRPC.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    logs::{self, BatchLogProcessor, SdkLogger, SdkLoggerProvider},
    trace::{self, BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{
    NoTelemetry,
    fields::{Said, library, place},
    metrics::SCOPE,
    queue::{Counted, Exported, WAITING_MAX},
    sampler::Sampler,
};

/// How long one batch may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(5);
/// How long a span or a line waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// So many links a span has: what caused it, and where it was sent.
const LINKS_MAX: u32 = 16;
/// What the exporters themselves say: sent to a collector that fails, it would only make more.
const EXPORTERS: &str = "opentelemetry";

/// A collector, and who sends to it.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    endpoint: String,
    domain: String,
}

impl Collector {
    pub(crate) const fn new(endpoint: String, domain: String) -> Self {
        Self { endpoint, domain }
    }

    /// Who sends.
    pub(super) fn resource(&self) -> Resource {
        let attributes = [
            KeyValue::new("service.namespace", self.domain.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ];
        Resource::builder_empty().with_service_name(SCOPE).with_attributes(attributes).build()
    }

    /// What sends metrics.
    pub(super) fn metrics(&self) -> Result<MetricExporter, NoTelemetry> {
        let exporter = MetricExporter::builder().with_tonic().with_endpoint(&self.endpoint);
        Ok(exporter.with_timeout(SEND_MAX).build()?)
    }

    /// What makes spans and sends them.
    pub(super) fn traces(
        &self,
        per_second_max: u32,
        exported: &Exported,
    ) -> Result<SdkTracerProvider, NoTelemetry> {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(&self.endpoint);
        let exporter = exporter.with_timeout(SEND_MAX).build()?;
        let batches = trace::BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_MAX)
            .with_scheduled_delay(GATHER)
            .build();
        let queue = BatchSpanProcessor::builder(Counted::new(exporter, &exported.traces))
            .with_batch_config(batches)
            .build();
        Ok(SdkTracerProvider::builder()
            .with_resource(self.resource())
            .with_sampler(Sampler::new(per_second_max))
            .with_max_links_per_span(LINKS_MAX)
            .with_span_processor(Counted::new(queue, &exported.traces))
            .build())
    }

    /// What sends lines.
    pub(super) fn logs(&self, exported: &Exported) -> Result<SdkLoggerProvider, NoTelemetry> {
        let exporter = LogExporter::builder().with_tonic().with_endpoint(&self.endpoint);
        let exporter = exporter.with_timeout(SEND_MAX).build()?;
        let batches = logs::BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_MAX)
            .with_scheduled_delay(GATHER)
            .build();
        let queue = BatchLogProcessor::builder(Counted::new(exporter, &exported.logs))
            .with_batch_config(batches)
            .build();
        Ok(SdkLoggerProvider::builder()
            .with_resource(self.resource())
            .with_log_processor(Counted::new(queue, &exported.logs))
            .build())
    }
}

/// A tracer for the spans of this process.
pub(super) fn tracer(provider: &SdkTracerProvider) -> SdkTracer {
    provider.tracer(SCOPE)
}

/// Gives lines to the collector: the same words that are written here, and no more.
pub(super) struct Lines {
    logger: SdkLogger,
}

impl Lines {
    pub(super) fn new(provider: &SdkLoggerProvider) -> Self {
        Self { logger: provider.logger(SCOPE) }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if library(metadata).starts_with(EXPORTERS) {
            return;
        }
        let mut said = Said::default();
        event.record(&mut said);
        let mut record = self.logger.create_log_record();
        record.set_severity_number(severity(*metadata.level()));
        record.set_severity_text(metadata.level().as_str());
        record.set_target(metadata.target().to_owned());
        record.set_body(said.message.into());
        record.add_attributes(said.fields.into_iter().map(|stated| (stated.name, stated.value)));
        let place = context.event_span(event).and_then(|span| place(&span.id()));
        if let Some(place) = place {
            let (trace, span) = (place.trace_id(), place.span_id());
            record.set_trace_context(trace, span, Some(place.trace_flags()));
        }
        self.logger.emit(record);
    }
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}
