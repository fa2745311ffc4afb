//! A domain goes on from a backup: the first entry after it begins a new incarnation.

use std::collections::BTreeSet;

use super::{Decided, Digest, Moment, Reply};
use crate::row::{Restored, Row};

/// The return of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// What names the incarnation: drawn anew at each restoration, so that two domains that go on
    /// from one backup are told apart.
    pub id: Digest,
    /// The last position that is in the backup. What came after it is lost.
    pub from: u64,
    /// The nodes that carried the domain before; none of them carries it again.
    pub nodes: BTreeSet<u64>,
}

impl Restore {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Decided {
        let before = moment.state.incarnation();
        if before.is_some_and(|before| before.id == self.id) {
            return Decided::new(Reply::Done, Vec::new());
        }
        let epoch = moment.position;
        let rows = vec![
            Row::Restored(Restored {
                number: before.map_or(0, |before| before.number).saturating_add(1),
                id: self.id,
                from: self.from,
                nodes: self.nodes.clone(),
                at: moment.at,
            }),
            Row::Epoch(epoch),
        ];
        Decided::new(Reply::Epoch { epoch }, rows)
    }
}
