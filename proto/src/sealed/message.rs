//! Messages, their inboxes and how far they have come.

use samsyn_domain::{
    FunctionId,
    message::{Attachment, Receipt, RejectedFor, Step},
};
use samsyn_policy::{
    AttachmentView, Delivery, HeldUp, InboxLine, InboxView, MessageHead, MessageView, ThreadView,
    TrackView, Tracked, View,
};

use super::{
    Close, Encoded,
    observation::labels,
    value::{codes, time},
};
use crate::v1::{self, watch_inbox_response::What};

impl Encoded<v1::ListInboxResponse> {
    /// Nothing new: go on after the same number.
    #[must_use]
    pub fn nothing_new() -> Self {
        Self::seal(&v1::ListInboxResponse { entries: Vec::new() })
    }
}

impl From<View<InboxView>> for Encoded<v1::ListInboxResponse> {
    fn from(view: View<InboxView>) -> Self {
        let lines = &view.content().lines;
        let entries = lines.iter().map(entry).collect();
        Self::seal(&v1::ListInboxResponse { entries }).with_rows(lines.len())
    }
}

impl Encoded<v1::WatchInboxResponse> {
    /// The messages of a part of an inbox, in order.
    pub fn entries(view: &View<InboxView>) -> Vec<Self> {
        view.content().lines.iter().map(|line| Self::of(What::Entry(entry(line)))).collect()
    }

    /// Nothing new; the stream is alive.
    #[must_use]
    pub fn heartbeat() -> Self {
        Self::of(What::Heartbeat(v1::InboxHeartbeat {}))
    }

    /// The last message of a stream.
    #[must_use]
    pub fn closing(close: Close, retry_after_seconds: u32) -> Self {
        let reason = close.as_str().to_owned();
        Self::of(What::Closing(v1::InboxClosing { reason, retry_after_seconds }))
    }

    fn of(what: What) -> Self {
        Self::seal(&v1::WatchInboxResponse { what: Some(what) })
    }
}

impl From<View<MessageView>> for Encoded<v1::GetMessageResponse> {
    fn from(view: View<MessageView>) -> Self {
        Self::seal(&whole(view.content()))
    }
}

impl Encoded<v1::GetAttachmentResponse> {
    /// What an attachment is: the first of its messages.
    #[must_use]
    pub fn begins(view: &View<AttachmentView>, number: usize) -> Self {
        let attachment = Some(attachment((number, &view.content().attachment)));
        Self::seal(&v1::GetAttachmentResponse { attachment, chunk: Vec::new() })
    }

    /// What follows of the bytes of one that is shown.
    #[must_use]
    pub fn chunk(_: &View<AttachmentView>, chunk: Vec<u8>) -> Self {
        Self::seal(&v1::GetAttachmentResponse { attachment: None, chunk })
    }
}

impl From<View<ThreadView>> for Encoded<v1::ListThreadResponse> {
    fn from(view: View<ThreadView>) -> Self {
        let messages = &view.content().messages;
        let rows = messages.len();
        let messages = messages.iter().map(whole).collect();
        Self::seal(&v1::ListThreadResponse { messages }).with_rows(rows)
    }
}

impl Encoded<v1::TrackMessagesResponse> {
    /// A page of messages that were sent; `token` makes that of the page after it.
    pub fn page(view: &View<TrackView>, token: impl FnOnce() -> String) -> Self {
        let TrackView { messages, more, .. } = view.content();
        let rows = messages.len();
        let messages = messages.iter().map(tracked).collect();
        let next_page_token = if *more { token() } else { String::new() };
        Self::seal(&v1::TrackMessagesResponse { messages, next_page_token }).with_rows(rows)
    }
}

fn entry(line: &InboxLine) -> v1::InboxEntry {
    v1::InboxEntry {
        number: line.number,
        head: Some(head(&line.head)),
        step: step(line.step).into(),
    }
}

fn head(head: &MessageHead) -> v1::MessageHead {
    let MessageHead { message, subject, attachments } = head;
    let core = &message.core;
    v1::MessageHead {
        message_id: message.id.to_string(),
        thread_id: message.thread().to_string(),
        in_reply_to: core.in_reply_to.map_or_else(String::new, |id| id.to_string()),
        domain: core.domain.to_string(),
        from_function: core.from.to_string(),
        to_functions: codes(core.to.iter().map(FunctionId::as_str)),
        kind: core.kind.as_str().to_owned(),
        precedence: core.precedence.as_str().to_owned(),
        sent_at: Some(time(message.sent_at)),
        received_at: Some(time(message.at)),
        respond_by: core.respond_by.map(time),
        labels: Some(labels(&core.labels)),
        subject: subject.clone(),
        attachments: u32::try_from(*attachments).unwrap_or(u32::MAX),
    }
}

/// An attachment, by its number from 1.
fn attachment((number, of): (usize, &Attachment)) -> v1::Attachment {
    v1::Attachment {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        name: of.name.clone(),
        media_type: of.media_type.as_str().to_owned(),
        size_bytes: of.size,
        sha256: of.digest.to_vec(),
    }
}

fn whole(view: &MessageView) -> v1::GetMessageResponse {
    v1::GetMessageResponse {
        head: Some(head(&view.head)),
        body: view.body.clone(),
        deliveries: view.deliveries.iter().map(delivery).collect(),
        attachments: (1..).zip(&view.attachments).map(attachment).collect(),
    }
}

fn tracked(tracked: &Tracked) -> v1::TrackedMessage {
    v1::TrackedMessage {
        head: Some(head(&tracked.head)),
        deliveries: tracked.deliveries.iter().map(delivery).collect(),
        overdue: tracked.overdue,
    }
}

fn delivery(delivery: &Delivery) -> v1::MessageDelivery {
    v1::MessageDelivery {
        to_function: delivery.to.to_string(),
        receipts: delivery.receipts.iter().map(receipt).collect(),
        peer: delivery.peer.as_ref().map_or_else(String::new, ToString::to_string),
        held_up: delivery.held_up.map_or_else(String::new, |why: HeldUp| why.as_str().to_owned()),
    }
}

fn receipt(receipt: &Receipt) -> v1::MessageReceipt {
    v1::MessageReceipt {
        step: step(receipt.step).into(),
        at: Some(time(receipt.at)),
        reason: receipt.reason.map_or("", RejectedFor::as_str).to_owned(),
        envelope_id: receipt.envelope.map_or_else(String::new, |id| id.to_string()),
    }
}

const fn step(step: Step) -> v1::MessageStep {
    match step {
        Step::Stored => v1::MessageStep::Stored,
        Step::Relayed => v1::MessageStep::Relayed,
        Step::Received => v1::MessageStep::Received,
        Step::Accepted => v1::MessageStep::Accepted,
        Step::Read => v1::MessageStep::Read,
        Step::Acted => v1::MessageStep::Acted,
        Step::Rejected => v1::MessageStep::Rejected,
        Step::Expired => v1::MessageStep::Expired,
    }
}
