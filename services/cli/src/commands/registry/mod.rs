//! `samsyn registry`: who takes part, with which rights; its changes, by signatures of registrars;
//! and the suspension of a service.

mod change;
mod delivery;
mod edit;
mod files;
mod list;
mod plan;

pub(super) use change::{By, carry, single};
use clap::{Args, Subcommand, ValueEnum};
use samsyn_client::admin::{GetRegistryRequest, GetRegistryResponse, SuspendServiceRequest};
use samsyn_domain::registry::Role;
use serde_json::json;

use super::tables::{NONE, all_or, few_or, moment};
use crate::{
    failure::Failure,
    json,
    output::{self, Table},
    session::{Globals, Session, answer},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Show(Show),
    Suspend(Suspend),
    Export(files::Export),
    Plan(plan::Plan),
    Propose(change::Propose),
    Approve(change::Approve),
    Apply(change::Apply),
    Withdraw(change::Withdraw),
    Lift(change::Lift),
    Proposals(list::Proposals),
    /// Edits what one receiver may have.
    #[command(subcommand)]
    ReleaseRow(edit::ReleaseRow),
    /// Edits an agreement.
    #[command(subcommand)]
    Agreement(edit::Agreement),
    Home(edit::Home),
    /// Edits what of joint pictures goes to another domain.
    #[command(subcommand)]
    Delivery(delivery::Command),
    Key(change::Key),
}

/// Shows the registry, without keys.
///
/// For registrars, auditors and operators.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry show --as registrar\n  samsyn registry show release-rows --as registrar")]
pub(super) struct Show {
    /// Only this part.
    part: Option<Part>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    Services,
    Agreements,
    ReleaseRows,
}

impl Part {
    const fn code(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Agreements => "agreements",
            Self::ReleaseRows => "release_rows",
        }
    }
}

/// Suspends a service at once: its streams end on every node.
///
/// One registrar is enough; to lift it takes the registrars of two organisations.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry suspend kriminalvarden/kriminalvarden \
    --reason \"nyckeln är på drift\" --as registrar")]
pub(super) struct Suspend {
    /// The service, as `<organisation>/<name>`.
    service: String,
    /// Why; at most 500 characters, never about persons.
    #[arg(long)]
    reason: String,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    if let Command::Key(args) = &command {
        return change::key(globals, args);
    }
    let session = globals.connect().await?;
    match command {
        Command::Show(args) => show(&session, args).await,
        Command::Suspend(args) => suspend(&session, args).await,
        Command::Export(args) => files::export(&session, args).await,
        Command::Plan(args) => plan::plan(&session, args).await,
        Command::Propose(args) => change::propose(&session, args).await,
        Command::Approve(args) => change::approve(&session, args).await,
        Command::Apply(args) => change::apply(&session, args).await,
        Command::Withdraw(args) => change::withdraw(&session, args).await,
        Command::Lift(args) => change::lift(&session, args).await,
        Command::Proposals(args) => list::proposals(&session, args).await,
        Command::ReleaseRow(command) => edit::release_row(&session, command).await,
        Command::Agreement(command) => edit::agreement(&session, command).await,
        Command::Home(args) => edit::home(&session, args).await,
        Command::Delivery(command) => delivery::run(&session, command).await,
        Command::Key(_) => Ok(()),
    }
}

async fn show(session: &Session, args: Show) -> Result<(), Failure> {
    let part = args.part.map_or("", Part::code).to_owned();
    let request = GetRegistryRequest { part };
    let registry = answer(session.client.registry.clone().get_registry(request)).await?;
    session.show(
        || {
            json!({
                "epoch": registry.epoch,
                "services": json::list(&registry.services, json::service),
                "agreements": json::list(&registry.agreements, json::agreement),
                "release_rows": json::list(&registry.release_rows, json::release_row),
            })
        },
        || tables(&registry),
    )
}

fn tables(registry: &GetRegistryResponse) -> String {
    let mut services = Table::new(["service", "parties", "roles", "suspended"]);
    for service in &registry.services {
        let since = || moment(service.suspended_at.as_ref());
        services.row([
            service.id.clone(),
            all_or(&service.parties, NONE),
            service.roles.join(", "),
            if service.suspended { since() } else { "no".into() },
        ]);
    }
    let mut agreements = Table::new(["agreement", "area", "signatories"]);
    for agreement in &registry.agreements {
        agreements.row([&agreement.id, &agreement.area, &agreement.signatories.join(", ")]);
    }
    let mut rows =
        Table::new(["release row", "receiver", "areas", "priorities", "field groups", "until"]);
    for row in &registry.release_rows {
        let scope = row.scope.clone().unwrap_or_default();
        rows.row([
            row.id.clone(),
            row.receiver.clone(),
            few_or(&scope.areas, "areas"),
            all_or(&scope.priorities, "all"),
            row.field_groups.join(", "),
            moment(row.until.as_ref()),
        ]);
    }
    let parts = [services, agreements, rows].into_iter().filter(|table| !table.is_empty());
    let parts = parts.map(|table| format!("\n{table}"));
    format!("epoch {}\n{}", registry.epoch, parts.collect::<String>())
}

async fn suspend(session: &Session, args: Suspend) -> Result<(), Failure> {
    let request = SuspendServiceRequest {
        context: session.writes(session.role(&[Role::Registrar]).await?),
        service: args.service.clone(),
        reason: args.reason,
    };
    let suspended = answer(session.client.registry.clone().suspend_service(request)).await?;
    session.show(
        || json!({ "epoch": suspended.epoch }),
        || {
            output::pairs([
                ("suspended", args.service.clone()),
                ("epoch", suspended.epoch.to_string()),
            ])
        },
    )
}
