//! `samsyn joint export`.

use samsyn_domain::Period;

use crate::{commands::export::To, failure::Failure, session::Session};

/// Writes your view of the joint picture as GeoJSON or CSV.
///
/// All of it is of one revision. Purpose, legal basis, revision and time stand in the file. A
/// finding whose place is withheld or coarse has no geometry.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn joint export sthlm-skarholmen --period 2025-09 --format geojson --out view.geojson\n  \
    samsyn joint export sthlm-skarholmen --revision 37 --format csv --as lpo-skarholmen")]
pub(in crate::commands) struct Export {
    /// The area.
    area: String,
    /// The period [default: that of the area's newest edition, else the current month].
    #[arg(long)]
    period: Option<Period>,
    /// At this revision of your view [default: the newest].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    revision: u64,
    #[command(flatten)]
    to: To,
}

pub(super) async fn run(session: &Session, args: Export) -> Result<(), Failure> {
    let period = match args.period {
        Some(period) => period,
        None => super::newest_period(session, &args.area).await?,
    };
    let view = super::picture(session, &args.area, period, (args.revision, None)).await?;
    let head = vec![
        ("area", args.area.into()),
        ("period", period.to_string().into()),
        ("revision", view.revision.into()),
    ];
    args.to.write(session, head, &view.findings)
}
