//! `samsyn message read` and `samsyn message thread`.

use samsyn_client::wire::{Attachment, GetMessageResponse};
use serde_json::json;

use super::{As, track::ladders, urgent, words};
use crate::{
    commands::tables::moment,
    failure::Failure,
    json,
    output::{self, Table},
    session::Session,
};

/// Shows a message, whole. Its sender is told that it was read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn message read 3f9a01c27e55 --as kriminalvarden")]
pub(in crate::commands) struct Read {
    /// The message, or the beginning of its id.
    id: String,
    #[command(flatten)]
    function: As,
}

/// Shows the thread of a message, the earliest first.
///
/// As far as the function has sent or received it. Nobody is told that it was read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn message thread 3f9a01c27e55 --as sdf-skarholmen")]
pub(in crate::commands) struct Thread {
    /// Any message of it, or the beginning of its id.
    id: String,
    #[command(flatten)]
    function: As,
}

pub(super) async fn read(session: &Session, args: Read) -> Result<(), Failure> {
    let function = session.function(args.function.function)?;
    let id = super::resolved(session, &function, &args.id).await?;
    let message = session.client.message(&function, &id).await?;
    session.show(|| json::message(&message), || told(&message))
}

pub(super) async fn thread(session: &Session, args: Thread) -> Result<(), Failure> {
    let function = session.function(args.function.function)?;
    let id = super::resolved(session, &function, &args.id).await?;
    let messages = session.client.thread(&function, &id).await?;
    session.show(
        || json!({ "messages": json::list(&messages, json::message) }),
        || messages.iter().map(told).collect::<Vec<_>>().join("\n"),
    )
}

/// The head, the ladders, and what it says.
fn told(message: &GetMessageResponse) -> String {
    let head = message.head.clone().unwrap_or_default();
    let mut table = Table::new([""; 0]);
    let kind = format!("{} {}", words(&head.kind), urgent(&head));
    let rows = [
        ("message", head.message_id.clone()),
        ("answers", head.in_reply_to.clone()),
        ("from", head.from_function.clone()),
        ("to", head.to_functions.join(", ")),
        ("kind", kind.trim_end().to_owned()),
        ("sent", moment(head.sent_at.as_ref())),
        ("answer by", head.respond_by.as_ref().map_or_else(String::new, |by| moment(Some(by)))),
        ("level", head.labels.as_ref().map_or_else(String::new, |l| l.level.to_string())),
        ("subject", head.subject.clone()),
    ];
    let files = message.attachments.iter().map(|one| {
        let Attachment { number, name, media_type, size_bytes, .. } = one;
        (format!("file {number}"), format!("{name}, {media_type}, {size_bytes} bytes"))
    });
    let rows = rows.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(files);
    for (name, value) in rows.filter(|(_, value)| !value.is_empty()) {
        table.row([name, value]);
    }
    let head = table.to_string().trim_start_matches('\n').to_owned();
    let body: Vec<String> = message.body.lines().map(output::plain).collect();
    let body = if body.is_empty() { String::new() } else { format!("\n{}\n", body.join("\n")) };
    format!("{head}{}{body}", ladders(&message.deliveries))
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::MessageHead;

    use super::*;

    #[test]
    fn a_message_is_told_with_its_text_line_by_line() {
        let head = MessageHead {
            message_id: "3f9a".into(),
            from_function: "1/a".into(),
            to_functions: vec!["2/b".into(), "2/c".into()],
            kind: "meeting_call".into(),
            precedence: "routine".into(),
            subject: "Möte".into(),
            ..MessageHead::default()
        };
        let body = "Torsdag.\nKlockan nio.\u{7}".to_owned();
        let message = GetMessageResponse { head: Some(head), body, ..Default::default() };
        assert_eq!(
            told(&message),
            "message  3f9a\nfrom     1/a\nto       2/b, 2/c\nkind     meeting call\n\
             sent     –\nsubject  Möte\n\nTorsdag.\nKlockan nio.\u{fffd}\n"
        );
    }
}
