//! Changes of the registry: proposed, approved, withdrawn. Nothing is signed but what was made here
//! from files or options.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use ed25519_dalek::SigningKey;
use samsyn_client::{
    Exported, Word,
    admin::{
        ApproveRegistryChangeRequest, ProposeRegistryChangeRequest, RegistryChange,
        WithdrawRegistryChangeRequest,
    },
    change_digest, operations,
};
use samsyn_domain::{
    ServiceId,
    registry::{Change, Operation, Record, RecordKey, Role, Table},
};
use serde_json::json;

use super::{files, list, plan};
use crate::{
    failure::Failure,
    output,
    session::{Globals, Session, answer},
};

/// Proposes what makes the registry in force that of the files, signed with the profile's key.
///
/// What only takes away takes effect at once. What may give waits for the registrar of another
/// organisation, for 30 days.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry propose --from registry.toml \
    --reason \"nytt avtal\" --as registrar")]
pub(in crate::commands) struct Propose {
    /// The registry as it is to be: a file, or a folder of `.toml` files.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// Why; at most 500 characters, never about persons.
    #[arg(long)]
    reason: String,
}

/// Approves a proposal, when the files come to the same change.
///
/// The change is made anew from the files, and only that is signed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry approve 71 --from registry.toml \
    --as registrar-polismyndigheten")]
pub(in crate::commands) struct Approve {
    /// The proposal.
    proposal: u64,
    /// The registry as it is to be: a file, or a folder of `.toml` files.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
}

/// Approves what another organisation has proposed of just this change, or else proposes it.
///
/// So the registrars of two organisations that run it on the same files carry the change.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry apply --from registry.toml \
    --reason \"nytt avtal\" --as registrar")]
pub(in crate::commands) struct Apply {
    /// The registry as it is to be: a file, or a folder of `.toml` files.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    #[command(flatten)]
    by: By,
}

/// Takes a proposal of one's own organisation back.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry withdraw 71 --as registrar")]
pub(in crate::commands) struct Withdraw {
    /// The proposal.
    proposal: u64,
}

/// Lifts a suspension: the registrars of two organisations run it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry lift kriminalvarden/kriminalvarden \
    --reason \"nyckeln är bytt\" --as registrar")]
pub(in crate::commands) struct Lift {
    /// The service, as `<organisation>/<name>`.
    service: String,
    #[command(flatten)]
    by: By,
}

/// How a change is made.
#[derive(Debug, Args)]
pub(in crate::commands) struct By {
    /// Why; at most 500 characters, never about persons.
    #[arg(long, required_unless_present = "plan")]
    pub(in crate::commands) reason: Option<String>,
    /// Shows what it would do, and changes nothing.
    #[arg(long)]
    pub(in crate::commands) plan: bool,
}

/// Makes a key with which a registrar signs, as `registry.key` in a profile's folder.
///
/// Have the public half that it shows registered for your organisation.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn registry key profiles/registrar/registry.key")]
pub(in crate::commands) struct Key {
    /// The file to write; there must be none yet.
    file: PathBuf,
}

pub(super) async fn propose(session: &Session, args: Propose) -> Result<(), Failure> {
    let (exported, change) = made(session, &args.from).await?;
    proposed(session, &exported, &change, args.reason).await
}

pub(super) async fn approve(session: &Session, args: Approve) -> Result<(), Failure> {
    let (exported, change) = made(session, &args.from).await?;
    let open = list::changes(session, true).await?;
    let proposal = open.into_iter().find(|one| one.proposal == args.proposal);
    let proposal = proposal.ok_or_else(|| {
        let id = args.proposal;
        Failure::Usage(format!("no proposal `{id}` waits; see `samsyn registry proposals`"))
    })?;
    if proposal.digest != change_digest(&change) {
        return Err(Failure::Unverified(format!(
            "the files come to another change than proposal `{}`; nothing was signed; compare \
             `samsyn registry plan` with `samsyn registry proposals`",
            args.proposal
        )));
    }
    approved(session, &exported, &change, &proposal).await
}

pub(super) async fn apply(session: &Session, args: Apply) -> Result<(), Failure> {
    let (exported, change) = made(session, &args.from).await?;
    carry(session, &exported, &change, args.by).await
}

pub(super) async fn lift(session: &Session, args: Lift) -> Result<(), Failure> {
    let exported = session.client.export_registry().await?;
    let id = ServiceId::parse(&args.service);
    let service = id.ok().and_then(|id| exported.registry.service(&id).cloned());
    let mut service = service.ok_or_else(|| {
        let id = &args.service;
        Failure::Usage(format!("`{id}` is not registered; see `samsyn registry show services`"))
    })?;
    if !service.suspended {
        return Err(Failure::Usage(format!("`{}` is not suspended", args.service)));
    }
    service.suspended = false;
    let change = single(Record::Services(service))?;
    carry(session, &exported, &change, args.by).await
}

