//! Periods of the trade, in Europe/Stockholm.

use std::{fmt, str::FromStr};

use jiff::{
    ToSpan,
    civil::{Date, ISOWeekDate, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use crate::{Timestamp, registry::midnight};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// An ISO week: `2025-W40`.
    Week,
    /// A month: `2025-10`.
    Month,
    /// A quarter: `2025-Q4`.
    Quarter,
    /// A year: `2025`.
    Year,
}

impl PeriodKind {
    /// All kinds, the shortest first.
    pub const ALL: [Self; 4] = [Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The code in a scope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// Parses the code in a scope.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

/// A half-open span of whole days in Europe/Stockholm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    kind: PeriodKind,
    year: i16,
    number: u8,
}

/// A text is not a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a period; write `2025-W40`, `2025-10`, `2025-Q4` or `2025`")]
pub struct BadPeriod;

const YEAR_MIN: i16 = 1990;
const YEAR_MAX: i16 = 2200;

impl Period {
    /// The period of this kind that holds a point in time.
    #[must_use]
    pub fn holding(kind: PeriodKind, time: Timestamp) -> Option<Self> {
        let time = jiff::Timestamp::from_microsecond(time.micros()).ok()?;
        let date = stockholm()?.to_datetime(time).date();
        let month = u8::try_from(date.month()).ok()?;
        let (year, number) = match kind {
            PeriodKind::Week => {
                let week = date.iso_week_date();
                (week.year(), u8::try_from(week.week()).ok()?)
            }
            PeriodKind::Month => (date.year(), month),
            PeriodKind::Quarter => (date.year(), month.saturating_sub(1) / 3 + 1),
            PeriodKind::Year => (date.year(), 0),
        };
        Self::new(kind, year, number)
    }

    /// The period that begins and ends so; none when none does.
    #[must_use]
    pub fn spanning(from: Timestamp, to: Timestamp) -> Option<Self> {
        let held = PeriodKind::ALL.into_iter().filter_map(|kind| Self::holding(kind, from));
        held.into_iter().find(|period| period.bounds() == (from, to))
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(self) -> PeriodKind {
        self.kind
    }

    /// From when, inclusive, until when, exclusive.
    #[must_use]
    pub fn bounds(self) -> (Timestamp, Timestamp) {
        self.days().map(|(from, to)| (midnight(from), midnight(to))).unwrap_or_default()
    }

    /// Whether a point in time lies in it.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        let (from, to) = self.bounds();
        from <= time && time < to
    }

    fn new(kind: PeriodKind, year: i16, number: u8) -> Option<Self> {
        let period = Self { kind, year, number };
        ((YEAR_MIN..=YEAR_MAX).contains(&year) && period.days().is_some()).then_some(period)
    }

    fn days(self) -> Option<(Date, Date)> {
        let number = i8::try_from(self.number).ok()?;
        let (from, span) = match self.kind {
            PeriodKind::Week => {
                (ISOWeekDate::new(self.year, number, Weekday::Monday).ok()?.date(), 1.week())
            }
            PeriodKind::Month => (Date::new(self.year, number, 1).ok()?, 1.month()),
            PeriodKind::Quarter if (1..=4).contains(&number) => {
                (Date::new(self.year, number * 3 - 2, 1).ok()?, 3.months())
            }
            PeriodKind::Quarter => return None,
            PeriodKind::Year => (Date::new(self.year, 1, 1).ok()?, 1.year()),
        };
        Some((from, from.checked_add(span).ok()?))
    }
}

fn stockholm() -> Option<TimeZone> {
    TimeZone::get("Europe/Stockholm").ok()
}

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(code: &str) -> Result<Self, BadPeriod> {
        let (year, rest) = code.split_once('-').map_or((code, None), |(y, r)| (y, Some(r)));
        let digits =
            |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) {
            return Err(BadPeriod);
        }
        let year = year.parse().map_err(|_| BadPeriod)?;
        let (kind, number) = match rest {
            None => (PeriodKind::Year, "0"),
            Some(rest) => match (rest.strip_prefix('W'), rest.strip_prefix('Q')) {
                (Some(week), _) if digits(week, 2) => (PeriodKind::Week, week),
                (_, Some(quarter)) if digits(quarter, 1) => (PeriodKind::Quarter, quarter),
                _ if digits(rest, 2) => (PeriodKind::Month, rest),
                _ => return Err(BadPeriod),
            },
        };
        let number = number.parse().map_err(|_| BadPeriod)?;
        Self::new(kind, year, number).ok_or(BadPeriod)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PeriodKind::Week => write!(f, "{:04}-W{:02}", self.year, self.number),
            PeriodKind::Month => write!(f, "{:04}-{:02}", self.year, self.number),
            PeriodKind::Quarter => write!(f, "{:04}-Q{}", self.year, self.number),
            PeriodKind::Year => write!(f, "{:04}", self.year),
        }
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn codes_round_trip() {
        for code in ["2025-W40", "2025-10", "2025-Q4", "2025", "2020-W53"] {
            assert_eq!(code.parse::<Period>().unwrap().to_string(), code);
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for code in [
            "", "2025-", "2025-W54", "2021-W53", "2025-13", "2025-Q5", "2025-Q0", "25", "2025-1",
            "2025-W4",
        ] {
            assert_eq!(code.parse::<Period>(), Err(BadPeriod), "{code}");
        }
    }

    #[test]
    fn a_period_is_half_open_in_stockholm_also_across_summer_time() {
        let october: Period = "2025-10".parse().unwrap();
        assert_eq!(october.bounds(), (at("2025-09-30T22:00:00Z"), at("2025-10-31T23:00:00Z")));
        assert!(october.contains(at("2025-09-30T22:00:00Z")));
        assert!(!october.contains(at("2025-10-31T23:00:00Z")));
        let week: Period = "2025-W40".parse().unwrap();
        assert_eq!(week.bounds().0, at("2025-09-28T22:00:00Z"));
    }

    #[test]
    fn a_period_is_known_by_its_bounds() {
        for code in ["2025-W40", "2025-10", "2025-Q4", "2025", "2020-W53"] {
            let period: Period = code.parse().unwrap();
            let (from, to) = period.bounds();
            assert_eq!(Period::spanning(from, to), Some(period));
            assert_eq!(Period::spanning(from, to.after_seconds(1)), None);
        }
    }

    #[test]
    fn the_period_that_holds_a_time_contains_it() {
        for time in ["2024-12-30T12:00:00Z", "2025-03-30T01:30:00Z", "2025-12-31T23:30:00Z"] {
            for kind in PeriodKind::ALL {
                assert!(
                    Period::holding(kind, at(time)).unwrap().contains(at(time)),
                    "{time} {kind:?}"
                );
            }
        }
        assert_eq!(
            Period::holding(PeriodKind::Week, at("2024-12-30T12:00:00Z")).unwrap().to_string(),
            "2025-W01"
        );
    }
}
