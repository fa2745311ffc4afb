//! `samsyn message send`.

use std::{
    io::{IsTerminal as _, stdin},
    path::{Path, PathBuf},
    time::SystemTime,
};

use jiff::Timestamp;
use samsyn_client::{wire::SendMessageRequest, write_context};
use samsyn_domain::message::ATTACHMENTS_BYTES_MAX;
use serde_json::json;

use crate::{
    clock,
    commands::{labels, text_of},
    failure::Failure,
    output,
    session::Session,
};

/// The kinds of messages.
const KINDS: [&str; 6] =
    ["information_request", "notice", "question", "meeting_call", "endorsement_request", "answer"];
/// How urgent.
const PRECEDENCES: [&str; 4] = ["flash", "immediate", "priority", "routine"];

/// Sends a message to one or several functions; tells its id.
///
/// The text comes from `--body`, from a file, or from standard input. It is screened: never about
/// persons.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn message send --to 2021000225/mottagning --kind information_request \\\n    \
    --subject \"Återfall, Bredäng\" --body-file begäran.txt --respond-by 2025-10-14 \
    --as sdf-skarholmen\n  \
    samsyn message send --to 2021000225/mottagning --kind notice --subject \"Underlag\" \\\n    \
    --body \"Se bilagan.\" --attach underlag.csv --as sdf-skarholmen\n  \
    samsyn message send --to 2120000142/samordnare-skarholmen --reply-to 3f9a01c27e55 \\\n    \
    --subject \"Svar\" --body \"Ingen förändring.\" --as kriminalvarden")]
pub(in crate::commands) struct Send {
    /// The sending function, by its address [default: the profile's].
    #[arg(long, visible_alias = "function", value_name = "ADDRESS")]
    from: Option<String>,
    /// To this function, by its address, or to the functions of this group, by its id; may be
    /// repeated.
    #[arg(long, required = true, value_name = "ADDRESS|GROUP")]
    to: Vec<String>,
    /// What it is [default: answer, when it answers something].
    #[arg(long, value_parser = KINDS, required_unless_present = "reply_to")]
    kind: Option<String>,
    /// What it is about; at most 200 characters.
    #[arg(long)]
    subject: String,
    /// What it says; at most 8,000 characters [default: from standard input].
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// What it says, from a file; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// A file that goes with it, 25 MiB together at most; may be repeated.
    ///
    /// PDF, PNG, JPEG, Office Open XML, OpenDocument, or text in UTF-8, never about persons.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// The message that it answers, or the beginning of its id.
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// By when an answer is wanted: a day, with or without time, in Europe/Stockholm.
    #[arg(long, value_name = "TIME", value_parser = clock::until)]
    respond_by: Option<Timestamp>,
    /// How urgent it is.
    #[arg(long, value_parser = PRECEDENCES, default_value = "routine")]
    precedence: String,
    /// How long it may wait to be sent over a link, in hours [default: 7 days].
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=840))]
    valid: Option<u32>,
    #[command(flatten)]
    labels: labels::OfMessage,
}

impl Send {
    /// What it says.
    ///
    /// # Errors
    /// When it cannot be read, or nobody has said it.
    pub(super) fn body(&self) -> Result<String, Failure> {
        match (&self.body, &self.body_file) {
            (Some(body), _) => Ok(body.clone()),
            (None, Some(file)) => text_of(file),
            (None, None) if stdin().is_terminal() => Err(Failure::Usage(
                "nothing says what to send; give `--body`, `--body-file`, or text on standard \
                 input"
                    .to_owned(),
            )),
            (None, None) => text_of(Path::new("-")),
        }
    }

    /// The files that go with it.
    ///
    /// # Errors
    /// When one cannot be read, is too large, or has no name.
    pub(super) fn files(&self) -> Result<Vec<File>, Failure> {
        let read = |path: &PathBuf| {
            let file = path.display();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.ok_or_else(|| Failure::Usage(format!("`{file}` names no file")))?;
            let unread = |why| {
                Failure::Usage(format!(
                    "cannot read `{file}`: {why}; check the path and the rights"
                ))
            };
            let size = std::fs::metadata(path).map_err(unread)?.len();
            if size > ATTACHMENTS_BYTES_MAX as u64 {
                return Err(Failure::Usage(format!(
                    "`{file}` has {size} bytes; a message takes 25 MiB of files at most"
                )));
            }
            Ok((name, std::fs::read(path).map_err(unread)?))
        };
        self.attach.iter().map(read).collect()
    }
}

/// A file that goes with a message: its name, and its bytes.
pub(super) type File = (String, Vec<u8>);

pub(super) async fn run(
    session: &Session,
    args: Send,
    (body, files): (String, Vec<File>),
) -> Result<(), Failure> {
    let from = session.function(args.from)?;
    let in_reply_to = match &args.reply_to {
        Some(id) => super::resolved(session, &from, id).await?,
        None => String::new(),
    };
    // Only an address has a number before its name.
    let (to_functions, to_groups) = args.to.into_iter().partition(|to| to.contains('/'));
    let mut attachments = Vec::new();
    for (name, file) in &files {
        let uploaded = session.client.upload_attachment(&from, name, file).await?;
        attachments.push(uploaded.attachment);
    }
    let request = SendMessageRequest {
        context: Some(write_context("")),
        ground: session.reads(),
        from_function: from,
        to_functions,
        to_groups,
        kind: args.kind.unwrap_or_else(|| "answer".to_owned()),
        precedence: args.precedence,
        in_reply_to,
        respond_by: args.respond_by.map(|at| SystemTime::from(at).into()),
        valid_seconds: args.valid.map_or(0, |hours| hours.saturating_mul(3_600)),
        subject: args.subject,
        body: body.trim_end().to_owned(),
        labels: Some(args.labels.labels()?),
        attachments,
    };
    let id = session.client.send_message(request).await?;
    session.show(|| json!({ "message_id": id }), || output::pairs([("message", id.clone())]))
}

#[cfg(test)]
mod tests {
    use samsyn_domain::message::{MessageKind, Precedence};

    use super::*;

    #[test]
    fn the_command_line_knows_every_kind_and_precedence() {
        assert!(MessageKind::ALL.iter().map(|kind| kind.as_str()).eq(KINDS));
        assert!(Precedence::ALL.iter().map(|one| one.as_str()).eq(PRECEDENCES));
    }
}
