//! Times of files, in Europe/Stockholm.

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{BadFile, quoted};

const ZONE: &str = "Europe/Stockholm";
/// Years that a file may speak of: further away is a slip of the pen.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2099;
const MONTHS: [&str; 12] = [
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
];

/// When something began, as a file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// At a time of day.
    At(Timestamp),
    /// Some time in a day that begins and ends at these.
    Within(Timestamp, Timestamp),
}

impl Moment {
    /// When it begins.
    pub(super) const fn start(self) -> Timestamp {
        match self {
            Self::At(start) | Self::Within(start, _) => start,
        }
    }

    /// Until when it lasts if it is what something ends with: a day counts as a whole.
    pub(super) const fn until(self) -> Timestamp {
        match self {
            Self::At(end) | Self::Within(_, end) => end,
        }
    }
}

/// The clock of Stockholm.
#[derive(Debug, Clone)]
pub(super) struct Clock(TimeZone);

impl Clock {
    /// The clock, from the program's own time zone data.
    pub(super) fn stockholm() -> Result<Self, BadFile> {
        TimeZone::get(ZONE).map(Self).map_err(|_| BadFile::NoTimeZone)
    }

    /// An ISO time with offset, a local date with time, or a date alone.
    pub(super) fn moment(&self, text: &str) -> Result<Moment, String> {
        if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
            return self.day(date);
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            let year = self.0.to_datetime(at).year();
            return in_bounds(year, text).map(|()| Moment::At(at));
        }
        let formats =
            ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        let local = formats.iter().find_map(|format| DateTime::strptime(format, text).ok());
        let local = local.ok_or_else(|| {
            let cell = quoted(text);
            format!("{cell} is no time; write it as `2025-03-30 14:05` or `2025-03-30`")
        })?;
        self.local(local).map(Moment::At)
    }

    /// A date and a time of day from two columns; without a time, the day.
    pub(super) fn date_and_time(&self, date: &str, time: &str) -> Result<Moment, String> {
        let bad = || format!("{} is no date; write it as `2025-03-30`", quoted(date));
        let day = Date::strptime("%Y-%m-%d", date).map_err(|_| bad())?;
        if time.is_empty() {
            return self.day(day);
        }
        let formats = ["%H:%M", "%H.%M", "%H:%M:%S"];
        let time_of_day = formats.iter().find_map(|format| Time::strptime(format, time).ok());
        let bad = || format!("{} is no time of day; write it as `14:05`", quoted(time));
        self.local(day.to_datetime(time_of_day.ok_or_else(bad)?)).map(Moment::At)
    }

    /// When a notice was published: `2025-12-25 7:10:38 +01:00`.
    pub(super) fn published(text: &str) -> Option<Timestamp> {
        let at = Timestamp::strptime("%Y-%m-%d %H:%M:%S %:z", text).ok()?;
        YEARS.contains(&TimeZone::UTC.to_datetime(at).year()).then_some(at)
    }

    /// When the event of a notice was, from `25 augusti 14.28` and the publication, whose year it
    /// is of; of the year before when it would else lie over a day after it. The publication
    /// itself when there is no such time.
    pub(super) fn event(&self, headline: &str, published: Timestamp) -> Timestamp {
        self.event_of(headline, published).unwrap_or(published)
    }

    fn event_of(&self, headline: &str, published: Timestamp) -> Option<Timestamp> {
        let mut words = headline.split_whitespace();
        let (day, month, time) = (words.next()?, words.next()?, words.next()?);
        let name = month.to_lowercase();
        let before = MONTHS.iter().position(|known| *known == name)?;
        let month = i8::try_from(before).ok()?.checked_add(1)?;
        let (hour, minute) = time.split_once(['.', ':'])?;
        let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
        let day = day.parse().ok()?;
        let now = self.0.to_datetime(published);
        let latest = now.checked_add(Span::new().days(1)).ok()?;
        let of = |year| Date::new(year, month, day).ok().map(|date| date.to_datetime(time));
        let this_year = of(now.year())?;
        let later = this_year > latest;
        let event = if later { of(now.year().checked_sub(1)?)? } else { this_year };
        self.local(event).ok()
    }

    fn day(&self, date: Date) -> Result<Moment, String> {
        let next = date.tomorrow().map_err(|_| "the date is the last there is; correct it")?;
        let midnight = |day: Date| self.local(day.to_datetime(Time::midnight()));
        Ok(Moment::Within(midnight(date)?, midnight(next)?))
    }

    /// A time on the wall. Of a time that comes twice, the first is meant; a file that means the
    /// second writes the offset.
    fn local(&self, at: DateTime) -> Result<Timestamp, String> {
        in_bounds(at.year(), &at.to_string())?;
        let ambiguous = self.0.to_ambiguous_timestamp(at);
        if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
            let wall = at.strftime("%Y-%m-%d %H:%M");
            return Err(format!(
                "`{wall}` does not exist, the clocks went forward; give the right time"
            ));
        }
        ambiguous.earlier().map_err(|_| format!("`{at}` is out of range; correct it"))
    }
}

