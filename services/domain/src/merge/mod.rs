//! The merge: a pure function of contributions and decisions. Same contributions, same joint
//! picture, whatever the order of arrival.

mod conflict;
mod explain;
mod values;

use std::collections::{BTreeMap, BTreeSet};

pub use conflict::{Candidates, Conflict, ConflictRef, Field, Outcome, Statement};
pub use explain::{Rule, Step, explain};

use crate::{
    Basis, CategoryId, Credibility, Form, Geography, Kind, Labels, Level, PartyId, Period,
    PriorityId, Reliability, Sealed, Severity, SourceId, Timestamp, Trend,
    registry::{PartyKind, Role},
};

/// Which rules these are; part of every descriptor. A change that alters an outcome raises it.
pub const VERSION: i64 = 1;

/// A contribution as one reader sees it. What the reader may not see is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Whose it is.
    pub party: PartyId,
    /// What kind of party that is.
    pub party_kind: PartyKind,
    /// The publisher's id, or for partners a keyed hash of it.
    pub id: String,
    /// In which form it was contributed.
    pub form: Form,
    /// The version of the own picture; signatories only.
    pub version: Option<u64>,
    /// Its category.
    pub category: CategoryId,
    /// What kind of observation.
    pub kind: Kind,
    /// Its priority area.
    pub priority: PriorityId,
    /// Where, no finer than the reader may see.
    pub geography: Geography,
    /// The place group is shown: the geography may be told, not only used for the key.
    pub place_shown: bool,
    /// From when until when.
    pub time: Option<(Timestamp, Timestamp)>,
    /// How many, by which source.
    pub count: Option<(SourceId, Option<u32>)>,
    /// How it is assessed.
    pub assessment: Option<Assessed>,
    /// Note and coordinates, still under seal.
    pub sealed: Option<Sealed>,
    /// The text group is shown.
    pub text_shown: bool,
    /// The place group is shown as published: coordinates may be told.
    pub coordinates_shown: bool,
    /// Its labels.
    pub labels: std::sync::Arc<Labels>,
}

impl Seen {
    /// Whether its party says with it that it sees something. Statistics say how many, be it none,
    /// and a reader who is not shown counts must not be able to tell which.
    #[must_use]
    pub const fn is_sight(&self) -> bool {
        match self.form {
            Form::Observation | Form::Assessment => true,
            Form::Series => false,
        }
    }
}

/// The assessment group of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assessed {
    /// How severe.
    pub severity: Option<Severity>,
    /// Which way it goes.
    pub trend: Option<Trend>,
    /// What it rests on.
    pub basis: Basis,
    /// How reliable the source is.
    pub reliability: Option<Reliability>,
    /// How credible the statement is.
    pub credibility: Option<Credibility>,
}

/// What a finding is of: one category at one geography.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The geography shown.
    pub geography: Geography,
    /// The category.
    pub category: CategoryId,
}

impl Key {
    /// The finding's id: `<geography id>/<category>`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.geography.id(), self.category)
    }
}

/// How the parties' pictures relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Two or more kinds of party see it.
    Corroborated,
    /// One kind of party sees it.
    OneSided,
    /// They see it and disagree.
    Conflicting,
}

/// A count of one kind and source by one party; never added to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// What was counted.
    pub kind: Kind,
    /// By which source.
    pub source: SourceId,
    /// By which party; absent in protected cells.
    pub party: Option<PartyId>,
    /// It is a point of a series of statistics, not the sum of observations.
    pub statistics: bool,
    /// How many.
    pub amount: Amount,
}

/// A number, or that it is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// Exactly so many.
    Exact(u32),
    /// At least one and fewer than this.
    Below(u32),
}

/// A recorded dissent (avvikande mening).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissent {
    /// Who dissents.
    pub party: PartyId,
    /// On which field.
    pub field: Field,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

/// What the parties together say of one category at one geography in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is of.
    pub key: Key,
    /// In which period.
    pub period: Period,
    /// What kind of observations.
    pub kind: Kind,
    /// Their priority area.
    pub priority: PriorityId,
    /// How the parties' pictures relate.
    pub class: Class,
    /// Which kinds of party see it; none when there is nothing but statistics.
    pub seen_by: BTreeSet<PartyKind>,
    /// The joint severity; none while in conflict.
    pub severity: Option<Severity>,
    /// The joint trend; none while in conflict.
    pub trend: Option<Trend>,
    /// Counts, by kind, source, party, and observations before statistics.
    pub counts: Vec<Series>,
    /// Where they disagree, settled or not.
    pub conflicts: Vec<Conflict>,
    /// Dissents on it.
    pub dissents: Vec<Dissent>,
    /// Findings of the same category at another level of the same place.
    pub related: Vec<String>,
    /// What was contributed, by party and id.
    pub contributions: Vec<Seen>,
}

