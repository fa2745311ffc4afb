//! Founds a domain, once; and takes up another policy.

use std::sync::Arc;

use super::{Decided, Digest, Moment, Reply};
use crate::{
    FeatureLevel, Reason, Refusal,
    registry::Document,
    row::{Founded, Row},
};

/// The first entry of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The domain's name.
    pub domain: String,
    /// The registry, as it was written. The edge has checked it: a later program may ask for more,
    /// and must not read this entry otherwise.
    pub document: Arc<Document>,
    /// The digest of the domain's key file.
    pub key_file: Digest,
    /// The digest of schema and policies.
    pub policy: Digest,
    /// The feature level that the domain begins at.
    pub level: FeatureLevel,
}

impl Found {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        if moment.state.founded().is_some() {
            return Err(Refusal::of(Reason::WrongGenesis));
        }
        let epoch = moment.position;
        let mut rows = vec![
            Row::Founded(Founded {
                domain: self.domain.clone(),
                document: Arc::clone(&self.document),
                key_file: self.key_file,
                at: moment.at,
            }),
            Row::Policy(self.policy),
            Row::Epoch(epoch),
        ];
        // State without a level is at the first.
        if self.level > FeatureLevel::FIRST {
            rows.push(Row::Level(self.level));
        }
        Ok(Decided::new(Reply::Epoch { epoch }, rows))
    }
}

/// Another policy is in force from this entry on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptPolicy {
    /// The digest of schema and policies.
    pub policy: Digest,
}

impl AdoptPolicy {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Decided {
        let epoch = moment.position;
        Decided::new(Reply::Epoch { epoch }, vec![Row::Policy(self.policy), Row::Epoch(epoch)])
    }
}
