//! Findings and what belongs to them.

use samsyn_client::wire::{
    Conflict, Contribution, CountSeries, Dissent, Finding, Revision, Step, Withheld,
    count_series::Amount,
};
use serde_json::{Value, json};

use super::{class, form, kind, list, observation, period, time, trend};

/// A finding.
pub(crate) fn finding(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "finding_class": class(finding.finding_class),
        "seen_by": finding.seen_by,
        "contributions": list(&finding.contributions, contribution),
        "severity": finding.severity,
        "trend": trend(finding.trend),
        "conflicts": list(&finding.conflicts, conflict),
        "withheld": list(&finding.withheld, withheld),
        "area": finding.area,
        "period": period(finding.period.as_ref()),
        "counts": list(&finding.counts, count),
        "related": finding.related,
        "dissents": list(&finding.dissents, dissent),
    })
}

fn contribution(contribution: &Contribution) -> Value {
    json!({
        "party": contribution.party,
        "version": contribution.version,
        "form": form(contribution.form),
        "observation": contribution.observation.as_ref().map(observation),
    })
}

/// Of `exact` and `below`, one is set.
fn count(series: &CountSeries) -> Value {
    let (exact, below) = match series.amount {
        Some(Amount::Exact(exact)) => (Some(exact), None),
        Some(Amount::Below(below)) => (None, Some(below)),
        None => (None, None),
    };
    json!({
        "kind": kind(series.kind),
        "source_kind": series.source_kind,
        "party": series.party,
        "statistics": series.statistics,
        "exact": exact,
        "below": below,
    })
}

/// A conflict.
pub(crate) fn conflict(conflict: &Conflict) -> Value {
    json!({
        "id": conflict.id,
        "field": conflict.field,
        "must_act": conflict.must_act,
        "resolved": conflict.resolved,
        "reason": conflict.reason,
        "dissenting": conflict.dissenting,
        "candidates": conflict.candidates,
    })
}

fn dissent(dissent: &Dissent) -> Value {
    json!({ "party": dissent.party, "field": dissent.field, "reason": dissent.reason })
}

fn withheld(withheld: &Withheld) -> Value {
    json!({
        "field_group": withheld.field_group,
        "ground": withheld.ground,
        "rule_id": withheld.rule_id,
    })
}

/// Why a joint value is what it is.
pub(crate) fn step(step: &Step) -> Value {
    json!({
        "field": step.field,
        "rule_id": step.rule_id,
        "observation_ids": step.observation_ids,
        "text_sv": step.text_sv,
        "text_en": step.text_en,
    })
}

/// A revision of an area.
pub(crate) fn revision(revision: &Revision) -> Value {
    json!({
        "revision": revision.revision,
        "recorded_at": time(revision.recorded_at.as_ref()),
        "party": revision.party,
        "what": revision.what,
    })
}
