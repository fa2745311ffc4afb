//! `samsyn edition export`.

use crate::{commands::export::To, failure::Failure, json, session::Session};

/// Writes an edition, as far as you may see it, as GeoJSON or CSV.
///
/// Such a file proves nothing: `samsyn partner verify` does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    samsyn edition export EDITION --format csv --out edition.csv --as raddningstjansten")]
pub(in crate::commands) struct Export {
    /// The edition.
    edition: String,
    #[command(flatten)]
    to: To,
}

pub(super) async fn run(session: &Session, args: Export) -> Result<(), Failure> {
    let edition = super::whole(session, &args.edition).await?;
    let header = edition.header.unwrap_or_default();
    let period = header.period.map(|period| period.code).unwrap_or_default();
    let head = vec![
        ("edition", header.id.into()),
        ("area", header.area.into()),
        ("period", period.into()),
        ("track", header.track.into()),
        ("state", json::state(header.state).unwrap_or_default().into()),
        ("round", header.round.into()),
        ("content_root", hex::encode(&header.content_root).into()),
    ];
    args.to.write(session, head, &edition.findings)
}
