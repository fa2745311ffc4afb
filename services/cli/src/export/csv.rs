//! A view as CSV (RFC 4180).
//!
//! A finding is a row of its own, and so is each party's statement and each series of counts in it:
//! sources are never put together. A program for spreadsheets takes a cell that begins with one of
//! [`FORMULA`] for a formula, so such a cell is given an apostrophe before it.

use samsyn_client::wire::{
    Contribution, CountSeries, Finding, Labels, Observation, count_series::Amount,
    observation::Location,
};
use serde_json::Value;

use super::{Head, Place};
use crate::{failure::Failure, import::degrees_text, json, names::Names};

/// How a formula can begin.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// The columns after those of the head.
const COLUMNS: [&str; 34] = [
    "finding",
    "record",
    "geography",
    "geography_name",
    "category",
    "category_name",
    "class",
    "seen_by",
    "party",
    "observation",
    "lat",
    "lon",
    "starts_at",
    "ends_at",
    "severity",
    "trend",
    "count",
    "kind",
    "source_kind",
    "basis",
    "reliability",
    "credibility",
    "note",
    "conflicts",
    "dissents",
    "withheld",
    "level",
    "audience",
    "purposes",
    "regime",
    "secrecy_provisions",
    "retain_until",
    "onward_sharing",
    "form",
];

/// The rows under a header; what is said of the whole stands in each of them.
///
/// # Errors
/// When the rows cannot be written.
pub(crate) fn csv(head: &Head, findings: &[Finding], names: &Names) -> Result<String, Failure> {
    let bad = |why: &dyn std::fmt::Display| Failure::Local(format!("cannot write CSV: {why}"));
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    let whole = head.0.iter().map(|(name, _)| *name);
    writer.write_record(whole.chain(COLUMNS)).map_err(|why| bad(&why))?;
    for row in findings.iter().flat_map(|finding| rows(finding, names)) {
        let whole = head.0.iter().map(|(_, value)| text(value));
        let own = COLUMNS.map(|column| row.cell(column));
        let cells = whole.chain(own).map(guarded);
        writer.write_record(cells).map_err(|why| bad(&why))?;
    }
    let bytes = writer.into_inner().map_err(|why| bad(&why))?;
    String::from_utf8(bytes).map_err(|why| bad(&why))
}

/// A cell that no program takes for a formula.
fn guarded(cell: String) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Cells by column; a column that is not named is empty.
#[derive(Default, Clone)]
struct Row(Vec<(&'static str, String)>);

impl Row {
    fn with(mut self, cells: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.0.extend(cells);
        self
    }

    fn cell(&self, column: &str) -> String {
        let cell = self.0.iter().find(|(name, _)| *name == column);
        cell.map(|(_, cell)| cell.clone()).unwrap_or_default()
    }
}

fn rows(finding: &Finding, names: &Names) -> Vec<Row> {
    let Place { geography, category, points } = Place::of(finding, names);
    let common = Row::default().with([
        ("finding", finding.id.clone()),
        ("geography", geography.to_owned()),
        ("geography_name", names.geography(geography)),
        ("category", category.to_owned()),
        ("category_name", names.category(category)),
    ]);
    let mut rows = vec![common.clone().with(joint(finding))];
    // One point of many would be as good as wrong.
    if let ([at], Some(row)) = (points.as_slice(), rows.first_mut()) {
        row.0.extend([("lat", degrees_text(at.lat_e7)), ("lon", degrees_text(at.lon_e7))]);
    }
    rows.extend(finding.contributions.iter().map(|one| common.clone().with(statement(one))));
    rows.extend(finding.counts.iter().map(|series| common.clone().with(counted(series))));
    rows
}

fn joint(finding: &Finding) -> Vec<(&'static str, String)> {
    let conflicts = finding.conflicts.iter().map(|conflict| {
        let state = if conflict.resolved { "settled" } else { "open" };
        format!("{} {state}: {}", conflict.field, conflict.candidates.join(", "))
    });
    let dissents = finding
        .dissents
        .iter()
        .map(|dissent| format!("{} on {}: {}", dissent.party, dissent.field, dissent.reason));
    let withheld = finding
        .withheld
        .iter()
        .map(|part| format!("{}: {} by {}", part.field_group, part.ground, part.rule_id));
    vec![
        ("record", "finding".into()),
        ("class", json::class(finding.finding_class).unwrap_or_default()),
        ("seen_by", finding.seen_by.join(" ")),
        ("severity", number(finding.severity)),
        ("trend", json::trend(finding.trend).unwrap_or_default()),
        ("conflicts", joined(conflicts)),
        ("dissents", joined(dissents)),
        ("withheld", joined(withheld)),
    ]
}

fn statement(
    Contribution { party, observation, form, .. }: &Contribution,
) -> Vec<(&'static str, String)> {
    let form = json::form(*form).unwrap_or_default();
    let mut cells = vec![("record", "statement".into()), ("party", party.clone()), ("form", form)];
    let Some(observation) = observation else { return cells };
    cells.extend(said(observation));
    cells.extend(observation.labels.iter().flat_map(labelled));
    cells
}

fn said(observation: &Observation) -> Vec<(&'static str, String)> {
    let Observation { starts_at, ends_at, credibility, .. } = observation;
    let mut cells = vec![
        ("observation", observation.id.clone()),
        ("starts_at", starts_at.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("ends_at", ends_at.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("severity", number(observation.severity)),
        ("trend", json::trend(observation.trend).unwrap_or_default()),
        ("count", number(observation.count)),
        ("source_kind", observation.source_kind.clone()),
        ("basis", json::basis(observation.basis).unwrap_or_default()),
        ("reliability", observation.reliability.clone()),
        ("credibility", number(Some(*credibility).filter(|grade| *grade > 0))),
        ("note", observation.note.clone()),
    ];
    if let Some(Location::Coordinates(at)) = &observation.location {
        cells.extend([("lat", degrees_text(at.lat_e7)), ("lon", degrees_text(at.lon_e7))]);
    }
    cells
}

fn labelled(labels: &Labels) -> Vec<(&'static str, String)> {
    let until = labels.retain_until.as_ref();
    vec![
        ("level", labels.level.to_string()),
        ("audience", labels.audience.join(" ")),
        ("purposes", labels.purposes.join(" ")),
        ("regime", labels.regime.clone()),
        ("secrecy_provisions", labels.secrecy_provisions.join("; ")),
        ("retain_until", until.map(ToString::to_string).unwrap_or_default()),
        ("onward_sharing", labels.onward_sharing.to_string()),
    ]
}

fn counted(series: &CountSeries) -> Vec<(&'static str, String)> {
    let count = match series.amount {
        Some(Amount::Exact(count)) => count.to_string(),
        Some(Amount::Below(below)) => format!("<{below}"),
        None => String::new(),
    };
    vec![
        ("record", "count".into()),
        ("party", series.party.clone()),
        ("kind", json::kind(series.kind).unwrap_or_default()),
        ("source_kind", series.source_kind.clone()),
        ("count", count),
        ("form", if series.statistics { "series" } else { "observation" }.to_owned()),
    ]
}

fn number(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn joined(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join("; ")
}
