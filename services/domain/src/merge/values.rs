//! One value per party, and what the values give together.

use std::collections::BTreeMap;

use super::{Amount, Candidates, Field, Seen, Series};
use crate::{Form, Kind, PartyId, Severity, SourceId, Timestamp, Trend};

/// What one party says of a finding.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// Its highest severity.
    pub(super) severity: Option<Severity>,
    /// The trend of its latest start; of equal starts, of the highest severity; of equal ones, up
    /// before flat before down. Ids do not count: readers see different ones.
    pub(super) trend: Option<Trend>,
}

/// Which trend of a party counts: the one that ranks highest.
type Rank = (Option<Timestamp>, Option<Severity>, u8);

/// What a field comes to before any decision.
#[derive(Debug, Clone)]
pub(super) struct Joint<T> {
    pub(super) field: Field,
    /// Each party's value, as a number.
    pub(super) candidates: Candidates,
    pub(super) value: Option<T>,
    pub(super) conflicting: bool,
}

pub(super) fn by_party(contributions: &[Seen]) -> BTreeMap<PartyId, Said> {
    let mut said: BTreeMap<PartyId, Said> = BTreeMap::new();
    let mut latest: BTreeMap<&PartyId, Rank> = BTreeMap::new();
    for seen in contributions {
        let one = said.entry(seen.party.clone()).or_default();
        let Some(assessed) = seen.assessment else { continue };
        one.severity = one.severity.max(assessed.severity);
        let Some(trend) = assessed.trend else { continue };
        let rank = (seen.time.map(|(start, _)| start), assessed.severity, trend.number());
        if latest.get(&seen.party).is_none_or(|before| *before < rank) {
            latest.insert(&seen.party, rank);
            one.trend = assessed.trend;
        }
    }
    said
}

/// The highest when all lie within 1 of each other; else a conflict.
pub(super) fn severity(said: &BTreeMap<PartyId, Said>) -> Joint<Severity> {
    let values: BTreeMap<&PartyId, Severity> =
        said.iter().filter_map(|(party, one)| Some((party, one.severity?))).collect();
    let highest = values.values().max().copied();
    let lowest = values.values().min().copied();
    let spread = highest.map_or(0, Severity::grade) - lowest.map_or(0, Severity::grade);
    let conflicting = spread > 1;
    Joint {
        field: Field::Severity,
        candidates: values.iter().map(|(p, v)| ((*p).clone(), v.grade())).collect(),
        value: highest.filter(|_| !conflicting),
        conflicting,
    }
}

/// The value when all are equal; up against down is a conflict; flat beside up or down is none and
/// leaves the joint value unset.
pub(super) fn trend(said: &BTreeMap<PartyId, Said>) -> Joint<Trend> {
    let values: BTreeMap<&PartyId, Trend> =
        said.iter().filter_map(|(party, one)| Some((party, one.trend?))).collect();
    let has = |trend| values.values().any(|value| *value == trend);
    let first = values.values().next().copied();
    let equal = values.values().all(|value| Some(*value) == first);
    Joint {
        field: Field::Trend,
        candidates: values.iter().map(|(p, v)| ((*p).clone(), v.number())).collect(),
        value: first.filter(|_| equal),
        conflicting: has(Trend::Up) && has(Trend::Down),
    }
}

/// One series per kind, source and party: parties may have counted the same events. Each point of
/// statistics stands alone: it may hold what observations say, or what another point does.
pub(super) fn counts(contributions: &[Seen]) -> Vec<Series> {
    let mut sums: BTreeMap<(Kind, &SourceId, &PartyId), u32> = BTreeMap::new();
    let mut series = Vec::new();
    let one = |(kind, source, party): (Kind, &SourceId, &PartyId), count, statistics| Series {
        kind,
        source: source.clone(),
        party: Some(party.clone()),
        statistics,
        amount: Amount::Exact(count),
    };
    for seen in contributions {
        let Some((source, Some(count))) = &seen.count else { continue };
        let of = (seen.kind, source, &seen.party);
        if seen.form == Form::Series {
            series.push(one(of, *count, true));
        } else {
            let sum = sums.entry(of).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    series.extend(sums.into_iter().map(|(of, sum)| one(of, sum, false)));
    series.sort();
    series
}
