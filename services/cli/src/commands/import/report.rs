//! What became of the rows of a file.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::AreaId;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    import::{Cause, Fault, Imported, Sample, Told},
    names::Names,
    output::Table,
};

/// How many faults the table lists; the JSON form lists all.
const LISTED_MAX: usize = 100;
/// How much of a cell or value the table of first rows shows, in characters.
const SHOWN_CHARACTERS_MAX: usize = 48;
/// What became of a row for the sums: one of these each.
const CAUSES: [(Cause, &str); 5] = [
    (Cause::LeftOut, "left out on purpose"),
    (Cause::NotPlaced, "not placed"),
    (Cause::Unreadable, "not readable"),
    (Cause::Held, "held for review"),
    (Cause::Refused, "refused by screening"),
];

/// What became of the rows of a file, by area.
#[derive(Debug)]
pub(super) struct Report {
    read: usize,
    again: usize,
    elsewhere: usize,
    samples: Vec<Sample>,
    areas: BTreeMap<AreaId, Area>,
    faults: Vec<Fault>,
    refused: Vec<RefusedRow>,
    dry_run: bool,
}

/// What became of the rows of one area.
#[derive(Debug, Default)]
struct Area {
    rows: usize,
    published: usize,
    version: Option<u64>,
    changed: bool,
}

/// A row that the gateway does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusedRow {
    /// The observation's id.
    pub(super) id: String,
    /// The field, from the observation on.
    pub(super) field: String,
    /// Why, and what to do.
    pub(super) reason: String,
}

impl Report {
    /// Before anything is published.
    pub(super) fn of(imported: &Imported, dry_run: bool) -> Self {
        let mut areas: BTreeMap<AreaId, Area> = BTreeMap::new();
        for row in &imported.rows {
            let area = areas.entry(row.area.clone()).or_default();
            area.rows = area.rows.saturating_add(1);
        }
        Self {
            read: imported.read,
            again: imported.again,
            elsewhere: imported.elsewhere,
            samples: imported.samples.clone(),
            areas,
            faults: imported.faults.clone(),
            refused: Vec::new(),
            dry_run,
        }
    }

    /// A publication went through.
    pub(super) fn published(&mut self, area: &AreaId, rows: usize, version: u64, unchanged: bool) {
        let area = self.areas.entry(area.clone()).or_default();
        area.published = area.published.saturating_add(rows);
        area.version = Some(version);
        area.changed |= !unchanged;
    }

    /// The gateway does not take a row.
    pub(super) fn refuse(&mut self, row: RefusedRow) {
        self.refused.push(row);
    }

