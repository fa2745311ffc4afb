//! Messages.

use samsyn_client::wire::{
    Attachment, GetMessageResponse, InboxEntry, MessageDelivery, MessageHead, MessageReceipt,
    MessageStep, TrackedMessage,
};
use serde_json::{Value, json};

use super::{Object, code, list, observation::labelled, time};

/// A message as it stands in an inbox.
pub(crate) fn inbox_entry(entry: &InboxEntry) -> Value {
    json!({
        "number": entry.number,
        "head": entry.head.as_ref().map(message_head),
        "step": step(entry.step),
    })
}

/// A message, whole.
pub(crate) fn message(message: &GetMessageResponse) -> Value {
    json!({
        "head": message.head.as_ref().map(message_head),
        "body": message.body,
        "attachments": list(&message.attachments, attachment),
        "deliveries": list(&message.deliveries, delivery),
    })
}

/// A file that goes with a message.
fn attachment(attachment: &Attachment) -> Value {
    json!({
        "number": attachment.number,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size_bytes": attachment.size_bytes,
        "sha256": hex::encode(&attachment.sha256),
    })
}

/// A message that was sent.
pub(crate) fn tracked_message(tracked: &TrackedMessage) -> Value {
    json!({
        "head": tracked.head.as_ref().map(message_head),
        "deliveries": list(&tracked.deliveries, delivery),
        "overdue": tracked.overdue,
    })
}

/// The code of a step.
pub(crate) fn step(number: i32) -> Option<String> {
    code(MessageStep::try_from(number).ok()?.as_str_name(), "MESSAGE_STEP_")
}

fn message_head(head: &MessageHead) -> Value {
    Object::default()
        .set("message_id", head.message_id.as_str())
        .set("thread_id", head.thread_id.as_str())
        .set_if("in_reply_to", head.in_reply_to.as_str())
        .set("domain", head.domain.as_str())
        .set("from_function", head.from_function.as_str())
        .set("to_functions", head.to_functions.clone())
        .set("kind", head.kind.as_str())
        .set("precedence", head.precedence.as_str())
        .set("sent_at", time(head.sent_at.as_ref()))
        .set("received_at", time(head.received_at.as_ref()))
        .set_if("respond_by", time(head.respond_by.as_ref()))
        .set("labels", head.labels.as_ref().map(labelled))
        .set("subject", head.subject.as_str())
        .set_if("attachments", (head.attachments > 0).then_some(head.attachments))
        .done()
}

fn delivery(delivery: &MessageDelivery) -> Value {
    Object::default()
        .set("to_function", delivery.to_function.as_str())
        .set("receipts", list(&delivery.receipts, receipt))
        .set_if("peer", delivery.peer.as_str())
        .set_if("held_up", delivery.held_up.as_str())
        .done()
}

fn receipt(receipt: &MessageReceipt) -> Value {
    Object::default()
        .set("step", step(receipt.step))
        .set("at", time(receipt.at.as_ref()))
        .set_if("reason", receipt.reason.as_str())
        .set_if("envelope_id", receipt.envelope_id.as_str())
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_its_code_and_what_is_not_set_is_left_out() {
        let receipts =
            vec![MessageReceipt { step: 7, reason: "declined".into(), ..Default::default() }];
        let told = delivery(&MessageDelivery {
            to_function: "1/a".into(),
            receipts,
            ..MessageDelivery::default()
        });
        assert_eq!(
            told,
            json!({
                "to_function": "1/a",
                "receipts": [{ "step": "rejected", "at": null, "reason": "declined" }],
            })
        );
        assert_eq!((step(0), step(99)), (None, None));
    }
}
