//! CSV files of other systems, by a mapping.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use samsyn_client::wire as v1;
use samsyn_domain::{
    CategoryId, Coordinates, Geography, NOTE_CHARACTERS_MAX, ObservationId, Severity, Trend,
    registry::Category,
};

use super::{
    BadFile, Cause, Defaults, FIELD_CHARACTERS_MAX, Gathered, Gazetteer, Imported, Mapping,
    ROWS_MAX, Row, Wrong,
    decode::decode,
    degrees, location,
    mapping::{By, Field, Place, Position},
    moment::{Clock, Moment},
    quoted, tell,
};

/// Reads a CSV file into observations. `progress` is told the rows done and all rows.
///
/// # Errors
/// When the file is too large, is not in the mapping's encoding, does not split into rows, or has
/// not the columns that the mapping names.
pub(crate) fn csv(
    text: &[u8],
    mapping: &Mapping,
    gazetteer: &Gazetteer,
    defaults: &Defaults,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, BadFile> {
    let text = decode(text, mapping.encoding)?;
    let (header, records) = split(&text, mapping)?;
    let reader = Reader { mapping, gazetteer, defaults, clock: Clock::stockholm()?, header };
    let total = records.len();
    let mut gathered = Gathered::default();
    for (number, record) in (1..).zip(&records) {
        if !record.iter().all(|cell| cell.trim().is_empty()) {
            match reader.row(record) {
                Ok(row) => gathered.row(number, reader.id_column(), row),
                Err(wrongs) => wrongs.into_iter().for_each(|wrong| gathered.wrong(number, wrong)),
            }
        }
        tell(number, total, progress);
    }
    Ok(gathered.imported)
}

/// Which column stands where.
struct Header {
    columns: BTreeMap<String, usize>,
    width: usize,
}

/// The header and all data rows; blank lines are no rows.
fn split(text: &str, mapping: &Mapping) -> Result<(Header, Vec<::csv::StringRecord>), BadFile> {
    let delimiter = u8::try_from(mapping.delimiter).unwrap_or(b';');
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|_| BadFile::Rows { row: 0 })?.clone();
    let mut columns = BTreeMap::new();
    let mut twice = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if columns.insert(name.trim().to_owned(), index).is_some() {
            twice.push(name.trim());
        }
    }
    for column in mapping.columns() {
        let column = column.to_owned();
        if !columns.contains_key(&column) {
            return Err(BadFile::NoColumn { column });
        }
        if twice.contains(&column.as_str()) {
            return Err(BadFile::ColumnTwice { column });
        }
    }
    let mut records = Vec::new();
    for record in reader.records() {
        if records.len() == ROWS_MAX {
            return Err(BadFile::TooManyRows);
        }
        records.push(record.map_err(|_| BadFile::Rows { row: records.len() })?);
    }
    Ok((Header { columns, width: names.len() }, records))
}

struct Reader<'a> {
    mapping: &'a Mapping,
    gazetteer: &'a Gazetteer,
    defaults: &'a Defaults,
    clock: Clock,
    header: Header,
}