    /// What it comes to for the exit code.
    ///
    /// # Errors
    /// When screening stopped some rows, or the gateway did not take them.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let ids: BTreeSet<&str> = self.refused.iter().map(|row| row.id.as_str()).collect();
        let causes = self.causes();
        let stopped = causes.values().filter(|c| matches!(c, Cause::Held | Cause::Refused)).count();
        let rows = |n: usize| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
        match (stopped, ids.len()) {
            (0, 0) => Ok(()),
            (0, n) => Err(Failure::Rejected(format!("the gateway did not take {}", rows(n)))),
            (n, 0) => Err(Failure::Rejected(format!("screening stopped {}", rows(n)))),
            (n, m) => Err(Failure::Rejected(format!(
                "screening stopped {}, and the gateway did not take {}",
                rows(n),
                rows(m)
            ))),
        }
    }

    /// Each row that does not go through, with its gravest fault.
    fn causes(&self) -> BTreeMap<usize, Cause> {
        let mut causes = BTreeMap::new();
        for fault in &self.faults {
            let gravest = causes.entry(fault.row).or_insert(fault.cause);
            *gravest = (*gravest).max(fault.cause);
        }
        causes
    }

    /// How many rows became what, by what it is called.
    fn sums(&self) -> Vec<(&'static str, usize)> {
        let causes = self.causes();
        let of = |wanted| causes.values().filter(|cause| **cause == wanted).count();
        let good = self.areas.values().map(|area| area.rows).sum();
        let mut sums = vec![("rows read", self.read), ("good rows", good)];
        sums.extend([("the same again", self.again), ("in other areas", self.elsewhere)]);
        sums.extend(CAUSES.map(|(cause, name)| (name, of(cause))));
        sums
    }

    pub(super) fn json(&self) -> Value {
        let area = |(id, area): (&AreaId, &Area)| {
            json!({
                "area": id.as_str(),
                "rows": area.rows,
                "published": area.published,
                "version": area.version,
                "unchanged": !area.changed,
            })
        };
        let fault = |fault: &Fault| {
            json!({
                "row": fault.row,
                "column": fault.column,
                "cause": cause(fault.cause),
                "reason": fault.reason,
            })
        };
        let refused =
            |row: &RefusedRow| json!({ "id": row.id, "field": row.field, "reason": row.reason });
        json!({
            "dry_run": self.dry_run,
            "rows": self
                .sums()
                .into_iter()
                .map(|(name, n)| (name.replace(' ', "_"), n.into()))
                .collect::<serde_json::Map<_, _>>(),
            "first": self.samples.iter().map(sample).collect::<Value>(),
            "areas": self.areas.iter().map(area).collect::<Value>(),
            "faults": self.faults.iter().map(fault).collect::<Value>(),
            "refused": self.refused.iter().map(refused).collect::<Value>(),
        })
    }

    pub(super) fn text(&self) -> String {
        let names = Names::shipped();
        let mut areas = Table::new(["area", "rows", "published", "version"]).right(1).right(2);
        for (id, area) in &self.areas {
            let version = match (area.version, area.changed) {
                (Some(version), true) => version.to_string(),
                (Some(version), false) => format!("{version} (unchanged)"),
                (None, _) => "–".into(),
            };
            areas.row([
                names.geography(id.as_str()),
                area.rows.to_string(),
                area.published.to_string(),
                version,
            ]);
        }
        let mut text = self.first();
        let mut faults = Table::new(["row", "column", "cause", "reason"]).right(0);
        for fault in self.faults.iter().take(LISTED_MAX) {
            let row = fault.row.to_string();
            faults.row([&row, &fault.column, cause(fault.cause), &fault.reason]);
        }
        if !faults.is_empty() {
            text.push_str(&format!("{faults}"));
            let more = self.faults.len().saturating_sub(faults.len());
            if more > 0 {
                text.push_str(&format!("and {more} more; `--output json` lists all\n"));
            }
            text.push('\n');
        }
        let mut refused = Table::new(["refused", "field", "reason"]);
        for row in &self.refused {
            refused.row([&row.id, &row.field, &row.reason]);
        }
        if !refused.is_empty() {
            text.push_str(&format!("{refused}\n"));
        }
        if !areas.is_empty() {
            text.push_str(&format!("{areas}\n"));
        }
        text + &self.summary()
    }

    /// The first rows: what stands in the file, and what becomes of it.
    fn first(&self) -> String {
        let mut table = Table::new(["row", "part", "column", "in the file", "becomes"]).right(0);
        for Sample { row, area, parts } in &self.samples {
            table.row([&row.to_string(), "area", "", "", area.as_str()]);
            for Told { part, columns, cells, value } in parts {
                let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                let from = cells.into_iter().filter(|cell| !cell.is_empty());
                let from = shown(&from.collect::<Vec<_>>().join(" · "));
                table.row(["", part.as_str(), &columns.join(" · "), &from, &shown(value)]);
            }
        }
        if table.is_empty() { String::new() } else { format!("{table}\n") }
    }

    fn summary(&self) -> String {
        let published = self.areas.values().map(|area| area.published).sum::<usize>();
        let published =
            if self.dry_run { "nothing: a dry run".to_owned() } else { published.to_string() };
        let mut table = Table::new([""; 0]);
        for (name, n) in self.sums() {
            table.row([name.to_owned(), n.to_string()]);
        }
        table.row(["refused by the gateway".to_owned(), self.refused.len().to_string()]);
        table.row(["published".to_owned(), published]);
        table.to_string().trim_start_matches('\n').to_owned()
    }
}

fn sample(Sample { row, area, parts }: &Sample) -> Value {
    let told = |told: &Told| {
        json!({
            "part": told.part.as_str(),
            "columns": told.columns,
            "cells": told.cells,
            "becomes": told.value,
        })
    };
    json!({ "row": row, "area": area.as_str(), "parts": parts.iter().map(told).collect::<Value>() })
}

