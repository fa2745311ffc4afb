//! Weeks and times of day in Europe/Stockholm.

use std::time::SystemTime;

use jiff::{
    ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use samsyn_domain::{Period, Timestamp};

/// An ISO week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Week {
    period: Period,
    monday: Date,
}

impl Week {
    /// The week in which a period begins.
    pub(super) fn of(period: Period) -> Option<Self> {
        let start = jiff::Timestamp::from_microsecond(period.bounds().0.micros()).ok()?;
        let monday = stockholm()?.to_datetime(start).date();
        Some(Self { period, monday })
    }

    /// The week before.
    pub(super) fn before(self) -> Option<Self> {
        let monday = self.monday.checked_sub(1.week()).ok()?;
        let start = instant(monday.at(0, 0, 0, 0))?;
        Period::holding(samsyn_domain::PeriodKind::Week, stamp(start)).and_then(Self::of)
    }

    /// Whether it begins before a period does.
    pub(super) fn is_before(self, period: Period) -> bool {
        self.period.bounds().0 < period.bounds().0
    }

    /// As a period.
    pub(super) const fn period(self) -> Period {
        self.period
    }

    /// Its Monday.
    pub(super) const fn monday(self) -> Date {
        self.monday
    }

    /// Its month, 1–12: that of its Thursday, as ISO weeks go.
    pub(super) fn month(self) -> usize {
        let thursday = self.monday.checked_add(3.days()).unwrap_or(self.monday);
        usize::try_from(thursday.month()).unwrap_or(1)
    }

    /// A time of day, so many days after Monday.
    pub(super) fn at(self, days: usize, hour: i8, minute: i8) -> Option<DateTime> {
        let date = self.monday.checked_add(i64::try_from(days).ok()?.days()).ok()?;
        Some(date.at(hour, minute, 0, 0))
    }
}

/// Whether a period holds a time of day.
pub(super) fn holds(period: Period, time: DateTime) -> bool {
    instant(time).is_some_and(|time| period.contains(stamp(time)))
}

/// Until when content that begins at a time is kept: 24 months from the first day of that month.
///
/// Whole months, because objects whose labels are equal are decided on together.
pub(super) fn retention_end(time: DateTime) -> Option<jiff::Timestamp> {
    let day = time.date().first_of_month().checked_add(24.months()).ok()?;
    instant(day.at(0, 0, 0, 0))
}

/// The instant of a time of day.
pub(super) fn instant(time: DateTime) -> Option<jiff::Timestamp> {
    stockholm()?.to_timestamp(time).ok()
}

/// The wire form of an instant.
pub(super) fn wire<T: From<SystemTime>>(time: jiff::Timestamp) -> T {
    SystemTime::from(time).into()
}

fn stamp(time: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_microsecond())
}

fn stockholm() -> Option<TimeZone> {
    TimeZone::get("Europe/Stockholm").ok()
}
