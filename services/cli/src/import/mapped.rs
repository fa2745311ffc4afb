//! Rows of cells into observations, by a mapping.

use jiff::{SignedDuration, Timestamp};
use samsyn_client::wire as v1;
use samsyn_domain::{
    COUNT_MAX, CategoryId, Coordinates, Geography, NOTE_CHARACTERS_MAX, ObservationId,
    SPAN_SECONDS_MAX, Severity, Trend, registry::Category,
};

use super::{
    BadFile, Cause, Imported, Mapping, Reading, Row, Rows, Wrong, degrees,
    gather::{Gathered, Origin, Texts},
    location,
    mapping::{By, Field, Place, Position},
    moment::{Clock, Moment},
    quoted,
    rows::Cells,
    tell,
};

const SPAN_MICROSECONDS_MAX: i64 = SPAN_SECONDS_MAX * 1_000_000;

/// Makes observations of rows, by the mapping that they were read with. `progress` is told the
/// rows done and all rows.
///
/// # Errors
/// When the program has no time zone data.
pub(crate) fn mapped(
    rows: &Rows,
    mapping: &Mapping,
    reading: Reading<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, BadFile> {
    let reader = Reader { mapping, reading, clock: Clock::stockholm()? };
    let mut gathered = Gathered::new(reading);
    for (done, (number, cells)) in (1..).zip(rows.iter()) {
        let read = match cells {
            Ok(cells) => reader.row(cells).map(|row| (row, cells)),
            Err(wrong) => Err(vec![wrong.clone()]),
        };
        match read {
            Ok((row, cells)) => {
                gathered.row(number, reader.texts(), row, || reader.origins(cells));
            }
            Err(wrongs) => gathered.wrong(number, wrongs),
        }
        tell(done, rows.len(), progress);
    }
    Ok(gathered.done())
}

struct Reader<'a> {
    mapping: &'a Mapping,
    reading: Reading<'a>,
    clock: Clock,
}

impl Reader<'_> {
    /// The observation of a row, or all that is wrong with it.
    fn row(&self, cells: Cells<'_>) -> Result<Row, Vec<Wrong>> {
        let mapping = self.mapping;
        let mut wrongs = Vec::new();
        let category = keep(self.category(cells), &mut wrongs);
        if wrongs.iter().any(|wrong| wrong.cause == Cause::LeftOut) {
            return Err(wrongs);
        }
        let id = keep(self.id(cells), &mut wrongs);
        let place = keep(self.place(cells), &mut wrongs);
        let time = keep(self.time(cells), &mut wrongs);
        let count = keep(number(cells, mapping.count.as_ref()), &mut wrongs);
        let severity = keep(severity(cells, mapping.severity.as_ref()), &mut wrongs);
        let trend = keep(trend(cells, mapping.trend.as_ref()), &mut wrongs);
        let note = keep(self.note(cells), &mut wrongs);
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
            ..self.reading.defaults.observation()
        };
        Ok(Row { area, observation })
    }

    /// Which columns to name when a text is at fault.
    fn texts(&self) -> Texts<'_> {
        let note = self.mapping.note.as_ref().map_or("note", |note| note.column.as_str());
        Texts { id: self.id_column(), note }
    }

    /// What each part of an observation is read from.
    fn origins<'b>(&'b self, cells: Cells<'b>) -> Vec<Origin<'b>> {
        let with = |column: &'b str| (column, cells.cell(column));
        let parts = self.mapping.parts().into_iter();
        parts.map(|(part, columns)| (part, columns.into_iter().map(with).collect())).collect()
    }

    /// Which column to name when the id is at fault.
    fn id_column(&self) -> &str {
        self.mapping.id.column.as_deref().unwrap_or("id")
    }

    fn id(&self, cells: Cells<'_>) -> Result<ObservationId, Wrong> {
        let id = &self.mapping.id;
        let own = match &id.column {
            Some(column) => cells.required(column)?.to_owned(),
            None => hash(id.hash_of.iter().map(|column| cells.cell(column))),
        };
        ObservationId::parse(&format!("{}{own}", id.prefix)).map_err(|bad| {
            Wrong::unreadable(self.id_column(), format!("the id {} {bad}", quoted(&own)))
        })
    }

    fn category(&self, cells: Cells<'_>) -> Result<&Category, Wrong> {
        let field = &self.mapping.category;
        let column = field.column.as_deref().unwrap_or("category");
        let code = value(cells, Some(field))?
            .ok_or_else(|| Wrong::unreadable(column, "the category is empty; give one"))?;
        let id = CategoryId::parse(&code).ok();
        let registered = id.and_then(|id| self.reading.gazetteer.registry().category(&id));
        registered.ok_or_else(|| {
            let code = quoted(&code);
            let reason =
                format!("{code} is no registered category; add it to the mapping's `values`");
            Wrong::unreadable(column, reason)
        })
    }

    /// The place's column, else the coordinates; or in the other order.
    fn place(&self, cells: Cells<'_>) -> Result<(Geography, Option<Coordinates>), Wrong> {
        let Mapping { place, position, .. } = self.mapping;
        let filled = |column: &str| !cells.cell(column).is_empty();
        let located = position.as_ref().filter(|at| filled(&at.lat) || filled(&at.lon));
        let position_first = place.as_ref().is_some_and(|place| place.after_position);
        let named = place.as_ref().filter(|place| filled(&place.column));
        match (named, position) {
            (Some(place), _) if !position_first || located.is_none() => self.named(place, cells),
            (_, Some(position)) => self.position(position, cells),
            (_, None) => {
                let column = place.as_ref().map_or("place", |place| place.column.as_str());
                Err(Wrong::new(column, Cause::NotPlaced, "the place is empty; give one"))
            }
        }
    }

    fn named(
        &self,
        Place { column, by, .. }: &Place,
        cells: Cells<'_>,
    ) -> Result<(Geography, Option<Coordinates>), Wrong> {
        let cell = cells.cell(column);
        let geography = match by {
            By::Name => {
                let geography = self.reading.gazetteer.of_name(cell);
                geography.map_err(|why| Wrong::not_placed(column, &why))?
            }
            By::Id => self.reading.gazetteer.geography(cell).ok_or_else(|| {
                let cell = quoted(cell);
                let reason = format!("{cell} is no registered place; give a registered id");
                Wrong::new(column, Cause::NotPlaced, reason)
            })?,
        };
        Ok((geography, None))
    }

    fn position(
        &self,
        Position { lat, lon }: &Position,
        cells: Cells<'_>,
    ) -> Result<(Geography, Option<Coordinates>), Wrong> {
        let at = degrees::point(cells.required(lat)?, cells.required(lon)?).ok_or_else(|| {
            let reason = "the position is no pair of decimal degrees; write it as `59.3293`";
            Wrong::unreadable(lat, reason)
        })?;
        let geography = self.reading.gazetteer.at(at).ok_or_else(|| {
            let reason = "the position lies in no registered area; leave the row out";
            Wrong::new(lat, Cause::NotPlaced, reason)
        })?;
        Ok((geography, Some(at)))
    }

    fn time(&self, cells: Cells<'_>) -> Result<(Timestamp, Timestamp), Wrong> {
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
            let end = self.clock.moment(cell).map_err(|why| Wrong::unreadable(column, why))?;
            return match length(start, end.until()) {
                ..=0 => Err("the end is not after the start; correct it"),
                1..=SPAN_MICROSECONDS_MAX => Ok((start, end.until())),
                _ => Err("the end is more than 366 days after the start; correct it"),
            }
            .map_err(|reason| Wrong::unreadable(column, reason));
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

    fn note(&self, cells: Cells<'_>) -> Result<String, Wrong> {
        let Some(note) = &self.mapping.note else { return Ok(String::new()) };
        let cell = cells.cell(&note.column);
        if cell.chars().count() <= NOTE_CHARACTERS_MAX {
            return Ok(cell.to_owned());
        }
        Err(Wrong::unreadable(&note.column, "the note is longer than 500 characters; shorten it"))
    }
}

