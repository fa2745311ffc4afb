//! `samsyn duties`: what waits for the caller's functions.

use samsyn_client::wire::{Duty, ListDutiesRequest};
use serde_json::json;

use super::tables::moment;
use crate::{
    failure::Failure,
    json,
    names::Names,
    output::Table,
    session::{Globals, Session, answer, page, pages},
};

/// Lists what waits for your functions, in all areas.
///
/// In all areas; the earliest due first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn duties --as sthlm-trafikkontoret")]
pub(super) struct Args {}

pub(super) async fn run(globals: &Globals, Args {}: Args) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let all = duties(&session).await?;
    session.show(
        || json!({ "duties": json::list(&all, json::duty) }),
        || {
            if all.is_empty() {
                return "nothing waits for you\n".into();
            }
            let names = Names::shipped();
            let mut table = Table::new(["due", "", "what", "where", "party", "role", "of"]);
            for duty in &all {
                table.row([
                    moment(duty.due.as_ref()),
                    if duty.overdue { "OVERDUE".into() } else { String::new() },
                    what(&duty.kind).to_owned(),
                    names.geography(&duty.area),
                    duty.party.clone(),
                    duty.role.clone(),
                    duty.object_id.clone(),
                ]);
            }
            table.to_string()
        },
    )
}

fn what(kind: &str) -> &str {
    match kind {
        "answer_edition" => "answer edition",
        "settle_conflict" => "settle conflict",
        "chase_edition" => "answer of another overdue",
        other => other,
    }
}

async fn duties(session: &Session) -> Result<Vec<Duty>, Failure> {
    pages(|token| async move {
        let request = ListDutiesRequest { context: session.reads(), page: page(token) };
        let next = answer(session.client.access.clone().list_duties(request)).await?;
        Ok((next.duties, next.next_page_token))
    })
    .await
}
