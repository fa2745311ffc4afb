//! The registry as files: read to make a change from, written as it is in force.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use samsyn_domain::registry::{Document, Lists};
use serde_json::json;

use crate::{failure::Failure, output, session::Session};

use super::super::text_of;

/// Writes the registry in force as TOML: edit it, and plan the change.
///
/// For registrars.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry export --as registrar\n  \
    samsyn registry export --to registry.toml --as registrar")]
pub(in crate::commands) struct Export {
    /// The file to write [default: standard output].
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(super) async fn export(session: &Session, args: Export) -> Result<(), Failure> {
    let exported = session.client.export_registry().await?;
    let text = toml::to_string(&exported.registry.document());
    let text =
        text.map_err(|why| Failure::Local(format!("the registry has no TOML form: {why}")))?;
    let Some(file) = args.to else {
        let written = output::text(&text);
        return written.map_err(|why| Failure::Local(format!("cannot write the answer: {why}")));
    };
    fs::write(&file, text).map_err(|why| Failure::file("write", &file, &why))?;
    let (epoch, digest) = (exported.epoch, hex::encode(exported.digest));
    session.show(
        || json!({ "file": file.display().to_string(), "epoch": epoch, "digest": digest }),
        || {
            output::pairs([
                ("wrote", file.display().to_string()),
                ("epoch", epoch.to_string()),
                ("digest", digest.clone()),
            ])
        },
    )
}

/// A registry from a file, or from all `.toml` files of a folder in the order of their names:
/// what several say of one table is put together.
pub(super) fn document(from: &Path) -> Result<Document, Failure> {
    if !from.is_dir() {
        return parsed(from);
    }
    let failed = |why: std::io::Error| Failure::file("read", from, &why);
    let entries = fs::read_dir(from).map_err(failed)?;
    let files = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut files = files.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        let from = from.display();
        return Err(Failure::Local(format!(
            "`{from}` holds no `.toml` files; name another folder"
        )));
    }
    let mut whole = Document::default();
    for file in &files {
        let lists = |document: &Document| document.lists != Lists::default();
        let part = parsed(file)?;
        if lists(&part) && lists(&whole) {
            let file = file.display();
            return Err(Failure::Local(format!(
                "`{file}` has code lists, and an earlier file has them, too; keep one"
            )));
        }
        whole = together(whole, part);
    }
    Ok(whole)
}

fn parsed(file: &Path) -> Result<Document, Failure> {
    toml::from_str(&text_of(file)?).map_err(|why| {
        let why = why.to_string().trim_end().replace('\n', "\n  ");
        Failure::Local(format!("`{}` does not hold: {why}", file.display()))
    })
}

fn together(mut whole: Document, part: Document) -> Document {
    let Document {
        lists,
        organisations,
        parties,
        services,
        endorsement_keys,
        registry_keys,
        publisher_keys,
        groups,
        categories,
        areas,
        sub_areas,
        places,
        responsibilities,
        agreements,
        descriptors,
        release_rows,
        meetings,
        functions,
        peers,
    } = part;
    if lists != Lists::default() {
        whole.lists = lists;
    }
    whole.organisations.extend(organisations);
    whole.parties.extend(parties);
    whole.services.extend(services);
    whole.endorsement_keys.extend(endorsement_keys);
    whole.registry_keys.extend(registry_keys);
    whole.publisher_keys.extend(publisher_keys);
    whole.groups.extend(groups);
    whole.categories.extend(categories);
    whole.areas.extend(areas);
    whole.sub_areas.extend(sub_areas);
    whole.places.extend(places);
    whole.responsibilities.extend(responsibilities);
    whole.agreements.extend(agreements);
    whole.descriptors.extend(descriptors);
    whole.release_rows.extend(release_rows);
    whole.meetings.extend(meetings);
    whole.functions.extend(functions);
    whole.peers.extend(peers);
    whole
}
