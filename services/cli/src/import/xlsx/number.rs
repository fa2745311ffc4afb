//! Numbers of cells as text: plain, or as the date and time that the cell shows.

use jiff::{Span, civil::Date};

const SECONDS_A_DAY: i64 = 86_400;
/// The day 0 of both ways to count days. That of 1900 is right from March 1900 on: the format has a
/// 29 February in that year.
const DAY_0_OF_1900: Date = jiff::civil::date(1899, 12, 30);
const DAY_0_OF_1904: Date = jiff::civil::date(1904, 1, 1);

/// How a cell shows a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Format {
    /// As a number.
    Plain,
    /// As a date.
    Date,
    /// As a time of day.
    Time,
    /// As both.
    DateTime,
}

impl Format {
    /// Of a number format that every workbook has (ISO/IEC 29500-1, 18.8.30).
    pub(super) const fn built_in(id: u32) -> Self {
        match id {
            14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 => Self::Date,
            18..=21 | 32..=35 | 45..=47 | 55 | 56 => Self::Time,
            22 => Self::DateTime,
            _ => Self::Plain,
        }
    }

    /// Of a code, as `yyyy\-mm\-dd hh:mm`.
    pub(super) fn of_code(code: &str) -> Self {
        let (mut date, mut time, mut month) = (false, false, false);
        let mut rest = code.chars();
        while let Some(c) = rest.next() {
            match c.to_ascii_lowercase() {
                '"' => drop(rest.by_ref().find(|c| *c == '"')),
                '\\' | '_' | '*' => drop(rest.next()),
                // A colour, a currency, or elapsed time in brackets.
                '[' => {
                    let inside: String = rest.by_ref().take_while(|c| *c != ']').collect();
                    let elapsed = !inside.is_empty()
                        && inside.chars().all(|c| matches!(c, 'h' | 'm' | 's' | 'H' | 'M' | 'S'));
                    time |= elapsed;
                }
                ';' => break,
                'y' | 'd' => date = true,
                'h' | 's' => time = true,
                'm' => month = true,
                _ => {}
            }
        }
        match (date || (month && !time), time) {
            (false, false) => Self::Plain,
            (true, false) => Self::Date,
            (false, true) => Self::Time,
            (true, true) => Self::DateTime,
        }
    }

    /// The text of a number in a cell of this format; as it stands when it is no number, or no
    /// date that can be.
    pub(super) fn text(self, value: &str, from_1904: bool) -> String {
        let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let Some(number) = number else { return value.to_owned() };
        let shown = match self {
            Self::Plain => None,
            Self::Date | Self::Time | Self::DateTime => self.moment(number, from_1904),
        };
        shown.unwrap_or_else(|| number.to_string())
    }

    fn moment(self, number: f64, from_1904: bool) -> Option<String> {
        // Whole seconds, by way of text: no cast can be wrong.
        let seconds: i64 = format!("{:.0}", number * 86_400.0).parse().ok()?;
        let (days, of_day) = (seconds.div_euclid(SECONDS_A_DAY), seconds.rem_euclid(SECONDS_A_DAY));
        let (minutes, second) = (of_day / 60, of_day % 60);
        let time = format!("{:02}:{:02}:{second:02}", minutes / 60, minutes % 60);
        if self == Self::Time {
            return Some(time);
        }
        let day_0 = if from_1904 { DAY_0_OF_1904 } else { DAY_0_OF_1900 };
        let date = day_0.checked_add(Span::new().try_days(days).ok()?).ok()?;
        match self {
            Self::Plain | Self::Time => None,
            Self::Date => Some(date.to_string()),
            Self::DateTime => Some(format!("{date} {time}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_is_shown() {
        for (code, format) in [
            ("General", Format::Plain),
            ("0.00E+00", Format::Plain),
            ("#,##0\\ \"dagar\"", Format::Plain),
            ("[Red]0;[Blue]\\-0", Format::Plain),
            ("_-* #,##0.00\\ _k_r_-", Format::Plain),
            ("yyyy\\-mm\\-dd", Format::Date),
            ("[$-41D]d mmmm yyyy", Format::Date),
            ("mmm", Format::Date),
            ("hh:mm", Format::Time),
            ("[h]:mm:ss", Format::Time),
            ("h:mm AM/PM", Format::Time),
            ("yyyy-mm-dd hh:mm", Format::DateTime),
            ("d/m/yyyy\\ \"kl.\"\\ h:mm", Format::DateTime),
        ] {
            assert_eq!(Format::of_code(code), format, "{code}");
        }
        assert_eq!(Format::built_in(14), Format::Date);
        assert_eq!(Format::built_in(22), Format::DateTime);
        assert_eq!(Format::built_in(2), Format::Plain);
    }

    #[test]
    fn days_become_dates_to_the_second() {
        for (format, value, text) in [
            (Format::Date, "45901", "2025-09-01"),
            (Format::DateTime, "45901.34375", "2025-09-01 08:15:00"),
            (Format::DateTime, "45901", "2025-09-01 00:00:00"),
            (Format::DateTime, "45901.999999999", "2025-09-02 00:00:00"),
            (Format::DateTime, "45901.3958333333", "2025-09-01 09:30:00"),
            (Format::Time, "0.34375", "08:15:00"),
            (Format::Date, "61", "1900-03-01"),
            (Format::Date, "1e300", "1000"),
            (Format::Plain, "1001.0", "1001"),
            (Format::Plain, "59.3634", "59.3634"),
            (Format::Plain, "NaN", "NaN"),
            (Format::Date, "igår", "igår"),
        ] {
            assert!(format.text(value, false).starts_with(text), "{value}");
        }
        assert_eq!(Format::Date.text("44439", true), "2025-09-01");
    }
}
