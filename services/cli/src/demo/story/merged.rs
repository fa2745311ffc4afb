//! The merge made again, from the contributions as they came over the wire.

use std::{fmt::Write as _, sync::Arc};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};
use samsyn_client::wire;
use samsyn_domain::{
    AreaId, Basis, CategoryId, Credibility, Form, Geography, Labels, Level, PartyId, Period,
    PlaceId, Regime, Reliability, Secrecy, Severity, SourceId, SubAreaId, Timestamp, Trend,
    merge::{self, Amount, Assessed, Class, Decisions, Field, Finding, Seen},
    registry::Registry,
};

use crate::world;

/// Merges the contributions of findings on which nothing is decided, in other orders; gives how
/// many bytes the outcome has when it is written down.
///
/// # Errors
/// In which order, and at which finding, the outcome is another than the gateway's.
pub(super) fn in_other_orders(
    registry: &Registry,
    area: &str,
    period: &str,
    findings: &[wire::Finding],
    orders: usize,
) -> Result<usize, String> {
    let unread = || "a contribution cannot be read".to_owned();
    let period: Period = period.parse().map_err(|_| unread())?;
    let area = AreaId::parse(area).map_err(|_| unread())?;
    let contributions = findings.iter().flat_map(|finding| &finding.contributions);
    let seen = contributions.map(|contribution| seen(registry, contribution));
    let mut seen: Vec<Seen> = seen.collect::<Option<_>>().ok_or_else(unread)?;
    let roles = registry.agreement_of(&area).map(|a| a.conflict_roles.clone());
    let decisions = Decisions { roles: roles.unwrap_or_default(), ..Decisions::default() };
    let level = |id: &CategoryId| registry.category(id).map_or(Level::District, |c| c.geography);
    let expected: Vec<String> = findings.iter().map(written).collect();
    let mut chance = ChaCha8Rng::seed_from_u64(world::RNG);
    for order in 1..=orders {
        shuffle(&mut seen, &mut chance);
        let merged = merge::merge(period, seen.iter().cloned(), &decisions, level);
        let mut outcome: Vec<String> = merged.iter().map(written_of).collect();
        // The wire has them by id.
        outcome.sort();
        let mut expected: Vec<&String> = expected.iter().collect();
        expected.sort();
        if let Some(other) = outcome.iter().zip(&expected).find(|(a, b)| a != *b) {
            return Err(format!("order {order}: {} instead of {}", other.0, other.1));
        }
        if outcome.len() != expected.len() {
            return Err(format!("order {order}: {} findings", outcome.len()));
        }
    }
    Ok(expected.iter().map(String::len).sum())
}

/// Fisher and Yates' shuffle.
fn shuffle<T>(of: &mut [T], chance: &mut ChaCha8Rng) {
    for last in (1..of.len()).rev() {
        let many = u64::try_from(last.saturating_add(1)).unwrap_or(1);
        let drawn = chance.next_u64().checked_rem(many).unwrap_or(0);
        of.swap(last, usize::try_from(drawn).unwrap_or(0));
    }
}

/// A contribution as the merge takes it.
fn seen(registry: &Registry, contribution: &wire::Contribution) -> Option<Seen> {
    let observation = contribution.observation.as_ref()?;
    let party = PartyId::parse(&contribution.party).ok()?;
    let category = registry.category(&CategoryId::parse(&observation.category).ok()?)?;
    let micros = |at: i64, nanos: i32| {
        Timestamp::ZERO.after_seconds(at).after_micros(i64::from(nanos) / 1_000)
    };
    let form = match contribution.form() {
        wire::Form::Series => Form::Series,
        wire::Form::Assessment => Form::Assessment,
        wire::Form::Observation | wire::Form::Unspecified => Form::Observation,
    };
    // A point is not assessed, and says on the wire nothing of what it rests on.
    let basis = Basis::of(observation.basis.into());
    let basis = if form == Form::Series { Basis::Fact } else { basis? };
    let (from, to) = (observation.starts_at.as_ref()?, observation.ends_at.as_ref()?);
    Some(Seen {
        party_kind: registry.party(&party)?.kind,
        party,
        id: observation.id.clone(),
        form,
        version: Some(contribution.version),
        category: category.id.clone(),
        kind: category.kind,
        priority: category.priority.clone(),
        geography: geography(registry, observation)?,
        place_shown: true,
        time: Some((micros(from.seconds, from.nanos), micros(to.seconds, to.nanos))),
        count: SourceId::parse(&observation.source_kind).ok().map(|by| (by, observation.count)),
        assessment: Some(Assessed {
            severity: observation.severity.and_then(Severity::of),
            trend: Trend::of(observation.trend.into()),
            basis,
            reliability: Reliability::of(&observation.reliability),
            credibility: Credibility::of(observation.credibility),
        }),
        sealed: None,
        text_shown: true,
        coordinates_shown: true,
        labels: Arc::new(labels()),
    })
}

