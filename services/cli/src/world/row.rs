//! What a party writes down of something it has seen.

use jiff::{ToSpan, civil::DateTime};
use samsyn_client::wire::{self as v1, observation::Location};
use samsyn_domain::{AreaId, CategoryId, Kind, Level, PlaceId, SubAreaId};

use super::{
    calendar,
    seed::{Category, Trend},
};

/// An observation before it has an id.
pub(super) struct Row<'a> {
    pub(super) category: &'a Category,
    pub(super) spot: Spot<'a>,
    /// In Europe/Stockholm.
    pub(super) starts: DateTime,
    pub(super) count: Option<u32>,
    pub(super) severity: u32,
    pub(super) trend: Option<Trend>,
    pub(super) source: Source,
    /// The publisher grades its sources.
    pub(super) graded: bool,
    pub(super) note: &'a str,
    pub(super) audience: &'a [String],
    /// The publisher is the police.
    pub(super) police: bool,
}

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot<'a> {
    Place(&'a PlaceId),
    SubArea(&'a SubAreaId),
    Area(&'a AreaId),
}

/// A kind of source; what its statements rest on and how far they are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    PoliceReport,
    DistrictReport,
    FieldObservation,
    ResidentReport,
    Survey,
    Inspection,
    FireReport,
}

const SIGNATORIES: &str = "signatories";

/// For what all content of the demo may be used.
const PURPOSES: [&str; 5] = [
    "local_crime_prevention_planning",
    "joint_picture",
    "action_plan_execution",
    "follow_up",
    "statutory_duty_2023_196",
];

impl Row<'_> {
    /// The order in which a publisher lists what it has seen.
    pub(super) fn order(&self) -> (DateTime, &CategoryId, Spot<'_>) {
        (self.starts, &self.category.registered.id, self.spot)
    }

    /// As it goes over the wire; nothing when its times are out of the calendar.
    pub(super) fn observation(&self, id: String) -> Option<v1::Observation> {
        let ends = self.starts.checked_add(self.hours().hours()).ok()?;
        let (reliability, credibility) = self.source.grades();
        Some(v1::Observation {
            id,
            category: self.category.registered.id.to_string(),
            location: Some(self.spot.location()),
            starts_at: Some(calendar::wire(calendar::instant(self.starts)?)),
            ends_at: Some(calendar::wire(calendar::instant(ends)?)),
            count: self.count,
            severity: Some(self.severity),
            trend: i32::from(wire_trend(self.trend)),
            basis: i32::from(self.source.basis()),
            source_kind: self.source.code().to_owned(),
            reliability: if self.graded { reliability.to_owned() } else { String::new() },
            credibility: if self.graded { credibility } else { 0 },
            note: self.note.to_owned(),
            labels: Some(self.labels()?),
        })
    }

    fn labels(&self) -> Option<v1::Labels> {
        let signatories = [SIGNATORIES.to_owned()];
        Some(v1::Labels {
            level: self.category.level,
            audience: signatories.into_iter().chain(self.audience.iter().cloned()).collect(),
            purposes: PURPOSES.map(str::to_owned).into(),
            regime: self.regime().to_owned(),
            secrecy_provisions: self.category.provisions.clone(),
            retain_until: Some(calendar::wire(calendar::retention_end(self.starts)?)),
            person_related: false,
            special_category: false,
            originator_control: self.police && self.category.level > 1,
            embargo_until: None,
            onward_sharing: false,
        })
    }

    /// What the police knows of crime is processed under the Criminal Data Act.
    fn regime(&self) -> &'static str {
        let crime =
            matches!(self.category.registered.kind, Kind::ReportedCrime | Kind::SystemThreat);
        if self.police && crime { "crime_data" } else { "nonpersonal" }
    }

    fn hours(&self) -> i64 {
        match self.category.registered.kind {
            Kind::ReportedCrime => 1,
            Kind::ObservedDisorder => 2,
            Kind::PerceivedInsecurity => 4,
            Kind::Environment | Kind::SystemThreat => 24,
        }
    }
}

impl<'a> Spot<'a> {
    /// Where a category's observations are written down.
    pub(super) const fn of(
        level: Level,
        area: &'a AreaId,
        sub_area: &'a SubAreaId,
        place: Option<&'a PlaceId>,
    ) -> Self {
        match (level, place) {
            (Level::Place, Some(place)) => Self::Place(place),
            (Level::Place | Level::SubArea, _) => Self::SubArea(sub_area),
            (Level::District, _) => Self::Area(area),
        }
    }

    fn location(self) -> Location {
        match self {
            Self::Place(id) => Location::PlaceId(id.to_string()),
            Self::SubArea(id) => Location::SubAreaId(id.to_string()),
            Self::Area(id) => Location::AreaId(id.to_string()),
        }
    }
}

impl Source {
    const ALL: [Self; 7] = [
        Self::PoliceReport,
        Self::DistrictReport,
        Self::FieldObservation,
        Self::ResidentReport,
        Self::Survey,
        Self::Inspection,
        Self::FireReport,
    ];

    /// From its code.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.code() == code)
    }

    const fn code(self) -> &'static str {
        match self {
            Self::PoliceReport => "police_report",
            Self::DistrictReport => "district_report",
            Self::FieldObservation => "field_observation",
            Self::ResidentReport => "resident_report",
            Self::Survey => "survey",
            Self::Inspection => "inspection",
            Self::FireReport => "fire_report",
        }
    }

    const fn basis(self) -> v1::Basis {
        match self {
            Self::PoliceReport | Self::Inspection | Self::FireReport => v1::Basis::Fact,
            Self::DistrictReport | Self::FieldObservation | Self::ResidentReport => {
                v1::Basis::Assessment
            }
            Self::Survey => v1::Basis::Estimate,
        }
    }

    /// Reliability A–F, credibility 1–6.
    const fn grades(self) -> (&'static str, u32) {
        match self {
            Self::PoliceReport | Self::FireReport => ("A", 1),
            Self::Inspection => ("A", 2),
            Self::FieldObservation | Self::Survey => ("B", 2),
            Self::DistrictReport => ("B", 3),
            Self::ResidentReport => ("C", 3),
        }
    }
}

const fn wire_trend(trend: Option<Trend>) -> v1::Trend {
    match trend {
        None => v1::Trend::Unspecified,
        Some(Trend::Down) => v1::Trend::Down,
        Some(Trend::Flat) => v1::Trend::Flat,
        Some(Trend::Up) => v1::Trend::Up,
    }
}
