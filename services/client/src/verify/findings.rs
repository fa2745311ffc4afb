//! Step 7 of the protocol page: the findings follow from the opened objects, by `docs/merge.md`.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    Form, PartyId, Period, Trend,
    merge::{self, Class, Conflict, Field, Finding},
    registry::FieldGroup,
};
use samsyn_proto::v1::{self, count_series};

use super::{
    Verified, VerifiedObject,
    joint::{self, Expected},
    object::{About, ObjectKind},
    rejected::{Rejected, Step},
    shown,
};

impl Verified {
    /// Step 7: holds the findings of all pages of the edition against the opened objects. Every
    /// value shown comes from an opened leaf or from the merge of opened leaves, and nothing that
    /// was opened is left out. Gives the number of values compared.
    ///
    /// Not compared, because no leaf holds it: which functions must still act on a conflict, and
    /// what is declared as withheld.
    ///
    /// # Errors
    /// At the first value that differs; also when the merge version is not known here.
    pub fn matches(&self, findings: &[v1::Finding]) -> Result<usize, Rejected> {
        if i64::from(self.merge_version) != merge::VERSION {
            let why = "the merge version is not known here; take a newer client";
            return Err(Step::Findings.refuses(why));
        }
        let period = self.period_code().ok_or_else(|| {
            Step::Findings.refuses("the endorsed period is no week, month, quarter or year")
        })?;
        let expected = joint::findings(&self.objects, period)?;
        if findings.len() != expected.len() {
            let why = "there are more or fewer findings than follow from the objects; \
                       give those of all pages at once";
            return Err(Step::Findings.refuses(why));
        }
        let objects = self.objects.iter().map(|object| (joint::id_of(object), object)).collect();
        let opened = Opened { objects, area: &self.area, period: period.to_string() };
        let mut ids = BTreeSet::new();
        findings.iter().try_fold(0_usize, |values, finding| {
            let one = expected.get(&finding.id).filter(|_| ids.insert(&finding.id));
            let one = one.ok_or_else(|| {
                differs(FieldGroup::Identity, "a finding does not follow from the objects")
            })?;
            Ok(values.saturating_add(opened.compare(finding, one)?))
        })
    }

    fn period_code(&self) -> Option<Period> {
        let (from, to) = self.period;
        Period::spanning(from, to)
    }
}

fn differs(group: FieldGroup, why: &'static str) -> Rejected {
    Step::Findings.refuses(why).in_group(group)
}

/// What findings are compared with.
struct Opened<'o> {
    objects: BTreeMap<String, &'o VerifiedObject>,
    area: &'o str,
    period: String,
}

