//! `samsyn joint diff`: what is different between two revisions of the caller's view.

use clap::Args as ClapArgs;
use samsyn_client::wire::{
    self, CompareRevisionsRequest, CompareRevisionsResponse, Finding, FindingChange,
};
use samsyn_domain::Period;
use serde_json::json;

use super::table;
use crate::{
    failure::Failure,
    json,
    names::Names,
    session::{Session, answer, page},
};

/// Shows what is different between two revisions of the joint picture of an area and a period.
///
/// Findings that came, that are gone, and that changed, as they were and as they are. Both sides
/// are shown as they may be shown now.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    samsyn joint diff sthlm-skarholmen --period 2025-09 --from 12 --as sdf-skarholmen\n  \
    samsyn joint diff sthlm-skarholmen --period 2025-09 --from 12 --to 20 --output json")]
pub(in crate::commands) struct Args {
    /// The area.
    area: String,
    /// The period.
    #[arg(long)]
    period: Period,
    /// The earlier revision of your view; 0 is the empty picture.
    #[arg(long, value_name = "N")]
    from: u64,
    /// The later revision of your view [default: the newest].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    to: u64,
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let view = compared(session, &args).await?;
    session.show(
        || {
            json!({
                "from_revision": view.from_revision,
                "to_revision": view.to_revision,
                "changes": json::list(&view.changes, change),
            })
        },
        || text(&view, &args, &Names::shipped()),
    )
}

fn change(change: &FindingChange) -> serde_json::Value {
    let side = |one: &Option<Finding>| one.as_ref().map(json::finding);
    json!({ "before": side(&change.before), "after": side(&change.after) })
}

fn text(view: &CompareRevisionsResponse, args: &Args, names: &Names) -> String {
    let (from, to, n) = (view.from_revision, view.to_revision, view.changes.len());
    let area = names.geography(&args.area);
    let mut text =
        format!("Skillnad: {area}, {}, revision {from} → {to}   {n} findings\n", args.period);
    let mut came = Vec::new();
    let mut gone = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for one in &view.changes {
        match (&one.before, &one.after) {
            (None, Some(now)) => came.push(now.clone()),
            (Some(then), None) => gone.push(then.clone()),
            (Some(then), Some(now)) => {
                before.push(then.clone());
                after.push(now.clone());
            }
            (None, None) => {}
        }
    }
    let parts = [("new", came), ("gone", gone), ("was", before), ("is now", after)];
    for (title, findings) in parts.into_iter().filter(|(_, findings)| !findings.is_empty()) {
        text += &format!("\n{title}\n{}", table::of(&findings, names));
    }
    text
}

/// All pages, of the same two revisions whatever happens meanwhile.
async fn compared(session: &Session, args: &Args) -> Result<CompareRevisionsResponse, Failure> {
    let mut whole = CompareRevisionsResponse::default();
    loop {
        let request = CompareRevisionsRequest {
            context: session.reads(),
            area: args.area.clone(),
            period: Some(wire::Period { code: args.period.to_string() }),
            from_revision: args.from,
            to_revision: args.to,
            page: page(whole.next_page_token),
        };
        let next = answer(session.client.joint.clone().compare_revisions(request)).await?;
        (whole.from_revision, whole.to_revision) = (next.from_revision, next.to_revision);
        whole.changes.extend(next.changes);
        whole.next_page_token = next.next_page_token;
        if whole.next_page_token.is_empty() {
            return Ok(whole);
        }
    }
}
