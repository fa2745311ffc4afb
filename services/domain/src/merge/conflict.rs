//! Conflicts: owned objects with candidates, who must act, and their outcome.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Decisions, Key, values::Joint};
use crate::{
    AreaId, ConflictId, PartyId, Period, Sealed, Severity, Trend,
    registry::{Registry, Role},
};

/// A field of a finding on which parties can disagree or dissent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// How the parties' pictures relate.
    Class,
    /// How severe.
    Severity,
    /// Which way it goes.
    Trend,
    /// How many.
    Counts,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 4] = [Self::Class, Self::Severity, Self::Trend, Self::Counts];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Severity => "severity",
            Self::Trend => "trend",
            Self::Counts => "counts",
        }
    }

    /// Parses its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == code)
    }
}

/// What each party says, as the number of the protocol.
pub type Candidates = BTreeMap<PartyId, u8>;

/// What a function says a conflict should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// This joint severity.
    Severity(Severity),
    /// This joint trend.
    Trend(Trend),
    /// No joint value: both stand.
    Dissent,
}

impl Outcome {
    pub(super) const fn severity(self) -> Option<Severity> {
        match self {
            Self::Severity(severity) => Some(severity),
            Self::Trend(_) | Self::Dissent => None,
        }
    }

    pub(super) const fn trend(self) -> Option<Trend> {
        match self {
            Self::Trend(trend) => Some(trend),
            Self::Severity(_) | Self::Dissent => None,
        }
    }

    /// Whether it can settle a conflict over a field.
    #[must_use]
    pub const fn fits(self, field: Field) -> bool {
        match self {
            Self::Severity(_) => matches!(field, Field::Severity),
            Self::Trend(_) => matches!(field, Field::Trend),
            Self::Dissent => matches!(field, Field::Severity | Field::Trend),
        }
    }
}

/// What one function states on a conflict. It names the candidates it saw: when one of them
/// changes, the statement no longer counts and the conflict is open again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The conflict.
    pub conflict: ConflictRef,
    /// Who states it.
    pub party: PartyId,
    /// In which function.
    pub role: Role,
    /// What it should come to.
    pub outcome: Outcome,
    /// What each party said then.
    pub candidates: Candidates,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

/// Where a conflict is: its id says it all, so that nothing has to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConflictRef {
    /// The finding.
    pub key: Key,
    /// The period.
    pub period: Period,
    /// The field.
    pub field: Field,
}

impl ConflictRef {
    /// The conflict's id: `<period>:<finding id>:<field>`, in lower case.
    #[must_use]
    pub fn id(&self) -> String {
        let period = self.period.to_string().to_ascii_lowercase();
        format!("{period}:{}:{}", self.key.id(), self.field.as_str())
    }

    /// Reads an id, with the registry's geography.
    #[must_use]
    pub fn parse(id: &ConflictId, registry: &Registry) -> Option<Self> {
        let (period, rest) = id.as_str().split_once(':')?;
        let (finding, field) = rest.rsplit_once(':')?;
        Some(Self {
            key: Key::parse(finding, registry)?,
            period: period.to_ascii_uppercase().parse().ok()?,
            field: Field::from_code(field)?,
        })
    }

    /// The area it is in.
    #[must_use]
    pub const fn area(&self) -> &AreaId {
        &self.key.geography.area
    }
}

impl Key {
    /// Reads a finding's id, with the registry's geography.
    #[must_use]
    pub fn parse(id: &str, registry: &Registry) -> Option<Self> {
        let (geography, category) = id.rsplit_once('/')?;
        let category = crate::CategoryId::parse(category).ok()?;
        registry.category(&category)?;
        let place = || registry.geography_of_place(&crate::PlaceId::parse(geography).ok()?);
        let sub = || registry.geography_of_sub_area(&crate::SubAreaId::parse(geography).ok()?);
        let area = || registry.geography_of_area(&AreaId::parse(geography).ok()?);
        Some(Self { geography: place().or_else(sub).or_else(area)?, category })
    }
}

/// Two or more parties disagree on a field of a finding.
#[derive(Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where it is.
    pub at: ConflictRef,
    /// What each party says.
    pub candidates: Candidates,
    /// The functions that must act and have not.
    pub must_act: BTreeSet<Role>,
    /// All of them stated the same outcome.
    pub resolved: bool,
    /// What it comes to, when settled.
    pub outcome: Option<Outcome>,
    /// What has been stated so far, by function.
    pub stated: BTreeMap<Role, (PartyId, Outcome)>,
    /// Why it was settled so, under seal.
    pub reason: Option<Sealed>,
}

impl fmt::Debug for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conflict {} resolved {}", self.at.id(), self.resolved)
    }
}

/// The joint value of a field after decisions; a disagreement is added to the conflicts.
pub(super) fn settle<T>(
    key: &Key,
    period: Period,
    joint: Joint<T>,
    decisions: &Decisions<'_>,
    conflicts: &mut Vec<Conflict>,
    take: fn(Outcome) -> Option<T>,
) -> Option<T> {
    if !joint.conflicting {
        return joint.value;
    }
    let at = ConflictRef { key: key.clone(), period, field: joint.field };
    // The last statement of a function that must act counts, and only while what it saw stands.
    let mut stated = BTreeMap::new();
    let mut reason = None;
    for statement in &decisions.statements {
        let acts = decisions.roles.contains(&statement.role);
        if acts && statement.conflict == at && statement.candidates == joint.candidates {
            stated.insert(statement.role, (statement.party.clone(), statement.outcome));
            reason.clone_from(&statement.reason);
        }
    }
    let must_act: BTreeSet<Role> =
        decisions.roles.iter().copied().filter(|role| !stated.contains_key(role)).collect();
    let mut outcomes = stated.values().map(|(_, outcome)| *outcome);
    let first = outcomes.next();
    let agreed = must_act.is_empty() && outcomes.all(|outcome| Some(outcome) == first);
    let outcome = first.filter(|_| agreed);
    let must_act = if agreed || !must_act.is_empty() { must_act } else { decisions.roles.clone() };
    conflicts.push(Conflict {
        at,
        candidates: joint.candidates,
        must_act,
        resolved: outcome.is_some(),
        outcome,
        stated,
        reason: reason.filter(|_| outcome.is_some()),
    });
    outcome.and_then(take)
}