impl Reader<'_> {
    /// The observation of a row, or all that is wrong with it.
    fn row(&self, record: &::csv::StringRecord) -> Result<Row, Vec<Wrong>> {
        let cells = Cells { header: &self.header, record };
        cells.check().map_err(|wrong| vec![wrong])?;
        let mapping = self.mapping;
        let mut wrongs = Vec::new();
        let category = keep(self.category(&cells), &mut wrongs);
        if wrongs.iter().any(|wrong| wrong.cause == Cause::LeftOut) {
            return Err(wrongs);
        }
        let id = keep(self.id(&cells), &mut wrongs);
        let place = keep(self.place(&cells), &mut wrongs);
        let time = keep(self.time(&cells), &mut wrongs);
        let count = keep(number(&cells, mapping.count.as_ref()), &mut wrongs);
        let severity = keep(severity(&cells, mapping.severity.as_ref()), &mut wrongs);
        let trend = keep(trend(&cells, mapping.trend.as_ref()), &mut wrongs);
        let note = keep(self.note(&cells), &mut wrongs);
        let (Some(id), Some(category), Some((geography, exact)), Some((start, end))) =
            (id, category, place, time)
        else {
            return Err(wrongs);
        };
        if !wrongs.is_empty() {
            return Err(wrongs);
        }
        let (area, place) = location(category, geography, exact);
        let observation = v1::Observation {
            id: id.to_string(),
            category: category.id.to_string(),
            location: Some(place),
            starts_at: Some(std::time::SystemTime::from(start).into()),
            ends_at: Some(std::time::SystemTime::from(end).into()),
            count: count.flatten(),
            severity: severity.flatten(),
            trend: i32::from(trend.flatten().map_or(0, Trend::number)),
            note: note.unwrap_or_default(),
            ..self.defaults.observation()
        };
        Ok(Row { area, observation })
    }

    /// Which column to name when the id is at fault.
    fn id_column(&self) -> &str {
        self.mapping.id.column.as_deref().unwrap_or("id")
    }

    fn id(&self, cells: &Cells<'_>) -> Result<ObservationId, Wrong> {
        let id = &self.mapping.id;
        let own = match &id.column {
            Some(column) => cells.required(column)?.to_owned(),
            None => hash(id.hash_of.iter().map(|column| cells.cell(column))),
        };
        ObservationId::parse(&format!("{}{own}", id.prefix)).map_err(|bad| {
            Wrong::unreadable(self.id_column(), format!("the id {} {bad}", quoted(&own)))
        })
    }

    fn category(&self, cells: &Cells<'_>) -> Result<&Category, Wrong> {
        let field = &self.mapping.category;
        let column = field.column.as_deref().unwrap_or("category");
        let code = cells
            .value(Some(field))?
            .ok_or_else(|| Wrong::unreadable(column, "the category is empty; give one"))?;
        let id = CategoryId::parse(&code).ok();
        let registered = id.and_then(|id| self.gazetteer.registry().category(&id));
        registered.ok_or_else(|| {
            let code = quoted(&code);
            let reason =
                format!("{code} is no registered category; add it to the mapping's `values`");
            Wrong::unreadable(column, reason)
        })
    }

    /// The place's column, else the coordinates.
    fn place(&self, cells: &Cells<'_>) -> Result<(Geography, Option<Coordinates>), Wrong> {
        let Mapping { place, position, .. } = self.mapping;
        let named = place.as_ref().map(|Place { column, by }| (column, *by, cells.cell(column)));
        match (named, position) {
            (Some((column, By::Name, cell)), _) if !cell.is_empty() => {
                let geography = self.gazetteer.of_name(cell);
                let geography = geography.map_err(|why| Wrong::not_placed(column, &why))?;
                Ok((geography, None))
            }
            (Some((column, By::Id, cell)), _) if !cell.is_empty() => {
                let geography = self.gazetteer.geography(cell).ok_or_else(|| {
                    let cell = quoted(cell);
                    let reason = format!("{cell} is no registered place; give a registered id");
                    Wrong::new(column, Cause::NotPlaced, reason)
                })?;
                Ok((geography, None))
            }
            (_, Some(position)) => self.position(position, cells),
            (named, None) => {
                let column = named.map_or("place", |(column, ..)| column);
                Err(Wrong::new(column, Cause::NotPlaced, "the place is empty; give one"))
            }
        }
    }

    fn position(
        &self,
        Position { lat, lon }: &Position,
        cells: &Cells<'_>,
    ) -> Result<(Geography, Option<Coordinates>), Wrong> {
        let at = degrees::point(cells.required(lat)?, cells.required(lon)?).ok_or_else(|| {
            let reason = "the position is no pair of decimal degrees; write it as `59.3293`";
            Wrong::unreadable(lat, reason)
        })?;
        let geography = self.gazetteer.at(at).ok_or_else(|| {
            let reason = "the position lies in no registered area; leave the row out";
            Wrong::new(lat, Cause::NotPlaced, reason)
        })?;
        Ok((geography, Some(at)))
    }

    fn time(&self, cells: &Cells<'_>) -> Result<(Timestamp, Timestamp), Wrong> {
        let time = &self.mapping.time;
        let (column, moment) = match (&time.timestamp, &time.date) {
            (Some(column), _) => (column, self.clock.moment(cells.required(column)?)),
            (None, date) => {
                let column = date.as_deref().unwrap_or("date");
                let of_day = time.time.as_deref().map_or("", |column| cells.cell(column));
                let moment = self.clock.date_and_time(cells.required(column)?, of_day);
                (&column.to_owned(), moment)
            }
        };
        let moment = moment.map_err(|reason| Wrong::unreadable(column, reason))?;
        let start = moment.start();
        if let Some(column) = &time.ends
            && let cell = cells.cell(column)
            && !cell.is_empty()
        {
            let end =
                self.clock.moment(cell).map_err(|why| Wrong::unreadable(column, why))?.until();
            let reason = "the end is not after the start; correct it";
            return if end > start {
                Ok((start, end))
            } else {
                Err(Wrong::unreadable(column, reason))
            };
        }
        let end = match moment {
            Moment::Within(_, end) => end,
            Moment::At(start) => {
                let lasts = SignedDuration::from_mins(i64::from(time.minutes));
                start.saturating_add(lasts).unwrap_or(start)
            }
        };
        Ok((start, end))
    }

    fn note(&self, cells: &Cells<'_>) -> Result<String, Wrong> {
        let Some(note) = &self.mapping.note else { return Ok(String::new()) };
        let cell = cells.cell(&note.column);
        if cell.chars().count() <= NOTE_CHARACTERS_MAX {
            return Ok(cell.to_owned());
        }
        Err(Wrong::unreadable(&note.column, "the note is longer than 500 characters; shorten it"))
    }
}

