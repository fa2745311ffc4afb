//! The joint picture as a table: where, what, which kind, a column a party, what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_client::wire::{Finding, FindingClass, Form, Observation, count_series::Amount};
use samsyn_domain::Kind;

use crate::{
    commands::tables::{NONE, assessed, conflicts},
    names::Names,
    output::Table,
};

/// Findings with their conflicts, and what is declared as withheld.
pub(crate) fn of(findings: &[Finding], names: &Names) -> String {
    let parties: BTreeSet<&str> = findings
        .iter()
        .flat_map(|finding| finding.contributions.iter().map(|one| one.party.as_str()))
        .collect();
    let counted = findings.iter().any(|finding| !counts(finding, "").is_empty());
    let head = ["where", "what", "kind"].into_iter().chain(parties.iter().copied());
    let head = head.chain(counted.then_some("counts")).chain(["joint"]);
    let mut table = Table::new(head);
    for finding in findings {
        let (geography, category) = finding.id.rsplit_once('/').unwrap_or(("", &finding.id));
        let mut row = vec![names.geography(geography), what(category, names)];
        row.push(names.kind(category).map_or(NONE, kind_name).to_owned());
        row.extend(parties.iter().map(|party| said(finding, party)));
        row.extend(counted.then(|| counts(finding, "")));
        row.push(joint(finding));
        table.row(row);
    }
    let mut text = table.to_string();
    let all: Vec<_> = findings.iter().flat_map(|finding| finding.conflicts.clone()).collect();
    if let Some(conflicts) = conflicts(&all) {
        text.push_str(&format!("\n{conflicts}"));
    }
    text + &notes(findings)
}

/// One finding on one line, for streams.
pub(crate) fn line(finding: &Finding, names: &Names) -> String {
    let (geography, category) = finding.id.rsplit_once('/').unwrap_or(("", &finding.id));
    let period = finding.period.as_ref().map(|period| period.code.as_str()).unwrap_or_default();
    let (place, what) = (names.geography(geography), what(category, names));
    let counts = counts(finding, "");
    format!("{period} {place} · {what} · {} {counts}", joint(finding)).trim_end().to_owned()
}

/// A category's name, without the kind that some of them have in brackets.
fn what(category: &str, names: &Names) -> String {
    let name = names.category(category);
    name.split_once(" (").map_or(name.as_str(), |(bare, _)| bare).to_owned()
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::ReportedCrime => "reported",
        Kind::ObservedDisorder => "observed",
        Kind::PerceivedInsecurity => "perceived",
        Kind::Environment => "environment",
        Kind::SystemThreat => "system threat",
    }
}

/// What one party says: its highest severity and the trend of its latest start, as in the merge.
fn said(finding: &Finding, party: &str) -> String {
    let own = finding.contributions.iter().filter(|one| one.party == party);
    let own: Vec<(Form, &Observation)> =
        own.filter_map(|one| Some((one.form(), one.observation.as_ref()?))).collect();
    if own.is_empty() {
        return NONE.into();
    }
    let severity = own.iter().filter_map(|(_, one)| one.severity).max();
    let trends = own.iter().map(|(_, one)| *one).filter(|one| one.trend != 0);
    let start = |one: &Observation| one.starts_at.as_ref().map(|at| (at.seconds, at.nanos));
    let latest = trends.max_by_key(|one| (start(one), one.id.as_str()));
    let assessed = assessed(severity, latest.map_or(0, |one| one.trend));
    let assessed = if severity.is_some() { format!("sev {assessed}") } else { assessed };
    let counts = match counts(finding, party).as_str() {
        "" => String::new(),
        counts => format!("n {counts}"),
    };
    let statistics = own.iter().all(|(form, _)| *form == Form::Series);
    match format!("{assessed} {counts}").trim() {
        "" if statistics => "statistics".into(),
        "" => "seen".into(),
        text => text.to_owned(),
    }
}

