//! `samsyn disclosures`: who received what, when, on what ground (utlämnanden).

mod holders;

use std::time::SystemTime;

use jiff::{Timestamp, civil::Date};
use samsyn_client::wire::{Disclosure, ListDisclosuresRequest};
use serde_json::json;

use super::tables::{NONE, moment};
use crate::{
    clock,
    failure::Failure,
    json,
    names::Names,
    output::Table,
    session::{Globals, Session, answer, page, pages},
};

/// Lists who received what, when, on what ground (utlämnanden).
///
/// Every disclosure is recorded before its first byte leaves. The newest first. Who may have had
/// one observation, and who has confirmed that it is gone, tells `samsyn disclosures holders`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  \
    samsyn disclosures --as auditor\n  \
    samsyn disclosures holders sthlm-skarholmen W40-17 --as sdf-skarholmen\n  \
    samsyn disclosures --receiver region-stockholm --from 2025-10-01 --to 2025-11-01 --as auditor")]
pub(super) struct Args {
    #[command(subcommand)]
    of: Option<Of>,
    /// Only to this organisation.
    #[arg(long, value_name = "ID")]
    receiver: Option<String>,
    /// Only of this area.
    #[arg(long, value_name = "ID")]
    area: Option<String>,
    /// From which day on, Europe/Stockholm.
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Until before which day.
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
}

#[derive(Debug, clap::Subcommand)]
enum Of {
    Holders(holders::Args),
}

pub(super) async fn run(globals: &Globals, mut args: Args) -> Result<(), Failure> {
    if let Some(Of::Holders(asked)) = args.of.take() {
        return holders::run(globals, asked).await;
    }
    let from = args.from.map(clock::midnight).transpose()?;
    let to = args.to.map(clock::midnight).transpose()?;
    let session = globals.connect().await?;
    let all = disclosures(&session, &args, from, to).await?;
    session.show(
        || json!({ "disclosures": json::list(&all, json::disclosure) }),
        || {
            let names = Names::shipped();
            let mut table =
                Table::new(["when", "who", "what", "rows", "purpose", "basis", "by", "stored"])
                    .right(3);
            for one in &all {
                let ground = one.ground.clone().unwrap_or_default();
                table.row([
                    moment(one.at.as_ref()),
                    format!("{} ({})", names.organisation(&one.receiver), one.service),
                    format!("{} at {}", one.object_ref, one.revision),
                    one.rows.to_string(),
                    ground.purpose,
                    ground.legal_basis,
                    one.rule_ids.join(", "),
                    one.acknowledged_at.as_ref().map_or_else(|| NONE.into(), |at| moment(Some(at))),
                ]);
            }
            format!("{} disclosures\n{table}", table.len())
        },
    )
}

async fn disclosures(
    session: &Session,
    args: &Args,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Vec<Disclosure>, Failure> {
    pages(|token| async move {
        let request = ListDisclosuresRequest {
            context: session.reads(),
            receiver: args.receiver.clone().unwrap_or_default(),
            area: args.area.clone().unwrap_or_default(),
            starts_at: from.map(|at| SystemTime::from(at).into()),
            ends_at: to.map(|at| SystemTime::from(at).into()),
            page: page(token),
        };
        let next = answer(session.client.access.clone().list_disclosures(request)).await?;
        Ok((next.disclosures, next.next_page_token))
    })
    .await
}
