//! `samsyn validate`: all checks of a publication, without any effect.

use std::path::PathBuf;

use samsyn_client::wire::{PublishPictureRequest, ValidatePictureRequest, ValidatePictureResponse};
use samsyn_domain::registry::Role;
use serde_json::json;

use super::publish;
use crate::{
    failure::Failure,
    json::{self, publication},
    output::Table,
    session::{Globals, answer},
};

/// Checks a publication and shows who would see it, without any effect.
///
/// Ends with exit code 1 when the publication would be refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = publication::HELP)]
#[command(after_help = "Example:\n  samsyn validate week40.json --as sdf-skarholmen")]
pub(super) struct Args {
    /// The publication, JSON; `-` is standard input. `samsyn validate --help` shows its form.
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let form = publish::read(&args.file)?;
    let session = globals.connect().await?;
    let publication = PublishPictureRequest {
        context: session.writes(session.role(&[Role::Publisher]).await?),
        ..publish::with_base(&session, form).await?
    };
    let request = ValidatePictureRequest { publication: Some(publication) };
    let checked = answer(session.client.pictures.clone().validate_picture(request)).await?;
    session.show(
        || {
            json!({
                "problems": json::list(&checked.problems, json::problem),
                "readers": json::list(&checked.readers, json::preview),
            })
        },
        || table(&checked),
    )?;
    match checked.problems.iter().filter(|problem| !problem.warning).count() {
        0 => Ok(()),
        1 => Err(Failure::Rejected("it would be refused: 1 problem".into())),
        n => Err(Failure::Rejected(format!("it would be refused: {n} problems"))),
    }
}

fn table(checked: &ValidatePictureResponse) -> String {
    let mut text = String::new();
    if checked.problems.is_empty() {
        text.push_str("it would be accepted\n");
    } else {
        let mut problems = Table::new(["", "reason", "field", "characters", "what to do"]);
        for problem in &checked.problems {
            let (first, end) = (problem.first_character, problem.end_character);
            let characters = if end > first { format!("{first}–{end}") } else { String::new() };
            problems.row([
                if problem.warning { "warning" } else { "error" },
                &problem.reason,
                &problem.field,
                &characters,
                &problem.text_en,
            ]);
        }
        text.push_str(&problems.to_string());
    }
    let mut readers = Table::new(["would see it", "observations", "field groups", "by"]).right(1);
    for reader in &checked.readers {
        readers.row([
            reader.reader.clone(),
            reader.observations.to_string(),
            reader.field_groups.join(", "),
            reader.rule_id.clone(),
        ]);
    }
    if !readers.is_empty() {
        text.push_str(&format!("\n{readers}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{Problem, ReaderPreview};

    use super::*;

    #[test]
    fn problems_come_before_readers() {
        let checked = ValidatePictureResponse {
            problems: vec![Problem {
                reason: "PERSON_IDENTIFIER".into(),
                field: "full.observations[17].note".into(),
                first_character: 22,
                end_character: 34,
                text_en: "describe place and event, not the person".into(),
                ..Problem::default()
            }],
            readers: vec![ReaderPreview {
                reader: "raddningstjansten".into(),
                field_groups: vec!["place".into(), "time".into()],
                rule_id: "POL-12".into(),
                observations: 18,
            }],
        };
        let golden = "       reason             field                       characters  what to do
error  PERSON_IDENTIFIER  full.observations[17].note  22–34       describe place and event, not \
the person

would see it       observations  field groups  by
raddningstjansten            18  place, time   POL-12
";
        assert_eq!(table(&checked), golden);
        let nothing = ValidatePictureResponse::default();
        assert_eq!(table(&nothing), "it would be accepted\n");
    }
}
