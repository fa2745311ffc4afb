//! Police notices (polisens händelsenotiser) as the police publish them: JSON, without exact
//! places. Their free text places and classes them, and is never carried over.

use jiff::{SignedDuration, Timestamp};
use samsyn_client::wire as v1;
use samsyn_domain::{Basis, Coordinates, Geography};
use serde::Deserialize;
use serde_json::Value;

use super::{
    BadFile, Cause, FIELD_CHARACTERS_MAX, FILE_BYTES_MAX, Imported, NotPlaced, Reading, Row,
    TypeTable, Wrong,
    gather::{Gathered, Origin, Part, Texts},
    location,
    moment::Clock,
    named::{Items, item},
    notice_types::{Outcome, coordinates},
    quoted, tell,
};

/// How long an event is taken to last: notices do not say.
const LASTS: SignedDuration = SignedDuration::from_hours(1);
/// What its texts are called.
const TEXTS: Texts<'_> = Texts { id: "id", note: "summary" };
/// The source cuts summaries at this length, be it within a word.
const SUMMARY_CHARACTERS_MAX: usize = 110;

#[derive(Debug, Deserialize)]
struct Notice {
    id: u64,
    datetime: String,
    name: String,
    summary: String,
    #[serde(rename = "type")]
    kind: String,
    location: Location,
}

#[derive(Debug, Deserialize)]
struct Location {
    name: String,
    gps: String,
}

/// Reads police notices into observations: id `polisen-<id>`, one event of one hour, a fact, with
/// the source that the table names. `progress` is told the rows done and all rows.
///
/// # Errors
/// When the file is no list of notices, or too large, or the table does not fit the registry.
pub(crate) fn polisen_events(
    json: &str,
    table: &TypeTable,
    reading: Reading<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, BadFile> {
    if json.len() > FILE_BYTES_MAX {
        return Err(BadFile::TooLarge);
    }
    table.fits(reading.gazetteer.registry())?;
    let json = json.trim_start_matches('\u{feff}');
    let notices: Items<'_> = serde_json::from_str(json)
        .map_err(|error| BadFile::Notices { line: error.line(), column: error.column() })?;
    let notices = notices.within_limit().ok_or(BadFile::TooManyRows)?;
    let total = notices.len();
    let reader = Reader { table, reading, clock: Clock::stockholm()? };
    let mut gathered = Gathered::new(reading);
    for (number, raw) in (1..).zip(notices) {
        match item(raw).and_then(notice).and_then(|notice| Ok((reader.row(&notice)?, notice))) {
            Ok((row, notice)) => gathered.row(number, TEXTS, row, || origins(&notice)),
            Err(wrong) => gathered.wrong(number, vec![wrong]),
        }
        tell(number, total, progress);
    }
    Ok(gathered.done())
}

/// Names the first field that is missing or of the wrong form.
fn notice(value: Value) -> Result<Notice, Wrong> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    if value.get("id").and_then(Value::as_u64).is_none() {
        return Err(Wrong::unreadable("id", "the id is no whole number; fetch the file anew"));
    }
    for pointer in ["/datetime", "/name", "/summary", "/type", "/location/name", "/location/gps"] {
        let column = pointer.trim_start_matches('/').replace('/', ".");
        let Some(text) = text(pointer) else {
            return Err(Wrong::unreadable(&column, "the field is missing; fetch the file anew"));
        };
        if text.chars().count() > FIELD_CHARACTERS_MAX {
            let reason = "the field is longer than 4,000 characters; leave the row out";
            return Err(Wrong::unreadable(&column, reason));
        }
    }
    let bad = |_| Wrong::unreadable("", "the notice does not have the known form; leave it out");
    serde_json::from_value(value).map_err(bad)
}

/// What a row is made from. The summary is left out: it is never carried over.
fn origins(notice: &Notice) -> Vec<Origin<'_>> {
    let (name, gps) = (notice.name.as_str(), notice.location.gps.as_str());
    vec![
        (Part::Category, vec![("type", notice.kind.as_str())]),
        (Part::Location, vec![("name", name), ("location.gps", gps)]),
        (Part::Time, vec![("name", name), ("datetime", notice.datetime.as_str())]),
    ]
}

