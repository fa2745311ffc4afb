//! The opened objects as the merge takes them, and the findings that follow.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, Basis, CategoryId, Form, Geography, Kind, Labels, Level, PartyId, Period, PlaceId,
    PriorityId, Regime, Secrecy, Severity, SourceId, SubAreaId, Timestamp, Trend,
    merge::{
        self, Assessed, Class, Decisions, Dissent, Field, Finding, Key, Outcome, Seen, Statement,
    },
    registry::{PartyKind, Role},
};
use samsyn_proto::v1::count_series;

use super::{
    object::{About, Amount, Assessment, ObjectKind, Opened, PlaceVariant, VerifiedObject},
    rejected::{Rejected, Step},
};

/// The role under which an opened decision is put to the merge. Which functions stated it is not
/// in the proof, and the merge asks only that all of those that it is given agree.
const DECIDED_AS: Role = Role::Coordinator;

/// A finding as it should be shown.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Of contributions.
    pub(super) merged: Option<Finding>,
    /// Cells, as they are.
    pub(super) cells: Vec<Cell>,
    /// All that may be named as related.
    pub(super) related: BTreeSet<String>,
}

/// A cell, with what is shown of it.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) key: Key,
    pub(super) kind: Kind,
    pub(super) source: String,
    pub(super) amount: Option<count_series::Amount>,
}

/// An object's id as it stands in findings.
pub(super) fn id_of(object: &VerifiedObject) -> String {
    hex::encode(object.id)
}

/// The findings of opened objects, by id.
///
/// # Errors
/// When an id or code in an object is none that the merge knows.
pub(super) fn findings(
    objects: &[VerifiedObject],
    period: Period,
) -> Result<BTreeMap<String, Expected>, Rejected> {
    let mut seen = Vec::new();
    let mut cells = Vec::new();
    let mut registered = BTreeMap::new();
    for (number, object) in (1..).zip(objects) {
        let taken = match (object.kind, object.kind.form()) {
            (_, Some(form)) => {
                contribution(object, form, &mut registered).map(|one| seen.push(one))
            }
            (ObjectKind::Cell, _) => cell(object, &mut registered).map(|one| cells.push(one)),
            (_, None) => Some(()),
        };
        taken.ok_or_else(|| {
            let why = "an id or code in it is none that the merge knows";
            Step::Findings.refuses(why).at_object(number)
        })?;
    }
    let level =
        |category: &CategoryId| registered.get(category).copied().unwrap_or(Level::District);
    let undecided = merge::merge(period, seen.clone(), &Decisions::default(), level);
    let (statements, dissents) = decided(objects, period, &undecided);
    let roles = BTreeSet::from([DECIDED_AS]);
    let decisions = Decisions { statements: statements.iter().collect(), dissents, roles };
    Ok(expected(merge::merge(period, seen, &decisions, level), cells))
}

fn expected(merged: Vec<Finding>, cells: Vec<Cell>) -> BTreeMap<String, Expected> {
    let mut keys: BTreeSet<Key> = merged.iter().map(|finding| finding.key.clone()).collect();
    keys.extend(cells.iter().map(|cell| cell.key.clone()));
    let keys: Vec<Key> = keys.into_iter().collect();
    let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
    for key in &keys {
        let related = merge::related(key, &keys).into_iter().collect();
        expected.insert(key.id(), Expected { related, ..Expected::default() });
    }
    for finding in merged {
        let entry = expected.entry(finding.key.id()).or_default();
        entry.merged = Some(shown_in_part(finding));
    }
    for cell in cells {
        expected.entry(cell.key.id()).or_default().cells.push(cell);
    }
    expected
}

/// A conflict or dissent is told only to those who see every assessment that it is about.
fn shown_in_part(mut finding: Finding) -> Finding {
    if finding.contributions.iter().all(|seen| seen.assessment.is_some()) {
        return finding;
    }
    finding.conflicts.clear();
    finding.dissents.clear();
    if finding.class == Class::Conflicting {
        let corroborated = finding.seen_by.len() > 1;
        finding.class = if corroborated { Class::Corroborated } else { Class::OneSided };
    }
    finding
}

