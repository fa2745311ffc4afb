//! Consensus, log, state: what was acknowledged is never lost, and every node has the same.

mod access;
mod attachments;
pub mod backup;
mod begin;
mod cursor;
mod disk;
mod editions;
mod entry;
mod error;
mod fatal;
mod feed;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handle;
mod head;
mod inbox;
mod joint;
mod keys;
mod level;
mod links;
mod log_store;
mod machine;
mod messages;
mod nodes;
mod order;
mod peers;
mod pictures;
mod proposer;
mod raft_handle;
mod reach;
mod received_editions;
mod recording;
mod registry;
mod root;
mod snapshot;
mod store;
mod trace;
mod upload;
mod views;
mod wake;
mod writer;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod platter;
#[cfg(test)]
mod power;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod several;
#[cfg(test)]
mod tests;

pub use attachments::{AttachmentsIn, BadAttachment, FileGiven, FileUpload, Uploaded};
pub use error::Error;
pub use feed::Feed;
pub use handle::{Clock, Figures, Ledger, Nodes, Options, Ordered, Rejection, Watcher};
pub use inbox::Inbox;
pub use joint::Joint;
pub use level::{Levels, NotRaised};
pub use links::{LinkFigures, NotTaken, TakenIn};
pub use nodes::fetch_key_file;
pub use peers::{Answer, Node, Peer, PeerError, Transport, Unreached};
pub use raft_handle::{Card, Cluster, Member, Place, Role, Timing};
pub use received_editions::{Answered, EditionShown, Editions, ReviewShown};
pub use registry::{Exported, Listed};
pub use trace::{Cause, Happened, Woken};
