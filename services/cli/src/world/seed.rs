//! The seed: the city and its rights, as they stand in `config/demo`.
//!
//! All figures are whole: percent, 1e-7 degrees, events a week and million inhabitants. What only
//! speaks to the reader of the file (`about`, `stories`) is not read.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::civil::{Date, DateTime};
use samsyn_domain::{
    AreaId, CategoryId, Coordinates, OrganisationId, PartyId, Period, PlaceId, SubAreaId,
    registry::{self, Document},
};
use serde::Deserialize;

use super::Error;

/// The demo city.
#[derive(Clone, Deserialize)]
pub(crate) struct Seed {
    pub(super) banner: String,
    /// How much of the mean is drawn, in percent: keeps the largest publication below the limit.
    pub(super) sampled_percent: u64,
    pub(super) city: OrganisationId,
    pub(super) police: OrganisationId,
    pub(super) local_police_areas: Vec<LocalPoliceArea>,
    pub(super) departments: Vec<Department>,
    pub(super) partners: Vec<Partner>,
    pub(super) categories: Vec<Category>,
    pub(super) profiles: BTreeMap<String, Profile>,
    pub(super) areas: Vec<Area>,
    pub(super) meetings: Vec<registry::Meeting>,
    pub(super) factors: Vec<Factor>,
    pub(super) leanings: Vec<Leaning>,
    pub(super) survey: Survey,
    pub(super) settled: Settled,
    pub(super) identifier: Identifier,
    /// Lists, organisations, services, groups and release rows.
    #[serde(skip)]
    pub(super) rights: Document,
}

/// A local police area (lokalpolisområde), also a former one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LocalPoliceArea {
    pub(super) id: PartyId,
    pub(super) name: String,
    /// Until the day before this one.
    pub(super) valid_to: Option<Date>,
}

/// A department of the city (fackförvaltning) that signs in some areas.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Department {
    pub(super) id: PartyId,
    pub(super) name: String,
    /// How its system's ids begin.
    pub(super) ids: String,
    /// Which groups of categories it looks at.
    pub(super) groups: Vec<String>,
    /// How much of what happens there it sees.
    pub(super) sees_percent: u32,
}

/// A partner agency and what it may have, for people.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Partner {
    /// Its id.
    pub(crate) id: OrganisationId,
    /// Its rights in English.
    pub(crate) en: String,
}

/// A category and how its events come about.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Category {
    /// As it stands in the registry.
    pub(super) registered: registry::Category,
    /// The group in which sub-areas weigh it.
    pub(super) group: String,
    /// Events a week and million inhabitants.
    pub(super) weekly_per_million: u64,
    /// How much of it each side sees.
    pub(super) seen_percent: Seen,
    /// When it happens.
    pub(super) profile: String,
    /// How severe it mostly is, 1–5.
    pub(super) severity: u32,
    /// How secret it is.
    pub(super) level: u32,
    /// Who may have it beside the signatories.
    pub(super) audience: Vec<String>,
    /// Provisions of the secrecy act that its labels name.
    pub(super) provisions: Vec<String>,
    /// From where a district administration knows of it, when that is always the same.
    pub(super) city_source: Option<String>,
}

/// How much of a category each side sees, in percent.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Seen {
    pub(super) police: u32,
    pub(super) city: u32,
}

/// When events happen: weights in percent.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Profile {
    pub(super) weekday_mon_sun: [u32; 7],
    pub(super) hour4_from_00: [u32; 6],
    pub(super) month_jan_dec: [u32; 12],
}

/// A district (stadsdelsområde).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Area {
    pub(super) id: AreaId,
    pub(super) name: String,
    pub(super) population: u64,
    pub(super) administration: Administration,
    pub(super) signatories: Vec<registry::Signatory>,
    pub(super) sub_areas: Vec<SubArea>,
}

/// A district administration (stadsdelsförvaltning).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Administration {
    pub(super) id: PartyId,
    pub(super) name: String,
}

/// A part of a district (stadsdel).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SubArea {
    pub(super) id: SubAreaId,
    pub(super) name: String,
    pub(super) centre: Coordinates,
    /// Which local police area answers for it, and when.
    pub(super) police: Vec<Tenure>,
    pub(super) places: Vec<Place>,
    /// How much more or less of a group of categories happens here; 100 when not named.
    pub(super) weights_percent: BTreeMap<String, u64>,
}

/// Who answers for a sub-area, and when.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tenure {
    pub(super) party: PartyId,
    pub(super) valid_from: Date,
    /// Until the day before this one.
    pub(super) valid_to: Option<Date>,
}

/// A place.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Place {
    pub(super) id: PlaceId,
    pub(super) name: String,
}

/// A period, from its code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Code(pub(super) Period);

