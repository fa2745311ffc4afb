//! Limits as they are written; each has a value that holds until it is changed.

use std::time::Duration;

use serde::Deserialize;

use super::BadConfig;
use crate::{
    edge::{CallLimits, Rate},
    tls,
};

/// The limits of connections and calls. Durations are in seconds, sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a connection may say nothing before its handshake begins.
    pub silence_seconds: u32,
    /// How long a handshake may take.
    pub handshake_seconds: u32,
    /// Handshakes at a time; one more, and the oldest of the source with most gives way.
    pub handshakes: u32,
    /// Handshakes at a time from one IPv4 address or IPv6 /64.
    pub handshakes_per_source: u32,
    /// Connections at a time.
    pub connections: u32,
    /// Connections at a time from one IPv4 address or IPv6 /64.
    pub connections_per_source: u32,
    /// Connections at a time of one service.
    pub connections_per_service: u32,
    /// How long a connection may be without its first call.
    pub first_call_seconds: u32,
    /// How long a connection may be without a call after that.
    pub idle_seconds: u32,
    /// How long a message may wait to be taken before its connection is cut.
    pub stall_seconds: u32,
    /// How long a message may wait to be taken before its stream is closed as lagging.
    pub lag_seconds: u32,
    /// How old a connection becomes, with its streams.
    pub age_seconds: u32,
    /// Calls and streams at a time on one connection.
    pub calls_per_connection: u32,
    /// Calls at a time.
    pub calls: u32,
    /// Streams at a time.
    pub streams: u32,
    /// Calls at a time of one service.
    pub calls_per_service: u32,
    /// Streams at a time of one service.
    pub streams_per_service: u32,
    /// The largest request.
    pub request_bytes: u32,
    /// The deadline of a call that states none.
    pub deadline_default_seconds: u32,
    /// The longest deadline of a call that is no stream. One second more is taken for it.
    pub deadline_max_seconds: u32,
    /// Calls a second of one service, over time.
    pub requests_per_second: u32,
    /// Calls of one service at once.
    pub requests_burst: u32,
    /// Rows a second that one service sends and is sent, over time.
    pub rows_per_second: u32,
    /// Rows that one service sends and is sent at once.
    pub rows_burst: u32,
    /// Bytes a second that one service is sent, over time.
    pub bytes_per_second: u32,
    /// Bytes that one service is sent at once.
    pub bytes_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence_seconds: 2,
            handshake_seconds: 5,
            handshakes: 1_024,
            handshakes_per_source: 64,
            connections: 10_000,
            connections_per_source: 1_024,
            connections_per_service: 256,
            first_call_seconds: 10,
            idle_seconds: 600,
            stall_seconds: 120,
            lag_seconds: 30,
            age_seconds: 1_800,
            calls_per_connection: 64,
            calls: 1_024,
            streams: 10_000,
            calls_per_service: 128,
            streams_per_service: 256,
            request_bytes: 1_048_576,
            deadline_default_seconds: 20,
            deadline_max_seconds: 60,
            requests_per_second: 200,
            requests_burst: 1_000,
            rows_per_second: 20_000,
            rows_burst: 400_000,
            bytes_per_second: 16_777_216,
            bytes_burst: 268_435_456,
        }
    }
}

