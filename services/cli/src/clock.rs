//! The clock of the commands, and the days of Europe/Stockholm.

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime},
    tz::TimeZone,
};

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

/// A point in time, a local time, or the end of a day, as it is given on the command line.
///
/// # Errors
/// When it is none, with how to write one.
pub(crate) fn until(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let bad = || "is no time; write `2025-10-14` or `2025-10-14T16:00`".to_owned();
    if text.contains(['T', ' ']) {
        let written: DateTime = text.parse().map_err(|_| bad())?;
        let day = midnight(written.date()).map_err(|_| bad())?;
        let at = local(day).with().time(written.time()).build();
        return at.map(|at| at.timestamp()).map_err(|_| bad());
    }
    let day: Date = text.parse().map_err(|_| bad())?;
    let next = day.tomorrow().map_err(|_| bad())?;
    midnight(next).map_err(|_| bad())
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

    #[test]
    fn a_day_that_something_is_wanted_by_ends_at_its_end_in_stockholm() {
        for (text, at) in [
            ("2025-10-14", "2025-10-14T22:00:00Z"),
            ("2025-10-14T16:00", "2025-10-14T14:00:00Z"),
            ("2025-10-14T16:00:00Z", "2025-10-14T16:00:00Z"),
            ("2025-12-01 09:30", "2025-12-01T08:30:00Z"),
        ] {
            assert_eq!(until(text).unwrap().to_string(), at, "{text}");
        }
        assert!(until("tomorrow").unwrap_err().contains("2025-10-14"));
    }
}
