//! Messages: who sends for which function, what may go to whom, and what each may read.

mod content;
mod judge;
mod parcel;
mod read;
mod send;

pub use content::{
    AttachmentView, Delivery, HeldUp, InboxLine, InboxView, MessageHead, MessageView, ThreadView,
    TrackPage, TrackView, Tracked,
};
pub use judge::{BadEnvelope, Came, Judged, judge, judge_again, position};
pub use parcel::{LeavingPart, Parcel};
pub use read::Mailbox;

/// The longest list of messages that is shown at once.
pub const LIST_MAX: usize = 500;

/// Reads and sends for a function.
const FUNCTION_RULE: &str = "POL-51";
/// A message goes to an addressee.
const ADDRESS_RULE: &str = "POL-52";
