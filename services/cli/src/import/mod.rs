//! Files of other systems, read into observations. Police notices have a reader of their own; CSV,
//! XLSX, GeoJSON and Open311 become rows of cells, which a mapping turns into observations. Pure:
//! bytes, registry and options go in, rows and faults come out.

mod bad_file;
mod csv;
mod decode;
mod degrees;
mod gather;
mod gazetteer;
mod geojson;
mod mapped;
mod mapping;
mod moment;
mod named;
mod notice_types;
mod open311;
mod polisen;
#[cfg(test)]
mod properties;
mod rows;
#[cfg(test)]
mod sample;
mod xlsx;
mod xml;

use std::fmt;

use samsyn_client::wire as v1;
use samsyn_domain::{
    AreaId, Basis, Coordinates, Credibility, Geography, Level, Reliability, SourceId,
    registry::Category,
};

use crate::output::plain;

pub(crate) use bad_file::BadFile;
pub(crate) use degrees::{point, text as degrees_text};
#[cfg(test)]
pub(crate) use gather::Part;
pub(crate) use gather::{Reading, Sample, Told};
pub(crate) use gazetteer::{Gazetteer, NotPlaced, SHIPPED_GAZETTEER};
pub(crate) use mapped::mapped;
pub(crate) use mapping::Mapping;
pub(crate) use notice_types::{SHIPPED_TYPES, TypeTable};
pub(crate) use open311::SHIPPED_OPEN311;
pub(crate) use polisen::polisen_events;
pub(crate) use rows::Rows;

/// The largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most text in the cells of a file that a mapping reads, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most data rows in a file.
const ROWS_MAX: usize = 100_000;
/// The most columns of a table: as many as a sheet can have.
const COLUMNS_MAX: usize = 16_384;
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
    /// Data rows in the file.
    pub(crate) read: usize,
    /// Rows that say once more what a row before them says.
    pub(crate) again: usize,
    /// Rows in other areas than those asked for.
    pub(crate) elsewhere: usize,
    /// The first rows that go through, beside what they were made from.
    pub(crate) samples: Vec<Sample>,
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
    /// A text that may speak of a person: its owner has to look at it.
    Held,
    /// A text with an identifier of a person, or with characters that hide text.
    Refused,
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

/// The beginning of a cell, in backticks, without what would steer a terminal.
fn quoted(cell: &str) -> String {
    let (start, cut) = match cell.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((end, _)) => (cell.get(..end).unwrap_or_default(), "…"),
        None => (cell, ""),
    };
    format!("`{}{cut}`", plain(start))
}

/// Tells progress now and then, and at the end.
fn tell(done: usize, total: usize, progress: &mut dyn FnMut(usize, usize)) {
    if done == total || done.is_multiple_of(PROGRESS_ROWS) {
        progress(done, total);
    }
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
    fn debug_output_has_no_content() {
        assert!(!format!("{:?}", row("x", 1)).contains("SECRET"));
    }

    #[test]
    fn a_long_cell_is_quoted_in_part() {
        assert_eq!(quoted("kort"), "`kort`");
        assert_eq!(quoted(&"ö".repeat(60)), format!("`{}`", "ö".repeat(60)));
        assert_eq!(quoted(&"ö".repeat(61)), format!("`{}…`", "ö".repeat(60)));
    }

    #[test]
    fn a_cell_that_is_quoted_cannot_steer_the_terminal() {
        assert_eq!(quoted("a\u{1b}[31mb\nc\u{202e}d"), "`a\u{fffd}[31mb c\u{fffd}d`");
    }
}
