//! The bounds of a listener.

use std::time::Duration;

use super::{TlsError, table::Lifetime};

/// The bounds of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may say nothing before its handshake begins.
    pub silence_max: Duration,
    /// How long a handshake may take, from the first byte on.
    pub handshake_max: Duration,
    /// Handshakes at a time, those that have not said anything yet included. One more, and the
    /// oldest of the source with most gives way.
    pub handshakes_max: usize,
    /// The same from one source (an IPv4 address or an IPv6 /64); one more is refused.
    pub handshakes_per_source_max: usize,
    /// Connections in all, those in their handshake included.
    pub connections_max: usize,
    /// Connections at a time from one source, those in their handshake included. Behind an
    /// address-translating load balancer all clients are one source.
    pub connections_per_source_max: usize,
    /// Connections at a time of one service.
    pub connections_per_service_max: usize,
    /// Connections past their handshake that wait for the server.
    pub backlog_max: usize,
    /// How long a connection may be without its first call.
    pub first_call_max: Duration,
    /// How long a connection may be without a call after the first.
    pub idle_max: Duration,
    /// How long a peer may leave a message untaken before its connection is cut.
    pub stall_max: Duration,
    /// How old a connection becomes. Streams are told before, and may end by themselves.
    pub age_max: Duration,
    /// How much longer a connection that is too old may last.
    pub age_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence_max: Duration::from_secs(2),
            handshake_max: Duration::from_secs(5),
            handshakes_max: 1_024,
            handshakes_per_source_max: 64,
            connections_max: 10_000,
            connections_per_source_max: 1_024,
            connections_per_service_max: 256,
            backlog_max: 64,
            first_call_max: Duration::from_secs(10),
            idle_max: Duration::from_mins(10),
            stall_max: Duration::from_mins(2),
            age_max: Duration::from_mins(30),
            age_grace: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The same, if none is zero.
    ///
    /// # Errors
    /// [`TlsError::Limit`], naming the first that is.
    pub(super) fn checked(self) -> Result<Self, TlsError> {
        let named = [
            ("silence_max", self.silence_max.is_zero()),
            ("handshake_max", self.handshake_max.is_zero()),
            ("handshakes_max", self.handshakes_max == 0),
            ("handshakes_per_source_max", self.handshakes_per_source_max == 0),
            ("connections_max", self.connections_max == 0),
            ("connections_per_source_max", self.connections_per_source_max == 0),
            ("connections_per_service_max", self.connections_per_service_max == 0),
            ("backlog_max", self.backlog_max == 0),
            ("first_call_max", self.first_call_max.is_zero()),
            ("idle_max", self.idle_max.is_zero()),
            ("stall_max", self.stall_max.is_zero()),
            ("age_max", self.age_max.is_zero()),
        ];
        match named.into_iter().find(|(_, zero)| *zero) {
            Some((limit, _)) => Err(TlsError::Limit { limit }),
            None => Ok(self),
        }
    }

    /// The bounds of a connection's life.
    pub(super) const fn lifetime(&self) -> Lifetime {
        Lifetime {
            first_call_max: self.first_call_max,
            idle_max: self.idle_max,
            stall_max: self.stall_max,
            age_max: self.age_max.saturating_add(self.age_grace),
        }
    }
}
