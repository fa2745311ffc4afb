//! A backup where no gateway runs: whether it holds, and the return from it.

use std::path::Path;

use samsyn_ledger::{
    Node,
    backup::{Onto, restore},
};

pub use samsyn_ledger::backup::{
    BadBackup, BadIdentity, Counts, Identities, Manifest, examine, new_identity, verify,
};

use crate::Checked;

impl Checked {
    /// Restores a backup into the data folder of this configuration, which is empty; its node is
    /// the first of the new cluster. Blocks.
    ///
    /// # Errors
    /// What does not hold. Then the folder holds nothing that a gateway starts with.
    pub fn restore(
        &self,
        from: &Path,
        keys_from: Option<&Path>,
        identities: &Identities,
    ) -> Result<Manifest, BadBackup> {
        let cluster = self.config.cluster.as_ref();
        let alone = || Node { id: 1, address: "local".to_owned() };
        let node = cluster.map(|cluster| Node { id: cluster.node, address: cluster.address() });
        let onto = Onto {
            dir: &self.config.data,
            domain: &self.config.domain,
            node: node.unwrap_or_else(alone),
            is_among_others: cluster.is_some(),
            levels: self.levels,
        };
        restore(from, keys_from, identities, &onto)
    }
}