/// A story makes some categories more or less frequent for a time.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Factor {
    pub(super) sub_area: SubAreaId,
    pub(super) categories: Vec<CategoryId>,
    /// From which week on.
    pub(super) from: Code,
    /// Until the week before this one.
    pub(super) until: Option<Code>,
    pub(super) percent: u64,
}

/// A party sees some categories as more severe than others do.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Leaning {
    pub(super) party: PartyId,
    pub(super) sub_area: SubAreaId,
    pub(super) categories: Vec<CategoryId>,
    pub(super) severity: u32,
}

/// One wave of a survey of perceived safety (trygghetsmätning).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Survey {
    pub(super) party: PartyId,
    pub(super) area: AreaId,
    pub(super) category: CategoryId,
    pub(super) week: Code,
    /// A sub-area with fewer answers stands only within the whole area.
    pub(super) answers_min: u32,
    pub(super) audience: Vec<String>,
    pub(super) answers: Vec<Answers>,
}

/// The answers of a sub-area.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Answers {
    pub(super) sub_area: SubAreaId,
    pub(super) answers: u32,
    pub(super) r#unsafe: u32,
}

/// Findings set by hand; chance adds nothing to them in that month.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Settled {
    pub(super) area: AreaId,
    pub(super) month: Code,
    pub(super) findings: Vec<SettledFinding>,
}

/// A finding set by hand.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SettledFinding {
    pub(super) place: PlaceId,
    pub(super) category: CategoryId,
    pub(super) observations: Vec<SettledObservation>,
}

/// An observation set by hand.
#[derive(Clone, Deserialize)]
pub(super) struct SettledObservation {
    pub(super) party: PartyId,
    /// In Europe/Stockholm.
    pub(super) starts: DateTime,
    pub(super) severity: u32,
    pub(super) trend: Trend,
    pub(super) source: String,
    pub(super) count: Option<u32>,
    #[serde(default)]
    pub(super) note: String,
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trend {
    Down,
    Flat,
    Up,
}

/// The publication that is refused: where, and which note is put into it.
#[derive(Clone, Deserialize)]
pub(super) struct Identifier {
    pub(super) party: PartyId,
    pub(super) area: AreaId,
    pub(super) week: Code,
    /// Index of the observation.
    pub(super) observation: usize,
    /// A note with a test number.
    pub(super) note: String,
    /// The same without it.
    pub(super) mended: String,
}

impl Seed {
    /// The city of the demo.
    ///
    /// # Errors
    /// When a file of the release was changed into something else.
    pub(crate) fn demo() -> Result<Self, Error> {
        Self::parse(
            include_str!("../../../../config/demo/stockholm.json"),
            include_str!("../../../../config/demo/rights.toml"),
        )
    }

    /// A city from the texts of its two files.
    ///
    /// # Errors
    /// When a text does not have the form, or a category names a profile that is not there.
    pub(crate) fn parse(city: &str, rights: &str) -> Result<Self, Error> {
        let mut seed: Self = serde_json::from_str(city).map_err(Error::City)?;
        seed.rights = toml::from_str(rights).map_err(Error::Rights)?;
        match seed.categories.iter().find(|c| !seed.profiles.contains_key(&c.profile)) {
            None => Ok(seed),
            Some(category) => Err(Error::Profile {
                category: category.registered.id.to_string(),
                profile: category.profile.clone(),
            }),
        }
    }

    /// What must stand wherever its figures are shown.
    pub(crate) fn banner(&self) -> &str {
        &self.banner
    }

    /// The partner agencies, in the order in which they are shown.
    pub(crate) fn partners(&self) -> &[Partner] {
        &self.partners
    }

    /// Whether a party is a local police area, also a former one.
    pub(super) fn is_police(&self, party: &PartyId) -> bool {
        self.local_police_areas.iter().any(|area| area.id == *party)
    }

    /// A category.
    pub(super) fn category(&self, id: &CategoryId) -> Option<&Category> {
        self.categories.iter().find(|category| category.registered.id == *id)
    }
}

impl Area {
    /// Whether a party has signed its agreement.
    pub(super) fn signed_by(&self, party: &PartyId) -> bool {
        self.signatories.iter().any(|signatory| signatory.party == *party)
    }
}

impl SubArea {
    /// The local police area that answers for it on a day.
    pub(super) fn police_on(&self, day: Date) -> Option<&PartyId> {
        let on = |t: &&Tenure| t.valid_from <= day && t.valid_to.is_none_or(|end| day < end);
        self.police.iter().find(on).map(|tenure| &tenure.party)
    }
}

impl TryFrom<String> for Code {
    type Error = <Period as FromStr>::Err;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        code.parse().map(Self)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed of {} areas", self.areas.len())
    }
}

impl fmt::Debug for SettledObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "observation of {}", self.party)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "observations[{}] of {}", self.observation, self.party)
    }
}