/// From one time to another, in the microseconds that times have when they are published.
fn length(start: Timestamp, end: Timestamp) -> i64 {
    end.as_microsecond().saturating_sub(start.as_microsecond())
}

/// A translated cell or the constant; `None` when the cell is empty. What the first column's cell
/// does not settle, the other column's may.
fn value(cells: Cells<'_>, field: Option<&Field>) -> Result<Option<String>, Wrong> {
    let Some(field) = field else { return Ok(None) };
    let Some(column) = &field.column else {
        return Ok(field.constant.as_ref().map(super::mapping::Scalar::text));
    };
    let columns = std::iter::once(column).chain(&field.or_column);
    let given = columns.map(|column| (column, cells.cell(column)));
    let given: Vec<_> = given.filter(|(_, cell)| !cell.is_empty()).collect();
    let Some((first_column, first)) = given.first() else { return Ok(None) };
    for (column, cell) in &given {
        let folded = cell.to_lowercase();
        if field.left_out.iter().any(|value| value.to_lowercase() == folded) {
            let cell = quoted(cell);
            let reason = format!("{cell} is left out; change the mapping to take it in");
            return Err(Wrong::new(column, Cause::LeftOut, reason));
        }
        let found = field.values.iter().find(|(value, _)| value.to_lowercase() == folded);
        if let Some((_, to)) = found {
            return Ok(Some(to.text()));
        }
    }
    if field.values.is_empty() {
        return Ok(Some((*first).to_owned()));
    }
    let reason = format!("{} is not in the mapping's `values`; add it", quoted(first));
    Err(Wrong::unreadable(first_column, reason))
}

fn keep<T>(result: Result<T, Wrong>, wrongs: &mut Vec<Wrong>) -> Option<T> {
    result.map_err(|wrong| wrongs.push(wrong)).ok()
}

fn column<'a>(field: Option<&'a Field>, otherwise: &'a str) -> &'a str {
    field.and_then(|field| field.column.as_deref()).unwrap_or(otherwise)
}

fn number(cells: Cells<'_>, field: Option<&Field>) -> Result<Option<u32>, Wrong> {
    let Some(text) = value(cells, field)? else { return Ok(None) };
    let wrong = |what: &str| {
        let reason = format!("{} is {what}; correct it or leave it empty", quoted(&text));
        Wrong::unreadable(column(field, "count"), reason)
    };
    match text.parse() {
        Ok(number @ ..=COUNT_MAX) => Ok(Some(number)),
        Ok(_) => Err(wrong("more than 1,000,000")),
        Err(_) => Err(wrong("no whole number")),
    }
}

fn severity(cells: Cells<'_>, field: Option<&Field>) -> Result<Option<u32>, Wrong> {
    let Some(text) = value(cells, field)? else { return Ok(None) };
    let grade = text.parse().ok().and_then(Severity::of);
    grade.map(|grade| Some(u32::from(grade.grade()))).ok_or_else(|| {
        let reason = format!("{} is no severity; give 1–5 or add it to `values`", quoted(&text));
        Wrong::unreadable(column(field, "severity"), reason)
    })
}

fn trend(cells: Cells<'_>, field: Option<&Field>) -> Result<Option<Trend>, Wrong> {
    let Some(text) = value(cells, field)? else { return Ok(None) };
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