fn geography(registry: &Registry, observation: &wire::Observation) -> Option<Geography> {
    use wire::observation::Location;
    match observation.location.as_ref()? {
        Location::PlaceId(id) => registry.geography_of_place(&PlaceId::parse(id).ok()?),
        Location::SubAreaId(id) => registry.geography_of_sub_area(&SubAreaId::parse(id).ok()?),
        Location::AreaId(id) => registry.geography_of_area(&AreaId::parse(id).ok()?),
        Location::Coordinates(_) => None,
    }
}

/// Who may have an object is no part of the merge.
fn labels() -> Labels {
    Labels {
        level: Secrecy::MAX,
        audience: [].into(),
        purposes: [].into(),
        regime: Regime::Nonpersonal,
        secrecy_provisions: [].into(),
        retain_until: Timestamp::ZERO,
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    }
}

/// A finding as the gateway sent it, written down.
fn written(finding: &wire::Finding) -> String {
    use wire::{FindingClass, count_series::Amount};
    let class = match finding.finding_class() {
        FindingClass::Corroborated => "corroborated",
        FindingClass::OneSided => "one-sided",
        FindingClass::Conflicting => "conflicting",
        FindingClass::Unspecified => "unknown",
    };
    let mut text = finding.id.clone();
    put(&mut text, class, finding.severity, finding.trend.into());
    let contributed = finding
        .contributions
        .iter()
        .filter_map(|c| Some(format!("{}:{}:{}", c.party, c.version, c.observation.as_ref()?.id)));
    let counts = finding.counts.iter().map(|series| match &series.amount {
        Some(Amount::Exact(count)) => {
            let of = if series.statistics { "point" } else { "sum" };
            format!("{}:{}:{of}={count}", series.party, series.source_kind)
        }
        Some(Amount::Below(below)) => format!("{}:{}<{below}", series.party, series.source_kind),
        None => series.party.clone(),
    });
    let conflicts = finding.conflicts.iter().map(|conflict| {
        let (candidates, roles) = (conflict.candidates.join(","), conflict.must_act.join(","));
        format!("{}:{candidates}:{roles}:{}", conflict.field, conflict.resolved)
    });
    put_all(&mut text, "contributed", contributed);
    put_all(&mut text, "counts", counts);
    put_all(&mut text, "conflicts", conflicts);
    put_all(&mut text, "related", finding.related.iter().cloned());
    text
}

