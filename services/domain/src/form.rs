//! In which form something stands in an own picture: what was seen, counted or assessed.

use crate::{Content, ObservationId, Period, PeriodKind, Timestamp};

/// What stands between the id of a series and the period of a point.
const POINT: char = '@';

/// In which form a party contributes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// What it saw (iakttagelse): of each period in which it starts.
    Observation,
    /// A point of a series of statistics (statistikserie): how many in exactly one period.
    Series,
    /// An assessment of exactly one period (bedömning).
    Assessment,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Observation, Self::Series, Self::Assessment];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observation => "observation",
            Self::Series => "series",
            Self::Assessment => "assessment",
        }
    }
}

impl Content {
    /// Whether it is of the period with these bounds. What starts in a period is of it; a count or
    /// an assessment of a whole period is of that one alone, as nothing says how it spreads.
    #[must_use]
    pub fn is_within(&self, (from, to): (Timestamp, Timestamp)) -> bool {
        match self.form {
            Form::Observation => from <= self.starts_at && self.starts_at < to,
            Form::Series | Form::Assessment => (self.starts_at, self.ends_at) == (from, to),
        }
    }

    /// The one period that it is of; none for an observation, which is of several.
    #[must_use]
    pub fn own_period(&self) -> Option<Period> {
        match self.form {
            Form::Observation => None,
            Form::Series | Form::Assessment => Period::spanning(self.starts_at, self.ends_at),
        }
    }

    /// The period of a kind that it is of; none when it is of no period of that kind.
    #[must_use]
    pub fn period(&self, kind: PeriodKind) -> Option<Period> {
        Period::holding(kind, self.starts_at).filter(|period| self.is_within(period.bounds()))
    }
}

impl ObservationId {
    /// The longest id of a series, in bytes: the period of a point goes with it.
    pub const SERIES_BYTES_MAX: usize = 118;

    /// The id of a point of a series: `<series>@<period>`; none when the series' is too long.
    #[must_use]
    pub fn of_point(series: &Self, period: Period) -> Option<Self> {
        Self::parse(&format!("{series}{POINT}{period}")).ok()
    }

    /// The series that a point is of, and of which period it is; none when this is no point's id.
    #[must_use]
    pub fn as_point(&self) -> Option<(Self, Period)> {
        let (series, period) = self.as_str().rsplit_once(POINT)?;
        Some((Self::parse(series).ok()?, period.parse().ok()?))
    }

    /// The id before those of all points of a series, in order; none when it would be too long.
    pub(crate) fn before_points(&self) -> Option<Self> {
        Self::parse(&format!("{self}{POINT}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ObservationId {
        ObservationId::parse(text).unwrap()
    }

    #[test]
    fn a_points_id_says_its_series_and_period() {
        for period in ["2025-W40", "2025-10", "2025-Q4", "2025"] {
            let period: Period = period.parse().unwrap();
            let longest = id(&"x".repeat(ObservationId::SERIES_BYTES_MAX));
            for series in [id("S1"), id("S@2025"), longest] {
                let point = ObservationId::of_point(&series, period).unwrap();
                assert_eq!(point.as_point(), Some((series, period)));
            }
        }
        for other in ["S1", "S1@", "@2025-10", "S1@2025-13"] {
            assert_eq!(id(other).as_point(), None, "{other}");
        }
    }
}
