//! What became of the rows of a file.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::AreaId;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    import::{Cause, Fault, Row},
    names::Names,
    output::{self, Table},
};

/// How many faults the table lists; the JSON form lists all.
const LISTED_MAX: usize = 100;

/// What became of the rows of a file, by area.
#[derive(Debug)]
pub(super) struct Report {
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
    pub(super) fn of(rows: &[Row], faults: Vec<Fault>, dry_run: bool) -> Self {
        let mut areas: BTreeMap<AreaId, Area> = BTreeMap::new();
        for row in rows {
            let area = areas.entry(row.area.clone()).or_default();
            area.rows = area.rows.saturating_add(1);
        }
        Self { areas, faults, refused: Vec::new(), dry_run }
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
    /// When the gateway did not take some rows.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let ids: BTreeSet<&str> = self.refused.iter().map(|row| row.id.as_str()).collect();
        match ids.len() {
            0 => Ok(()),
            1 => Err(Failure::Rejected("the gateway did not take 1 row".into())),
            n => Err(Failure::Rejected(format!("the gateway did not take {n} rows"))),
        }
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
        let mut text = String::new();
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

    fn summary(&self) -> String {
        let count = |wanted| self.faults.iter().filter(|f| f.cause == wanted).count().to_string();
        let rows = self.areas.values().map(|area| area.rows).sum::<usize>();
        let published = self.areas.values().map(|area| area.published).sum::<usize>();
        let published =
            if self.dry_run { "nothing: a dry run".to_owned() } else { published.to_string() };
        output::pairs([
            ("good rows", rows.to_string()),
            ("left out on purpose", count(Cause::LeftOut)),
            ("not placed", count(Cause::NotPlaced)),
            ("not readable", count(Cause::Unreadable)),
            ("refused by the gateway", self.refused.len().to_string()),
            ("published", published),
        ])
    }
}

const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::LeftOut => "left out",
        Cause::NotPlaced => "not placed",
        Cause::Unreadable => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::Observation;

    use super::*;

    fn report(dry_run: bool) -> Report {
        let area = AreaId::parse("sthlm-skarholmen").unwrap();
        let row = Row { area, observation: Observation::default() };
        let fault = Fault {
            row: 17,
            column: "Plats".into(),
            cause: Cause::NotPlaced,
            reason: "no known name; add it to the gazetteer".into(),
        };
        Report::of(&[row.clone(), row], vec![fault], dry_run)
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

refused  field  reason
x-2      note   characters 22–34: an identity number

area        rows  published  version
Skärholmen     2          1  8

good rows               2
left out on purpose     0
not placed              1
not readable            0
refused by the gateway  1
published               1
";
        assert_eq!(report.text(), golden);
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
    fn a_dry_run_says_so() {
        assert!(report(true).text().contains("nothing: a dry run"));
    }
}
