//! Decisions on conflicts and dissents (avvikande meningar), as objects of an edition.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaState, Labels, PartyId, Sealed, State,
    commit::{
        content,
        labels::LabelParts,
        object::{ObjectId, ObjectKind},
        position::{Group, Variant},
        salt::RoundSalt,
    },
    in_full,
    merge::{self, Conflict, ConflictRef, Field, Finding, Key, Outcome, Seen},
    row::Stage,
};

use super::{
    Frame, Unmade,
    object::{Leaves, Object, What, level_code},
};
use crate::Known;

/// What was decided or dissented, and on what.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    /// The finding's field.
    pub(super) at: ConflictRef,
    /// Who dissents, and which of its dissents on this field it is, from 1; none where functions
    /// stated an outcome.
    pub(super) dissent: Option<(PartyId, u32)>,
    /// The objects that it names: between whose values it is.
    pub(super) candidates: BTreeSet<ObjectId>,
    /// All objects of the finding.
    pub(super) group: BTreeSet<ObjectId>,
}

/// A decision with what its leaves say.
struct Stated {
    decision: Decision,
    name: String,
    outcome: Option<i64>,
    decided_by: BTreeSet<PartyId>,
    labels: Labels,
    reason: Option<Sealed>,
}

/// The decisions on the merge of a basis, as objects.
pub(super) fn of_basis(
    state: &State,
    known: &dyn Known,
    frame: &Frame<'_>,
    salt: &RoundSalt,
    included: &[(ObjectId, &Stage)],
) -> Result<Vec<(ObjectId, Object)>, Unmade> {
    let registry = frame.registry;
    let ids: BTreeMap<(&PartyId, &str), ObjectId> =
        included.iter().map(|(id, stage)| ((&stage.party, stage.id.as_str()), *id)).collect();
    let Some(index) = state.area(frame.area) else { return Ok(Vec::new()) };
    let agreement = registry.agreement_of(frame.area);
    let roles = agreement.map_or_else(BTreeSet::new, |a| a.conflict_roles.clone());
    let decisions = index.decisions(frame.period, frame.revision, roles);
    let seen = included.iter().filter_map(|(_, stage)| in_full(registry, stage));
    let findings = merge::merge(frame.period, seen, &decisions, |category| {
        super::registered(registry, category)
    });
    let mut objects = Vec::new();
    for finding in &findings {
        for stated in conflicts(finding, &ids).chain(dissents(index, frame, finding, &ids)) {
            objects.push(object(known, frame, salt, &stated)?);
        }
    }
    Ok(objects)
}

/// The conflicts of a finding on which something that counts was stated.
fn conflicts<'a>(
    finding: &'a Finding,
    ids: &'a BTreeMap<(&PartyId, &str), ObjectId>,
) -> impl Iterator<Item = Stated> + 'a {
    let stated = finding.conflicts.iter().filter(|conflict| !conflict.stated.is_empty());
    stated.filter_map(move |conflict| {
        let named = |seen: &&Seen| says(seen, conflict);
        let candidates: Vec<&Seen> = finding.contributions.iter().filter(named).collect();
        Some(Stated {
            name: conflict.at.id(),
            outcome: conflict.outcome.map(outcome_code),
            decided_by: conflict.stated.values().map(|(party, _)| party.clone()).collect(),
            labels: Labels::derived(candidates.iter().map(|seen| seen.labels.as_ref()))?,
            reason: conflict.reason.clone(),
            decision: Decision {
                at: conflict.at.clone(),
                dissent: None,
                candidates: objects_of(candidates, ids),
                group: objects_of(&finding.contributions, ids),
            },
        })
    })
}

