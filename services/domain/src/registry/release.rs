//! Release rows: what one receiver may have.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    AreaId, Kind, LegalBasisId, Level, OrganisationId, PeriodKind, PriorityId, PurposeId, RowId,
};

/// A part of an object that is released or withheld as a whole. Identity is always released with
/// an object that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldGroup {
    /// What it is: category, party, labels.
    Identity,
    /// Where it is.
    Place,
    /// When it was.
    Time,
    /// How many.
    Counts,
    /// How severe, which way it goes, how sure.
    Assessment,
    /// Free text.
    Text,
    /// Who published it, by which system.
    Provenance,
}

impl FieldGroup {
    /// All groups, in the order of the protocol.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Place,
        Self::Time,
        Self::Counts,
        Self::Assessment,
        Self::Text,
        Self::Provenance,
    ];

    /// The number in the protocol, 0–6.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Identity => 0,
            Self::Place => 1,
            Self::Time => 2,
            Self::Counts => 3,
            Self::Assessment => 4,
            Self::Text => 5,
            Self::Provenance => 6,
        }
    }

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Place => "place",
            Self::Time => "time",
            Self::Counts => "counts",
            Self::Assessment => "assessment",
            Self::Text => "text",
            Self::Provenance => "provenance",
        }
    }

    /// Parses its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == code)
    }
}

/// In which form a group is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As published.
    Exact,
    /// Place: the sub-area.
    SubArea,
    /// Place: the district.
    District,
}

impl Variant {
    /// The number in the protocol, 0–3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::SubArea => 1,
            Self::District => 2,
        }
    }

    /// The finest geography it lets through.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Exact => Level::Place,
            Self::SubArea => Level::SubArea,
            Self::District => Level::District,
        }
    }

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::SubArea => "sub_area",
            Self::District => "district",
        }
    }
}

/// Which field groups are shown, each in one variant.
pub type Shown = BTreeMap<FieldGroup, Variant>;

/// What one receiver may have: data of an agreement between originators and the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRow {
    /// Its id.
    pub id: RowId,
    /// Who receives.
    pub receiver: OrganisationId,
    /// Of which areas.
    pub areas: BTreeSet<AreaId>,
    /// Of which priority areas.
    pub priorities: BTreeSet<PriorityId>,
    /// Of which kinds of observation.
    pub kinds: BTreeSet<Kind>,
    /// Of which kinds of period.
    pub periods: BTreeSet<PeriodKind>,
    /// Which field groups, and in which variant.
    pub shown: Shown,
    /// For which purposes.
    pub purposes: BTreeSet<PurposeId>,
    /// On which legal bases.
    pub legal_bases: BTreeSet<LegalBasisId>,
    /// The live picture, not only released editions.
    pub live: bool,
    /// Counts are given as cells only, small ones as `<5`; no observations.
    #[serde(default)]
    pub protected_counts: bool,
    /// Whether what is withheld of an object is declared.
    #[serde(default)]
    pub declares_withheld: bool,
    /// In force from this day on, `YYYY-MM-DD` in Europe/Stockholm.
    pub valid_from: jiff::civil::Date,
    /// Until the day before this one.
    pub valid_to: jiff::civil::Date,
}
