//! Proposed changes: by whom signed, and what became of them.

use std::{collections::BTreeSet, fmt};

use super::{Base, Change, Difference, Effect, Operation, Record, change::differences};
use crate::{KeyId, OrganisationId, Sealed, ServiceId, Timestamp};

/// How long a proposal waits.
pub const PROPOSAL_DAYS: i64 = 30;
/// How many proposals wait at most.
pub const PROPOSALS_OPEN_MAX: usize = 20;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A proposal: the position of the log at which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalId(pub u64);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A signature by a registry key, with what it was made over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Whose key.
    pub organisation: OrganisationId,
    /// Through which service it came.
    pub service: ServiceId,
    /// Which key.
    pub key: KeyId,
    /// The signed payload, canonical.
    pub statement: Vec<u8>,
    /// The signature over its pre-authentication encoding.
    pub signature: Vec<u8>,
    /// When it came; given on commit.
    pub at: Timestamp,
}

/// When a change took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The epoch that it made.
    pub epoch: u64,
    /// When.
    pub at: Timestamp,
}

/// A proposed change of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// What it changes.
    pub change: Change,
    /// Against which registry.
    pub base: Base,
    /// The rows that it replaces or removes, as they stood.
    pub replaced: Vec<Record>,
    /// Which way it goes.
    pub effect: Effect,
    /// How many organisations must sign it.
    pub needed: u32,
    /// By whom it is signed: its proposer first.
    pub signed: Vec<Signed>,
    /// Why, under seal.
    pub reason: Option<Sealed>,
    /// When it took effect; none while it waits.
    pub applied: Option<Applied>,
}

/// How a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for signatures.
    Open,
    /// It took effect.
    Applied,
    /// It has waited too long.
    Expired,
    /// The registry has changed since: it is to be made anew.
    Stale,
}

impl Standing {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Applied => "applied",
            Self::Expired => "expired",
            Self::Stale => "stale",
        }
    }
}

impl Proposal {
    /// When it was made.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.signed.first().map_or(Timestamp::ZERO, |signed| signed.at)
    }

    /// Until when it waits.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.at().after_seconds(PROPOSAL_DAYS * DAY_SECONDS)
    }

    /// The organisations that have signed it.
    #[must_use]
    pub fn organisations(&self) -> BTreeSet<&OrganisationId> {
        self.signed.iter().map(|signed| &signed.organisation).collect()
    }

    /// What one of its operations does to its row, field by field.
    #[must_use]
    pub fn differences(&self, operation: &Operation) -> Vec<Difference> {
        let key = operation.key();
        let before = self.replaced.iter().find(|record| record.key() == key);
        differences(before, operation.record())
    }

    /// Whether enough organisations have signed it.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        usize::try_from(self.needed).is_ok_and(|needed| self.organisations().len() >= needed)
    }
}
