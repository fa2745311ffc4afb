//! `samsyn collisions`: where one function is wanted in several meetings at once.

use std::time::SystemTime;

use jiff::{ToSpan as _, civil::Date};
use samsyn_client::wire::ListMeetingCollisionsRequest;
use serde_json::json;

use super::tables::moment;
use crate::{
    clock,
    failure::Failure,
    json,
    output::Table,
    session::{Globals, answer},
};

/// Lists where one function is wanted in several meetings at once.
///
/// Looks at most 400 days ahead.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn collisions trafikkontoret_public_space --as sthlm-trafikkontoret\n  \
    samsyn collisions kommunpolis --from 2025-10-01 --to 2026-01-01 --as lpo-farsta")]
pub(super) struct Args {
    /// The function, as the series of meetings name it.
    function: String,
    /// From which day on, Europe/Stockholm [default: today].
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Until before which day [default: four weeks later].
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let from = args.from.unwrap_or_else(|| clock::local(clock::now()).date());
    let to = args.to.unwrap_or_else(|| from.saturating_add(4.weeks()));
    let session = globals.connect().await?;
    let request = ListMeetingCollisionsRequest {
        context: session.reads(),
        role: args.function,
        starts_at: Some(SystemTime::from(clock::midnight(from)?).into()),
        ends_at: Some(SystemTime::from(clock::midnight(to)?).into()),
    };
    let call = session.client.access.clone();
    let found = answer({ call }.list_meeting_collisions(request)).await?.collisions;
    session.show(
        || json!({ "collisions": json::list(&found, json::collision) }),
        || {
            if found.is_empty() {
                return format!("no collisions from {from} until {to}\n");
            }
            let mut table = Table::new(["from", "until", "meetings", "", "which"]).right(2);
            for one in &found {
                table.row([
                    moment(one.starts_at.as_ref()),
                    moment(one.ends_at.as_ref()),
                    one.meeting_ids.len().to_string(),
                    if one.same_start { "same start".into() } else { String::new() },
                    one.meeting_ids.join(", "),
                ]);
            }
            table.to_string()
        },
    )
}