impl Opened<'_> {
    fn compare(&self, shown: &v1::Finding, expected: &Expected) -> Result<usize, Rejected> {
        let period = shown.period.as_ref().map(|period| period.code.as_str());
        if shown.area != self.area || period != Some(&self.period) {
            return Err(differs(FieldGroup::Identity, "the area or period of a finding differs"));
        }
        if !same_related(&shown.related, expected) {
            return Err(differs(FieldGroup::Identity, "what is named as related differs"));
        }
        if !same_counts(&shown.counts, expected) {
            return Err(differs(FieldGroup::Counts, "the counts of a finding differ"));
        }
        let more = match &expected.merged {
            Some(merged) => self.compare_merged(shown, merged)?,
            None => compare_cells(shown)?,
        };
        // Id, class, area and period are always shown.
        let values = [4, shown.seen_by.len(), shown.counts.len(), shown.related.len(), more];
        Ok(values.into_iter().fold(0, usize::saturating_add))
    }

    fn compare_merged(&self, shown: &v1::Finding, merged: &Finding) -> Result<usize, Rejected> {
        let class = match merged.class {
            Class::Corroborated => v1::FindingClass::Corroborated,
            Class::OneSided => v1::FindingClass::OneSided,
            Class::Conflicting => v1::FindingClass::Conflicting,
        };
        let seen_by = merged.seen_by.iter().map(|kind| kind.as_str());
        if shown.finding_class() != class || !same_texts(texts(&shown.seen_by), seen_by) {
            return Err(differs(FieldGroup::Identity, "how the pictures relate differs"));
        }
        let severity = merged.severity.map(|severity| u32::from(severity.grade()));
        let trend = merged.trend.map_or(0, |trend| i32::from(trend.number()));
        if (shown.severity, shown.trend) != (severity, trend) {
            return Err(differs(FieldGroup::Assessment, "the joint severity or trend differs"));
        }
        let reasons = self.reasons();
        if !same_conflicts(shown, merged, &reasons) || !same_dissents(shown, merged, &reasons) {
            return Err(differs(FieldGroup::Assessment, "a conflict or dissent differs"));
        }
        let values = [
            usize::from(severity.is_some()),
            usize::from(trend != 0),
            shown.conflicts.len(),
            shown.dissents.len(),
            self.compare_contributions(&shown.contributions, merged)?,
        ];
        Ok(values.into_iter().fold(0, usize::saturating_add))
    }

    fn compare_contributions(
        &self,
        shown: &[v1::Contribution],
        merged: &Finding,
    ) -> Result<usize, Rejected> {
        let id = |one: &'_ v1::Contribution| one.observation.as_ref().map(|one| one.id.clone());
        let ids: Vec<String> = shown.iter().filter_map(id).collect();
        let expected = merged.contributions.iter().map(|seen| seen.id.as_str());
        if shown.len() != ids.len() || !same_texts(texts(&ids), expected) {
            return Err(differs(FieldGroup::Identity, "the contributions of a finding differ"));
        }
        shown.iter().try_fold(0_usize, |values, one| {
            let compared = self.compare_contribution(one)?;
            Ok(values.saturating_add(compared))
        })
    }

    fn compare_contribution(&self, shown: &v1::Contribution) -> Result<usize, Rejected> {
        let observation = shown.observation.as_ref();
        let object = observation.and_then(|observation| self.objects.get(&observation.id));
        let (Some(observation), Some(object)) = (observation, object) else {
            return Err(differs(FieldGroup::Identity, "a contribution has no opened object"));
        };
        let about = &object.fields.identity.about;
        if !matches!(about, About::Contribution { owner, .. } if *owner == shown.party) {
            return Err(differs(FieldGroup::Identity, "the party of a contribution differs"));
        }
        let form = match object.kind.form() {
            Some(Form::Observation) => v1::Form::Observation,
            Some(Form::Series) => v1::Form::Series,
            Some(Form::Assessment) => v1::Form::Assessment,
            None => v1::Form::Unspecified,
        };
        if shown.form() != form {
            return Err(differs(FieldGroup::Identity, "the form of a contribution differs"));
        }
        if shown.version != 0 {
            let why = "a version is shown, and no leaf holds one";
            return Err(differs(FieldGroup::Provenance, why));
        }
        shown::observation(observation, object)
            .map(|values| values.saturating_add(1))
            .map_err(|group| differs(group, "a contribution differs from its opened leaf"))
    }

    /// The opened reasons of decisions.
    fn reasons(&self) -> BTreeSet<&str> {
        let decisions = self.objects.values().filter(|one| one.kind == ObjectKind::Decision);
        decisions.filter_map(|one| one.fields.text.value().map(String::as_str)).collect()
    }
}

/// Cells say how many, and nothing of who saw it.
fn compare_cells(shown: &v1::Finding) -> Result<usize, Rejected> {
    if shown.finding_class() != v1::FindingClass::OneSided || !shown.seen_by.is_empty() {
        return Err(differs(FieldGroup::Identity, "how the pictures relate differs"));
    }
    let bare = shown.contributions.is_empty()
        && shown.severity.is_none()
        && shown.trend == 0
        && shown.conflicts.is_empty()
        && shown.dissents.is_empty();
    if bare { Ok(0) } else { Err(differs(FieldGroup::Assessment, "cells hold counts alone")) }
}

fn same_related(shown: &[String], expected: &Expected) -> bool {
    let shown: BTreeSet<&String> = shown.iter().collect();
    let mut merged = expected.merged.iter().flat_map(|merged| &merged.related);
    merged.all(|id| shown.contains(id)) && shown.iter().all(|id| expected.related.contains(*id))
}

