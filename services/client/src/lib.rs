//! For parties and partners: connect, publish, watch with resumption, review, sign, verify.

mod backup;
mod connection;
mod dial;
mod endorse;
mod invitation;
mod message;
pub mod probe;
mod profile;
mod publisher;
mod redial;
mod refused;
mod registry;
mod trace;
mod upload;
pub mod verify;
mod watch;

pub use backup::NotBackedUp;
pub use connection::{Client, ConnectError, Transport, write_context};
pub use endorse::{Intent, NotEndorsed, Signer, answer};
pub use invitation::{NotAnInvitation, SignedInvitation};
pub use message::InboxWatch;
pub use profile::{BadProfile, Profile};
pub use publisher::{NotSigned, PublisherKey};
pub use refused::Refused;
pub use registry::{Exported, NoChange, Word, change_digest, operations};
pub use trace::{BadTrace, Trace, Traced};
pub use watch::Watch;

/// Why a call was refused, from the table of errors.
pub use samsyn_proto::Reason;
/// The messages of the public interface, version 1.
pub use samsyn_proto::v1 as wire;

/// The messages for operators and registrars.
pub use samsyn_proto::admin::v1 as admin;
