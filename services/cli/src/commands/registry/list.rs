//! `samsyn registry proposals`: what waits, and what took effect.

use clap::Args;
use samsyn_client::admin::{
    FieldChange, ListRegistryChangesRequest, RegistryChange, RegistrySigner, RowChange,
};
use samsyn_domain::registry::Difference;
use serde_json::json;

use super::plan::difference;
use crate::{
    commands::tables::moment,
    failure::Failure,
    json,
    output::Table,
    session::{Session, answer, page, pages},
};

/// Lists changes of the registry, the newest first: by whom signed, when, and what they change.
///
/// For registrars, auditors and operators.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry proposals --as registrar\n  samsyn registry proposals --open --as auditor")]
pub(in crate::commands) struct Proposals {
    /// Only what waits for a signature.
    #[arg(long)]
    open: bool,
}

pub(super) async fn proposals(session: &Session, args: Proposals) -> Result<(), Failure> {
    let all = changes(session, args.open).await?;
    session.show(
        || json!({ "changes": json::list(&all, json::registry_change) }),
        || all.iter().map(told).collect::<Vec<_>>().join("\n"),
    )
}

/// Changes of the registry, the newest first.
pub(super) async fn changes(
    session: &Session,
    open_only: bool,
) -> Result<Vec<RegistryChange>, Failure> {
    pages(|token| async move {
        let request = ListRegistryChangesRequest { open_only, page: page(token) };
        let mut registry = session.client.registry.clone();
        let listed = answer(registry.list_registry_changes(request)).await?;
        Ok((listed.changes, listed.next_page_token))
    })
    .await
}

fn told(change: &RegistryChange) -> String {
    let signer = |signer: &RegistrySigner| {
        format!(
            "{} with {} at {}",
            signer.service,
            signer.key_id,
            moment(signer.signed_at.as_ref())
        )
    };
    let signed: Vec<String> = change.signed_by.iter().map(signer).collect();
    let standing = match change.standing.as_str() {
        "applied" => {
            format!("in force since {}", moment(change.applied_at.as_ref()))
        }
        "open" => format!("waits until {}", moment(change.expires_at.as_ref())),
        other => other.to_owned(),
    };
    let head = format!("{} {}", change.proposal, change.effect);
    let mut table = Table::new([head, standing]);
    table.row(["  signed by".to_owned(), signed.join(", ")]);
    if !change.reason.is_empty() {
        table.row(["  because".to_owned(), change.reason.clone()]);
    }
    for row in &change.rows {
        table.row([format!("  {} {}", row.table, row.id), fields(row)]);
    }
    table.to_string()
}

fn fields(row: &RowChange) -> String {
    let told = |field: &FieldChange| {
        let name = field.name.clone();
        let (before, after) = (field.before.clone(), field.after.clone());
        format!("{name}: {}", difference(&Difference { field: name.clone(), before, after }))
    };
    if row.how == "changed" {
        return row.fields.iter().map(told).collect::<Vec<_>>().join("; ");
    }
    row.how.clone()
}
