//! `samsyn import`: what other systems have written becomes observations of an own picture.

mod batch;
mod report;
mod send;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Timestamp, ToSpan as _};
use samsyn_domain::registry::Registry;

use self::report::Report;
use super::labels;
use crate::{
    clock,
    failure::Failure,
    import::{
        Defaults, FILE_BYTES_MAX, Gazetteer, Imported, Mapping, Reading, Row, Rows,
        SHIPPED_GAZETTEER, SHIPPED_OPEN311, SHIPPED_TYPES, TypeTable, mapped, polisen_events,
    },
    names,
    session::Globals,
};

/// The most first rows that a dry run shows.
const FIRST_MAX: usize = 50;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    PolisenEvents(PolisenEvents),
    Csv(Csv),
    Xlsx(Xlsx),
    Geojson(Geojson),
    Open311(Open311),
}

/// Notices (händelsenotiser) as polisen.se publishes them, JSON.
///
/// Good rows go through, the others are listed. Importing again makes no duplicates. The notices'
/// free text places and classes them; it is never carried over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn import polisen-events events.json --dry-run\n  \
    samsyn import polisen-events events.json --area sthlm-skarholmen --as lpo-skarholmen")]
pub(super) struct PolisenEvents {
    /// The file, as polisen.se/api/events gives it.
    file: PathBuf,
    /// Which types become which category, TOML [default: as shipped].
    #[arg(long, value_name = "FILE")]
    types: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// A CSV file of another system, by a mapping of its columns.
///
/// Good rows go through, the others are listed. Importing again makes no duplicates.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn import csv felanmalan.csv --mapping felanmalan.toml --dry-run\n  \
    samsyn import csv felanmalan.csv --mapping felanmalan.toml --as sthlm-trafikkontoret\n\n\
    config/import/mapping-example.toml explains a mapping.")]
pub(super) struct Csv {
    /// The file.
    file: PathBuf,
    /// How its columns become observations, TOML.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// A sheet of an Excel workbook (.xlsx), by a mapping of its columns.
///
/// The first row that holds anything is the header. Dates are read as the cells show them, formulas
/// by the value that was saved. Good rows go through, the others are listed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn import xlsx felanmalan.xlsx --mapping felanmalan.toml --dry-run\n  \
    samsyn import xlsx felanmalan.xlsx --sheet September --mapping felanmalan.toml\n\n\
    config/import/mapping-example.toml explains a mapping.")]
pub(super) struct Xlsx {
    /// The file.
    file: PathBuf,
    /// How its columns become observations, TOML.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// The name of the sheet [default: the first that is not hidden].
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// A layer of points as GeoJSON (RFC 7946), by a mapping of its properties.
///
/// A mapping names properties as columns, and `@id`, `@lat` and `@lon`. Good rows go through, the
/// others are listed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn import geojson punkter.geojson --mapping punkter.toml --dry-run\n  \
    samsyn import geojson punkter.geojson --mapping punkter.toml --as sthlm-trafikkontoret\n\n\
    config/import/mapping-example.toml explains a mapping.")]
pub(super) struct Geojson {
    /// The file.
    file: PathBuf,
    /// How its properties become observations, TOML.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Requests of residents as Open311 GeoReport v2 gives them, JSON or XML.
///
/// Which services become which category is in the mapping. Descriptions are screened; links to
/// media are neither followed nor published. Good rows go through, the others are listed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn import open311 requests.json --dry-run\n  \
    samsyn import open311 requests.xml --mapping open311.toml --as sthlm-trafikkontoret\n\n\
    config/import/open311.toml is the mapping as shipped.")]
pub(super) struct Open311 {
    /// The file, as `GET requests.json` or `GET requests.xml` gives it.
    file: PathBuf,
    /// How requests become observations, TOML [default: as shipped].
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// Only rows in this area; may be repeated [default: all].
    #[arg(long, value_name = "ID")]
    area: Vec<String>,
    /// Shows the first rows and what they become, lists what is wrong, and publishes nothing; needs
    /// no gateway.
    #[arg(long)]
    dry_run: bool,
    /// How many first rows a dry run shows, at most 50.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = first_rows)]
    first: usize,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
    /// Areas, places and categories, as a registry document [default: that of Stockholm].
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// Further names of places, TOML [default: as shipped].
    #[arg(long, value_name = "FILE")]
    gazetteer: Option<PathBuf>,
    #[command(flatten)]
    labels: labels::Flags,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let (common, imported) = match command {
        Command::PolisenEvents(args) => {
            let imported = notices(&args)?;
            (args.common, imported)
        }
        Command::Csv(args) => {
            let mapping = mapping(&args.mapping)?;
            let rows = Rows::of_csv(&bytes(&args.file)?, &mapping)?;
            table(&rows, &mapping, args.common)?
        }
        Command::Xlsx(args) => {
            let mapping = mapping(&args.mapping)?;
            let rows = Rows::of_xlsx(&bytes(&args.file)?, args.sheet.as_deref(), &mapping)?;
            table(&rows, &mapping, args.common)?
        }
        Command::Geojson(args) => {
            let mapping = mapping(&args.mapping)?;
            let rows = Rows::of_geojson(&bytes(&args.file)?, &mapping)?;
            table(&rows, &mapping, args.common)?
        }
        Command::Open311(args) => {
            let mapping = shipped_or(args.mapping.as_deref(), SHIPPED_OPEN311)?;
            let mapping = Mapping::parse(&mapping)?;
            let rows = Rows::of_open311(&bytes(&args.file)?, &mapping)?;
            table(&rows, &mapping, args.common)?
        }
    };
    publish(globals, common, imported).await
}

fn notices(args: &PolisenEvents) -> Result<Imported, Failure> {
    let source = Source::read(&args.common)?;
    let table = TypeTable::parse(&shipped_or(args.types.as_deref(), SHIPPED_TYPES)?)?;
    let text = String::from_utf8(bytes(&args.file)?).map_err(|_| {
        Failure::Local(format!("`{}` is not UTF-8; fetch it anew", args.file.display()))
    })?;
    let reading = source.reading(&args.common);
    Ok(with_progress("reading", |tell| polisen_events(&text, &table, reading, tell))?)
}

fn mapping(file: &Path) -> Result<Mapping, Failure> {
    let text = fs::read_to_string(file).map_err(|why| Failure::file("read", file, &why))?;
    Ok(Mapping::parse(&text)?)
}

fn table(rows: &Rows, mapping: &Mapping, common: Common) -> Result<(Common, Imported), Failure> {
    let source = Source::read(&common)?;
    let reading = source.reading(&common);
    let imported = with_progress("reading", |tell| mapped(rows, mapping, reading, tell))?;
    Ok((common, imported))
}

/// Publishes what was read, or says what would be.
async fn publish(globals: &Globals, common: Common, imported: Imported) -> Result<(), Failure> {
    let months = common.labels.defaults()?.retention_months();
    let mut report = Report::of(&imported, common.dry_run);
    let mut rows = imported.rows;
    for row in &mut rows {
        keep_for(row, months);
    }
    let mut sent = Ok(());
    if !common.dry_run && !rows.is_empty() {
        let session = globals.connect().await?;
        let party = session.party(common.party)?;
        sent = send::all(&session, &party, rows, &mut report).await;
    }
    globals.show(|| report.json(), || report.text())?;
    sent?;
    report.outcome()
}

fn first_rows(text: &str) -> Result<usize, String> {
    let rows = text.parse().ok().filter(|rows| (0..=FIRST_MAX).contains(rows));
    rows.ok_or_else(|| format!("is no number from 0 to {FIRST_MAX}"))
}

/// What reading needs besides the file.
struct Source {
    gazetteer: Gazetteer,
    defaults: Defaults,
}

impl Source {
    fn read(common: &Common) -> Result<Self, Failure> {
        let registry: Registry = names::registry(common.registry.as_deref())?;
        let file = shipped_or(common.gazetteer.as_deref(), SHIPPED_GAZETTEER)?;
        let gazetteer = Gazetteer::build(&registry, &file)?;
        Ok(Self { gazetteer, defaults: common.labels.defaults()?.for_import() })
    }

