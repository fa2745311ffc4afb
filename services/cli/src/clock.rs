//! The clock of the commands, and the days of Europe/Stockholm.

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};

use crate::failure::Failure;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the edge: everything else takes time as argument")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time in Europe/Stockholm.
pub(crate) fn local(at: Timestamp) -> Zoned {
    at.to_zoned(stockholm())
}

/// When a day begins in Europe/Stockholm.
///
/// # Errors
/// When the day lies outside of the calendar.
pub(crate) fn midnight(day: Date) -> Result<Timestamp, Failure> {
    let start = day.to_zoned(stockholm());
    start.map(|start| start.timestamp()).map_err(|_| {
        Failure::Usage(format!("`{day}` lies outside of the calendar; give another day"))
    })
}

/// Falls back to UTC where the program has no time zone data.
fn stockholm() -> TimeZone {
    TimeZone::get("Europe/Stockholm").unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_stockholm_in_summer_and_winter() {
        for (day, start) in [
            (date(2025, 7, 1), "2025-06-30T22:00:00Z"),
            (date(2025, 12, 1), "2025-11-30T23:00:00Z"),
        ] {
            assert_eq!(midnight(day).unwrap().to_string(), start);
        }
    }
}
