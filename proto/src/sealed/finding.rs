//! Findings, what was contributed to them, and where parties disagree.

use samsyn_domain::{
    Form, Kind, Sealed,
    merge::{Amount, Class, Conflict, Dissent, Field, Finding, Seen, Series},
};
use samsyn_policy::{Masked, Secrets};

use super::{
    observation,
    value::{codes, period, trend},
};
use crate::v1::{self, count_series};

/// For whom a finding is written, and what is opened for it.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) masked: Masked,
    pub(super) secrets: &'a Secrets,
    /// What is declared as withheld: group and rule.
    pub(super) withheld: &'a [(String, String)],
}

pub(super) fn finding(finding: &Finding, frame: Frame<'_>) -> v1::Finding {
    let conflicts = finding.conflicts.iter();
    v1::Finding {
        id: finding.key.id(),
        finding_class: class(finding.class).into(),
        seen_by: codes(finding.seen_by.iter().map(|kind| kind.as_str())),
        contributions: finding.contributions.iter().map(|c| contribution(c, frame)).collect(),
        severity: finding.severity.map(|severity| u32::from(severity.grade())),
        trend: trend(finding.trend),
        conflicts: conflicts.map(|c| conflict(c, &finding.dissents, frame.secrets)).collect(),
        withheld: frame.withheld.iter().map(withheld).collect(),
        area: finding.key.geography.area.to_string(),
        period: Some(period(finding.period)),
        counts: finding.counts.iter().map(series).collect(),
        related: finding.related.clone(),
        dissents: finding.dissents.iter().map(|d| dissent(d, frame.secrets)).collect(),
    }
}

const fn class(class: Class) -> v1::FindingClass {
    match class {
        Class::Corroborated => v1::FindingClass::Corroborated,
        Class::OneSided => v1::FindingClass::OneSided,
        Class::Conflicting => v1::FindingClass::Conflicting,
    }
}

fn contribution(seen: &Seen, frame: Frame<'_>) -> v1::Contribution {
    let version = match frame.masked {
        Masked::Signatory => seen.version.unwrap_or_default(),
        Masked::Partner => 0,
    };
    let secret = frame.secrets.of(seen.sealed.as_ref());
    let observation = Some(observation::seen(seen, secret));
    v1::Contribution {
        party: seen.party.to_string(),
        version,
        observation,
        form: form(seen.form).into(),
    }
}

const fn form(form: Form) -> v1::Form {
    match form {
        Form::Observation => v1::Form::Observation,
        Form::Series => v1::Form::Series,
        Form::Assessment => v1::Form::Assessment,
    }
}

fn series(series: &Series) -> v1::CountSeries {
    let amount = match series.amount {
        Amount::Exact(count) => count_series::Amount::Exact(count),
        Amount::Below(bound) => count_series::Amount::Below(bound),
    };
    v1::CountSeries {
        kind: kind(series.kind).into(),
        source_kind: series.source.to_string(),
        party: series.party.as_ref().map(ToString::to_string).unwrap_or_default(),
        statistics: series.statistics,
        amount: Some(amount),
    }
}

const fn kind(kind: Kind) -> v1::ObservationKind {
    match kind {
        Kind::ReportedCrime => v1::ObservationKind::ReportedCrime,
        Kind::ObservedDisorder => v1::ObservationKind::ObservedDisorder,
        Kind::PerceivedInsecurity => v1::ObservationKind::PerceivedInsecurity,
        Kind::Environment => v1::ObservationKind::Environment,
        Kind::SystemThreat => v1::ObservationKind::SystemThreat,
    }
}

/// A conflict with those of a finding's dissents that are on its field.
pub(super) fn conflict(
    conflict: &Conflict,
    dissents: &[Dissent],
    secrets: &Secrets,
) -> v1::Conflict {
    let field = conflict.at.field;
    let mut dissenting: Vec<_> =
        dissents.iter().filter(|d| d.field == field).map(|d| d.party.as_str()).collect();
    dissenting.sort_unstable();
    dissenting.dedup();
    let candidates = conflict.candidates.iter();
    v1::Conflict {
        id: conflict.at.id(),
        field: field.as_str().to_owned(),
        must_act: codes(conflict.must_act.iter().map(|role| role.as_str())),
        resolved: conflict.resolved,
        reason: reason(conflict.reason.as_ref(), secrets),
        dissenting: codes(dissenting),
        candidates: candidates
            .map(|(party, number)| format!("{party}={}", candidate(field, *number)))
            .collect(),
    }
}

/// A candidate value as people write it: the grade, or the word of the trend.
fn candidate(field: Field, number: u8) -> String {
    let word = match field {
        Field::Trend => samsyn_domain::Trend::of(number.into()).map(|trend| trend.as_str()),
        Field::Class | Field::Severity | Field::Counts => None,
    };
    word.map_or_else(|| number.to_string(), str::to_owned)
}

fn dissent(dissent: &Dissent, secrets: &Secrets) -> v1::Dissent {
    v1::Dissent {
        party: dissent.party.to_string(),
        field: dissent.field.as_str().to_owned(),
        reason: reason(dissent.reason.as_ref(), secrets),
    }
}

/// A reason, where it may be read and its key still exists.
fn reason(sealed: Option<&Sealed>, secrets: &Secrets) -> String {
    secrets.of(sealed).and_then(|secret| secret.note.clone()).unwrap_or_default()
}

fn withheld((group, rule): &(String, String)) -> v1::Withheld {
    v1::Withheld { field_group: group.clone(), ground: rule.clone(), rule_id: rule.clone() }
}