/// The series of a party side by side, never added up, and points of statistics named as such; with
/// an empty name, those of no party.
fn counts(finding: &Finding, party: &str) -> String {
    let own = finding.counts.iter().filter(|series| series.party == party);
    let amounts = own.map(|series| {
        let amount = match series.amount {
            Some(Amount::Exact(count)) => count.to_string(),
            Some(Amount::Below(below)) => format!("<{below}"),
            None => NONE.into(),
        };
        if series.statistics { format!("stat {amount}") } else { amount }
    });
    amounts.collect::<Vec<_>>().join("|")
}

/// What it comes to.
fn joint(finding: &Finding) -> String {
    let open: Vec<&str> =
        finding.conflicts.iter().filter(|c| !c.resolved).map(|c| c.field.as_str()).collect();
    let settled = finding.conflicts.iter().any(|conflict| conflict.resolved);
    let who = match FindingClass::try_from(finding.finding_class) {
        _ if settled && open.is_empty() => "agreed".to_owned(),
        Ok(FindingClass::Corroborated) => match finding.seen_by.len() {
            0..=2 => "both see it".to_owned(),
            n => format!("all {n} see it"),
        },
        Ok(FindingClass::OneSided) if has_statistics_alone(finding) => "only statistics".to_owned(),
        Ok(FindingClass::OneSided) => format!("only {}", sides(&finding.seen_by)),
        Ok(FindingClass::Conflicting) => format!("CONFLICT {}", open.join(", ")),
        Ok(FindingClass::Unspecified) | Err(_) => NONE.to_owned(),
    };
    let value = assessed(finding.severity, finding.trend);
    let mut text = match (value.as_str(), open.is_empty()) {
        ("", _) => who,
        (value, true) => format!("{who}: {value}"),
        (value, false) => format!("{who} · {value}"),
    };
    match finding.dissents.len() {
        0 => {}
        1 => text.push_str(" · 1 dissent"),
        n => text.push_str(&format!(" · {n} dissents")),
    }
    text.trim().to_owned()
}

/// Nobody says that it sees what is counted. Protected cells have no contributions.
fn has_statistics_alone(finding: &Finding) -> bool {
    finding.seen_by.is_empty() && !finding.contributions.is_empty()
}