/// The beginning of a text.
fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::LeftOut => "left out",
        Cause::NotPlaced => "not placed",
        Cause::Unreadable => "unreadable",
        Cause::Held => "held",
        Cause::Refused => "refused",
    }
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::Observation;

    use super::*;
    use crate::import::{Part, Row};

    fn report(dry_run: bool) -> Report {
        let area = AreaId::parse("sthlm-skarholmen").unwrap();
        let row = Row { area: area.clone(), observation: Observation::default() };
        let fault = |row, cause, reason: &str| Fault {
            row,
            column: "Plats".into(),
            cause,
            reason: reason.into(),
        };
        let told = |part, column: &str, cell: &str, value: &str| Told {
            part,
            columns: vec![column.into(), "x".into()],
            cells: vec![cell.into(), String::new()],
            value: value.into(),
        };
        let parts = vec![
            told(Part::Category, "Typ", "Klotter", "graffiti"),
            told(Part::Note, "Kommentar", &"å".repeat(60), "å\n"),
        ];
        let imported = Imported {
            rows: vec![row.clone(), row],
            faults: vec![
                fault(17, Cause::NotPlaced, "no known name; add it to the gazetteer"),
                fault(17, Cause::Unreadable, "`x` is no whole number"),
            ],
            read: 4,
            again: 1,
            elsewhere: 0,
            samples: vec![Sample { row: 2, area, parts }],
        };
        Report::of(&imported, dry_run)
    }

    #[test]
    fn a_report_lists_faults_areas_and_a_summary() {
        let mut report = report(false);
        report.published(&AreaId::parse("sthlm-skarholmen").unwrap(), 1, 8, false);
        report.refuse(RefusedRow {
            id: "x-2".into(),
            field: "note".into(),
            reason: "characters 22–34: an identity number".into(),
        });
        let golden = "\
row  column  cause       reason
 17  Plats   not placed  no known name; add it to the gazetteer
 17  Plats   unreadable  `x` is no whole number

refused  field  reason
x-2      note   characters 22–34: an identity number

area        rows  published  version
Skärholmen     2          1  8

rows read               4
good rows               2
the same again          1
in other areas          0
left out on purpose     0
not placed              0
not readable            1
held for review         0
refused by screening    0
refused by the gateway  1
published               1
";
        let text = report.text();
        let (first, rest) = text.split_once("\n\n").unwrap();
        assert!(first.starts_with("row  part"), "{first}");
        assert_eq!(rest, golden);
        assert_eq!(report.outcome().unwrap_err().number(), 1);
    }

    #[test]
    fn what_was_published_before_is_unchanged() {
        let mut report = report(false);
        report.published(&AreaId::parse("sthlm-skarholmen").unwrap(), 2, 7, true);
        assert!(report.text().contains("7 (unchanged)"));
        assert_eq!(report.json()["areas"][0]["unchanged"], true);
        assert!(report.outcome().is_ok());
    }

    #[test]
    fn a_dry_run_shows_the_first_rows_and_says_that_nothing_was_published() {
        let report = report(true);
        let text = report.text();
        let golden = format!(
            "row  part      column         in the file{}becomes\n  \
               2  area                     {}sthlm-skarholmen\n     \
                  category  Typ · x        Klotter{}graffiti\n     \
                  note      Kommentar · x  {}…  å\n\n",
            " ".repeat(40),
            " ".repeat(51),
            " ".repeat(44),
            "å".repeat(48),
        );
        assert!(text.starts_with(&golden), "{text}\n{golden}");
        assert!(text.contains("nothing: a dry run"));
        let json = report.json();
        assert_eq!(json["first"][0]["parts"][0]["becomes"], "graffiti");
        assert_eq!(json["rows"]["not_readable"], 1);
    }

    #[test]
    fn every_row_is_counted_once() {
        let report = report(true);
        let sums = report.sums();
        let (read, parts) = (sums[0].1, sums[1..].iter().map(|(_, n)| n).sum::<usize>());
        assert_eq!(read, parts, "{sums:?}");
    }

    #[test]
    fn what_screening_stopped_shows_in_the_exit_code() {
        let fault = |cause| Fault { row: 1, column: "n".into(), cause, reason: "r".into() };
        let outcome = |cause| {
            let imported = Imported { faults: vec![fault(cause)], ..Imported::default() };
            Report::of(&imported, true).outcome()
        };
        assert!(outcome(Cause::LeftOut).is_ok() && outcome(Cause::Unreadable).is_ok());
        for stopped in [Cause::Held, Cause::Refused] {
            assert_eq!(outcome(stopped).unwrap_err().to_string(), "screening stopped 1 row");
        }
    }
}