/// The cells of a row, by column.
struct Cells<'a> {
    header: &'a Header,
    record: &'a ::csv::StringRecord,
}

impl<'a> Cells<'a> {
    fn check(&self) -> Result<(), Wrong> {
        let (has, needs) = (self.record.len(), self.header.width);
        let beyond = self.record.iter().skip(needs).any(|cell| !cell.trim().is_empty());
        if has < needs || beyond {
            let reason = format!(
                "the row has {has} fields, the header {needs}; quote fields that hold the delimiter"
            );
            return Err(Wrong::unreadable("", reason));
        }
        let long = |cell: &str| {
            cell.len() > FIELD_CHARACTERS_MAX && cell.chars().count() > FIELD_CHARACTERS_MAX
        };
        let Some(index) = self.record.iter().position(long) else { return Ok(()) };
        let column = self.header.columns.iter().find(|(_, at)| **at == index);
        let column = column.map_or("", |(name, _)| name.as_str());
        Err(Wrong::unreadable(column, "the field is longer than 4,000 characters; shorten it"))
    }

    fn cell(&self, column: &str) -> &'a str {
        let index = self.header.columns.get(column);
        index.and_then(|index| self.record.get(*index)).unwrap_or_default().trim()
    }

    fn required(&self, column: &str) -> Result<&'a str, Wrong> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return Err(Wrong::unreadable(column, "the field is empty; fill it in"));
        }
        Ok(cell)
    }

    /// A translated cell or the constant; `None` when the cell is empty.
    fn value(&self, field: Option<&Field>) -> Result<Option<String>, Wrong> {
        let Some(field) = field else { return Ok(None) };
        let Some(column) = &field.column else {
            return Ok(field.constant.as_ref().map(super::mapping::Scalar::text));
        };
        let cell = self.cell(column);
        if cell.is_empty() {
            return Ok(None);
        }
        let folded = cell.to_lowercase();
        if field.left_out.iter().any(|value| value.to_lowercase() == folded) {
            let cell = quoted(cell);
            let reason = format!("{cell} is left out; change the mapping to take it in");
            return Err(Wrong::new(column, Cause::LeftOut, reason));
        }
        if field.values.is_empty() {
            return Ok(Some(cell.to_owned()));
        }
        let found = field.values.iter().find(|(value, _)| value.to_lowercase() == folded);
        let reason = || format!("{} is not in the mapping's `values`; add it", quoted(cell));
        let (_, to) = found.ok_or_else(|| Wrong::unreadable(column, reason()))?;
        Ok(Some(to.text()))
    }
}

fn keep<T>(result: Result<T, Wrong>, wrongs: &mut Vec<Wrong>) -> Option<T> {
    result.map_err(|wrong| wrongs.push(wrong)).ok()
}

fn column<'a>(field: Option<&'a Field>, otherwise: &'a str) -> &'a str {
    field.and_then(|field| field.column.as_deref()).unwrap_or(otherwise)
}

fn number(cells: &Cells<'_>, field: Option<&Field>) -> Result<Option<u32>, Wrong> {
    let Some(text) = cells.value(field)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let reason = format!("{} is no whole number; correct it or leave it empty", quoted(&text));
        Wrong::unreadable(column(field, "count"), reason)
    })
}

fn severity(cells: &Cells<'_>, field: Option<&Field>) -> Result<Option<u32>, Wrong> {
    let Some(text) = cells.value(field)? else { return Ok(None) };
    let grade = text.parse().ok().and_then(Severity::of);
    grade.map(|grade| Some(u32::from(grade.grade()))).ok_or_else(|| {
        let reason = format!("{} is no severity; give 1–5 or add it to `values`", quoted(&text));
        Wrong::unreadable(column(field, "severity"), reason)
    })
}

fn trend(cells: &Cells<'_>, field: Option<&Field>) -> Result<Option<Trend>, Wrong> {
    let Some(text) = cells.value(field)? else { return Ok(None) };
    let trends = [Trend::Down, Trend::Flat, Trend::Up];
    trends.into_iter().find(|trend| trend.as_str() == text).map(Some).ok_or_else(|| {
        let reason = format!("{} is no trend; give down, flat or up", quoted(&text));
        Wrong::unreadable(column(field, "trend"), reason)
    })
}

/// FNV-1a of 128 bits over cells and their lengths, in hexadecimal. It need not withstand an
/// attacker: a publisher names its own rows, and two unequal rows of one id are refused.
fn hash<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mix = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    let hash = cells.fold(BASIS, |hash, cell| {
        let length = u64::try_from(cell.len()).unwrap_or(u64::MAX).to_be_bytes();
        length.into_iter().chain(cell.bytes()).fold(hash, mix)
    });
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests;