fn in_bounds(year: i16, text: &str) -> Result<(), String> {
    if YEARS.contains(&year) {
        return Ok(());
    }
    Err(format!("{} is not within the years 2000–2099; correct it", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock::stockholm().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_forms_of_a_time_are_read() {
        let half_past = Moment::At(at("2025-08-25T12:28:00Z"));
        for text in [
            "2025-08-25 14:28",
            "2025-08-25 14:28:00",
            "2025-08-25T14:28",
            "2025-08-25T14:28:00",
            "2025-08-25T14:28:00+02:00",
            "2025-08-25T12:28:00Z",
        ] {
            assert_eq!(clock().moment(text), Ok(half_past), "{text}");
        }
        assert_eq!(clock().date_and_time("2025-08-25", "14.28"), Ok(half_past));
        let day = Moment::Within(at("2025-08-24T22:00:00Z"), at("2025-08-25T22:00:00Z"));
        assert_eq!(clock().moment("2025-08-25"), Ok(day));
        assert_eq!(clock().date_and_time("2025-08-25", ""), Ok(day));
        assert_eq!(day.start(), at("2025-08-24T22:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "25/8 2025", "2025-02-29", "2025-08-25 25:00", "1925-08-25", "45894"] {
            assert!(clock().moment(text).is_err(), "{text}");
        }
        assert!(clock().moment("1025-08-25T12:28:00Z").is_err());
        assert!(clock().date_and_time("2025-08-25", "halv tre").is_err());
    }

    #[test]
    fn a_day_of_the_change_has_23_or_25_hours() {
        let hours = |text| match clock().moment(text).unwrap() {
            Moment::Within(start, end) => end.duration_since(start).as_hours(),
            Moment::At(_) => 0,
        };
        assert_eq!((hours("2025-03-30"), hours("2025-10-26")), (23, 25));
    }

    #[test]
    fn a_time_in_the_gap_is_refused_and_one_that_comes_twice_is_the_first() {
        let gap = clock().moment("2025-03-30 02:30").unwrap_err();
        assert!(gap.starts_with("`2025-03-30 02:30` does not exist"), "{gap}");
        let first = Moment::At(at("2025-10-26T00:30:00Z"));
        assert_eq!(clock().moment("2025-10-26 02:30"), Ok(first));
        let second = Moment::At(at("2025-10-26T01:30:00Z"));
        assert_eq!(clock().moment("2025-10-26T02:30:00+01:00"), Ok(second));
    }

    #[test]
    fn the_event_of_a_notice_has_the_year_of_its_publication() {
        let published = Clock::published("2025-08-25 17:44:52 +02:00").unwrap();
        assert_eq!(clock().event("25 augusti 14.28", published), at("2025-08-25T12:28:00Z"));
        let early = Clock::published("2026-01-01 7:02:32 +01:00").unwrap();
        assert_eq!(early, at("2026-01-01T06:02:32Z"));
        assert_eq!(clock().event("31 december 23.50", early), at("2025-12-31T22:50:00Z"));
        assert_eq!(clock().event("1 januari 02.10", early), at("2026-01-01T01:10:00Z"));
    }

    #[test]
    fn a_notice_without_a_time_has_that_of_its_publication() {
        let published = at("2025-03-30T06:00:00Z");
        for headline in
            ["", "Uppdatering", "31 brumaire 10.00", "29 februari 10.00", "30 mars 02.30"]
        {
            assert_eq!(clock().event(headline, published), published, "{headline}");
        }
        assert_eq!(Clock::published("igår"), None);
    }
}
