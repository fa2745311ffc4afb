//! `samsyn publish`: hands in an own picture (lämnar in en egen lägesbild).

use std::path::PathBuf;

use samsyn_client::wire::{GetPictureRequest, Page, PublishPictureRequest, PublishPictureResponse};
use samsyn_domain::registry::Role;
use serde_json::json;

use super::{tables, text_of};
use crate::{
    failure::Failure,
    json::{
        self,
        publication::{self, Base, Form},
    },
    output,
    session::{Globals, Session, answer},
};

/// Publishes an own picture (egen lägesbild) from a JSON file.
///
/// A repeated publication of the same content makes no new version.
#[derive(Debug, clap::Args)]
#[command(after_long_help = publication::HELP)]
#[command(after_help = "Examples:\n  \
    samsyn publish week40.json --as sdf-skarholmen\n  \
    jq … | samsyn publish - --as sdf-skarholmen\n\n\
    `samsyn publish --help` shows the form of FILE.")]
pub(super) struct Args {
    /// The publication, JSON; `-` is standard input.
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let form = read(&args.file)?;
    let session = globals.connect().await?;
    let request = PublishPictureRequest {
        context: session.writes(session.role(&[Role::Publisher]).await?),
        ..with_base(&session, form).await?
    };
    let published = session.client.publish(request).await?;
    session.show(
        || {
            json!({
                "version": published.version,
                "unchanged": published.unchanged,
                "revision": published.revision,
                "conflicts": json::list(&published.conflicts, json::conflict),
            })
        },
        || table(&published),
    )
}

/// Reads a publication.
pub(super) fn read(file: &std::path::Path) -> Result<Form, Failure> {
    let bad = |why| Failure::Local(format!("`{}`: {why}", file.display()));
    publication::read(&text_of(file)?).map_err(bad)
}

/// A publication with its base version filled in.
pub(super) async fn with_base(
    session: &Session,
    form: Form,
) -> Result<PublishPictureRequest, Failure> {
    let Form { request, base } = form;
    let base_version = match base {
        Base::Version(version) => version,
        Base::Current => current_version(session, &request.party, &request.area).await?,
    };
    Ok(PublishPictureRequest { base_version, ..request })
}

/// The newest version of an own picture; 0 when there is none.
pub(super) async fn current_version(
    session: &Session,
    party: &str,
    area: &str,
) -> Result<u64, Failure> {
    let request = GetPictureRequest {
        context: session.reads(),
        party: party.to_owned(),
        area: area.to_owned(),
        version: 0,
        page: Some(Page { size: 1, token: String::new() }),
    };
    match answer(session.client.pictures.clone().get_picture(request)).await {
        Ok(picture) => Ok(picture.version),
        Err(failure) if failure.is("NOT_FOUND") => Ok(0),
        Err(failure) => Err(failure),
    }
}

fn table(published: &PublishPictureResponse) -> String {
    let made = if published.unchanged { " (unchanged: the content was the same)" } else { "" };
    let head = output::pairs([
        ("version", format!("{}{made}", published.version)),
        ("area's revision", published.revision.to_string()),
    ]);
    match tables::conflicts(&published.conflicts) {
        None => head,
        Some(conflicts) => format!("{head}\n{conflicts}"),
    }
}