pub(super) async fn withdraw(session: &Session, args: Withdraw) -> Result<(), Failure> {
    let request = WithdrawRegistryChangeRequest {
        context: session.writes(session.role(&[Role::Registrar]).await?),
        proposal: args.proposal,
    };
    answer(session.client.registry.clone().withdraw_registry_change(request)).await?;
    let proposal = args.proposal;
    session.show(
        || json!({ "withdrawn": proposal }),
        || output::pairs([("withdrawn", proposal.to_string())]),
    )
}

pub(super) fn key(globals: &Globals, args: &Key) -> Result<(), Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|why| Failure::Local(format!("the system gives no random numbers: {why}")))?;
    let public = hex::encode(SigningKey::from_bytes(&seed).verifying_key().to_bytes());
    let file = &args.file;
    let mut options = fs::File::options();
    let written = options.write(true).create_new(true).mode(0o600).open(file);
    let written = written.and_then(|mut to| to.write_all(hex::encode(seed).as_bytes()));
    written.map_err(|why| Failure::file("write", file, &why))?;
    globals.show(
        || json!({ "file": file.display().to_string(), "public_key": public }),
        || output::pairs([("wrote", file.display().to_string()), ("public_key", public.clone())]),
    )
}

/// A change of one row.
pub(in crate::commands) fn single(record: Record) -> Result<Change, Failure> {
    of(Operation::Put(record.into()))
}

/// A change that removes one row.
pub(super) fn removal(table: Table, id: String) -> Result<Change, Failure> {
    of(Operation::Remove(RecordKey { table, id }))
}

fn of(operation: Operation) -> Result<Change, Failure> {
    Change::of(vec![operation]).map_err(|why| Failure::Usage(why.to_string()))
}

/// Shows a change, approves it where it waits for that, or proposes it.
pub(in crate::commands) async fn carry(
    session: &Session,
    exported: &Exported,
    change: &Change,
    by: By,
) -> Result<(), Failure> {
    let By { reason, plan } = by;
    let Some(reason) = reason.filter(|_| !plan) else {
        return plan::show(session, exported, change).await;
    };
    let own =
        answer(session.client.access.clone().get_access(samsyn_client::wire::GetAccessRequest {}))
            .await?
            .organisation;
    let digest = change_digest(change);
    let by_another = |one: &&RegistryChange| {
        one.digest == digest && one.signed_by.iter().all(|signer| signer.organisation != own)
    };
    match list::changes(session, true).await?.iter().find(by_another) {
        Some(proposal) => approved(session, exported, change, proposal).await,
        None => proposed(session, exported, change, reason).await,
    }
}

async fn made(session: &Session, from: &Path) -> Result<(Exported, Change), Failure> {
    let document = files::document(from)?;
    let exported = session.client.export_registry().await?;
    let change = exported.change_to(&document)?;
    Ok((exported, change))
}

async fn proposed(
    session: &Session,
    exported: &Exported,
    change: &Change,
    reason: String,
) -> Result<(), Failure> {
    let signature = exported.sign(&session.client, change, Word::Propose, exported.epoch)?;
    let request = ProposeRegistryChangeRequest {
        context: session.writes(session.role(&[Role::Registrar]).await?),
        against: Some(exported.base()),
        operations: operations(change),
        signature: Some(signature),
        reason,
    };
    let proposed = answer(session.client.registry.clone().propose_registry_change(request)).await?;
    outcome(session, "proposed", proposed.proposal, proposed.epoch)
}

async fn approved(
    session: &Session,
    exported: &Exported,
    change: &Change,
    proposal: &RegistryChange,
) -> Result<(), Failure> {
    let epoch = proposal.against.as_ref().map_or(0, |against| against.epoch);
    let signature = exported.sign(&session.client, change, Word::Approve, epoch)?;
    let request = ApproveRegistryChangeRequest {
        context: session.writes(session.role(&[Role::Registrar]).await?),
        proposal: proposal.proposal,
        signature: Some(signature),
    };
    let approved = answer(session.client.registry.clone().approve_registry_change(request)).await?;
    outcome(session, "approved", proposal.proposal, approved.epoch)
}

fn outcome(
    session: &Session,
    what: &str,
    proposal: u64,
    epoch: Option<u64>,
) -> Result<(), Failure> {
    session.show(
        || json!({ what: proposal, "epoch": epoch }),
        || {
            let now = epoch.map_or_else(
                || "it waits for a registrar of another organisation".to_owned(),
                |epoch| format!("in force from epoch {epoch} on"),
            );
            output::pairs([(what, proposal.to_string()), ("now", now)])
        },
    )
}
