//! `samsyn access`: why something is or is not allowed.

use clap::{Args, Subcommand};
use samsyn_client::wire::ExplainAccessRequest;

use super::{joint::watch::Of, tables::all_or};
use crate::{
    failure::Failure,
    json, output,
    session::{Globals, answer},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Explain(Explain),
}

/// Says why you may or may not see something, and what would have to change.
///
/// Answers about your own rights only.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn access explain place --area sthlm-skarholmen \
    --priority criminal_milieus --as forsakringskassan")]
pub(super) struct Explain {
    /// A field group: identity, place, time, counts, assessment, text, provenance.
    field_group: Option<String>,
    #[command(flatten)]
    scope: Of,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let Command::Explain(args) = command;
    let session = globals.connect().await?;
    let request = ExplainAccessRequest {
        context: session.reads(),
        scope: Some(args.scope.into()),
        field_group: args.field_group.unwrap_or_default(),
    };
    let explained = answer(session.client.access.clone().explain_access(request)).await?;
    session.show(
        || json::explained(&explained),
        || {
            let verdict =
                if explained.allowed { "allowed".into() } else { explained.reason.clone() };
            output::pairs([
                ("verdict", verdict),
                ("rules", all_or(&explained.rule_ids, super::tables::NONE)),
                ("sv", explained.text_sv.clone()),
                ("en", explained.text_en.clone()),
                ("what would have to change", explained.remedy.clone()),
            ])
        },
    )
}
