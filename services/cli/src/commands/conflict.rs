//! `samsyn conflict`: settles a disagreement between parties, or records that it stands.

use clap::{Args, Subcommand, ValueEnum};
use samsyn_client::wire::{
    self, RecordDissentRequest, ResolveConflictRequest, Trend, resolve_conflict_request::Outcome,
};
use samsyn_domain::{Period, registry::Role};
use serde_json::json;

use super::{joint, tables};
use crate::{
    failure::Failure,
    json, output,
    session::{Globals, Session, answer},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Settle(Settle),
    Dissent(Dissent),
}

/// States what a conflict should come to; all functions that must act have to state the same.
///
/// `samsyn joint get` lists the conflicts of a picture with their ids.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn conflict settle 2025-09:sthlm-skarholmen/bredang/p1/youth_gathering:severity \\\n    \
    --severity 3 --reason \"endast sena kvällar\" --as sdf-skarholmen\n  \
    samsyn conflict settle … --both-stand --reason \"olika källor\" --as lpo-skarholmen")]
pub(super) struct Settle {
    /// The conflict, as `<period>:<finding>:<field>`.
    conflict: String,
    #[command(flatten)]
    outcome: Stated,
    /// Why; at most 500 characters, never about persons.
    #[arg(long)]
    reason: String,
    /// The area's revision that you have seen [default: the newest].
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Stated {
    /// The joint severity, 1–5.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5))]
    severity: Option<u32>,
    /// The joint trend.
    #[arg(long, value_name = "TREND")]
    trend: Option<Way>,
    /// No joint value: both stand.
    #[arg(long)]
    both_stand: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    Down,
    Flat,
    Up,
}

impl From<Way> for Trend {
    fn from(way: Way) -> Self {
        match way {
            Way::Down => Self::Down,
            Way::Flat => Self::Flat,
            Way::Up => Self::Up,
        }
    }
}

/// Records a dissent (avvikande mening): it travels along with the finding.
///
/// On any field of any finding.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn conflict dissent sthlm-skarholmen \
    sthlm-skarholmen/varberg/p1/perceived_unsafe_place \\\n    \
    --period 2025-09 --field trend --reason \"för få svar\" --as sthlm-utbildningsforvaltningen")]
pub(super) struct Dissent {
    /// The area.
    area: String,
    /// The finding.
    finding: String,
    /// The period.
    #[arg(long)]
    period: Period,
    /// `class`, `severity`, `trend` or `counts`.
    #[arg(long, value_parser = ["class", "severity", "trend", "counts"])]
    field: String,
    /// Why; at most 500 characters, never about persons.
    #[arg(long)]
    reason: String,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let session = globals.connect().await?;
    match command {
        Command::Settle(args) => settle(&session, args).await,
        Command::Dissent(args) => dissent(&session, args).await,
    }
}

async fn settle(session: &Session, args: Settle) -> Result<(), Failure> {
    let Stated { severity, trend, both_stand } = args.outcome;
    let trend = trend.map(|way| Outcome::Trend(Trend::from(way).into()));
    let outcome = severity.map(Outcome::Severity).or(trend);
    let outcome = outcome.unwrap_or(Outcome::Dissent(both_stand));
    let revision = match args.revision {
        Some(revision) => revision,
        None => {
            let (area, period) = whereabouts(&args.conflict)?;
            joint::picture(session, area, period, (0, None)).await?.revision
        }
    };
    let request = ResolveConflictRequest {
        context: session.writes(session.role(&[Role::Coordinator, Role::Kommunpolis]).await?),
        conflict_id: args.conflict,
        revision,
        outcome: Some(outcome),
        reason: args.reason,
        party: session.party(args.party)?,
    };
    let settled = answer(session.client.joint.clone().resolve_conflict(request)).await?;
    session.show(
        || {
            json!({
                "revision": settled.revision,
                "conflict": settled.conflict.as_ref().map(json::conflict),
            })
        },
        || {
            let head = output::pairs([("area's revision", settled.revision.to_string())]);
            let conflict: Vec<_> = settled.conflict.iter().cloned().collect();
            let table = tables::conflicts(&conflict).map(|table| format!("\n{table}"));
            head + &table.unwrap_or_default()
        },
    )
}

/// The area and period that a conflict's id names.
fn whereabouts(conflict: &str) -> Result<(&str, Period), Failure> {
    let parts = conflict.split_once(':').and_then(|(period, finding)| {
        let area = finding.split(['/', ':']).next()?;
        Some((area, period.to_ascii_uppercase().parse().ok()?))
    });
    parts.ok_or_else(|| {
        Failure::Usage(format!("`{conflict}` is no conflict: `<period>:<finding>:<field>`"))
    })
}

async fn dissent(session: &Session, args: Dissent) -> Result<(), Failure> {
    let roles = [Role::Endorser, Role::Coordinator, Role::Kommunpolis, Role::Publisher];
    let request = RecordDissentRequest {
        context: session.writes(session.role(&roles).await?),
        area: args.area,
        period: Some(wire::Period { code: args.period.to_string() }),
        finding_id: args.finding,
        field_name: args.field,
        reason: args.reason,
        party: session.party(args.party)?,
    };
    let recorded = answer(session.client.joint.clone().record_dissent(request)).await?;
    session.show(
        || json!({ "revision": recorded.revision }),
        || output::pairs([("area's revision", recorded.revision.to_string())]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflicts_id_names_area_and_period() {
        let (area, period) = whereabouts("2025-w40:sthlm-a/b/p1/graffiti:severity").unwrap();
        assert_eq!((area, period.to_string().as_str()), ("sthlm-a", "2025-W40"));
        for bad in ["", "2025-09", "x:sthlm-a/b:trend"] {
            assert_eq!(whereabouts(bad).unwrap_err().number(), 2, "{bad}");
        }
    }
}
