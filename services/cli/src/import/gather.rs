//! Rows and faults as they come: every source's rows pass here. One id stands for one observation,
//! areas that were not asked for are left aside, and texts are screened before they leave the
//! machine, by the rules that the gateway has.

use std::{collections::BTreeMap, fmt};

use samsyn_client::wire::{self as v1, observation::Location};
use samsyn_domain::{
    AreaId,
    screening::{Near, Verdict, screen},
};

use super::{Cause, Defaults, Fault, Gazetteer, Imported, Row, Wrong, degrees, quoted};

/// What reading needs besides the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Names of places, and the registry.
    pub(crate) gazetteer: &'a Gazetteer,
    /// What every row gets that the file does not say.
    pub(crate) defaults: &'a Defaults,
    /// Only rows in these areas, by id; none: in all.
    pub(crate) areas: &'a [String],
    /// Of how many rows that go through it is kept what they were made from.
    pub(crate) samples: usize,
}

/// One row that goes through, beside what it was made from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Which data row, from 1.
    pub(crate) row: usize,
    /// The area whose picture it belongs to.
    pub(crate) area: AreaId,
    /// Part by part.
    pub(crate) parts: Vec<Told>,
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} in {}", self.row, self.area)
    }
}

/// What one part was made from, and what it became.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Which part of the observation.
    pub(crate) part: Part,
    /// The columns that it is read from, as the file calls them.
    pub(crate) columns: Vec<String>,
    /// What stands in them.
    pub(crate) cells: Vec<String>,
    /// What it became; empty when it is not set.
    pub(crate) value: String,
}

/// What of an observation a file fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Id,
    Category,
    Location,
    Time,
    Count,
    Severity,
    Trend,
    Note,
}

impl Part {
    /// Its name for people.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Category => "category",
            Self::Location => "location",
            Self::Time => "time",
            Self::Count => "count",
            Self::Severity => "severity",
            Self::Trend => "trend",
            Self::Note => "note",
        }
    }

    /// What an observation holds there, as text; empty when it is not set.
    fn of(self, observation: &v1::Observation) -> String {
        let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
        match self {
            Self::Id => observation.id.clone(),
            Self::Category => observation.category.clone(),
            Self::Location => match &observation.location {
                Some(Location::PlaceId(id) | Location::SubAreaId(id) | Location::AreaId(id)) => {
                    id.clone()
                }
                Some(Location::Coordinates(at)) => {
                    let (lat, lon) = (degrees::text(at.lat_e7), degrees::text(at.lon_e7));
                    format!("{lat}, {lon}")
                }
                None => String::new(),
            },
            Self::Time => {
                let start = observation.starts_at.as_ref().map(ToString::to_string);
                let end = observation.ends_at.as_ref().map(ToString::to_string);
                start.into_iter().chain(end).collect::<Vec<_>>().join(" – ")
            }
            Self::Count => number(observation.count),
            Self::Severity => number(observation.severity),
            Self::Trend => crate::json::trend(observation.trend).unwrap_or_default(),
            Self::Note => observation.note.clone(),
        }
    }
}

/// A part, and the columns and cells that it is read from.
pub(super) type Origin<'a> = (Part, Vec<(&'a str, &'a str)>);

/// Under which columns the texts of a row stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) id: &'a str,
    pub(super) note: &'a str,
}

/// Gathers rows and faults.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    reading: Reading<'a>,
    imported: Imported,
    seen: BTreeMap<String, (usize, usize)>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(reading: Reading<'a>) -> Self {
        Self { reading, imported: Imported::default(), seen: BTreeMap::new() }
    }

    /// A row that was read; `from` says what it was made from.
    pub(super) fn row<'b>(
        &mut self,
        row: usize,
        texts: Texts<'_>,
        new: Row,
        from: impl FnOnce() -> Vec<Origin<'b>>,
    ) {
        self.read();
        let Reading { areas, samples, .. } = self.reading;
        if !areas.is_empty() && !areas.iter().any(|area| area == new.area.as_str()) {
            self.imported.elsewhere = self.imported.elsewhere.saturating_add(1);
            return;
        }
        let found = screened(&new, texts);
        if !found.is_empty() {
            self.list(row, found);
            return;
        }
        let next = self.imported.rows.len();
        let first = self.seen.get(&new.observation.id).copied();
        let Some((first_row, index)) = first else {
            self.seen.insert(new.observation.id.clone(), (row, next));
            if self.imported.samples.len() < samples {
                let parts = from().into_iter().map(|from| told(from, &new));
                let said = |told: &Told| !(told.columns.is_empty() && told.value.is_empty());
                let parts = parts.filter(said).collect();
                let area = new.area.clone();
                self.imported.samples.push(Sample { row, area, parts });
            }
            self.imported.rows.push(new);
            return;
        };
        if self.imported.rows.get(index) == Some(&new) {
            self.imported.again = self.imported.again.saturating_add(1);
            return;
        }
        let id = quoted(&new.observation.id);
        let reason = format!("id {id} stands in row {first_row} with other content; keep one");
        self.list(row, vec![Wrong::unreadable(texts.id, reason)]);
    }

    /// A row that does not go through, and all that is wrong with it.
    pub(super) fn wrong(&mut self, row: usize, wrongs: Vec<Wrong>) {
        self.read();
        self.list(row, wrongs);
    }

    pub(super) fn done(self) -> Imported {
        self.imported
    }

    fn read(&mut self) {
        self.imported.read = self.imported.read.saturating_add(1);
    }

    fn list(&mut self, row: usize, wrongs: Vec<Wrong>) {
        let fault = |Wrong { column, cause, reason }| Fault { row, column, cause, reason };
        self.imported.faults.extend(wrongs.into_iter().map(fault));
    }
}

