//! Consensus, log, state: what was acknowledged is never lost, and every node has the same.

mod access;
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
mod keys;
mod log_store;
mod machine;
mod network;
mod order;
mod pictures;
mod proposer;
mod raft_handle;
mod registry;
mod root;
mod snapshot;
mod store;
mod trace;
mod upload;
mod writer;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use feed::Feed;
pub use handle::{Clock, Figures, Ledger, Options, Ordered, Rejection, Watcher};
pub use registry::{Exported, Listed};
pub use trace::{Cause, Happened, Woken};
