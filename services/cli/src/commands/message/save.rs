//! `samsyn message save`: the files of a message.

use std::path::{Path, PathBuf};

use samsyn_client::wire::Attachment;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::As;
use crate::{
    failure::Failure,
    output::{self, Table},
    session::Session,
};

/// Saves the files that came with a message.
///
/// Each is held against the digest that its sender has signed; none takes the place of a file that
/// is there. Take them for what they are: files of somebody else.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  samsyn message save 3f9a01c27e55 --as kriminalvarden\n  \
    samsyn message save 3f9a01c27e55 --number 2 --into underlag --as kriminalvarden")]
pub(in crate::commands) struct Save {
    /// The message, or the beginning of its id.
    id: String,
    /// This one alone, as `samsyn message read` counts them [default: all].
    #[arg(long, value_name = "NUMBER")]
    number: Option<u32>,
    /// Into this folder, which is there.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
    #[command(flatten)]
    function: As,
}

pub(super) async fn run(session: &Session, args: Save) -> Result<(), Failure> {
    let function = session.function(args.function.function)?;
    let id = super::resolved(session, &function, &args.id).await?;
    let message = session.client.message(&function, &id).await?;
    let wanted = |one: &&Attachment| args.number.is_none_or(|number| number == one.number);
    let wanted: Vec<&Attachment> = message.attachments.iter().filter(wanted).collect();
    if wanted.is_empty() {
        let has = message.attachments.len();
        return Err(Failure::Usage(format!(
            "the message has {has} files, and none that was asked for; see `samsyn message read`"
        )));
    }
    let mut saved = Vec::new();
    for attachment in wanted {
        let path = args.into.join(named(attachment));
        // Where some came and then one had not, what came is not in the way.
        if !is_there(&path, &attachment.sha256) {
            let number = attachment.number;
            let (_, file) = session.client.attachment(&function, &id, number).await?;
            write_new(&path, &file)?;
        }
        saved.push((attachment, path));
    }
    session.show(
        || {
            let files = saved.iter().map(|(told, path)| {
                json!({
                    "number": told.number,
                    "name": told.name,
                    "file": path.display().to_string(),
                    "sha256": hex::encode(&told.sha256),
                })
            });
            json!({ "message_id": id, "files": files.collect::<Vec<_>>() })
        },
        || {
            let mut table = Table::new(["file", "bytes", "type"]).right(1);
            for (told, path) in &saved {
                let file = output::plain(&path.display().to_string());
                table.row([file, told.size_bytes.to_string(), told.media_type.clone()]);
            }
            table.to_string()
        },
    )
}

/// Whether a file is there in the bytes of a digest.
fn is_there(path: &Path, digest: &[u8]) -> bool {
    std::fs::read(path).is_ok_and(|file| Sha256::digest(file).as_slice() == digest)
}

/// A name in the folder: what leads elsewhere, or is no name of a file, is another character.
fn named(attachment: &Attachment) -> String {
    let plain = |one: char| {
        let leads = one.is_control() || matches!(one, '/' | '\\' | ':');
        if leads { '_' } else { one }
    };
    let name: String = attachment.name.chars().map(plain).collect();
    let name = name.trim_matches(|one| matches!(one, '.' | ' '));
    format!("{}-{}", attachment.number, if name.is_empty() { "file" } else { name })
}

fn write_new(path: &Path, file: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let new = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = new.and_then(|mut new| {
        // Half a file is none.
        new.write_all(file).inspect_err(|_| drop(std::fs::remove_file(path)))
    });
    written.map_err(|why| {
        let path = path.display();
        Failure::Usage(format!(
            "cannot write `{path}`: {why}; name another folder with `--into`, or move what is there"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let name =
            |name: &str| named(&Attachment { number: 1, name: name.into(), ..Default::default() });
        assert_eq!(name("lista.csv"), "1-lista.csv");
        assert_eq!(name("../../etc/passwd"), "1-_.._etc_passwd");
        assert_eq!(name("C:\\a.csv"), "1-C__a.csv");
        assert_eq!(name(".."), "1-file");
        assert_eq!(name(".profile"), "1-profile");
    }

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1-a");
        write_new(&path, b"first").unwrap();
        assert!(write_new(&path, b"second").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert!(is_there(&path, &Sha256::digest(b"first")));
        assert!(!is_there(&path, &Sha256::digest(b"second")));
    }
}
