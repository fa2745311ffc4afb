//! How the columns of one source's files become observations: a file per source.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{BadFile, bad_file::config, decode::Encoding, gather::Part};

const FILE: &str = "mapping";
/// How long an event lasts when nothing else says so, in minutes.
const MINUTES: u32 = 60;
/// The longest that one may last, in minutes: a year.
const MINUTES_MAX: u32 = 527_040;

/// The mapping of one source (kolumnmappning). `config/import/mapping-example.toml` explains it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
pub(crate) struct Mapping {
    #[serde(default = "semicolon")]
    pub(super) delimiter: char,
    #[serde(default)]
    pub(super) encoding: Encoding,
    pub(super) id: Id,
    pub(super) category: Field,
    pub(super) place: Option<Place>,
    pub(super) position: Option<Position>,
    pub(super) time: Time,
    pub(super) count: Option<Field>,
    pub(super) severity: Option<Field>,
    pub(super) trend: Option<Field>,
    pub(super) note: Option<Note>,
}

/// Where the id of an observation comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an id with `column` or `hash_of`")]
pub(super) struct Id {
    pub(super) column: Option<String>,
    #[serde(default)]
    pub(super) hash_of: Vec<String>,
    #[serde(default)]
    pub(super) prefix: String,
}

/// A value from a column, translated, or one for all rows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a value with `column` or `constant`")]
pub(super) struct Field {
    pub(super) column: Option<String>,
    pub(super) or_column: Option<String>,
    pub(super) constant: Option<Scalar>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, Scalar>,
    #[serde(default)]
    pub(super) left_out: Vec<String>,
}

/// A text or a number in a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a text or a whole number")]
pub(super) enum Scalar {
    Number(u32),
    Text(String),
}

impl Scalar {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The column of the place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a place with `column` and `by`")]
pub(super) struct Place {
    pub(super) column: String,
    pub(super) by: By,
    #[serde(default)]
    pub(super) after_position: bool,
}

/// How a place is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    /// A registered id of a place, sub-area or area.
    Id,
    /// A name that the gazetteer knows.
    Name,
}

/// The columns of WGS 84 coordinates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a position with `lat` and `lon`")]
pub(super) struct Position {
    pub(super) lat: String,
    pub(super) lon: String,
}

/// The columns of the time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a time with `timestamp` or `date`")]
pub(super) struct Time {
    pub(super) timestamp: Option<String>,
    pub(super) date: Option<String>,
    pub(super) time: Option<String>,
    pub(super) ends: Option<String>,
    #[serde(default = "an_hour")]
    pub(super) minutes: u32,
}

/// The column of the note.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a note with `column`")]
pub(super) struct Note {
    pub(super) column: String,
}

impl Mapping {
    /// Parses a mapping.
    ///
    /// # Errors
    /// When it does not parse or contradicts itself.
    pub(crate) fn parse(text: &str) -> Result<Self, BadFile> {
        let mapping: Self = config(FILE, text)?;
        match mapping.contradiction() {
            None => Ok(mapping),
            Some(message) => Err(BadFile::Contradiction { file: FILE, message: message.into() }),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let one_of = |field: &Field| field.column.is_some() != field.constant.is_some();
        let optional = |field: &Option<Field>| field.as_ref().is_none_or(one_of);
        let second = |field: &Field| field.or_column.is_none() || field.column.is_some();
        let after = self.place.as_ref().is_some_and(|place| place.after_position);
        let ordered = !after || self.position.is_some();
        let Time { timestamp, date, time, minutes, .. } = &self.time;
        let checks = [
            (
                self.delimiter.is_ascii() && self.delimiter != '"',
                "`delimiter` must be one ASCII character",
            ),
            (
                self.id.column.is_some() == self.id.hash_of.is_empty(),
                "`id` needs either `column` or `hash_of`",
            ),
            (one_of(&self.category), "`category` needs either `column` or `constant`"),
            (optional(&self.count), "`count` needs either `column` or `constant`"),
            (optional(&self.severity), "`severity` needs either `column` or `constant`"),
            (optional(&self.trend), "`trend` needs either `column` or `constant`"),
            (second(&self.category), "`or_column` needs `column`"),
            (
                [&self.count, &self.severity, &self.trend].into_iter().flatten().all(second),
                "`or_column` needs `column`",
            ),
            (ordered, "`place.after_position` needs `position`"),
            (self.place.is_some() || self.position.is_some(), "give `place` or `position`"),
            (timestamp.is_some() != date.is_some(), "`time` needs either `timestamp` or `date`"),
            (time.is_none() || date.is_some(), "`time.time` needs `time.date`"),
            ((1..=MINUTES_MAX).contains(minutes), "`time.minutes` must be 1–527040"),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, message)| message)
    }