struct Reader<'a> {
    table: &'a TypeTable,
    reading: Reading<'a>,
    clock: Clock,
}

impl Reader<'_> {
    fn row(&self, notice: &Notice) -> Result<Row, Wrong> {
        let kind = quoted(&notice.kind);
        let category = match self.table.outcome(&notice.kind, &notice.summary) {
            Some(Outcome::Category(category)) => category,
            Some(Outcome::Skip(why)) => {
                let reason =
                    format!("type {kind} is left out: {why}; change the table to take it in");
                return Err(Wrong::new("type", Cause::LeftOut, reason));
            }
            None => {
                let reason = format!("type {kind} is not in the table of types; add it there");
                return Err(Wrong::unreadable("type", reason));
            }
        };
        let registered = self.reading.gazetteer.registry().category(category).ok_or_else(|| {
            let reason = format!(
                "type {kind} becomes `{category}`, which is not registered; change the table"
            );
            Wrong::unreadable("type", reason)
        })?;
        let (geography, exact) = self.place(notice)?;
        let (area, place) = location(registered, geography, exact);
        let starts_at = self.time(notice)?;
        let ends_at = starts_at.saturating_add(LASTS).unwrap_or(starts_at);
        let observation = v1::Observation {
            id: format!("polisen-{}", notice.id),
            category: category.to_string(),
            location: Some(place),
            starts_at: Some(std::time::SystemTime::from(starts_at).into()),
            ends_at: Some(std::time::SystemTime::from(ends_at).into()),
            count: Some(1),
            basis: i32::from(Basis::Fact.number()),
            source_kind: self.table.source().to_string(),
            ..self.reading.defaults.observation()
        };
        Ok(Row { area, observation })
    }

    fn time(&self, notice: &Notice) -> Result<Timestamp, Wrong> {
        let published = Clock::published(&notice.datetime).ok_or_else(|| {
            let cell = quoted(&notice.datetime);
            Wrong::unreadable("datetime", format!("{cell} is no time; fetch the file anew"))
        })?;
        let headline = notice.name.split(',').next().unwrap_or_default();
        Ok(self.clock.event(headline, published))
    }

    /// Coordinates when they are exact, else what headline and summary name.
    fn place(&self, notice: &Notice) -> Result<(Geography, Option<Coordinates>), Wrong> {
        let headline = notice.name.rsplit(", ").next().unwrap_or_default();
        let of_headline = self.within("name", headline)?;
        self.within("location.name", &notice.location.name)?;
        let exact = coordinates(&notice.location.gps).filter(|at| !self.table.is_blank(*at));
        if let Some((at, geography)) =
            exact.and_then(|at| Some((at, self.reading.gazetteer.at(at)?)))
        {
            return Ok((geography, Some(at)));
        }
        let summary = uncut(&notice.summary);
        let found = if of_headline.is_some() {
            self.reading.gazetteer.in_text(&format!("{headline}. {summary}"))
        } else {
            self.reading.gazetteer.in_text(summary)
        };
        let geography = found.map_err(|why| Wrong::not_placed("summary", &why))?;
        Ok((geography, None))
    }

    /// The municipality or locality of a notice: `None` is the whole city or county.
    fn within(&self, column: &str, name: &str) -> Result<Option<Geography>, Wrong> {
        if self.reading.gazetteer.is_home(name) {
            return Ok(None);
        }
        match self.reading.gazetteer.of_name(name) {
            Ok(geography) => Ok(Some(geography)),
            Err(NotPlaced::NoName) => {
                let reason = format!("{} is not known; add it to the gazetteer", quoted(name));
                Err(Wrong::new(column, Cause::NotPlaced, reason))
            }
            Err(why) => Err(Wrong::not_placed(column, &why)),
        }
    }
}

/// A summary without the word it was cut in.
fn uncut(summary: &str) -> &str {
    let full = summary.chars().count() >= SUMMARY_CHARACTERS_MAX;
    let cut = full && summary.ends_with(char::is_alphanumeric);
    let whole = summary.rsplit_once(' ').map(|(whole, _)| whole).filter(|_| cut);
    whole.unwrap_or(summary)
}

#[cfg(test)]
mod tests;
