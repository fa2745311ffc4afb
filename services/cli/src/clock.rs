//! The one place where the tool reads the clock.

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the edge: everything else takes time as argument")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time in Europe/Stockholm; in UTC when the program has no time zone data.
pub(crate) fn local(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::get("Europe/Stockholm").unwrap_or(TimeZone::UTC))
}
