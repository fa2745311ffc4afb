//! Between what makes spans and lines and what sends them: a bounded queue. A full one drops and
//! counts; nothing waits for a collector.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter, LogProcessor, SdkLogRecord},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};

/// So many spans, and so many lines, wait at most.
pub(super) const WAITING_MAX: usize = 2048;

/// What became of spans and lines for the collector; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exported {
    pub(super) traces: Arc<Counts>,
    pub(super) logs: Arc<Counts>,
}

impl Exported {
    /// Signal, outcome and number.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let of = |signal, counts: &Counts| {
            let Counts { sent, failed, dropped, .. } = counts;
            let named = [("sent", sent), ("failed", failed), ("dropped", dropped)];
            named.map(|(outcome, number)| (signal, outcome, number.load(Ordering::Relaxed)))
        };
        of("traces", &self.traces).into_iter().chain(of("logs", &self.logs))
    }
}

/// Counts of one signal.
#[derive(Debug, Default)]
pub(super) struct Counts {
    waiting: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Takes a place in the queue; without one, counts what is dropped.
    fn enter(&self) -> bool {
        let most = u64::try_from(WAITING_MAX).unwrap_or(u64::MAX);
        let more = |waiting: u64| (waiting < most).then_some(waiting.saturating_add(1));
        let room = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !room {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        room
    }

    /// So many have left the queue.
    fn left(&self, number: usize, outcome: &OTelSdkResult) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        let fewer = |waiting: u64| Some(waiting.saturating_sub(number));
        // It never says no.
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        let counted = if outcome.is_ok() { &self.sent } else { &self.failed };
        counted.fetch_add(number, Ordering::Relaxed);
    }
}

/// What stands before a queue or behind it, and counts.
pub(super) struct Counted<T> {
    inner: T,
    counts: Arc<Counts>,
}

impl<T> Counted<T> {
    pub(super) fn new(inner: T, counts: &Arc<Counts>) -> Self {
        Self { inner, counts: Arc::clone(counts) }
    }
}

impl<T> fmt::Debug for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl<P: SpanProcessor> SpanProcessor for Counted<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.enter() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = batch.len();
        let outcome = self.inner.export(batch).await;
        self.counts.left(number, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<P: LogProcessor> LogProcessor for Counted<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.counts.enter() {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let number = batch.iter().count();
        let outcome = self.inner.export(batch).await;
        self.counts.left(number, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts_and_has_room_again() {
        let exported = Exported::default();
        let counts = &exported.traces;
        let most = (0..WAITING_MAX + 3).filter(|_| counts.enter()).count();
        assert_eq!(most, WAITING_MAX);
        counts.left(2, &Ok(()));
        counts.left(1, &Err(OTelSdkError::AlreadyShutdown));
        let told: Vec<_> = exported.counts().filter(|(.., number)| *number > 0).collect();
        let dropped = ("traces", "dropped", 3);
        assert_eq!(told, [("traces", "sent", 2), ("traces", "failed", 1), dropped]);
        assert_eq!((0..9).filter(|_| counts.enter()).count(), 3);
    }
}