/// What stands beside the contributions: decisions and dissents of the area and period, and who
/// must act.
#[derive(Debug, Clone, Default)]
pub struct Decisions<'a> {
    /// Statements on conflicts, in the order they were made.
    pub statements: Vec<&'a Statement>,
    /// Dissents with the finding they are on.
    pub dissents: Vec<(Key, Dissent)>,
    /// The functions that must act on a conflict.
    pub roles: BTreeSet<Role>,
}

/// The geography of a finding: the coarsest of the category's registered one, the observation's
/// own and what the reader may see (which `Seen` already is no finer than).
#[must_use]
pub fn key(seen: &Seen, registered: Level) -> Key {
    Key { geography: seen.geography.coarsened(registered), category: seen.category.clone() }
}

/// Merges the contributions to one period. `registered` gives a category's geography.
pub fn merge(
    period: Period,
    contributions: impl IntoIterator<Item = Seen>,
    decisions: &Decisions<'_>,
    registered: impl Fn(&CategoryId) -> Level,
) -> Vec<Finding> {
    let mut groups: BTreeMap<Key, Vec<Seen>> = BTreeMap::new();
    for seen in contributions {
        groups.entry(key(&seen, registered(&seen.category))).or_default().push(seen);
    }
    let keys: Vec<Key> = groups.keys().cloned().collect();
    groups
        .into_iter()
        .filter_map(|(key, seen)| {
            let related = related(&key, &keys);
            finding(key, period, seen, decisions, related)
        })
        .collect()
}

/// Merges the contributions to one finding; none without contributions.
#[must_use]
pub fn finding(
    key: Key,
    period: Period,
    mut contributions: Vec<Seen>,
    decisions: &Decisions<'_>,
    related: Vec<String>,
) -> Option<Finding> {
    contributions.sort_by(|a, b| (&a.party, &a.id).cmp(&(&b.party, &b.id)));
    contributions.dedup_by(|a, b| (&a.party, &a.id) == (&b.party, &b.id));
    let first = contributions.first()?;
    let (kind, priority) = (first.kind, first.priority.clone());
    let seen_by: BTreeSet<PartyKind> =
        contributions.iter().filter(|seen| seen.is_sight()).map(|seen| seen.party_kind).collect();
    let said = values::by_party(&contributions);
    let mut conflicts = Vec::new();
    let severity = conflict::settle(
        &key,
        period,
        values::severity(&said),
        decisions,
        &mut conflicts,
        Outcome::severity,
    );
    let trend = conflict::settle(
        &key,
        period,
        values::trend(&said),
        decisions,
        &mut conflicts,
        Outcome::trend,
    );
    let class = if conflicts.iter().any(|conflict| !conflict.resolved) {
        Class::Conflicting
    } else if seen_by.len() > 1 {
        Class::Corroborated
    } else {
        Class::OneSided
    };
    let dissents =
        decisions.dissents.iter().filter(|(on, _)| *on == key).map(|(_, d)| d.clone()).collect();
    let counts = values::counts(&contributions);
    Some(Finding {
        key,
        period,
        kind,
        priority,
        class,
        seen_by,
        severity,
        trend,
        counts,
        conflicts,
        dissents,
        related,
        contributions,
    })
}

/// The ids of findings of the same category that hold this geography or lie in it, among keys in
/// ascending order: there, what lies in a geography follows it, and nothing else is looked at.
#[must_use]
pub fn related(key: &Key, keys: &[Key]) -> Vec<String> {
    let level = key.geography.level();
    let coarser = [Level::District, Level::SubArea].into_iter().filter(|coarse| *coarse > level);
    let holding = coarser.filter_map(|coarse| {
        let geography = key.geography.coarsened(coarse);
        let at = keys.binary_search(&Key { geography, category: key.category.clone() }).ok()?;
        keys.get(at)
    });
    let behind = keys.partition_point(|other| other.geography <= key.geography);
    let within = keys
        .iter()
        .skip(behind)
        .take_while(|other| other.geography.coarsened(level) == key.geography)
        .filter(|other| other.category == key.category);
    holding.chain(within).map(Key::id).collect()
}

#[cfg(test)]
mod tests;
