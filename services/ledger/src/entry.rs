//! What the log carries, and the types of this raft.

use std::{fmt, sync::Arc};

use samsyn_domain::{
    FeatureLevel, Timestamp,
    command::{Reply, Submission},
};

use crate::{machine::Machine, trace::Cause};

/// One ordered change of state. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The leader's stamp.
    pub(crate) at: Timestamp,
    /// What is asked.
    pub(crate) submission: Arc<Submission>,
    /// What proposed it, where that is traced.
    pub(crate) cause: Option<Cause>,
    /// What whoever reads it must know.
    pub(crate) level: FeatureLevel,
}

// openraft writes both to its trace: neither may show content.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.submission.command.verb(), self.at)
    }
}

/// What an applied entry answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The command's reply; none for a blank entry and a change of membership.
    pub(crate) reply: Option<Reply>,
}

openraft::declare_raft_types!(
    /// The types of this raft.
    pub(crate) Types:
        D = Entry,
        R = Answer,
        NodeId = u64,
        Node = openraft::BasicNode,
);

pub(crate) type Raft = openraft::Raft<Types, Machine>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<Types>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<Types>;
pub(crate) type RaftEntry = openraft::type_config::alias::EntryOf<Types>;
pub(crate) type Payload = openraft::EntryPayload<Entry, u64, openraft::BasicNode>;
pub(crate) type Membership = openraft::Membership<u64, openraft::BasicNode>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Types>;
pub(crate) type Snapshot = openraft::type_config::alias::SmSnapshotOf<Types, Machine>;