/// The dissents on a finding: each is on all of it that stood when it was recorded and still does.
fn dissents<'a>(
    index: &'a AreaState,
    frame: &'a Frame<'_>,
    finding: &'a Finding,
    ids: &'a BTreeMap<(&PartyId, &str), ObjectId>,
) -> impl Iterator<Item = Stated> + 'a {
    let mut earlier: BTreeMap<(&PartyId, Field), u32> = BTreeMap::new();
    let made = index.dissents(frame.period, frame.revision);
    let made = made.filter(|row| row.finding == finding.key);
    made.filter_map(move |row| {
        let dissent = &row.dissent;
        let count = earlier.entry((&dissent.party, dissent.field)).or_default();
        *count = count.saturating_add(1);
        let at =
            ConflictRef { key: finding.key.clone(), period: finding.period, field: dissent.field };
        let group = objects_of(&finding.contributions, ids);
        let then: BTreeSet<_> = index
            .contributions_to(&finding.key, finding.period, row.revision)
            .map(|stage| (&stage.party, stage.id.as_str()))
            .collect();
        let stood = finding.contributions.iter();
        let stood = stood.filter(|seen| then.contains(&(&seen.party, seen.id.as_str())));
        Some(Stated {
            name: format!("dissent:{}:{}:{count}", at.id(), dissent.party),
            outcome: None,
            decided_by: BTreeSet::from([dissent.party.clone()]),
            labels: Labels::derived(finding.contributions.iter().map(|seen| seen.labels.as_ref()))?,
            reason: dissent.reason.clone(),
            decision: Decision {
                at,
                dissent: Some((dissent.party.clone(), *count)),
                candidates: objects_of(stood, ids),
                group,
            },
        })
    })
}

fn object(
    known: &dyn Known,
    frame: &Frame<'_>,
    salt: &RoundSalt,
    stated: &Stated,
) -> Result<(ObjectId, Object), Unmade> {
    let area = frame.area.as_str();
    let id = known.reference_key().object_id(ObjectKind::Decision, "", area, &stated.name)?;
    let key: &Key = &stated.decision.at.key;
    let period = frame.period.to_string();
    let labels = LabelParts::of(&stated.labels);
    let candidates: Vec<ObjectId> = stated.decision.candidates.iter().copied().collect();
    let decided_by: Vec<&str> = stated.decided_by.iter().map(|party| party.as_str()).collect();
    let value = content::Decision {
        area,
        period: &period,
        geography: level_code(key.geography.level()),
        geography_id: key.geography.id(),
        category: key.category.as_str(),
        labels: labels.committed(),
        field: stated.decision.at.field.as_str(),
        outcome: stated.outcome,
        candidates: &candidates,
        decided_by: &decided_by,
        dissent: stated.decision.dissent.is_some(),
    };
    let mut leaves = Leaves::of(salt, id);
    leaves.clear(Group::Identity, Variant::Exact, value.identity()?)?;
    leaves.clear(Group::Assessment, Variant::Exact, value.outcome()?)?;
    let secret = super::opened(known, stated.reason.as_ref())?;
    let text = secret.as_ref().and_then(|(secret, _)| secret.note.as_deref());
    leaves.sealed(Group::Text, secret.as_ref().map(|(_, key)| key), content::text(text))?;
    let unit = stated.reason.as_ref().map(|sealed| &sealed.key);
    Ok((id, leaves.finish(What::Decision(stated.decision.clone()), unit)?))
}

/// Whether an observation has a value of the field that a conflict is over.
fn says(seen: &Seen, conflict: &Conflict) -> bool {
    seen.assessment.is_some_and(|assessed| match conflict.at.field {
        Field::Severity => assessed.severity.is_some(),
        Field::Trend => assessed.trend.is_some(),
        Field::Class | Field::Counts => true,
    })
}

fn objects_of<'a>(
    seen: impl IntoIterator<Item = &'a Seen>,
    ids: &BTreeMap<(&PartyId, &str), ObjectId>,
) -> BTreeSet<ObjectId> {
    seen.into_iter().filter_map(|seen| ids.get(&(&seen.party, seen.id.as_str())).copied()).collect()
}

fn outcome_code(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Severity(severity) => severity.grade().into(),
        Outcome::Trend(trend) => trend.number().into(),
        Outcome::Dissent => 0,
    }
}
