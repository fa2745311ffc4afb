//! `samsyn message inbox`: what a function has received.

use samsyn_client::{InboxWatch, wire::InboxEntry};
use serde_json::json;

use super::{As, short, urgent, words};
use crate::{
    commands::tables::moment,
    failure::Failure,
    json,
    output::{self, Format, Table},
    session::Session,
};

/// How many messages the gateway gives at a time.
const AT_ONCE: usize = 100;

/// Lists what a function has received, in the order in which it came.
///
/// With `--watch`, what comes from now on as well, until it is ended; after a cut it goes on by
/// itself. With `--output json`, one message a line then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn message inbox --open --as kriminalvarden\n  \
    samsyn message inbox --after 17 --watch --output json --as kriminalvarden")]
pub(in crate::commands) struct Inbox {
    #[command(flatten)]
    function: As,
    /// After this number.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    after: u64,
    /// Only what is not dealt with.
    #[arg(long)]
    open: bool,
    /// Waits so many seconds when there is nothing.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=30), conflicts_with = "watch")]
    wait: u32,
    /// Follows it.
    #[arg(long)]
    watch: bool,
    /// Ends after so many messages.
    #[arg(long, value_name = "N", requires = "watch")]
    count: Option<u64>,
}

pub(super) async fn run(session: &Session, args: Inbox) -> Result<(), Failure> {
    let function = session.function(args.function.function)?;
    if args.watch {
        return watch(session, &function, (args.after, args.open, args.count)).await;
    }
    let mut entries = all(session, &function, args.after).await?;
    if entries.is_empty() && args.wait > 0 {
        entries = session.client.inbox(&function, args.after, args.wait).await?;
    }
    entries.retain(|entry| !args.open || is_open(entry));
    session.show(
        || json!({ "entries": json::list(&entries, json::inbox_entry) }),
        || {
            if entries.is_empty() {
                return "nothing there\n".into();
            }
            let headers =
                ["no.", "id", "received", "from", "kind", "", "answer by", "step", "subject"];
            let mut table = Table::new(headers).right(0);
            entries.iter().for_each(|entry| table.row(cells(entry)));
            table.to_string()
        },
    )
}

/// All that stands in an inbox after a number.
pub(super) async fn all(
    session: &Session,
    function: &str,
    after: u64,
) -> Result<Vec<InboxEntry>, Failure> {
    let (mut all, mut after) = (Vec::new(), after);
    loop {
        let entries = session.client.inbox(function, after, 0).await?;
        let is_last = entries.len() < AT_ONCE;
        after = entries.last().map_or(after, |last| last.number);
        all.extend(entries);
        if is_last {
            return Ok(all);
        }
    }
}

async fn watch(
    session: &Session,
    function: &str,
    (after, open, count): (u64, bool, Option<u64>),
) -> Result<(), Failure> {
    let mut watch = InboxWatch::new(session.profile(), function, after);
    let mut shown = 0_u64;
    while count.is_none_or(|count| shown < count) {
        let entry = tokio::select! {
            entry = watch.next() => entry?,
            _ = tokio::signal::ctrl_c() => break,
        };
        if open && !is_open(&entry) {
            continue;
        }
        let written = match session.globals().output() {
            Format::Json => output::json_line(&json::inbox_entry(&entry)),
            Format::Table => output::text(&format!("{}\n", line(&entry))),
        };
        written.map_err(|why| Failure::Local(format!("cannot write the answer: {why}")))?;
        shown = shown.saturating_add(1);
    }
    eprintln!("go on with --after {}", watch.after());
    Ok(())
}

fn is_open(entry: &InboxEntry) -> bool {
    let step = json::message_step(entry.step);
    !matches!(step.as_deref(), Some("acted" | "rejected" | "expired"))
}

fn cells(entry: &InboxEntry) -> [String; 9] {
    let head = entry.head.clone().unwrap_or_default();
    [
        entry.number.to_string(),
        short(&head.message_id),
        moment(head.received_at.as_ref()),
        head.from_function.clone(),
        words(&head.kind),
        urgent(&head),
        head.respond_by.as_ref().map_or_else(String::new, |by| moment(Some(by))),
        json::message_step(entry.step).unwrap_or_default(),
        head.subject,
    ]
}

fn line(entry: &InboxEntry) -> String {
    let cells = cells(entry);
    let filled: Vec<&str> =
        cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    output::plain(&filled.join("  "))
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{MessageHead, MessageStep};

    use super::*;

    fn entry(step: MessageStep) -> InboxEntry {
        let head = MessageHead {
            message_id: "3f9a01c27e55".repeat(6),
            from_function: "1/a".into(),
            kind: "information_request".into(),
            precedence: "flash".into(),
            subject: "Bredäng\u{1b}[2J".into(),
            ..MessageHead::default()
        };
        InboxEntry { number: 7, head: Some(head), step: step.into() }
    }

    #[test]
    fn a_message_is_one_line_that_steers_no_terminal() {
        assert_eq!(
            line(&entry(MessageStep::Accepted)),
            "7  3f9a01c27e55  –  1/a  information request  FLASH  accepted  Bredäng\u{fffd}[2J"
        );
    }

    #[test]
    fn what_has_come_to_an_end_is_not_open() {
        for step in [MessageStep::Accepted, MessageStep::Read] {
            assert!(is_open(&entry(step)), "{step:?}");
        }
        for step in [MessageStep::Acted, MessageStep::Rejected, MessageStep::Expired] {
            assert!(!is_open(&entry(step)), "{step:?}");
        }
    }
}
