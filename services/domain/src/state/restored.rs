//! Backups, and the incarnations of a domain: what stood before the last of them is what its backup
//! held; of the same numbers given twice, each is of its own incarnation.

use super::State;
use crate::{
    Timestamp,
    row::{BackedUp, Restored},
};

impl State {
    /// All backups that were recorded, in their order.
    #[must_use]
    pub fn backups(&self) -> &[BackedUp] {
        &self.backups
    }

    /// The incarnation of now; none since the founding.
    #[must_use]
    pub fn incarnation(&self) -> Option<&Restored> {
        self.restored.last()
    }

    /// The incarnation in which something was made; none when it was before the first restoration.
    #[must_use]
    pub fn incarnation_at(&self, at: Timestamp) -> Option<&Restored> {
        self.restored.iter().rev().find(|restored| restored.at <= at)
    }

    /// Whether a node carried the domain before it was restored.
    #[must_use]
    pub fn was_a_node(&self, node: u64) -> bool {
        self.restored.iter().any(|restored| restored.nodes.contains(&node))
    }
}
