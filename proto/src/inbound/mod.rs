//! Wire to domain: a request is parsed once, into what the domain can hold.
//!
//! Plain functions; time is an argument. A fault names the reason and the path of the field and
//! never repeats what was sent. Whether an object exists, and whether the caller may know of it, is
//! not asked here: an id that cannot exist is refused like one that does not.

mod access;
mod context;
mod contribution;
mod delivered_edition;
mod edition;
mod fault;
#[cfg(test)]
pub(crate) mod fixture;
mod joint;
mod labels;
mod link;
mod message;
mod observation;
mod publication;
mod received;
mod registry;
mod statement;
mod text;
mod upload;
mod value;

pub use access::{
    CollisionsAsked, DisclosuresAsked, ExplainAccessAsked, HoldersAsked, SuspendAsked,
};
pub use context::{Context, PageAsked, ground, page, scope, write_context};
pub use contribution::Contributed;
pub use delivered_edition::{ReceivedDocument, RoundInReview, is_asked};
pub use edition::{
    AnswerAsked, EditionAsked, EditionsAsked, LockAsked, OpenAsked, ReleaseAsked, answer_fits,
};
pub use fault::{Checked, FAULTS_MAX, Fault};
pub use joint::{
    AcknowledgeAsked, CompareAsked, DissentAsked, EventsAsked, ExplainAsked, JointAsked,
    PictureAsked, Resolve, RevisionsAsked, VersionsAsked, WatchAsked,
};
pub use link::{LinkAsked, QuarantinedAsked, endpoints, peer};
pub use message::{
    AttachmentAsked, FileAsked, InboxAsked, MailboxAsked, MarkAsked, MessageAsked, SendAsked,
    TrackAsked, message_is_fit,
};
pub use publication::{Change, ManifestAsked, Publication, Trial, publication, trial};
pub use received::ReceivedEvent;
pub use registry::{
    ApproveChangeAsked, ChangesAsked, PreviewChangeAsked, ProposeChangeAsked, SignatureAsked,
    WithdrawChangeAsked,
};
pub use upload::Upload;

#[cfg(test)]
mod tests;
