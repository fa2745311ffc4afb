//! Files of other systems, read into observations: police notices and CSV. Pure: text, registry
//! and options go in, rows and faults come out.

mod decode;
mod degrees;
mod gazetteer;
mod mapping;
mod moment;
mod notice_types;
mod polisen;
#[cfg(test)]
mod sample;
mod table;

use std::{collections::BTreeMap, fmt};

use samsyn_client::wire as v1;
use samsyn_domain::{
    AreaId, Basis, Coordinates, Credibility, Geography, Level, Reliability, SourceId,
    registry::Category,
};

pub(crate) use degrees::point;
pub(crate) use gazetteer::{Gazetteer, NotPlaced, SHIPPED_GAZETTEER};
pub(crate) use mapping::Mapping;
pub(crate) use notice_types::{SHIPPED_TYPES, TypeTable};
pub(crate) use polisen::polisen_events;
pub(crate) use table::csv;

/// The largest file, in bytes.
const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most data rows in a file.
const ROWS_MAX: usize = 100_000;
/// The longest field, in characters.
const FIELD_CHARACTERS_MAX: usize = 4_000;
/// Progress is told this often, in rows.
const PROGRESS_ROWS: usize = 256;
/// How much of a cell a reason repeats, in characters.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// What a file gave: the good rows go through, the others are listed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Imported {
    /// Ready to publish, in the order of the file; every id stands once.
    pub(crate) rows: Vec<Row>,
    /// In the order of the file.
    pub(crate) faults: Vec<Fault>,
}

/// One observation and the area whose picture it belongs to.
#[derive(Clone, PartialEq)]
pub(crate) struct Row {
    /// The area (stadsdelsområde).
    pub(crate) area: AreaId,
    /// As it is published.
    pub(crate) observation: v1::Observation,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.observation.id, self.area)
    }
}

/// A row that does not go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Which data row, from 1; a header is not counted.
    pub(crate) row: usize,
    /// The column or field, as the file calls it; empty when it is the row as a whole.
    pub(crate) column: String,
    /// What kind of fault, to count by.
    pub(crate) cause: Cause,
    /// One sentence that says what to do. Free text of the file is never repeated.
    pub(crate) reason: String,
}

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// Left out on purpose, by a table or for lying outside the registered areas.
    LeftOut,
    /// Its place is not known, or more than one fits.
    NotPlaced,
    /// A value that cannot be read.
    Unreadable,
}

/// What every row gets that the file does not say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Defaults {
    /// Who may have it and for how long (märkning).
    pub(crate) labels: v1::Labels,
    /// Where the numbers come from. Notices have their own, from the table of types.
    pub(crate) source_kind: SourceId,
    /// A–F, when the source is graded.
    pub(crate) reliability: Option<Reliability>,
    /// 1–6, when the statement is graded.
    pub(crate) credibility: Option<Credibility>,
    /// What the statements rest on. Notices are always facts.
    pub(crate) basis: Basis,
}

impl Defaults {
    /// An observation with nothing but the defaults.
    fn observation(&self) -> v1::Observation {
        v1::Observation {
            basis: i32::from(self.basis.number()),
            source_kind: self.source_kind.to_string(),
            reliability: self.reliability.map(|r| r.grade().to_string()).unwrap_or_default(),
            credibility: self.credibility.map_or(0, |c| u32::from(c.grade())),
            labels: Some(self.labels.clone()),
            ..v1::Observation::default()
        }
    }
}

/// Why a whole file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFile {
    /// Over 32 MiB.
    #[error("the file is larger than 32 MiB; split it")]
    TooLarge,
    /// Over 100,000 rows.
    #[error("the file has more than 100,000 rows; split it")]
    TooManyRows,
    /// Bytes that the encoding does not have.
    #[error("byte {at} of the file is not {encoding}; set `encoding` in the mapping")]
    Encoding {
        /// The encoding that was tried.
        encoding: &'static str,
        /// Which byte, from 0.
        at: usize,
    },
    /// Not the JSON of police notices.
    #[error("the file is no list of notices (line {line}, column {column}); fetch it anew")]
    Notices {
        /// Which line, from 1.
        line: usize,
        /// Which column, from 1.
        column: usize,
    },
    /// The CSV reader lost its way.
    #[error("the file cannot be split into rows after row {row}; check delimiter and quotes")]
    Rows {
        /// The last good data row.
        row: usize,
    },
    /// A column that the mapping names.
    #[error("the header has no column `{column}`; correct the mapping or the header")]
    NoColumn {
        /// Its name.
        column: String,
    },
    /// A column that the mapping names.
    #[error("the header has column `{column}` more than once; rename one of them")]
    ColumnTwice {
        /// Its name.
        column: String,
    },
    /// A configuration file that does not parse.
    #[error("line {line} of the {file}: {message}")]
    Config {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A configuration file that contradicts itself.
    #[error("the {file}: {message}")]
    Contradiction {
        /// Which file.
        file: &'static str,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The time zone data of the program.
    #[error("the program has no time zone data for Europe/Stockholm; build it with that data")]
    NoTimeZone,
}

/// What is wrong with one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    column: String,
    cause: Cause,
    reason: String,
}