/// Kind, source, party, whether it is statistics, and the amount: exact or below.
type Series<'a> = (i32, &'a str, &'a str, bool, (bool, u32));

fn same_counts(shown: &[v1::CountSeries], expected: &Expected) -> bool {
    let mut told: Vec<Option<Series<'_>>> = shown.iter().map(series).collect();
    let merged = expected.merged.iter().flat_map(|finding| &finding.counts);
    let mut counted: Vec<Option<Series<'_>>> = merged
        .map(|series| {
            let party = series.party.as_ref().map_or("", PartyId::as_str);
            let amount = match series.amount {
                merge::Amount::Exact(count) => (true, count),
                merge::Amount::Below(count) => (false, count),
            };
            let kind = i32::from(joint::number_of(series.kind));
            Some((kind, series.source.as_str(), party, series.statistics, amount))
        })
        .collect();
    counted.extend(expected.cells.iter().filter_map(|cell| {
        let amount = number(cell.amount.as_ref()?);
        let kind = i32::from(joint::number_of(cell.kind));
        Some(Some((kind, cell.source.as_str(), "", false, amount)))
    }));
    told.sort_unstable();
    counted.sort_unstable();
    told == counted
}

fn series(series: &v1::CountSeries) -> Option<Series<'_>> {
    let amount = number(series.amount.as_ref()?);
    Some((series.kind, &series.source_kind, &series.party, series.statistics, amount))
}

const fn number(amount: &count_series::Amount) -> (bool, u32) {
    match amount {
        count_series::Amount::Exact(count) => (true, *count),
        count_series::Amount::Below(count) => (false, *count),
    }
}

fn same_conflicts(shown: &v1::Finding, merged: &Finding, reasons: &BTreeSet<&str>) -> bool {
    let same = |(shown, conflict): (&v1::Conflict, &Conflict)| {
        let field = conflict.at.field;
        let candidates = conflict.candidates.iter();
        let candidates = candidates.map(|(party, value)| candidate(party, field, *value));
        let dissenting = merged.dissents.iter().filter(|dissent| dissent.field == field);
        let dissenting: BTreeSet<&str> = dissenting.map(|dissent| dissent.party.as_str()).collect();
        shown.id == conflict.at.id()
            && shown.field == field.as_str()
            && shown.resolved == conflict.resolved
            && shown.candidates.iter().cloned().eq(candidates)
            && same_texts(texts(&shown.dissenting), dissenting.into_iter())
            && is_opened(&shown.reason, reasons)
    };
    shown.conflicts.len() == merged.conflicts.len()
        && shown.conflicts.iter().zip(&merged.conflicts).all(same)
}

/// What a party says, `<party>=<value>`: a severity as its grade, a trend by its code.
fn candidate(party: &PartyId, field: Field, value: u8) -> String {
    let trend = Trend::of(value.into()).filter(|_| field == Field::Trend);
    trend.map_or_else(|| format!("{party}={value}"), |trend| format!("{party}={}", trend.as_str()))
}

fn same_dissents(shown: &v1::Finding, merged: &Finding, reasons: &BTreeSet<&str>) -> bool {
    let mut told: Vec<(&str, &str)> =
        shown.dissents.iter().map(|one| (one.party.as_str(), one.field.as_str())).collect();
    let mut expected: Vec<(&str, &str)> =
        merged.dissents.iter().map(|one| (one.party.as_str(), one.field.as_str())).collect();
    told.sort_unstable();
    expected.sort_unstable();
    told == expected && shown.dissents.iter().all(|one| is_opened(&one.reason, reasons))
}

fn is_opened(reason: &str, reasons: &BTreeSet<&str>) -> bool {
    reason.is_empty() || reasons.contains(reason)
}

fn texts(texts: &[String]) -> impl Iterator<Item = &str> {
    texts.iter().map(String::as_str)
}

/// Whether two lists hold the same texts, each as often, in whatever order.
fn same_texts<'a>(
    shown: impl Iterator<Item = &'a str>,
    expected: impl Iterator<Item = &'a str>,
) -> bool {
    let (mut shown, mut expected): (Vec<_>, Vec<_>) = (shown.collect(), expected.collect());
    shown.sort_unstable();
    expected.sort_unstable();
    shown == expected
}