    /// What it fills, and from which columns.
    pub(super) fn parts(&self) -> [(Part, Vec<&str>); 8] {
        let Time { timestamp, date, time, ends, .. } = &self.time;
        let place = self.place.iter().map(|place| &place.column);
        let position = self.position.iter().flat_map(|position| [&position.lat, &position.lon]);
        [
            (Part::Id, names(self.id.column.iter().chain(&self.id.hash_of))),
            (Part::Category, self.category.columns()),
            (Part::Location, names(place.chain(position))),
            (Part::Time, names([timestamp, date, time, ends].into_iter().flatten())),
            (Part::Count, self.count.as_ref().map_or(Vec::new(), Field::columns)),
            (Part::Severity, self.severity.as_ref().map_or(Vec::new(), Field::columns)),
            (Part::Trend, self.trend.as_ref().map_or(Vec::new(), Field::columns)),
            (Part::Note, names(self.note.iter().map(|note| &note.column))),
        ]
    }

    /// All columns that it reads; one may stand twice.
    pub(super) fn columns(&self) -> Vec<&str> {
        self.parts().into_iter().flat_map(|(_, columns)| columns).collect()
    }
}

impl Field {
    fn columns(&self) -> Vec<&str> {
        names(self.column.iter().chain(&self.or_column))
    }
}

fn names<'a>(all: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    all.map(String::as_str).collect()
}

const fn semicolon() -> char {
    ';'
}

const fn an_hour() -> u32 {
    MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../config/import/mapping-example.toml");

    #[test]
    fn the_documented_example_is_a_mapping() {
        let mapping = Mapping::parse(EXAMPLE).unwrap();
        assert!(mapping.columns().contains(&"Plats"));
        assert!(mapping.columns().contains(&"Klockslag"));
    }

    #[test]
    fn a_mapping_that_contradicts_itself_is_refused() {
        for (from, to, message) in [
            ("id = { column =", "id = { hash_of = [\"A\"], column =", "`id` needs either"),
            ("category = { column = \"Typ\"", "category = { values = {}, left_out = []", "either"),
            ("date = \"Datum\", ", "", "`time` needs"),
            ("delimiter = \";\"", "delimiter = \"–\"", "ASCII"),
            ("minutes = 60", "minutes = 0", "1–527040"),
            ("column = \"Typ\"", "constant = \"graffiti\", or_column = \"Typ\"", "`or_column`"),
            ("by = \"name\"", "by = \"name\", after_position = true", "`place.after_position`"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let bad = Mapping::parse(&SMALL.replace(from, to)).unwrap_err().to_string();
            assert!(bad.contains(message), "{bad}");
        }
    }

    const SMALL: &str = "
        delimiter = \";\"
        id = { column = \"Nr\" }
        category = { column = \"Typ\" }
        place = { column = \"Plats\", by = \"name\" }
        time = { date = \"Datum\", minutes = 60 }
    ";

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let bad = Mapping::parse("encodin = \"utf-8\"").unwrap_err().to_string();
        assert!(bad.starts_with("line 1 of the mapping: unknown field `encodin`"), "{bad}");
    }
}
