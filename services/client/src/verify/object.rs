//! What the opened leaves of an object say, as plain values.

use std::{collections::BTreeSet, fmt};

use samsyn_domain::{Form, Timestamp};

use super::hash::Digest;

/// What an object is, by the code of the protocol page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// 1: what a party saw (iakttagelse).
    Observation,
    /// 2: a point of a series of statistics (statistikserie).
    Series,
    /// 3: a party's assessment of the period (bedömning).
    Assessment,
    /// 4: a count of a closed period.
    Cell,
    /// 5: the settling of a conflict, or a dissent.
    Decision,
    /// 6: the parties' joint analysis.
    Analysis,
}

impl ObjectKind {
    /// In which form a party contributed it; none for what follows from contributions.
    #[must_use]
    pub const fn form(self) -> Option<Form> {
        match self {
            Self::Observation => Some(Form::Observation),
            Self::Series => Some(Form::Series),
            Self::Assessment => Some(Form::Assessment),
            Self::Cell | Self::Decision | Self::Analysis => None,
        }
    }
}

/// An object whose opened leaves belong to what was endorsed.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedObject {
    /// Its id: a keyed hash that only the domain can resolve.
    pub id: [u8; 16],
    /// Its slot in the edition tree.
    pub slot: u32,
    /// What it is.
    pub kind: ObjectKind,
    /// What its opened leaves say.
    pub fields: Fields,
}

/// The groups of an object.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields {
    /// What it is; always opened.
    pub identity: Identity,
    /// Where it is.
    pub place: Opened<Place>,
    /// From when, inclusive, until when, exclusive.
    pub time: Opened<(Timestamp, Timestamp)>,
    /// How many.
    pub counts: Opened<Counts>,
    /// How it is assessed, or what was decided.
    pub assessment: Opened<Assessment>,
    /// Free text.
    pub text: Opened<String>,
    /// Who published it, by which system.
    pub provenance: Opened<Provenance>,
}

/// A group other than identity.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened<T> {
    /// The leaf is not in the proof.
    Withheld,
    /// The leaf is in the proof and says that there is no value.
    Absent,
    /// The value.
    Value(T),
}

impl<T> Opened<T> {
    /// The value, where there is one.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Withheld | Self::Absent => None,
        }
    }

    pub(super) fn of(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

/// What an object is.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// What depends on the kind.
    pub about: About,
    /// The area.
    pub area: String,
    /// Who may have it and for how long.
    pub labels: Labels,
}

/// The part of the identity that depends on the kind.
#[derive(Clone, PartialEq, Eq)]
pub enum About {
    /// An observation, a point of a series, an assessment or a cell.
    Contribution {
        /// A code of the category list.
        category: String,
        /// What kind of observation, 1–5.
        observation_kind: u8,
        /// The priority area.
        priority: String,
        /// Whose it is; empty for a cell, which is of several parties.
        owner: String,
        /// What kind of party that is: 1 municipal, 2 police, 3 other.
        owner_kind: u8,
        /// The level of the findings of the category: 1 place, 2 sub-area, 3 district.
        geography: u8,
    },
    /// A decision.
    Decision {
        /// The category of the finding.
        category: String,
        /// The level of the finding: 1 place, 2 sub-area, 3 district.
        geography: u8,
        /// The period.
        period: String,
        /// The geography of the finding.
        geography_id: String,
    },
    /// An analysis.
    Analysis {
        /// The period.
        period: String,
    },
}

/// Who may have an object and for how long (märkning).
#[derive(Clone, PartialEq, Eq)]
pub struct Labels {
    /// 0–3.
    pub level: u8,
    /// Ids of parties, organisations and groups, or `signatories`.
    pub audience: BTreeSet<String>,
    /// What it may be used for.
    pub purposes: BTreeSet<String>,
    /// Under which law.
    pub regime: String,
    /// Provisions of the secrecy act.
    pub secrecy_provisions: BTreeSet<String>,
    /// Until when it may be kept.
    pub retain_until: Option<Timestamp>,
    /// It can be tied to a person.
    pub person_related: bool,
    /// It belongs to a special category of personal data.
    pub special_category: bool,
    /// Nobody but its owner may widen its audience.
    pub originator_control: bool,
    /// Nobody but its owner sees it before this time.
    pub embargo_until: Option<Timestamp>,
    /// A receiver may pass it on.
    pub onward_sharing: bool,
}

/// Where something is.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// How fine it was opened.
    pub variant: PlaceVariant,
    /// The registered place.
    pub place: Option<String>,
    /// The sub-area (stadsdel).
    pub sub_area: Option<String>,
    /// The area (stadsdelsområde).
    pub area: String,
    /// Latitude and longitude, WGS 84 in 1e-7 degree.
    pub coordinates: Option<(i32, i32)>,
    /// How a coarser variant was made.
    pub treatment: Option<Treatment>,
}

/// How fine a place was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceVariant {
    /// As published.
    Exact,
    /// No finer than a sub-area.
    SubArea,
    /// The district.
    District,
}

/// How many, by which source.
#[derive(Clone, PartialEq, Eq)]
pub struct Counts {
    /// A code of the source list.
    pub source: Option<String>,
    /// The number.
    pub amount: Amount,
    /// How a band or a perturbed count was made.
    pub treatment: Option<Treatment>,
}

/// A number, with its variant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// As published; none when nobody counted.
    Exact(Option<u64>),
    /// `lower ≤ count < below`.
    Band {
        /// The least that it may be.
        lower: u64,
        /// One more than the most.
        below: u64,
    },
    /// Changed within the bound that the treatment names.
    Perturbed(u64),
}

/// The assessment group.
#[derive(Clone, PartialEq, Eq)]
pub enum Assessment {
    /// Of an observation or an assessment.
    Observation {
        /// 1–5.
        severity: Option<u8>,
        /// 1 down, 2 flat, 3 up.
        trend: Option<u8>,
        /// 1 fact, 2 assessment, 3 estimate.
        basis: Option<u8>,
        /// 1–6 for A–F.
        reliability: Option<u8>,
        /// 1–6.
        credibility: Option<u8>,
    },
    /// Of a decision.
    Decision {
        /// On which field of the finding.
        field: String,
        /// The number of the severity or trend, or 0 where all stand without a joint value; none in
        /// a dissent, and none while it is open.
        outcome: Option<u8>,
        /// The ids of the objects between whose values was decided.
        candidates: BTreeSet<[u8; 16]>,
        /// Who decided.
        decided_by: BTreeSet<String>,
        /// No joint value: the values stand beside each other (avvikande mening).
        dissent: bool,
    },
}

/// Who published it.
#[derive(Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The publishing service.
    pub service: String,
    /// The digest of the publisher's own manifest.
    pub manifest: Option<Digest>,
}

/// How a variant was made.
#[derive(Clone, PartialEq, Eq)]
pub struct Treatment {
    /// The disclosure-control profile.
    pub profile: String,
    /// The method.
    pub method: String,
    /// Its parameters by name.
    pub parameters: Vec<(String, i64)>,
    /// The greatest distance from the exact value.
    pub bound: Option<u64>,
}

/// These hold what parties see of each other: what is logged of them is their name.
macro_rules! debug_without_content {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

debug_without_content! {
    VerifiedObject Fields Identity About Labels Place Counts Amount Assessment Provenance Treatment
}

impl<T> fmt::Debug for Opened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Withheld => "withheld",
            Self::Absent => "absent",
            Self::Value(_) => "value",
        })
    }
}
