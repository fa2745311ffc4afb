//! `samsyn partner poll`: the same events, order and cursor as the stream.

use samsyn_client::wire::ListEventsRequest;
use samsyn_domain::registry::Role;
use serde_json::json;

use crate::{
    commands::joint::watch::{self, Of, Since},
    failure::Failure,
    json,
    names::Names,
    output::Format,
    session::{Globals, answer},
};

/// Fetches the events since a cursor, once.
///
/// For systems that run now and then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn partner poll --as raddningstjansten\n  \
    samsyn partner poll --cursor-file at.cursor --wait 30 --output json --as raddningstjansten")]
pub(in crate::commands) struct Poll {
    #[command(flatten)]
    scope: Of,
    #[command(flatten)]
    since: Since,
    /// At most so many events.
    #[arg(long, value_name = "N", default_value_t = 500)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Waits so many seconds when there is nothing new.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=30))]
    wait: u32,
    /// Tells the gateway what is stored: your record of receipt.
    #[arg(long)]
    acknowledge: bool,
}

pub(super) async fn run(globals: &Globals, args: Poll) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let request = ListEventsRequest {
        context: session.reads(),
        scope: Some(args.scope.into()),
        cursor: args.since.cursor()?,
        limit: args.limit,
        wait_seconds: args.wait,
    };
    let polled = answer(session.client.joint.clone().list_events(request)).await?;
    match globals.output() {
        Format::Json => globals.show(
            || {
                json!({
                    "events": json::list(&polled.events, json::event),
                    "next_cursor": polled.next_cursor,
                })
            },
            String::new,
        )?,
        Format::Table => {
            let names = Names::shipped();
            for event in &polled.events {
                watch::show(event, Format::Table, &names)?;
            }
        }
    }
    let kept = args.since.keep(&polled.next_cursor)?;
    if !kept && globals.output() == Format::Table {
        eprintln!("{} events; go on with --cursor {}", polled.events.len(), polled.next_cursor);
    }
    if args.acknowledge && !polled.events.is_empty() {
        let role = session.role(&Role::ALL).await?;
        watch::acknowledge(&session, role, &polled.next_cursor).await?;
    }
    Ok(())
}