/// A finding as it was merged here, written down.
fn written_of(finding: &Finding) -> String {
    let class = match finding.class {
        Class::Corroborated => "corroborated",
        Class::OneSided => "one-sided",
        Class::Conflicting => "conflicting",
    };
    let severity = finding.severity.map(|severity| severity.grade().into());
    let mut text = finding.key.id();
    put(&mut text, class, severity, finding.trend.map_or(0, |trend| trend.number().into()));
    let contributed = finding
        .contributions
        .iter()
        .map(|seen| format!("{}:{}:{}", seen.party, seen.version.unwrap_or(0), seen.id));
    let counts = finding.counts.iter().map(|series| {
        let party = series.party.as_ref().map_or("", |party| party.as_str());
        match series.amount {
            Amount::Exact(count) => {
                let of = if series.statistics { "point" } else { "sum" };
                format!("{party}:{}:{of}={count}", series.source)
            }
            Amount::Below(below) => format!("{party}:{}<{below}", series.source),
        }
    });
    let conflicts = finding.conflicts.iter().map(|conflict| {
        let field = conflict.at.field;
        let value = |number: u8| match field {
            Field::Trend => Trend::of(number.into()).map_or("", Trend::as_str).to_owned(),
            Field::Class | Field::Severity | Field::Counts => number.to_string(),
        };
        let candidates = conflict.candidates.iter();
        let candidates: Vec<_> =
            candidates.map(|(party, number)| format!("{party}={}", value(*number))).collect();
        let roles: Vec<_> = conflict.must_act.iter().map(|role| role.as_str()).collect();
        let (candidates, roles) = (candidates.join(","), roles.join(","));
        format!("{}:{candidates}:{roles}:{}", field.as_str(), conflict.resolved)
    });
    put_all(&mut text, "contributed", contributed);
    put_all(&mut text, "counts", counts);
    put_all(&mut text, "conflicts", conflicts);
    put_all(&mut text, "related", finding.related.iter().cloned());
    text
}

fn put(text: &mut String, class: &str, severity: Option<u32>, trend: i64) {
    // Writing to a string does not fail.
    let _ = write!(text, " {class} severity {} trend {trend}", severity.unwrap_or(0));
}

fn put_all(text: &mut String, what: &str, all: impl Iterator<Item = String>) {
    let _ = write!(text, " {what} [{}]", all.collect::<Vec<_>>().join(" "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Seed;

    fn registry() -> Registry {
        let document =
            world::registry(&Seed::demo().unwrap(), &[].into(), &[].into(), &[].into()).unwrap();
        Registry::build(&document).unwrap()
    }

    /// A finding of one observation of the demo.
    fn alone(registry: &Registry) -> wire::Finding {
        let seed = Seed::demo().unwrap();
        let all = world::publications(&seed, &world::demo_weeks(), world::RNG);
        let mut of = all.iter().filter(|p| p.area.as_str() == "sthlm-skarholmen");
        let publication = of.find(|p| p.party.as_str() == "sdf-skarholmen").unwrap();
        let observation = publication.observations[0].clone();
        let contribution = wire::Contribution {
            party: publication.party.to_string(),
            version: 1,
            observation: Some(observation.clone()),
            form: wire::Form::Observation.into(),
        };
        let merged = seen(registry, &contribution).unwrap();
        let level = registry.category(&merged.category).unwrap().geography;
        let source = observation.source_kind;
        wire::Finding {
            id: merge::key(&merged, level).id(),
            finding_class: wire::FindingClass::OneSided.into(),
            severity: observation.severity,
            trend: observation.trend,
            counts: observation
                .count
                .map(|count| wire::CountSeries {
                    source_kind: source,
                    party: publication.party.to_string(),
                    amount: Some(wire::count_series::Amount::Exact(count)),
                    ..wire::CountSeries::default()
                })
                .into_iter()
                .collect(),
            contributions: vec![contribution],
            ..wire::Finding::default()
        }
    }

    #[test]
    fn a_finding_merged_again_is_the_same_and_a_changed_value_is_found() {
        let registry = registry();
        let good = alone(&registry);
        let (area, period) = ("sthlm-skarholmen", "2025-08");
        let bytes =
            in_other_orders(&registry, area, period, std::slice::from_ref(&good), 3).unwrap();
        assert!(bytes > 100, "{bytes}");
        let bad = wire::Finding { severity: Some(9), ..good };
        let why = in_other_orders(&registry, area, period, &[bad], 3).unwrap_err();
        assert!(why.starts_with("order 1: "), "{why}");
    }

    #[test]
    fn a_shuffle_loses_nothing_and_changes_the_order() {
        let mut all: Vec<u32> = (0..100).collect();
        shuffle(&mut all, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(!all.is_sorted());
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }
}
