//! `samsyn edition show`.

use samsyn_client::wire::Edition;
use serde_json::{Value, json};

use crate::{
    commands::{joint::table, tables::NONE},
    failure::Failure,
    json,
    names::Names,
    output::Table,
    session::Session,
};

/// Shows an edition as far as you may see it.
///
/// With its answers, the joint analysis and the findings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn edition show EDITION --as raddningstjansten")]
pub(in crate::commands) struct Show {
    /// The edition.
    edition: String,
}

pub(super) async fn run(session: &Session, args: Show) -> Result<(), Failure> {
    let edition = super::whole(session, &args.edition).await?;
    session.show(|| value(&edition), || text(&edition))
}

fn value(edition: &Edition) -> Value {
    json!({
        "header": edition.header.as_ref().map(json::header),
        "analysis": edition.analysis,
        "findings": json::list(&edition.findings, json::finding),
        "proof": hex::encode(&edition.proof),
    })
}

/// The header, the answers, the analysis, the findings.
fn text(edition: &Edition) -> String {
    let header = edition.header.clone().unwrap_or_default();
    let mut text = super::described(&header);
    let mut answers = Table::new(["answer", "role", "verdict", "text"]);
    for answer in &header.answers {
        answers.row([
            &answer.party,
            &answer.actor_role,
            &json::verdict(answer.verdict).unwrap_or_else(|| NONE.into()),
            &answer.text,
        ]);
    }
    if !answers.is_empty() {
        text.push_str(&format!("\n{answers}"));
    }
    if !edition.analysis.is_empty() {
        let lines = edition.analysis.lines().map(crate::output::plain).collect::<Vec<_>>();
        text.push_str(&format!("\n{}\n", lines.join("\n")));
    }
    if !edition.findings.is_empty() {
        text.push_str(&format!("\n{}", table::of(&edition.findings, &Names::shipped())));
    }
    if !edition.proof.is_empty() {
        let n = edition.proof.len();
        text.push_str(&format!("\nproof of {n} bytes: `samsyn partner verify {}`\n", header.id));
    }
    text
}
