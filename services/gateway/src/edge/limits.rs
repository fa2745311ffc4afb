//! The bounds of calls.

use std::time::Duration;

use super::budget::Rate;

/// The bounds of calls, of all callers and of each service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallLimits {
    /// The largest request, in bytes.
    pub(crate) request_bytes_max: usize,
    /// The largest answer, in bytes: a proof is the largest of them.
    pub(crate) answer_bytes_max: usize,
    /// The deadline of a call that states none.
    pub(crate) deadline_default: Duration,
    /// The longest deadline of a call that is no stream.
    pub(crate) deadline_max: Duration,
    /// Calls at a time, of all callers.
    pub(crate) calls_max: usize,
    /// Streams at a time, of all callers.
    pub(crate) streams_max: usize,
    /// Calls at a time of one service.
    pub(crate) calls_per_service_max: usize,
    /// Streams at a time of one service.
    pub(crate) streams_per_service_max: usize,
    /// How often one service may call.
    pub(crate) requests: Rate,
    /// How many rows one service may send and be sent: observations, findings, events, lines.
    pub(crate) rows: Rate,
    /// How many bytes one service may be sent.
    pub(crate) bytes: Rate,
    /// After so long without being taken a message counts as lagging, and its stream closes.
    pub(crate) lag_max: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            request_bytes_max: 1024 * 1024,
            answer_bytes_max: 72 * 1024 * 1024,
            deadline_default: Duration::from_secs(20),
            deadline_max: Duration::from_mins(1),
            calls_max: 1_024,
            streams_max: 10_000,
            calls_per_service_max: 128,
            streams_per_service_max: 256,
            requests: Rate { per_second: 200, burst: 1_000 },
            rows: Rate { per_second: 20_000, burst: 400_000 },
            bytes: Rate { per_second: 16 * 1024 * 1024, burst: 256 * 1024 * 1024 },
            lag_max: Duration::from_secs(30),
        }
    }
}
