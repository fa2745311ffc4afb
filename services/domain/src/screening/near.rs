//! The time a text is about, to tell a time from a number.

use jiff::{
    civil::DateTime,
    tz::{TimeZone, TimeZoneDatabase},
};

const ZONE: &str = "Europe/Stockholm";
const WINDOW_MICROSECONDS: u64 = 48 * 60 * 60 * 1_000_000;

/// The start of the observation a text describes: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Near(i64);

impl Near {
    /// A time from microseconds since the epoch, UTC.
    #[must_use]
    pub const fn from_microseconds(microseconds: i64) -> Self {
        Self(microseconds)
    }

    /// Whether a wall-clock time in Stockholm is at most 48 hours from this time.
    pub(super) fn is_close_to(self, local: DateTime) -> bool {
        stockholm().and_then(|zone| local.to_zoned(zone).ok()).is_some_and(|time| {
            self.0.abs_diff(time.timestamp().as_microsecond()) <= WINDOW_MICROSECONDS
        })
    }
}

/// The bundled zone, so that every machine reads a text alike.
fn stockholm() -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(ZONE).ok()
}
