//! Where a change stands in a trace. It rides in the log beside what was asked, so that whoever is
//! told of the change can say what caused it. State never reads it.

use std::{fmt, time::Instant};

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use samsyn_domain::row::Event;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// So many causes of one wake-up are kept; it may have more.
const CAUSES_MAX: usize = 8;

/// A traced span that caused something. What is not traced causes nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    trace: TraceId,
    span: SpanId,
}

impl Cause {
    /// The span that is current here, if it is traced.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// A span, if it is traced.
    #[must_use]
    pub fn of(span: &Span) -> Option<Self> {
        let context = span.context();
        let span = context.span().span_context().clone();
        let traced = span.is_valid() && span.is_sampled();
        traced.then(|| Self { trace: span.trace_id(), span: span.span_id() })
    }

    /// From the log's bytes; none when they are no ids.
    pub(crate) fn from_bytes(trace: [u8; 16], span: [u8; 8]) -> Option<Self> {
        let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
        let valid = trace != TraceId::INVALID && span != SpanId::INVALID;
        valid.then_some(Self { trace, span })
    }

    /// As the log's bytes.
    pub(crate) fn to_bytes(self) -> ([u8; 16], [u8; 8]) {
        (self.trace.to_bytes(), self.span.to_bytes())
    }

    /// As the target of a link.
    #[must_use]
    pub fn span_context(self) -> SpanContext {
        // Not remote: that it is traced was decided by the domain itself.
        SpanContext::new(self.trace, self.span, TraceFlags::SAMPLED, false, TraceState::default())
    }

    /// Makes a span part of what this caused.
    pub fn adopt(self, span: &Span) {
        let context = Context::new().with_remote_span_context(self.span_context());
        // It fails for a span that nobody exports, and then nothing is lost.
        let _ = span.set_parent(context);
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.trace, self.span)
    }
}

/// What happened at a position of the log, without content.
#[derive(Debug, Clone)]
pub struct Happened {
    /// Where in the log.
    pub position: u64,
    /// What.
    pub event: Event,
    /// What caused it, where that is traced.
    pub cause: Option<Cause>,
    /// When it was applied here.
    pub at: Instant,
}

/// What woke a subscription, since it last gave something.
#[derive(Debug, Clone, Default)]
pub struct Woken {
    /// When the first of it was applied; none when nothing woke it.
    pub since: Option<Instant>,
    /// What caused it, as far as it is traced and up to a limit.
    pub causes: Vec<Cause>,
}

impl Woken {
    /// Something else has happened.
    pub(crate) fn by(&mut self, happened: &Happened) {
        self.since.get_or_insert(happened.at);
        if let Some(cause) = happened.cause
            && self.causes.len() < CAUSES_MAX
            && !self.causes.contains(&cause)
        {
            self.causes.push(cause);
        }
    }

    /// A span in the trace of the first cause, linked to the others and to the current span; none
    /// where nothing is traced. `make` makes the span.
    pub fn span(&self, make: impl FnOnce() -> Span) -> Option<Span> {
        let (first, rest) = self.causes.split_first()?;
        let span = make();
        first.adopt(&span);
        let here = Cause::current();
        for cause in rest.iter().chain(&here) {
            span.add_link(cause.span_context());
        }
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(cause: u8) -> Happened {
        let cause = Cause::from_bytes([cause; 16], [cause; 8]);
        Happened { position: 1, event: Event::Epoch(1), cause, at: Instant::now() }
    }

    #[test]
    fn ids_of_zeros_are_none() {
        assert!(Cause::from_bytes([0; 16], [1; 8]).is_none());
        assert!(Cause::from_bytes([1; 16], [0; 8]).is_none());
        let cause = Cause::from_bytes([1; 16], [2; 8]).unwrap();
        assert_eq!(cause.to_bytes(), ([1; 16], [2; 8]));
    }

    #[test]
    fn causes_of_a_wake_up_are_told_once_and_bounded() {
        let mut woken = Woken::default();
        for number in [0, 1, 1, 2] {
            woken.by(&happened(number));
        }
        assert_eq!(woken.causes.len(), 2);
        for number in 3..=u8::MAX {
            woken.by(&happened(number));
        }
        assert_eq!(woken.causes.len(), CAUSES_MAX);
    }
}