fn contribution(
    object: &VerifiedObject,
    form: Form,
    registered: &mut BTreeMap<CategoryId, Level>,
) -> Option<Seen> {
    let by = contributed(object, registered)?;
    let fields = &object.fields;
    let place = fields.place.value();
    Some(Seen {
        party: PartyId::parse(by.owner).ok()?,
        party_kind: party_kind(by.owner_kind)?,
        id: id_of(object),
        form,
        version: None,
        category: by.category,
        kind: by.kind,
        priority: by.priority,
        geography: by.geography,
        place_shown: place.is_some(),
        time: fields.time.value().copied(),
        count: count(object)?,
        assessment: assessed(&fields.assessment)?,
        sealed: None,
        text_shown: !matches!(fields.text, Opened::Withheld),
        coordinates_shown: place.is_some_and(|place| place.variant == PlaceVariant::Exact),
        labels: unread_labels().into(),
    })
}

fn cell(object: &VerifiedObject, registered: &mut BTreeMap<CategoryId, Level>) -> Option<Cell> {
    let by = contributed(object, registered)?;
    let geography = by.geography.coarsened(by.registered);
    let counts = object.fields.counts.value();
    let amount = match counts.map(|counts| counts.amount) {
        Some(Amount::Exact(Some(count)) | Amount::Perturbed(count)) => {
            Some(count_series::Amount::Exact(u32::try_from(count).ok()?))
        }
        Some(Amount::Band { lower: 0, below: 1 }) => Some(count_series::Amount::Exact(0)),
        Some(Amount::Band { lower: 1, below }) => {
            Some(count_series::Amount::Below(u32::try_from(below).ok()?))
        }
        // A finding has no way to show any other band.
        Some(Amount::Band { .. } | Amount::Exact(None)) | None => None,
    };
    Some(Cell {
        key: Key { geography, category: by.category },
        kind: by.kind,
        source: counts.and_then(|counts| counts.source.clone()).unwrap_or_default(),
        amount,
    })
}

/// What contributions and cells have in common.
struct Contributed<'o> {
    owner: &'o str,
    owner_kind: u8,
    category: CategoryId,
    kind: Kind,
    priority: PriorityId,
    geography: Geography,
    registered: Level,
}

fn contributed<'o>(
    object: &'o VerifiedObject,
    registered: &mut BTreeMap<CategoryId, Level>,
) -> Option<Contributed<'o>> {
    let About::Contribution { category, observation_kind, priority, owner, owner_kind, geography } =
        &object.fields.identity.about
    else {
        return None;
    };
    let category = CategoryId::parse(category).ok()?;
    let level = level(*geography)?;
    // A category has one level in an edition.
    if *registered.entry(category.clone()).or_insert(level) != level {
        return None;
    }
    Some(Contributed {
        owner,
        owner_kind: *owner_kind,
        category,
        kind: Kind::ALL.into_iter().find(|kind| number_of(*kind) == *observation_kind)?,
        priority: PriorityId::parse(priority).ok()?,
        geography: geography_of(object)?,
        registered: level,
    })
}

/// The code of a kind of observation, in proofs and on the wire alike.
pub(super) const fn number_of(kind: Kind) -> u8 {
    match kind {
        Kind::ReportedCrime => 1,
        Kind::ObservedDisorder => 2,
        Kind::PerceivedInsecurity => 3,
        Kind::Environment => 4,
        Kind::SystemThreat => 5,
    }
}

const fn level(code: u8) -> Option<Level> {
    match code {
        1 => Some(Level::Place),
        2 => Some(Level::SubArea),
        3 => Some(Level::District),
        _ => None,
    }
}

const fn party_kind(code: u8) -> Option<PartyKind> {
    match code {
        1 => Some(PartyKind::Municipal),
        2 => Some(PartyKind::Police),
        3 => Some(PartyKind::Other),
        _ => None,
    }
}

/// The geography that was opened; a withheld place is known no finer than its area.
fn geography_of(object: &VerifiedObject) -> Option<Geography> {
    let Some(place) = object.fields.place.value() else {
        let area = AreaId::parse(&object.fields.identity.area).ok()?;
        return Some(Geography { area, sub_area: None, place: None });
    };
    Some(Geography {
        area: AreaId::parse(&place.area).ok()?,
        sub_area: place.sub_area.as_deref().map(SubAreaId::parse).transpose().ok()?,
        place: place.place.as_deref().map(PlaceId::parse).transpose().ok()?,
    })
}

