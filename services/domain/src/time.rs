//! Points in time.

use std::fmt;

/// The consensus time or a time of the trade: microseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant.
    pub const ZERO: Self = Self(0);

    /// A point in time.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Later by so many microseconds, at most the last instant.
    #[must_use]
    pub const fn after_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Later by so many seconds, at most the last instant.
    #[must_use]
    pub const fn after_seconds(self, seconds: i64) -> Self {
        self.after_micros(seconds.saturating_mul(1_000_000))
    }

    /// The whole minute it lies in.
    #[must_use]
    pub const fn whole_minute(self) -> Self {
        Self(self.0 - self.0.rem_euclid(60_000_000))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}
