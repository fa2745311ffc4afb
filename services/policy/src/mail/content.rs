//! What is shown of messages.

use std::sync::Arc;

use samsyn_domain::{
    DomainId, FunctionId,
    message::{Attachment, Message, Receipt, Step},
};

/// A message, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageHead {
    /// The message.
    pub message: Arc<Message>,
    /// What it is about; empty when its key is gone.
    pub subject: String,
    /// How many files go with it.
    pub attachments: usize,
}

/// A message as it stands in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxLine {
    /// Counts the messages of the function: dense from 1.
    pub number: u64,
    /// The message.
    pub head: MessageHead,
    /// How far it has come with this function.
    pub step: Step,
}

/// A part of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxView {
    /// In the order of their numbers.
    pub lines: Vec<InboxLine>,
}

/// What holds a message up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldUp {
    /// The peer has not been reached since.
    WaitsForLink,
    /// An operator has stopped the link.
    LinkPaused,
    /// The link stands still.
    LinkFrozen,
}

impl HeldUp {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitsForLink => "waits_for_link",
            Self::LinkPaused => "link_paused",
            Self::LinkFrozen => "link_frozen",
        }
    }
}

/// How far a message has come with one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The recipient.
    pub to: FunctionId,
    /// The steps that were reached, in order.
    pub receipts: Vec<Receipt>,
    /// The peer that the recipient is at home in.
    pub peer: Option<DomainId>,
    /// What holds it up.
    pub held_up: Option<HeldUp>,
}

/// A message, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// The message.
    pub head: MessageHead,
    /// What it says; empty when its key is gone.
    pub body: String,
    /// The files that go with it; none when its key is gone.
    pub attachments: Vec<Attachment>,
    /// To its sender, with each recipient; to a recipient, with itself.
    pub deliveries: Vec<Delivery>,
}

/// An attachment of a message, with what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentView {
    /// The domain that its message comes from.
    pub from: DomainId,
    /// The attachment.
    pub attachment: Attachment,
}

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadView {
    /// The earliest first.
    pub messages: Vec<MessageView>,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// The message.
    pub head: MessageHead,
    /// How far it has come with each recipient.
    pub deliveries: Vec<Delivery>,
    /// The time until which an answer was asked for has passed without one.
    pub overdue: bool,
}

/// Which of the messages that a function has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackPage {
    /// Of the first so many; none: of all. What is sent meanwhile moves no page.
    pub of: Option<usize>,
    /// How many stand before it, the newest first.
    pub from: usize,
    /// How many at most.
    pub size: usize,
}

/// Messages that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackView {
    /// The newest first.
    pub messages: Vec<Tracked>,
    /// Of how many.
    pub of: usize,
    /// Whether others follow.
    pub more: bool,
}
