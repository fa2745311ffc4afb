//! Code lists: data, not types, because they change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{CategoryId, Kind, LegalBasisId, Level, PriorityId, PurposeId, SourceId};

/// A category of observations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its code.
    pub id: CategoryId,
    /// In Swedish.
    pub sv: String,
    /// In English.
    pub en: String,
    /// What kind its observations are.
    pub kind: Kind,
    /// Its priority area.
    pub priority: PriorityId,
    /// How fine its findings are at the finest.
    pub geography: Level,
}

/// A code with its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<T> {
    /// The code.
    pub id: T,
    /// In Swedish.
    pub sv: String,
    /// In English.
    pub en: String,
}

/// A legal basis on which content may be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// The code.
    pub id: LegalBasisId,
    /// In Swedish.
    pub sv: String,
    /// In English.
    pub en: String,
    /// A recorded weighing of interests must be named (intresseavvägning).
    #[serde(default)]
    pub needs_weighing: bool,
}

/// The code lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lists {
    /// Which edition of the lists.
    pub edition: String,
    /// Priority areas.
    pub priorities: Vec<Entry<PriorityId>>,
    /// Purposes (ändamål).
    pub purposes: Vec<Entry<PurposeId>>,
    /// Legal bases.
    pub legal_bases: Vec<LegalBasis>,
    /// Kinds of source.
    pub sources: Vec<Entry<SourceId>>,
    /// Provisions of the secrecy act that labels may name.
    pub secrecy_provisions: BTreeSet<String>,
    /// How long content may be kept at most, in days.
    pub retention_days_max: u32,
    /// For which purpose a party is told what its own changes touch.
    pub own_purpose: Option<PurposeId>,
    /// On which legal basis it is told.
    pub own_basis: Option<LegalBasisId>,
}

impl Lists {
    /// Whether a priority area is registered.
    #[must_use]
    pub fn has_priority(&self, id: &PriorityId) -> bool {
        self.priorities.iter().any(|entry| entry.id == *id)
    }

    /// Whether a purpose is registered.
    #[must_use]
    pub fn has_purpose(&self, id: &PurposeId) -> bool {
        self.purposes.iter().any(|entry| entry.id == *id)
    }

    /// A legal basis.
    #[must_use]
    pub fn legal_basis(&self, id: &LegalBasisId) -> Option<&LegalBasis> {
        self.legal_bases.iter().find(|basis| basis.id == *id)
    }

    /// Whether a kind of source is registered.
    #[must_use]
    pub fn has_source(&self, id: &SourceId) -> bool {
        self.sources.iter().any(|entry| entry.id == *id)
    }
}
