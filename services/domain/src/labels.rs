//! Who may have an object and for how long.

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{AreaId, Kind, OrganisationId, PartyId, PriorityId, PurposeId, Timestamp};

/// Under which law an object is processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Nothing in it can be tied to a person.
    Nonpersonal,
    /// The General Data Protection Regulation.
    Gdpr,
    /// The Criminal Data Act (brottsdatalagen 2018:1177).
    CrimeData,
}

impl Regime {
    /// All regimes.
    pub const ALL: [Self; 3] = [Self::Nonpersonal, Self::Gdpr, Self::CrimeData];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nonpersonal => "nonpersonal",
            Self::Gdpr => "gdpr",
            Self::CrimeData => "crime_data",
        }
    }

    /// Parses its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|regime| regime.as_str() == code)
    }
}

/// How secret an object is: 0–3. Level 4, security-classified, does not exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secrecy(u8);

impl Secrecy {
    /// The highest level that is let in.
    pub const MAX: Self = Self(3);

    /// A level, when it is let in.
    #[must_use]
    pub fn of(level: u32) -> Option<Self> {
        u8::try_from(level).ok().filter(|level| *level <= Self::MAX.0).map(Self)
    }

    /// 0–3.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0
    }
}

/// One entry of an audience: a party, organisation or group id, or `signatories`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(Arc<str>);

impl Audience {
    /// All signatories of the area's agreement.
    pub const SIGNATORIES: &'static str = "signatories";

    /// Takes a token; whether it is registered is checked against the registry.
    ///
    /// # Errors
    /// When it has not the form of an id.
    pub fn parse(token: &str) -> Result<Self, crate::id::BadId> {
        OrganisationId::parse(token).map(|id| Self(id.as_str().into()))
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The labels of an object (märkning); they stand inside what is committed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    /// How secret.
    pub level: Secrecy,
    /// Who may have it; empty: the owner alone.
    pub audience: BTreeSet<Audience>,
    /// What it may be used for.
    pub purposes: BTreeSet<PurposeId>,
    /// Under which law.
    pub regime: Regime,
    /// Provisions of the secrecy act that the owner points at.
    pub secrecy_provisions: BTreeSet<Arc<str>>,
    /// Until when it may be kept.
    pub retain_until: Timestamp,
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

impl Labels {
    /// Whether all signatories of the area's agreement may have it.
    #[must_use]
    pub fn for_signatories(&self) -> bool {
        self.audience.iter().any(|token| token.as_str() == Audience::SIGNATORIES)
    }

    /// The labels of what is made of others: the highest level, every caveat, whom and what all of
    /// them allow, and the earliest end. None of nothing.
    pub fn derived<'a>(of: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let common = |mut all: Self, one: &Self| {
            all.level = all.level.max(one.level);
            all.audience.retain(|token| one.audience.contains(token));
            all.purposes.retain(|purpose| one.purposes.contains(purpose));
            all.regime = all.regime.max(one.regime);
            all.secrecy_provisions.extend(one.secrecy_provisions.iter().map(Arc::clone));
            all.retain_until = all.retain_until.min(one.retain_until);
            all.person_related |= one.person_related;
            all.special_category |= one.special_category;
            all.originator_control |= one.originator_control;
            all.embargo_until = all.embargo_until.max(one.embargo_until);
            all.onward_sharing &= one.onward_sharing;
            all
        };
        let mut of = of.into_iter();
        let first = of.next()?.clone();
        Some(of.fold(first, common))
    }

    /// Whether it is still under embargo.
    #[must_use]
    pub fn embargoed(&self, at: Timestamp) -> bool {
        self.embargo_until.is_some_and(|until| at < until)
    }
}

/// All that policy looks at in an object: objects of one class are decided alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelClass {
    /// Which party owns it.
    pub owner: PartyId,
    /// Of which area it is.
    pub area: AreaId,
    /// What kind it is.
    pub kind: Kind,
    /// Its priority area.
    pub priority: PriorityId,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// It is under embargo at the time of the view.
    pub embargoed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_others_is_bound_by_each_of_them() {
        let labels = |level, audience: &[&str], until, embargo: Option<i64>| Labels {
            level: Secrecy::of(level).unwrap(),
            audience: audience.iter().map(|token| Audience::parse(token).unwrap()).collect(),
            purposes: BTreeSet::new(),
            regime: if level > 1 { Regime::CrimeData } else { Regime::Nonpersonal },
            secrecy_provisions: BTreeSet::from([format!("osl {level}").into()]),
            retain_until: Timestamp::from_micros(until),
            person_related: level > 1,
            special_category: false,
            originator_control: level == 1,
            embargo_until: embargo.map(Timestamp::from_micros),
            onward_sharing: level == 1,
        };
        let (low, high) =
            (labels(1, &["signatories", "a"], 5, None), labels(2, &["signatories"], 9, Some(3)));
        let derived = Labels::derived([&low, &high]).unwrap();
        assert_eq!(derived, Labels::derived([&high, &low]).unwrap());
        assert_eq!(derived.level.level(), 2);
        assert_eq!(derived.audience.len(), 1);
        assert_eq!(derived.regime, Regime::CrimeData);
        assert_eq!(derived.secrecy_provisions.len(), 2);
        assert_eq!(derived.retain_until, low.retain_until);
        assert!(derived.person_related && derived.originator_control && !derived.onward_sharing);
        assert_eq!(derived.embargo_until, high.embargo_until);
        assert_eq!(Labels::derived([]), None);
    }
}