fn sides(kinds: &[String]) -> String {
    let name = |kind: &String| match kind.as_str() {
        "municipal" => "the city".to_owned(),
        "other" => "others".to_owned(),
        own => own.to_owned(),
    };
    kinds.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Dissents with their reasons, and what is withheld, each kind once with how often.
fn notes(findings: &[Finding]) -> String {
    let mut dissents = Table::new(["dissent on", "field", "party", "why"]);
    let mut withheld: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for finding in findings {
        for dissent in &finding.dissents {
            dissents.row([&finding.id, &dissent.field, &dissent.party, &dissent.reason]);
        }
        for part in &finding.withheld {
            let key = (part.field_group.as_str(), part.ground.as_str(), part.rule_id.as_str());
            let n = withheld.entry(key).or_default();
            *n = n.saturating_add(1);
        }
    }
    let mut table = Table::new(["withheld", "ground", "by", "findings"]).right(3);
    for ((group, ground, rule), n) in withheld {
        table.row([group, ground, rule, &n.to_string()]);
    }
    let tables = [dissents, table].into_iter().filter(|table| !table.is_empty());
    tables.map(|table| format!("\n{table}")).collect()
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{
        Conflict, Contribution, CountSeries, Dissent, FindingClass, Trend, Withheld,
    };

    use super::*;

    fn observation(party: &str, severity: u32, trend: Trend) -> Contribution {
        let observation =
            Observation { severity: Some(severity), trend: trend.into(), ..Observation::default() };
        let form = Form::Observation.into();
        Contribution { party: party.into(), version: 1, observation: Some(observation), form }
    }

    fn finding(id: &str, class: FindingClass, seen_by: &[&str]) -> Finding {
        Finding {
            id: id.into(),
            finding_class: class.into(),
            seen_by: seen_by.iter().map(|&kind| kind.to_owned()).collect(),
            ..Finding::default()
        }
    }

    #[test]
    fn the_joint_picture_is_one_row_a_finding() {
        let count = |party: &str, amount| CountSeries {
            party: party.into(),
            amount: Some(amount),
            ..CountSeries::default()
        };
        let both = Finding {
            counts: vec![
                count("lpo-a", Amount::Exact(12)),
                count("sdf-a", Amount::Exact(3)),
                count("sdf-a", Amount::Exact(5)),
            ],
            contributions: vec![
                observation("lpo-a", 4, Trend::Up),
                observation("sdf-a", 4, Trend::Up),
                observation("sdf-a", 2, Trend::Up),
            ],
            severity: Some(4),
            trend: Trend::Up.into(),
            ..finding(
                "x/torg/open_drug_dealing",
                FindingClass::Corroborated,
                &["municipal", "police"],
            )
        };
        let one = Finding {
            contributions: vec![observation("sdf-a", 3, Trend::Flat)],
            severity: Some(3),
            trend: Trend::Flat.into(),
            dissents: vec![Dissent {
                party: "utb".into(),
                field: "trend".into(),
                reason: "för få svar".into(),
            }],
            ..finding("x/gång/lighting_fault", FindingClass::OneSided, &["municipal"])
        };
        let conflict = Finding {
            contributions: vec![
                observation("lpo-a", 2, Trend::Flat),
                observation("sdf-a", 4, Trend::Flat),
            ],
            trend: Trend::Flat.into(),
            conflicts: vec![Conflict {
                id: "2025-09:x:severity".into(),
                field: "severity".into(),
                must_act: vec!["coordinator".into(), "kommunpolis".into()],
                candidates: vec!["lpo-a=2".into(), "sdf-a=4".into()],
                ..Conflict::default()
            }],
            ..finding("x/y/unknown_kind", FindingClass::Conflicting, &["municipal", "police"])
        };
        let golden = "\
where   what                kind         lpo-a         sdf-a          joint
x/torg  Open drug dealing   observed     sev 4 ↑ n 12  sev 4 ↑ n 3|5  both see it: 4 ↑
x/gång  Deficient lighting  environment  –             sev 3 →        only the city: 3 → · 1 dissent
x/y     unknown_kind        –            sev 2 →       sev 4 →        CONFLICT severity · →

conflict            candidates        waits for                 dissent  reason
2025-09:x:severity  lpo-a=2, sdf-a=4  coordinator, kommunpolis  –

dissent on             field  party  why
x/gång/lighting_fault  trend  utb    för få svar
";
        let text = of(&[both, one, conflict], &Names::shipped());
        assert_eq!(text, golden);
    }

    #[test]
    fn small_counts_and_what_is_withheld_are_shown() {
        let series = |amount| CountSeries { amount: Some(amount), ..CountSeries::default() };
        let withheld = Withheld {
            field_group: "place".into(),
            ground: "not_released".into(),
            rule_id: "row-1".into(),
        };
        let finding = Finding {
            counts: vec![series(Amount::Below(5)), series(Amount::Exact(12))],
            withheld: vec![withheld.clone(), withheld],
            ..finding("x/robbery", FindingClass::OneSided, &["police"])
        };
        let golden = "\
where  what     kind  counts  joint
x      robbery  –     <5|12   only police

withheld  ground        by     findings
place     not_released  row-1         2
";
        assert_eq!(of(&[finding], &Names::shipped()), golden);
    }

    #[test]
    fn a_settled_conflict_is_agreed_and_three_kinds_are_counted() {
        let conflict = Conflict { resolved: true, field: "severity".into(), ..Conflict::default() };
        let settled = Finding {
            severity: Some(3),
            conflicts: vec![conflict],
            ..finding("x/y", FindingClass::Conflicting, &["municipal", "police"])
        };
        assert_eq!(joint(&settled), "agreed: 3");
        let three = finding("x/y", FindingClass::Corroborated, &["municipal", "other", "police"]);
        assert_eq!(joint(&three), "all 3 see it");
    }
}
