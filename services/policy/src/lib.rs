//! Who may do what, who may see what. Cedar decides before the log; what it decided is recorded and
//! read back, so that replicas never differ.

mod cedar;
mod change_preview;
mod content;
mod contribution;
mod denial;
mod door;
mod egress;
mod explain;
mod filter;
mod mail;
mod permit;
mod preview;
mod probes;
mod publisher;
mod reader;
mod received;
mod received_edition;
mod registrar;
mod signature;

pub use cedar::{BadPolicy, Policy, RuleText};
pub use change_preview::{ChangePreview, NoPreview, PreviewBasis, Replayed, RightChange};
pub use content::{
    CollisionList, Compared, ComparedView, ContributedView, DisclosureList, Duty, DutyKind,
    DutyList, EditionHeader, EditionList, EditionView, EventBatch, Explanation, JointView, Masked,
    Opening, PictureVersion, PictureVersions, PictureView, Preview, Problem, PublishedView,
    ReceivedDraft, ReceivedEditions, ReceivedRound, ReceivedView, ReviewView, RevisionList,
    Secrets, Shared, ValidationView, ViewChange, ViewEvent,
};
pub use contribution::{Home, Leaving, contributors, is_home_of, may_contribute};
pub use denial::{Denial, Why};
pub use door::{Permit, Projection, Receipt, Recorder, View};
pub use egress::{
    At, Bare, Contents, DisclosureFilter, Egress, Held, Holder, HolderList, Known, ObservationRef,
    Way, edition,
};
pub use explain::AccessAnswer;
pub use mail::{
    AttachmentView, BadEnvelope, Came, Delivery, HeldUp, InboxLine, InboxView, Judged, LIST_MAX,
    LeavingPart, Mailbox, MessageHead, MessageView, Parcel, ThreadView, TrackPage, TrackView,
    Tracked, judge, judge_again, position,
};
pub use permit::Deed;
pub use publisher::{BadManifest, ManifestGiven, Published, verify_manifest};
pub use reader::{Reader, Rights, Scope};
pub use received::{opened_finding, received_class, sealed_finding};
pub use received_edition::{GivenRound, may_answer, verify_given};
pub use registrar::{BadChangeSignature, SignedChange, verify_change};