/// A count with its source; none inside when there is nothing to count.
fn count(object: &VerifiedObject) -> Option<Option<(SourceId, Option<u32>)>> {
    let Some(counts) = object.fields.counts.value() else { return Some(None) };
    let Some(source) = &counts.source else { return Some(None) };
    let amount = match counts.amount {
        Amount::Exact(count) => count,
        Amount::Perturbed(count) => Some(count),
        Amount::Band { .. } => None,
    };
    let amount = amount.map(u32::try_from).transpose().ok()?;
    Some(Some((SourceId::parse(source).ok()?, amount)))
}

fn assessed(group: &Opened<Assessment>) -> Option<Option<Assessed>> {
    let (severity, trend) = match group {
        Opened::Withheld => return Some(None),
        Opened::Absent => (None, None),
        Opened::Value(Assessment::Observation { severity, trend, .. }) => (*severity, *trend),
        Opened::Value(Assessment::Decision { .. }) => return None,
    };
    Some(Some(Assessed {
        severity: severity.and_then(|grade| Severity::of(grade.into())),
        trend: trend.and_then(|number| Trend::of(number.into())),
        // The merge looks at none of these; they are compared leaf by leaf.
        basis: Basis::Assessment,
        reliability: None,
        credibility: None,
    }))
}

/// The merge does not look at labels; they are compared leaf by leaf.
fn unread_labels() -> Labels {
    Labels {
        level: Secrecy::MAX,
        audience: BTreeSet::new(),
        purposes: BTreeSet::new(),
        regime: Regime::CrimeData,
        secrecy_provisions: BTreeSet::new(),
        retain_until: Timestamp::ZERO,
        person_related: true,
        special_category: true,
        originator_control: true,
        embargo_until: None,
        onward_sharing: false,
    }
}

/// The opened decisions as statements and dissents on the findings that they are on. A decision
/// that names what is not among the contributions of its finding does not count.
fn decided(
    objects: &[VerifiedObject],
    period: Period,
    findings: &[Finding],
) -> (Vec<Statement>, Vec<(Key, Dissent)>) {
    let (mut statements, mut dissents) = (Vec::new(), Vec::new());
    let period = period.to_string();
    for object in objects {
        let about = &object.fields.identity.about;
        let About::Decision { category, period: of, geography_id, .. } = about else { continue };
        let Some(Assessment::Decision { field, outcome, candidates, decided_by, dissent }) =
            object.fields.assessment.value()
        else {
            continue;
        };
        let id = format!("{geography_id}/{category}");
        let finding = findings.iter().find(|finding| finding.key.id() == id && *of == period);
        let (Some(finding), Some(field)) = (finding, Field::from_code(field)) else { continue };
        if *dissent {
            let parties = decided_by.iter().filter_map(|party| PartyId::parse(party).ok());
            dissents.extend(
                parties.map(|party| (finding.key.clone(), Dissent { party, field, reason: None })),
            );
        } else if let Some(outcome) = outcome {
            statements.extend(statement(finding, field, *outcome, candidates));
        }
    }
    (statements, dissents)
}

fn statement(
    finding: &Finding,
    field: Field,
    outcome: u8,
    candidates: &BTreeSet<[u8; 16]>,
) -> Option<Statement> {
    let conflict = finding.conflicts.iter().find(|conflict| conflict.at.field == field)?;
    let owner = |object: &[u8; 16]| {
        let id = hex::encode(object);
        finding.contributions.iter().find(|seen| seen.id == id).map(|seen| &seen.party)
    };
    let named: BTreeSet<&PartyId> = candidates.iter().map(owner).collect::<Option<_>>()?;
    if !named.into_iter().eq(conflict.candidates.keys()) {
        return None;
    }
    let outcome = match (outcome, field) {
        (0, _) => Outcome::Dissent,
        (grade, Field::Severity) => Outcome::Severity(Severity::of(grade.into())?),
        (number, Field::Trend) => Outcome::Trend(Trend::of(number.into())?),
        (_, Field::Class | Field::Counts) => return None,
    };
    Some(Statement {
        conflict: conflict.at.clone(),
        // Who stated it decides nothing; the first of those it is between stands for all.
        party: conflict.candidates.keys().next()?.clone(),
        role: DECIDED_AS,
        outcome,
        candidates: conflict.candidates.clone(),
        reason: None,
    })
}