/// What the gateway would refuse of the texts of a row. A reason never repeats what was found.
fn screened(row: &Row, texts: Texts<'_>) -> Vec<Wrong> {
    let observation = &row.observation;
    let start = observation.starts_at.as_ref();
    let near = start.and_then(|at| at.seconds.checked_mul(1_000_000));
    let near = near.map(Near::from_microseconds);
    let mut found = Vec::new();
    for (text, column) in [(&observation.id, texts.id), (&observation.note, texts.note)] {
        for hit in screen(text, near) {
            let cause = match hit.verdict {
                Verdict::Warn => continue,
                Verdict::Hold => Cause::Held,
                Verdict::Refuse => Cause::Refused,
            };
            let (first, end) = (hit.first_character, hit.end_character);
            let why = hit.rule.text_en();
            found.push(Wrong::new(column, cause, format!("characters {first}–{end}: {why}")));
        }
    }
    found
}

fn told((part, from): Origin<'_>, row: &Row) -> Told {
    let (columns, cells) = from.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).unzip();
    Told { part, columns, cells, value: part.of(&row.observation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::sample;

    const TEXTS: Texts<'_> = Texts { id: "Nr", note: "Kommentar" };

    fn row(area: &str, id: &str, count: u32, note: &str) -> Row {
        let observation = v1::Observation {
            id: id.into(),
            count: Some(count),
            note: note.into(),
            ..v1::Observation::default()
        };
        Row { area: AreaId::parse(area).unwrap(), observation }
    }

    fn gathered(areas: &[String], samples: usize, rows: Vec<Row>) -> Imported {
        let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
        let reading = Reading { areas, samples, ..sample::reading(&gazetteer, &defaults) };
        let mut gathered = Gathered::new(reading);
        for (number, row) in (1..).zip(rows) {
            let from = || vec![(Part::Count, vec![("Antal", "en")])];
            gathered.row(number, TEXTS, row, from);
        }
        gathered.done()
    }

    #[test]
    fn equal_rows_collapse_and_unequal_ones_of_one_id_are_listed() {
        let rows = [1, 1, 2].map(|count| row("a", "x", count, "")).to_vec();
        let Imported { rows, faults, read, again, .. } = gathered(&[], 0, rows);
        assert_eq!(rows, [row("a", "x", 1, "")]);
        assert_eq!((read, again, faults.len()), (3, 1, 1));
        assert_eq!((faults[0].row, faults[0].column.as_str()), (3, "Nr"));
        assert_eq!(faults[0].reason, "id `x` stands in row 1 with other content; keep one");
    }

    #[test]
    fn what_speaks_of_a_person_is_stopped_here_and_never_repeated() {
        let notes = ["19121212-1212 klottrade", "kvinna i 80-årsåldern", "klotter på väggen"];
        let rows = (1..).zip(notes).map(|(id, note)| row("a", &format!("{id}"), 1, note));
        let mut rows: Vec<Row> = rows.collect();
        rows.push(row("a", "19121212-1212", 1, ""));
        let Imported { rows, faults, .. } = gathered(&[], 0, rows);
        assert_eq!(rows.len(), 1);
        let causes: Vec<_> = faults.iter().map(|f| (f.row, f.column.as_str(), f.cause)).collect();
        let wanted = [
            (1, "Kommentar", Cause::Refused),
            (2, "Kommentar", Cause::Held),
            (4, "Nr", Cause::Refused),
        ];
        assert_eq!(causes, wanted);
        assert!(faults[0].reason.starts_with("characters 0–13: Looks like a personal identity"));
        assert!(faults.iter().all(|fault| !fault.reason.contains("1212")));
    }

    #[test]
    fn other_areas_are_left_aside_and_the_first_rows_are_kept() {
        let rows = ["b", "a", "a"].into_iter().zip(1..);
        let rows = rows.map(|(area, id)| row(area, &format!("{id}"), 7, "HEMLIG")).collect();
        let Imported { rows, elsewhere, samples, read, .. } = gathered(&["a".into()], 1, rows);
        assert_eq!((read, rows.len(), elsewhere), (3, 2, 1));
        let [sample] = samples.as_slice() else { panic!("{samples:?}") };
        assert_eq!((sample.row, sample.area.as_str()), (2, "a"));
        let part = &sample.parts[0];
        assert_eq!((part.part.as_str(), part.value.as_str()), ("count", "7"));
        assert_eq!(
            (part.columns.as_slice(), part.cells.as_slice()),
            (&["Antal".into()][..], &["en".into()][..])
        );
        assert!(!format!("{samples:?}").contains("HEMLIG"));
    }
}
