//! `samsyn joint revisions`: what changed in an area, when, by whom.

use samsyn_client::wire::{ListRevisionsRequest, Revision};
use serde_json::json;

use super::super::tables::moment;
use crate::{
    failure::Failure,
    json,
    output::Table,
    session::{Session, answer, page, pages},
};

/// Lists the revisions of an area.
///
/// The newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn joint revisions sthlm-skarholmen --as sdf-skarholmen")]
pub(in crate::commands) struct Args {
    /// The area.
    area: String,
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let all = revisions(session, &args.area).await?;
    session.show(
        || json!({ "revisions": json::list(&all, json::revision) }),
        || {
            let mut table = Table::new(["revision", "recorded", "party", "what"]).right(0);
            for revision in &all {
                table.row([
                    &revision.revision.to_string(),
                    &moment(revision.recorded_at.as_ref()),
                    &revision.party,
                    &revision.what,
                ]);
            }
            table.to_string()
        },
    )
}

async fn revisions(session: &Session, area: &str) -> Result<Vec<Revision>, Failure> {
    pages(|token| async move {
        let request = ListRevisionsRequest {
            context: session.reads(),
            area: area.to_owned(),
            page: page(token),
        };
        let next = answer(session.client.joint.clone().list_revisions(request)).await?;
        Ok((next.revisions, next.next_page_token))
    })
    .await
}
