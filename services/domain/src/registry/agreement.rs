//! Agreements (samverkansöverenskommelser): who signs what together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Role;
use crate::{AgreementId, AreaId, DomainId, PartyId, PeriodKind};

/// How an edition is agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// Light: coordinator and kommunpolis endorse.
    Operative,
    /// All signatories endorse.
    Strategic,
}

impl Track {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operative => "operative",
            Self::Strategic => "strategic",
        }
    }

    /// Parses its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Operative, Self::Strategic].into_iter().find(|track| track.as_str() == code)
    }
}

/// A party to an agreement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signatory {
    /// The party.
    pub party: PartyId,
    /// Its capacity: `district_administration`, `local_police_area`, `city_department` …
    pub capacity: String,
}

/// A party in a role, whose signed answer an edition requires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endorser {
    /// The party.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
}

/// An agreement over one area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// The area.
    pub area: AreaId,
    /// In force from this day on, `YYYY-MM-DD` in Europe/Stockholm.
    pub valid_from: jiff::civil::Date,
    /// Its parties.
    pub signatories: Vec<Signatory>,
    /// Which kinds of period its pictures have.
    pub periods: BTreeSet<PeriodKind>,
    /// Which endorsers each track requires: at least one municipal and one police.
    pub tracks: BTreeMap<Track, Vec<Endorser>>,
    /// Which functions must act on a conflict.
    pub conflict_roles: BTreeSet<Role>,
    /// The peer that orders its joint picture, and to which its parties here contribute; none:
    /// here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<DomainId>,
}

/// A descriptor (how an agreement's editions are endorsed) as all its signatories have signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedDescriptor {
    /// Of which agreement.
    pub agreement: AgreementId,
    /// The signed envelope of the protocol page, in hexadecimal.
    pub envelope: String,
}

impl Agreement {
    /// Whether a party has signed it.
    #[must_use]
    pub fn signed_by(&self, party: &PartyId) -> bool {
        self.signatories.iter().any(|signatory| signatory.party == *party)
    }

    /// The endorsers that a track requires; none when the agreement does not have the track.
    #[must_use]
    pub fn endorsers(&self, track: Track) -> &[Endorser] {
        self.tracks.get(&track).map_or(&[], Vec::as_slice)
    }
}
