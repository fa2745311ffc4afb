//! `samsyn message track`: how far what a function has sent has come.

use samsyn_client::wire::{MessageDelivery, TrackedMessage};
use serde_json::json;

use super::{As, short, urgent, words};
use crate::{
    commands::tables::moment,
    failure::Failure,
    json,
    output::{Table, plain},
    session::Session,
};

/// Shows how far messages have come with each recipient, and what holds them up.
///
/// The newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  samsyn message track --as sdf-skarholmen\n  \
    samsyn message track 3f9a01c27e55 --output json --as sdf-skarholmen")]
pub(in crate::commands) struct Track {
    /// One message, or the beginning of its id [default: all that the function has sent].
    id: Option<String>,
    #[command(flatten)]
    function: As,
}

pub(super) async fn run(session: &Session, args: Track) -> Result<(), Failure> {
    let function = session.function(args.function.function)?;
    let one = match &args.id {
        Some(id) => Some(super::resolved(session, &function, id).await?),
        None => None,
    };
    let messages = session.client.track_messages(&function, one.as_deref()).await?;
    session.show(
        || json!({ "messages": json::list(&messages, json::tracked_message) }),
        || {
            if messages.is_empty() {
                return "nothing was sent\n".into();
            }
            messages.iter().map(told).collect::<Vec<_>>().join("\n")
        },
    )
}

fn told(tracked: &TrackedMessage) -> String {
    let head = tracked.head.clone().unwrap_or_default();
    let by = head.respond_by.as_ref().map(|by| format!("answer by {}", moment(Some(by))));
    let overdue = if tracked.overdue { "OVERDUE".to_owned() } else { String::new() };
    let parts = [
        short(&head.message_id),
        moment(head.sent_at.as_ref()),
        words(&head.kind),
        urgent(&head),
        by.unwrap_or_default(),
        overdue,
        head.subject,
    ];
    let line: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}\n{}", plain(&line.join("  ")), ladders(&tracked.deliveries))
}

/// The steps that a message has reached, a line for each recipient.
pub(super) fn ladders(deliveries: &[MessageDelivery]) -> String {
    let mut table = Table::new([""; 0]);
    for delivery in deliveries {
        table.row([format!("  {}", delivery.to_function), ladder(delivery)]);
    }
    table.to_string().trim_start_matches('\n').to_owned()
}

/// `stored → accepted → read`, when the last was reached, and what holds it up.
fn ladder(delivery: &MessageDelivery) -> String {
    let steps = delivery.receipts.iter().map(|receipt| {
        let step = json::message_step(receipt.step).unwrap_or_default();
        if receipt.reason.is_empty() {
            step
        } else {
            format!("{step} ({})", words(&receipt.reason))
        }
    });
    let mut ladder = steps.collect::<Vec<_>>().join(" → ");
    if let Some(last) = delivery.receipts.last() {
        ladder.push_str(&format!("  {}", moment(last.at.as_ref())));
    }
    if !delivery.peer.is_empty() {
        ladder.push_str(&format!("  via {}", delivery.peer));
    }
    if !delivery.held_up.is_empty() {
        ladder.push_str(&format!("  {}", words(&delivery.held_up)));
    }
    ladder
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{MessageHead, MessageReceipt, MessageStep};

    use super::*;

    #[test]
    fn a_ladder_tells_every_step_and_what_holds_it_up() {
        let receipt = |step: MessageStep, reason: &str| MessageReceipt {
            step: step.into(),
            reason: reason.into(),
            ..MessageReceipt::default()
        };
        let delivery = |to: &str, receipts, held_up: &str, peer: &str| MessageDelivery {
            to_function: to.into(),
            receipts,
            peer: peer.into(),
            held_up: held_up.into(),
        };
        let stored = || receipt(MessageStep::Stored, "");
        let tracked = TrackedMessage {
            head: Some(MessageHead {
                message_id: "3f9a01c27e55ffff".into(),
                kind: "notice".into(),
                precedence: "priority".into(),
                subject: "Hej".into(),
                ..MessageHead::default()
            }),
            deliveries: vec![
                delivery(
                    "1/a",
                    vec![stored(), receipt(MessageStep::Rejected, "inbox_full")],
                    "",
                    "",
                ),
                delivery("2/bb", vec![stored()], "waits_for_link", "b.example"),
            ],
            overdue: true,
        };
        assert_eq!(
            told(&tracked),
            "3f9a01c27e55  –  notice  PRIORITY  OVERDUE  Hej\n  \
             1/a   stored → rejected (inbox full)  –\n  \
             2/bb  stored  –  via b.example  waits for link\n"
        );
    }
}