impl Wrong {
    fn new(column: &str, cause: Cause, reason: impl Into<String>) -> Self {
        Self { column: column.to_owned(), cause, reason: reason.into() }
    }

    fn unreadable(column: &str, reason: impl Into<String>) -> Self {
        Self::new(column, Cause::Unreadable, reason)
    }

    fn not_placed(column: &str, why: &NotPlaced) -> Self {
        let cause = match why {
            NotPlaced::Elsewhere { .. } => Cause::LeftOut,
            NotPlaced::NoName | NotPlaced::Several { .. } | NotPlaced::Unregistered { .. } => {
                Cause::NotPlaced
            }
        };
        Self::new(column, cause, why.to_string())
    }
}

/// Gathers rows and faults; one id stands for one observation.
#[derive(Debug, Default)]
struct Gathered {
    imported: Imported,
    seen: BTreeMap<String, (usize, usize)>,
}

impl Gathered {
    fn row(&mut self, row: usize, id_column: &str, new: Row) {
        let next = self.imported.rows.len();
        let first = self.seen.get(&new.observation.id).copied();
        let Some((first_row, index)) = first else {
            self.seen.insert(new.observation.id.clone(), (row, next));
            self.imported.rows.push(new);
            return;
        };
        if self.imported.rows.get(index) == Some(&new) {
            return;
        }
        let id = quoted(&new.observation.id);
        let reason = format!("id {id} stands in row {first_row} with other content; keep one");
        self.wrong(row, Wrong::unreadable(id_column, reason));
    }

    fn wrong(&mut self, row: usize, wrong: Wrong) {
        let Wrong { column, cause, reason } = wrong;
        self.imported.faults.push(Fault { row, column, cause, reason });
    }
}

/// Where an observation is: exact coordinates, when it has them, else its geography. A category
/// whose findings are of whole areas is sensitive, and carries nothing finer.
fn location(
    category: &Category,
    geography: Geography,
    exact: Option<Coordinates>,
) -> (AreaId, v1::observation::Location) {
    use v1::observation::Location;
    let Geography { area, sub_area, place } = geography;
    let location = match (exact, place, sub_area) {
        _ if category.geography == Level::District => Location::AreaId(area.to_string()),
        (Some(Coordinates { lat_e7, lon_e7 }), ..) => {
            Location::Coordinates(v1::Coordinates { lat_e7, lon_e7 })
        }
        (None, Some(place), _) => Location::PlaceId(place.to_string()),
        (None, None, Some(part)) => Location::SubAreaId(part.to_string()),
        (None, None, None) => Location::AreaId(area.to_string()),
    };
    (area, location)
}

/// The beginning of a cell, in backticks.
fn quoted(cell: &str) -> String {
    let mut start: String = cell.chars().take(QUOTED_CHARACTERS_MAX).collect();
    if start.len() < cell.len() {
        start.push('…');
    }
    format!("`{start}`")
}

/// Tells progress now and then, and at the end.
fn tell(done: usize, total: usize, progress: &mut dyn FnMut(usize, usize)) {
    if done == total || done.is_multiple_of(PROGRESS_ROWS) {
        progress(done, total);
    }
}

/// Parses a configuration file; `file` is its name in messages.
fn config<T: serde::de::DeserializeOwned>(file: &'static str, text: &str) -> Result<T, BadFile> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        let message = error.message().to_owned();
        BadFile::Config { file, line: before.saturating_add(1), message }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, count: u32) -> Row {
        let observation = v1::Observation {
            id: id.into(),
            count: Some(count),
            note: "SECRET".into(),
            ..v1::Observation::default()
        };
        Row { area: AreaId::parse("a").unwrap(), observation }
    }

    #[test]
    fn equal_rows_collapse_and_unequal_ones_of_one_id_are_listed() {
        let mut gathered = Gathered::default();
        for (number, count) in [(1, 1), (2, 1), (3, 2)] {
            gathered.row(number, "Nr", row("x", count));
        }
        let Imported { rows, faults } = gathered.imported;
        assert_eq!(rows, [row("x", 1)]);
        assert_eq!(faults.len(), 1);
        assert_eq!((faults[0].row, faults[0].column.as_str()), (3, "Nr"));
        assert_eq!(faults[0].reason, "id `x` stands in row 1 with other content; keep one");
    }

    #[test]
    fn debug_output_has_no_content() {
        assert!(!format!("{:?}", row("x", 1)).contains("SECRET"));
    }

    #[test]
    fn a_bad_configuration_names_its_line() {
        let bad = config::<BTreeMap<String, u8>>("mapping", "a = 1\nb = x\n").unwrap_err();
        assert!(matches!(bad, BadFile::Config { line: 2, .. }), "{bad}");
    }

    #[test]
    fn a_long_cell_is_quoted_in_part() {
        assert_eq!(quoted("kort"), "`kort`");
        assert_eq!(quoted(&"ö".repeat(70)), format!("`{}…`", "ö".repeat(60)));
    }
}
