//! Which calls are traced: so many a second, whatever clients ask for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use tokio::time::Instant;

/// A client may ask not to be traced. Whether it is traced when it asks for that, or says nothing,
/// hangs on how many were in this second. What belongs to a trace of ours is in it or not as its
/// beginning is.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    per_second_max: u32,
    second: Arc<Mutex<(Instant, u32)>>,
}

impl Sampler {
    pub(super) fn new(per_second_max: u32) -> Self {
        Self { per_second_max, second: Arc::new(Mutex::new((Instant::now(), 0))) }
    }

    fn has_room(&self, now: Instant) -> bool {
        // No code panics while it holds the lock.
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(second.0) >= Duration::from_secs(1) {
            *second = (now, 0);
        }
        let room = second.1 < self.per_second_max;
        second.1 = second.1.saturating_add(u32::from(room));
        room
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent = parent.map(|context| context.span().span_context().clone());
        let sampled = match parent.filter(opentelemetry::trace::SpanContext::is_valid) {
            Some(parent) if !parent.is_remote() => parent.is_sampled(),
            Some(parent) => parent.is_sampled() && self.has_room(Instant::now()),
            None => self.has_room(Instant::now()),
        };
        let decision =
            if sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::NONE }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn under(flags: TraceFlags, remote: bool) -> Context {
        let (trace, span) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([1; 8]));
        let parent = SpanContext::new(trace, span, flags, remote, TraceState::NONE);
        Context::new().with_remote_span_context(parent)
    }

    fn sampled(sampler: &Sampler, parent: Option<&Context>) -> bool {
        let trace = TraceId::from_bytes([1; 16]);
        let result = sampler.should_sample(parent, trace, "call", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[tokio::test(start_paused = true)]
    async fn t27_a_client_has_no_more_traced_than_is_configured() {
        let sampler = Sampler::new(3);
        let asked = under(TraceFlags::SAMPLED, true);
        assert_eq!((0..100).filter(|_| sampled(&sampler, Some(&asked))).count(), 3);
        assert!(!sampled(&sampler, None), "and nobody else has");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(sampled(&sampler, None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_begun_is_traced_to_its_end() {
        let sampler = Sampler::new(0);
        assert!(sampled(&sampler, Some(&under(TraceFlags::SAMPLED, false))));
        assert!(!sampled(&sampler, Some(&under(TraceFlags::default(), false))));
        let sampler = Sampler::new(9);
        assert!(!sampled(&sampler, Some(&under(TraceFlags::default(), true))), "asked not to be");
    }
}