impl Limits {
    /// Checks that they hold together.
    ///
    /// # Errors
    /// [`BadConfig::Limit`], naming the one that does not hold.
    pub(super) fn check(&self) -> Result<(), BadConfig> {
        let named = [
            ("silence_seconds", self.silence_seconds),
            ("handshake_seconds", self.handshake_seconds),
            ("handshakes", self.handshakes),
            ("handshakes_per_source", self.handshakes_per_source),
            ("connections", self.connections),
            ("connections_per_source", self.connections_per_source),
            ("connections_per_service", self.connections_per_service),
            ("first_call_seconds", self.first_call_seconds),
            ("idle_seconds", self.idle_seconds),
            ("stall_seconds", self.stall_seconds),
            ("lag_seconds", self.lag_seconds),
            ("age_seconds", self.age_seconds),
            ("calls_per_connection", self.calls_per_connection),
            ("calls", self.calls),
            ("streams", self.streams),
            ("calls_per_service", self.calls_per_service),
            ("streams_per_service", self.streams_per_service),
            ("request_bytes", self.request_bytes),
            ("deadline_default_seconds", self.deadline_default_seconds),
            ("deadline_max_seconds", self.deadline_max_seconds),
            ("requests_per_second", self.requests_per_second),
            ("requests_burst", self.requests_burst),
            ("rows_per_second", self.rows_per_second),
            ("rows_burst", self.rows_burst),
            ("bytes_per_second", self.bytes_per_second),
            ("bytes_burst", self.bytes_burst),
        ];
        if let Some((limit, _)) = named.into_iter().find(|(_, value)| *value == 0) {
            return Err(BadConfig::Limit { limit, mend: "set it to 1 or more" });
        }
        if self.deadline_default_seconds > self.deadline_max_seconds {
            let mend = "set it to at most `deadline_max_seconds`";
            return Err(BadConfig::Limit { limit: "deadline_default_seconds", mend });
        }
        Ok(())
    }

    /// Those of connections.
    pub(crate) fn of_connections(&self) -> tls::Limits {
        tls::Limits {
            silence_max: seconds(self.silence_seconds),
            handshake_max: seconds(self.handshake_seconds),
            handshakes_max: count(self.handshakes),
            handshakes_per_source_max: count(self.handshakes_per_source),
            connections_max: count(self.connections),
            connections_per_source_max: count(self.connections_per_source),
            connections_per_service_max: count(self.connections_per_service),
            first_call_max: seconds(self.first_call_seconds),
            idle_max: seconds(self.idle_seconds),
            stall_max: seconds(self.stall_seconds),
            age_max: seconds(self.age_seconds),
            ..tls::Limits::default()
        }
    }

    /// Those of calls.
    pub(crate) fn of_calls(&self) -> CallLimits {
        CallLimits {
            request_bytes_max: count(self.request_bytes),
            deadline_default: seconds(self.deadline_default_seconds),
            deadline_max: seconds(self.deadline_max_seconds),
            calls_max: count(self.calls),
            streams_max: count(self.streams),
            calls_per_service_max: count(self.calls_per_service),
            streams_per_service_max: count(self.streams_per_service),
            requests: Rate { per_second: self.requests_per_second, burst: self.requests_burst },
            rows: Rate { per_second: self.rows_per_second, burst: self.rows_burst },
            bytes: Rate { per_second: self.bytes_per_second, burst: self.bytes_burst },
            lag_max: seconds(self.lag_seconds),
            ..CallLimits::default()
        }
    }

    /// How old a connection becomes, with its streams.
    pub(crate) const fn age_max(&self) -> Duration {
        Duration::from_secs(self.age_seconds as u64)
    }
}

const fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds as u64)
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_holds_as_in_the_code() {
        let limits: Limits = toml::from_str("").unwrap();
        assert_eq!(limits, Limits::default());
        assert_eq!(limits.of_connections(), tls::Limits::default());
        assert_eq!(limits.of_calls(), CallLimits::default());
        limits.check().unwrap();
    }

    #[test]
    fn a_limit_that_lets_nothing_through_is_refused_by_name() {
        let bad = |text: &str| {
            let limits: Limits = toml::from_str(text).unwrap();
            limits.check().unwrap_err().to_string()
        };
        let refused = bad("streams = 0");
        assert!(refused.contains("`limits.streams`") && refused.contains("1 or more"), "{refused}");
        let refused = bad("deadline_max_seconds = 10");
        assert!(refused.contains("deadline_default_seconds"), "{refused}");
    }
}