    fn reading<'a>(&'a self, common: &'a Common) -> Reading<'a> {
        let Self { gazetteer, defaults } = self;
        let samples = if common.dry_run { common.first } else { 0 };
        Reading { gazetteer, defaults, areas: &common.area, samples }
    }
}

fn shipped_or(file: Option<&Path>, shipped: &str) -> Result<String, Failure> {
    let Some(file) = file else { return Ok(shipped.to_owned()) };
    fs::read_to_string(file).map_err(|why| Failure::file("read", file, &why))
}

/// The bytes of a file, one more than may be read at most.
fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    let bad = |why| Failure::file("read", file, &why);
    let mut bytes = Vec::new();
    let more = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(file).map_err(bad)?.take(more).read_to_end(&mut bytes).map_err(bad)?;
    Ok(bytes)
}

/// Retention counts from the observation, so that the same file gives the same labels each time.
fn keep_for(row: &mut Row, months: i32) {
    let start = row.observation.starts_at.as_ref().map(ToString::to_string);
    let start = start.and_then(|start| start.parse::<Timestamp>().ok());
    if let (Some(labels), Some(start)) = (&mut row.observation.labels, start) {
        let until = clock::local(start).saturating_add(months.months());
        labels.retain_until = Some(SystemTime::from(until.timestamp()).into());
    }
}

/// Runs something that tells how far it is, with a bar on a terminal.
fn with_progress<T>(what: &str, run: impl FnOnce(&mut dyn FnMut(usize, usize)) -> T) -> T {
    let bar = bar(what, 0);
    let done = run(&mut |done, total| {
        bar.set_length(length(total));
        bar.set_position(length(done));
    });
    bar.finish_and_clear();
    done
}

/// A progress bar on standard error; nothing is drawn when that is no terminal.
fn bar(what: &str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>10} {bar:40} {pos}/{len} {per_sec}");
    let bar = ProgressBar::new(length(total)).with_message(what.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn length(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{Labels, Observation};
    use samsyn_domain::AreaId;

    use super::*;

    #[test]
    fn retention_counts_from_the_observation_in_whole_months() {
        let start: Timestamp = "2025-10-31T12:00:00Z".parse().unwrap();
        let observation = Observation {
            starts_at: Some(SystemTime::from(start).into()),
            labels: Some(Labels::default()),
            ..Observation::default()
        };
        let mut row = Row { area: AreaId::parse("a").unwrap(), observation };
        keep_for(&mut row, 4);
        let until = row.observation.labels.unwrap().retain_until.unwrap().to_string();
        assert_eq!(until, "2026-02-28T12:00:00Z");
    }

    #[test]
    fn the_shipped_files_read_the_sample_of_notices() {
        let registry = names::registry(None).unwrap();
        let gazetteer = Gazetteer::build(&registry, SHIPPED_GAZETTEER).unwrap();
        let table = TypeTable::parse(SHIPPED_TYPES).unwrap();
        let defaults = labels::Flags::default().defaults().unwrap().for_import();
        let text = include_str!("../../../../../tests/fixtures/polisen-events.json");
        let reading =
            Reading { gazetteer: &gazetteer, defaults: &defaults, areas: &[], samples: 0 };
        let imported = polisen_events(text, &table, reading, &mut |_, _| {}).unwrap();
        assert!(!imported.rows.is_empty());
        assert!(imported.faults.iter().all(|fault| !fault.reason.is_empty()));
    }
}
