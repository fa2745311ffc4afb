//! `samsyn edition open`.

use std::time::SystemTime;

use jiff::Timestamp;
use samsyn_client::wire::{OpenEditionRequest, Period as WirePeriod};
use samsyn_domain::{
    Period,
    registry::{Role, Track},
};

use crate::{
    clock,
    failure::Failure,
    session::{Session, answer},
};

/// Opens an edition: contributions are collected.
///
/// In the function of coordinator or kommunpolis.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn edition open sthlm-skarholmen --period 2025-09 \
    --track strategic --due 2025-10-14 --as sdf-skarholmen")]
pub(in crate::commands) struct Open {
    /// The area.
    area: String,
    /// The period.
    #[arg(long)]
    period: Period,
    /// How it is agreed on: operative or strategic.
    #[arg(long, value_parser = track)]
    track: Track,
    /// By when the answers are wanted: a day, with or without time, in Europe/Stockholm.
    #[arg(long, value_name = "TIME", value_parser = clock::until)]
    due: Timestamp,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
}

fn track(code: &str) -> Result<Track, &'static str> {
    Track::from_code(code).ok_or("is no track; give operative or strategic")
}

pub(super) async fn run(session: &Session, args: Open) -> Result<(), Failure> {
    let request = OpenEditionRequest {
        context: session.writes(session.role(&[Role::Coordinator, Role::Kommunpolis]).await?),
        area: args.area,
        period: Some(WirePeriod { code: args.period.to_string() }),
        track: args.track.as_str().to_owned(),
        due: Some(SystemTime::from(args.due).into()),
        party: session.party(args.party)?,
    };
    let opened = answer(session.client.editions.clone().open_edition(request)).await?;
    super::show_header(session, opened.edition)
}
