//! `samsyn whoami`: who the gateway takes the caller for, and what it may.

use samsyn_client::wire::{GetAccessRequest, GetAccessResponse};

use super::tables::{all_or, few_or, moment};
use crate::{
    failure::Failure,
    json,
    output::{self, Table},
    session::{Globals, answer},
};

/// Says who the gateway takes you for, and what you may.
///
/// The first call of anyone who is new.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn whoami --as region-stockholm")]
pub(super) struct Args {}

pub(super) async fn run(globals: &Globals, Args {}: Args) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let access = answer(session.client.access.clone().get_access(GetAccessRequest {})).await?;
    session.show(|| json::access(&access), || table(&access))
}

fn table(access: &GetAccessResponse) -> String {
    let who = output::pairs([
        ("service", access.service.clone()),
        ("organisation", access.organisation.clone()),
        ("parties", all_or(&access.parties, "none")),
        ("roles", all_or(&access.roles, "none")),
        ("certificate until", moment(access.certificate_until.as_ref())),
        ("interface level", access.api_level.clone()),
    ]);
    let mut grants =
        Table::new(["may read", "priorities", "periods", "field groups", "until", "by"]);
    for grant in &access.grants {
        let scope = grant.scope.clone().unwrap_or_default();
        let live = if grant.live { "live" } else { "editions" };
        grants.row([
            format!("{live}: {}", few_or(&scope.areas, "areas")),
            all_or(&scope.priorities, "all"),
            all_or(&scope.period_kinds, "all"),
            grant.field_groups.join(", "),
            moment(grant.until.as_ref()),
            grant.rule_id.clone(),
        ]);
    }
    if grants.is_empty() { who } else { format!("{who}\n{grants}") }
}
