//! Observations (iakttagelser): what a party saw.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    CategoryId, Coordinates, Form, Geography, Labels, ObservationId, PriorityId, SourceId,
    Timestamp,
};

/// The longest note, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 500;
/// The largest number of what was observed.
pub const COUNT_MAX: u32 = 1_000_000;
/// The longest time that an observation is of, in seconds: a leap year.
pub const SPAN_SECONDS_MAX: i64 = 366 * 86_400;

/// What an observation is of. Kinds are never added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Reported crime (anmälda brott).
    ReportedCrime,
    /// Observed disorder (iakttagen ordningsstörning).
    ObservedDisorder,
    /// Perceived insecurity (upplevd otrygghet).
    PerceivedInsecurity,
    /// The physical environment (fysisk miljö).
    Environment,
    /// Threats to the system (systemhotande brottslighet).
    SystemThreat,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::ReportedCrime,
        Self::ObservedDisorder,
        Self::PerceivedInsecurity,
        Self::Environment,
        Self::SystemThreat,
    ];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReportedCrime => "reported_crime",
            Self::ObservedDisorder => "observed_disorder",
            Self::PerceivedInsecurity => "perceived_insecurity",
            Self::Environment => "environment",
            Self::SystemThreat => "system_threat",
        }
    }

    /// Parses its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

/// How severe: 1–5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(u8);

impl Severity {
    /// A grade, when it is 1–5.
    #[must_use]
    pub fn of(grade: u32) -> Option<Self> {
        u8::try_from(grade).ok().filter(|grade| (1..=5).contains(grade)).map(Self)
    }

    /// 1–5.
    #[must_use]
    pub const fn grade(self) -> u8 {
        self.0
    }
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trend {
    /// Less than before.
    Down,
    /// As before.
    Flat,
    /// More than before.
    Up,
}

impl Trend {
    /// The number in the protocol, 1–3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Down => 1,
            Self::Flat => 2,
            Self::Up => 3,
        }
    }

    /// From the number in the protocol.
    #[must_use]
    pub const fn of(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Down),
            2 => Some(Self::Flat),
            3 => Some(Self::Up),
            _ => None,
        }
    }

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Flat => "flat",
            Self::Up => "up",
        }
    }
}

/// What a statement rests on (faktauppgift, bedömning, uppskattning).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// A fact.
    Fact,
    /// An assessment.
    Assessment,
    /// An estimate.
    Estimate,
}

impl Basis {
    /// The number in the protocol, 1–3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Fact => 1,
            Self::Assessment => 2,
            Self::Estimate => 3,
        }
    }

    /// From the number in the protocol.
    #[must_use]
    pub const fn of(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Fact),
            2 => Some(Self::Assessment),
            3 => Some(Self::Estimate),
            _ => None,
        }
    }
}

/// How reliable the source is: A–F.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reliability(u8);

impl Reliability {
    /// A grade, when it is one letter A–F.
    #[must_use]
    pub fn of(grade: &str) -> Option<Self> {
        match grade.as_bytes() {
            [letter @ b'A'..=b'F'] => Some(Self(letter - b'A' + 1)),
            _ => None,
        }
    }

    /// The number in the protocol, 1–6.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// A–F.
    #[must_use]
    pub const fn grade(self) -> char {
        (b'A' + self.0 - 1) as char
    }
}

/// How credible the statement is: 1–6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credibility(u8);

impl Credibility {
    /// A grade, when it is 1–6.
    #[must_use]
    pub fn of(grade: u32) -> Option<Self> {
        u8::try_from(grade).ok().filter(|grade| (1..=6).contains(grade)).map(Self)
    }

    /// 1–6.
    #[must_use]
    pub const fn grade(self) -> u8 {
        self.0
    }
}

/// Names the key under which sealed fields are encrypted: one per (party, area, month), the unit
/// of erasure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitKey(Arc<str>);

impl UnitKey {
    /// The key of a unit, by its stored name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ciphertext. Equal content of one object under one key gives equal bytes, so a change can be
/// seen without opening it. State, log and snapshot hold nothing but this of free text and
/// coordinates.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sealed {
    /// Under which key.
    pub key: UnitKey,
    /// Nonce and ciphertext.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed under {}, {} bytes", self.key.as_str(), self.bytes.len())
    }
}

/// What an observation, a point of a series or an assessment says in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// In which form it stands in the own picture.
    pub form: Form,
    /// A code of the category list.
    pub category: CategoryId,
    /// What kind the category is; recorded, so that a later list changes nothing.
    pub kind: Kind,
    /// The category's priority area; recorded.
    pub priority: PriorityId,
    /// Where, resolved on entry.
    pub geography: Geography,
    /// From when, inclusive; of a point and an assessment, the start of its period.
    pub starts_at: Timestamp,
    /// Until when, exclusive; of a point and an assessment, the end of its period.
    pub ends_at: Timestamp,
    /// How many events.
    pub count: Option<u32>,
    /// How severe.
    pub severity: Option<Severity>,
    /// Which way it goes.
    pub trend: Option<Trend>,
    /// What it rests on.
    pub basis: Basis,
    /// Where the number comes from; an assessment has none.
    pub source: Option<SourceId>,
    /// How reliable the source is.
    pub reliability: Option<Reliability>,
    /// How credible the statement is.
    pub credibility: Option<Credibility>,
    /// Who may have it.
    pub labels: Arc<Labels>,
}

/// What an observation says under seal: free text and coordinates.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret {
    /// The note.
    pub note: Option<String>,
    /// The coordinates, when that is how the place was given.
    pub coordinates: Option<Coordinates>,
}

impl Secret {
    /// Nothing is to be sealed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.note.is_none() && self.coordinates.is_none()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// An observation, a point of a series or an assessment as it stands in log and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The publisher's own id.
    pub id: ObservationId,
    /// What it says in clear.
    pub content: Content,
    /// Note and coordinates.
    pub sealed: Option<Sealed>,
}

/// An observation, a point or an assessment on its way in: checked, not yet sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The publisher's own id.
    pub id: ObservationId,
    /// What it says in clear.
    pub content: Content,
    /// What is to be sealed.
    pub secret: Secret,
}
