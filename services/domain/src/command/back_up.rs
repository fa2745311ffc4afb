//! An operator has the domain backed up: recorded before a byte of the backup leaves.

use super::{Decided, Digest, Moment, Reply};
use crate::row::{BackedUp, Row};

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackUp {
    /// A digest over the public keys that it is sealed to.
    pub recipients: Digest,
}

impl BackUp {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Decided {
        let row = BackedUp {
            position: moment.position,
            at: moment.at,
            by: moment.actor.service.clone(),
            recipients: self.recipients,
        };
        Decided::new(Reply::Done, vec![Row::BackedUp(row)])
    }
}
