//! Up to where a state has come.

use samsyn_domain::FeatureLevel;

use crate::{
    Error,
    entry::{LogId, SnapshotMeta, StoredMembership},
    root::Root,
};

/// What is kept beside the rows, in the state store and in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last entry that is in the rows.
    pub(crate) applied: Option<LogId>,
    /// Who takes part in consensus.
    pub(crate) membership: StoredMembership,
    /// The digest over all writes.
    pub(crate) root: Root,
    /// How many rows there are; known where rows are counted, 0 elsewhere.
    pub(crate) rows: u64,
    /// What whoever reads the rows must know.
    pub(crate) level: FeatureLevel,
}

impl Head {
    /// Lets a node read on that knows the log up to a level.
    ///
    /// # Errors
    /// [`Error::LevelUnknown`] when the rows are of a higher one.
    pub(crate) fn known(self, knows: FeatureLevel) -> Result<Self, Error> {
        let needs = self.level;
        if needs <= knows { Ok(self) } else { Err(Error::LevelUnknown { needs, knows }) }
    }

    /// The index of the last entry that is in the rows.
    pub(crate) fn index(&self) -> Option<u64> {
        self.applied.map(|id| id.index)
    }

    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() }
    }

    /// Whether one node alone makes the quorum, so that nothing is committed before its own log
    /// has it.
    pub(crate) fn has_one_voter(&self) -> bool {
        self.membership.membership().voter_ids().count() == 1
    }
}
