//! `samsyn message`: messages (meddelanden) between functions.

mod inbox;
mod read;
mod save;
mod send;
mod track;

use clap::{Args, Subcommand};
use samsyn_client::wire::{MessageHead, MessageStep};
use serde_json::json;

use crate::{
    failure::Failure,
    output,
    session::{Globals, Session},
};

/// How many digits of an id are enough where it is the only one that begins so.
const DIGITS_MIN: usize = 8;
/// How many digits of an id are shown.
const DIGITS_SHOWN: usize = 12;
/// How many digits an id has.
const DIGITS: usize = 64;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Send(Box<send::Send>),
    Inbox(inbox::Inbox),
    Read(read::Read),
    Save(save::Save),
    Ack(Ack),
    Decline(Decline),
    Thread(read::Thread),
    Track(track::Track),
}

/// As which function.
#[derive(Debug, Args)]
struct As {
    /// As which function, by its address [default: the profile's].
    #[arg(long, value_name = "ADDRESS")]
    function: Option<String>,
}

/// Says that a message is dealt with. Its sender is told.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn message ack 3f9a01c27e55 --as kriminalvarden")]
pub(super) struct Ack {
    /// The message, or the beginning of its id.
    id: String,
    #[command(flatten)]
    function: As,
}

/// Does not take a message. Its sender is told.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn message decline 3f9a01c27e55 --as kriminalvarden")]
pub(super) struct Decline {
    /// The message, or the beginning of its id.
    id: String,
    #[command(flatten)]
    function: As,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Send(args) => {
            // Read before anything is asked of the gateway.
            let (body, files) = (args.body()?, args.files()?);
            send::run(&globals.connect().await?, *args, (body, files)).await
        }
        Command::Inbox(args) => inbox::run(&globals.connect().await?, args).await,
        Command::Read(args) => read::read(&globals.connect().await?, args).await,
        Command::Save(args) => save::run(&globals.connect().await?, args).await,
        Command::Thread(args) => read::thread(&globals.connect().await?, args).await,
        Command::Track(args) => track::run(&globals.connect().await?, args).await,
        Command::Ack(Ack { id, function }) => {
            mark(&globals.connect().await?, &id, function, MessageStep::Acted).await
        }
        Command::Decline(Decline { id, function }) => {
            mark(&globals.connect().await?, &id, function, MessageStep::Rejected).await
        }
    }
}

async fn mark(session: &Session, id: &str, of: As, step: MessageStep) -> Result<(), Failure> {
    let function = session.function(of.function)?;
    let id = resolved(session, &function, id).await?;
    session.client.mark_message(&function, &id, step).await?;
    let told = crate::json::message_step(step.into()).unwrap_or_default();
    session.show(
        || json!({ "message_id": id, "step": told }),
        || output::pairs([("message", id.clone()), ("step", told.clone())]),
    )
}

/// The whole id of a message that a function has sent or received, by its beginning.
async fn resolved(session: &Session, function: &str, text: &str) -> Result<String, Failure> {
    let text = text.to_ascii_lowercase();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || text.len() < DIGITS_MIN || text.len() > DIGITS {
        return Err(Failure::Usage(format!(
            "`{text}` is no id; give {DIGITS_MIN} to {DIGITS} hexadecimal digits of it"
        )));
    }
    if text.len() == DIGITS {
        return Ok(text);
    }
    let inbox = inbox::all(session, function, 0).await?;
    let sent = session.client.track_messages(function, None).await?;
    let heads = inbox.iter().filter_map(|entry| entry.head.as_ref());
    let heads = heads.chain(sent.iter().filter_map(|tracked| tracked.head.as_ref()));
    only(heads.map(|head| head.message_id.as_str()), &text)
}

/// The only id that begins so.
fn only<'a>(ids: impl Iterator<Item = &'a str>, text: &str) -> Result<String, Failure> {
    let found: std::collections::BTreeSet<&str> = ids.filter(|id| id.starts_with(text)).collect();
    match found.len() {
        1 => Ok(found.into_iter().collect()),
        0 => Err(Failure::Usage(format!(
            "no message of the function begins with `{text}`; look in `samsyn message inbox` and \
             `samsyn message track`"
        ))),
        more => Err(Failure::Usage(format!(
            "{more} messages of the function begin with `{text}`; give more digits"
        ))),
    }
}

/// The beginning of an id, as tables show it.
fn short(id: &str) -> String {
    id.chars().take(DIGITS_SHOWN).collect()
}

/// What is urgent, by name; what is routine needs no word.
fn urgent(head: &MessageHead) -> String {
    if head.precedence == "routine" { String::new() } else { head.precedence.to_uppercase() }
}

/// A code in words.
fn words(code: &str) -> String {
    code.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_enough_where_it_is_the_only_one() {
        let ids = ["aaaaaaaa1", "aaaaaaaa2", "bbbbbbbb1", "bbbbbbbb1"];
        let of = |text| only(ids.into_iter(), text);
        assert_eq!(of("bbbbbbbb").unwrap(), "bbbbbbbb1", "listed twice, one message");
        assert_eq!(of("aaaaaaaa2").unwrap(), "aaaaaaaa2");
        assert!(of("aaaaaaaa").unwrap_err().to_string().contains("give more digits"));
        assert_eq!(of("cccccccc").unwrap_err().number(), 2);
    }
}
