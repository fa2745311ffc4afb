//! `samsyn edition lock`.

use std::path::PathBuf;

use samsyn_client::wire::LockEditionRequest;
use samsyn_domain::{Period, registry::Role};
use serde_json::json;

use crate::{
    clock,
    commands::{joint, labels::Flags, text_of},
    failure::Failure,
    json,
    session::{Session, answer},
};

/// Locks basis and analysis under a content root; a new round voids all answers.
///
/// Who may have the analysis is said by the labels.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn edition lock EDITION --analysis-file analysis.txt \
    --audience signatories --audience partners --as sdf-skarholmen")]
pub(in crate::commands) struct Lock {
    /// The edition.
    edition: String,
    /// The joint analysis; at most 8,000 characters, never about persons.
    #[arg(long, value_name = "TEXT", required_unless_present = "analysis_file")]
    analysis: Option<String>,
    /// A file with the joint analysis; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "analysis")]
    analysis_file: Option<PathBuf>,
    /// The area's revision to lock [default: the newest].
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// For which party [default: the profile's].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
    #[command(flatten)]
    labels: Flags,
}

pub(super) async fn run(session: &Session, args: Lock) -> Result<(), Failure> {
    let analysis = match (args.analysis, &args.analysis_file) {
        (Some(text), _) => text,
        (None, Some(file)) => text_of(file)?,
        (None, None) => String::new(),
    };
    let defaults = args.labels.defaults()?;
    let revision = match args.revision {
        Some(revision) => revision,
        None => newest(session, &args.edition).await?,
    };
    let request = LockEditionRequest {
        context: session.writes(session.role(&[Role::Coordinator, Role::Kommunpolis]).await?),
        edition_id: args.edition,
        revision,
        analysis: analysis.trim().to_owned(),
        analysis_labels: Some(defaults.kept(clock::now())),
        party: session.party(args.party)?,
    };
    let locked = answer(session.client.editions.clone().lock_edition(request)).await?;
    let header = locked.edition.ok_or_else(super::incomplete)?;
    session.show(
        || json!({ "edition": json::header(&header), "left_out_ids": locked.left_out_ids }),
        || {
            let left_out = match locked.left_out_ids.len() {
                0 => String::new(),
                n => format!(
                    "\n{n} of your observations are left out, because an endorser may not see \
                     them:\n  {}\n",
                    locked.left_out_ids.join("\n  ")
                ),
            };
            super::described(&header) + &left_out
        },
    )
}

/// The newest revision of the edition's area.
async fn newest(session: &Session, edition: &str) -> Result<u64, Failure> {
    let header = super::header(session, edition).await?;
    let code = header.period.map(|period| period.code).unwrap_or_default();
    let period: Period = code.parse().map_err(|_| super::incomplete())?;
    Ok(joint::picture(session, &header.area, period, (0, None)).await?.revision)
}
