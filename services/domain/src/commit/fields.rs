//! The tables of what each group of each kind of object holds: numbers, types, ranges.
//!
//! `docs/protocol.md` shows the same tables; a test keeps the two equal.

mod check;

use super::Error;
use super::canonical::{Message, Value};
use super::object::ObjectKind;
use super::position::{Group, Position, Variant};

/// Numbers of the fields of an identity (group 0).
pub mod identity {
    /// Kind of object.
    pub const KIND: u16 = 1;
    /// Category, of the code list.
    pub const CATEGORY: u16 = 2;
    /// Kind of observation: 1 reported crime, 2 observed disorder, 3 perceived insecurity,
    /// 4 environment, 5 system threat.
    pub const OBSERVATION_KIND: u16 = 3;
    /// Priority area, of the code list.
    pub const PRIORITY: u16 = 4;
    /// The party that owns the object.
    pub const OWNER: u16 = 5;
    /// Kind of that party: 1 municipal, 2 police, 3 other.
    pub const OWNER_KIND: u16 = 6;
    /// The area whose picture it is in.
    pub const AREA: u16 = 7;
    /// The labels.
    pub const LABELS: u16 = 8;
    /// Level of the finding's geography: 1 place, 2 sub-area, 3 district.
    pub const GEOGRAPHY: u16 = 9;
    /// Code of the period, such as `2025-W40`.
    pub const PERIOD: u16 = 10;
    /// Id of the finding's geography; with the category it is the finding's key.
    pub const GEOGRAPHY_ID: u16 = 11;
}

/// Numbers of the fields of labels (*märkning*).
pub mod labels {
    /// Level, 0 to 3.
    pub const LEVEL: u16 = 1;
    /// Party, organisation or group ids, or `signatories`; empty is the owner alone.
    pub const AUDIENCE: u16 = 2;
    /// Purposes, of the code list.
    pub const PURPOSES: u16 = 3;
    /// Regime, of the code list.
    pub const REGIME: u16 = 4;
    /// Secrecy provisions, of the code list.
    pub const SECRECY_PROVISIONS: u16 = 5;
    /// Kept until, in microseconds since 1970.
    pub const RETAIN_UNTIL: u16 = 6;
    /// Whether it relates to persons.
    pub const PERSON_RELATED: u16 = 7;
    /// Whether it is of a special category of personal data.
    pub const SPECIAL_CATEGORY: u16 = 8;
    /// Whether its owner decides on every further use.
    pub const ORIGINATOR_CONTROL: u16 = 9;
    /// Not shown before, in microseconds since 1970.
    pub const EMBARGO_UNTIL: u16 = 10;
    /// Whether receivers may pass it on.
    pub const ONWARD_SHARING: u16 = 11;
}

/// Numbers of the fields of a place (group 1).
pub mod place {
    /// Registered place.
    pub const PLACE: u16 = 1;
    /// Sub-area.
    pub const SUB_AREA: u16 = 2;
    /// Area, which is the district.
    pub const AREA: u16 = 3;
    /// Latitude, WGS 84, in 1e-7 degree.
    pub const LATITUDE: u16 = 4;
    /// Longitude, WGS 84, in 1e-7 degree.
    pub const LONGITUDE: u16 = 5;
}

/// Numbers of the fields of a time (group 2), in microseconds since 1970.
pub mod time {
    /// Start, inside.
    pub const STARTS: u16 = 1;
    /// End, outside.
    pub const ENDS: u16 = 2;
}

/// Numbers of the fields of counts (group 3).
pub mod counts {
    /// How many events.
    pub const COUNT: u16 = 1;
    /// Kind of source, of the code list.
    pub const SOURCE_KIND: u16 = 2;
    /// The least that a band allows.
    pub const LOWER: u16 = 3;
    /// What a band stays below.
    pub const BELOW: u16 = 4;
}

/// Numbers of the fields of an assessment or decision (group 4).
pub mod assessment {
    /// Severity, 1 to 5.
    pub const SEVERITY: u16 = 1;
    /// Trend: 1 down, 2 flat, 3 up.
    pub const TREND: u16 = 2;
    /// What it rests on: 1 fact, 2 assessment, 3 estimate.
    pub const BASIS: u16 = 3;
    /// Reliability of the source: 1 to 6 for A to F.
    pub const RELIABILITY: u16 = 4;
    /// Credibility of the information, 1 to 6.
    pub const CREDIBILITY: u16 = 5;
    /// Name of the field that is decided or dissented on.
    pub const FIELD: u16 = 6;
    /// The value decided: a severity, the code of a trend, or 0: no joint value, all stand.
    pub const OUTCOME: u16 = 7;
    /// Ids of the objects whose values the decision is between.
    pub const CANDIDATES: u16 = 8;
    /// The parties that decided.
    pub const DECIDED_BY: u16 = 9;
    /// Whether it is a dissent (*avvikande mening*).
    pub const DISSENT: u16 = 10;
}

/// Number of the field of a text (group 5).
pub mod text {
    /// The note, reason or analysis.
    pub const TEXT: u16 = 1;
}

/// Numbers of the fields of a provenance (group 6).
pub mod provenance {
    /// The service that published it.
    pub const SERVICE: u16 = 1;
    /// Digest of the manifest in which the publisher signed it.
    pub const MANIFEST: u16 = 2;
}

/// Numbers of the fields of a treatment: how a variant was made.
pub mod treatment {
    /// The field that holds the treatment in every value of variants 1 to 3.
    pub const FIELD: u16 = 15;
    /// Id of the profile.
    pub const PROFILE: u16 = 1;
    /// Name of the method.
    pub const METHOD: u16 = 2;
    /// The parameters.
    pub const PARAMETERS: u16 = 3;
    /// Greatest distance from the exact value, where there is one.
    pub const BOUND: u16 = 4;
    /// Name of a parameter.
    pub const PARAMETER_NAME: u16 = 1;
    /// Value of a parameter.
    pub const PARAMETER_VALUE: u16 = 2;
}

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// An integer from the least to the greatest.
    Integer(i64, i64),
    /// A text.
    Text,
    /// Bytes of that length.
    Bytes(usize),
    /// A bool.
    Bool,
    /// A set of texts.
    Texts,
    /// A set of bytes of that length.
    BytesSet(usize),
    /// A message of that table.
    Message(&'static str, Table),
    /// A set of messages of that table.
    Messages(&'static str, Table),
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its number.
    pub number: u16,
    /// Its name on the protocol page.
    pub name: &'static str,
    /// What it may hold.
    pub holds: Type,
    /// Whether it must be there.
    pub always: bool,
    /// The fields that must be there when it is.
    pub with: &'static [u16],
}

/// The fields of a message, in ascending order of number.
pub type Table = &'static [Field];

/// What a position of a kind of object may hold.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The fields; none where only `absent` is allowed.
    pub table: Table,
    /// Whether the value may be `absent`.
    pub absent: bool,
}

const TIME: Type = Type::Integer(i64::MIN, i64::MAX);
const NUMBER: Type = Type::Integer(i64::MIN, i64::MAX);
const COUNT: Type = Type::Integer(0, i64::MAX);

const LABELS: Table = &[
    always(labels::LEVEL, "level", Type::Integer(0, 3)),
    always(labels::AUDIENCE, "audience", Type::Texts),
    always(labels::PURPOSES, "purposes", Type::Texts),
    always(labels::REGIME, "regime", Type::Text),
    always(labels::SECRECY_PROVISIONS, "secrecy_provisions", Type::Texts),
    optional(labels::RETAIN_UNTIL, "retain_until", TIME),
    always(labels::PERSON_RELATED, "person_related", Type::Bool),
    always(labels::SPECIAL_CATEGORY, "special_category", Type::Bool),
    always(labels::ORIGINATOR_CONTROL, "originator_control", Type::Bool),
    optional(labels::EMBARGO_UNTIL, "embargo_until", TIME),
    always(labels::ONWARD_SHARING, "onward_sharing", Type::Bool),
];

const PARAMETER: Table = &[
    always(treatment::PARAMETER_NAME, "name", Type::Text),
    always(treatment::PARAMETER_VALUE, "value", NUMBER),
];

const TREATMENT: Table = &[
    always(treatment::PROFILE, "profile", Type::Text),
    always(treatment::METHOD, "method", Type::Text),
    always(treatment::PARAMETERS, "parameters", Type::Messages("parameter", PARAMETER)),
    optional(treatment::BOUND, "bound", COUNT),
];

const TREATED: Field = always(treatment::FIELD, "treatment", Type::Message("treatment", TREATMENT));

const IDENTITY: Table = &[
    always(identity::KIND, "kind", Type::Integer(1, 6)),
    always(identity::CATEGORY, "category", Type::Text),
    always(identity::OBSERVATION_KIND, "observation_kind", Type::Integer(1, 5)),
    always(identity::PRIORITY, "priority", Type::Text),
    always(identity::OWNER, "owner", Type::Text),
    always(identity::OWNER_KIND, "owner_kind", Type::Integer(1, 3)),
    always(identity::AREA, "area", Type::Text),
    always(identity::LABELS, "labels", Type::Message("labels", LABELS)),
    always(identity::GEOGRAPHY, "geography", Type::Integer(1, 3)),
];

const DECISION_IDENTITY: Table = &[
    always(identity::KIND, "kind", Type::Integer(1, 6)),
    always(identity::CATEGORY, "category", Type::Text),
    always(identity::AREA, "area", Type::Text),
    always(identity::LABELS, "labels", Type::Message("labels", LABELS)),
    always(identity::GEOGRAPHY, "geography", Type::Integer(1, 3)),
    always(identity::PERIOD, "period", Type::Text),
    always(identity::GEOGRAPHY_ID, "geography_id", Type::Text),
];

const ANALYSIS_IDENTITY: Table = &[
    always(identity::KIND, "kind", Type::Integer(1, 6)),
    always(identity::AREA, "area", Type::Text),
    always(identity::LABELS, "labels", Type::Message("labels", LABELS)),
    always(identity::PERIOD, "period", Type::Text),
];

const PLACE: Table = &[
    optional(place::PLACE, "place", Type::Text).with(&[place::SUB_AREA]),
    optional(place::SUB_AREA, "sub_area", Type::Text),
    always(place::AREA, "area", Type::Text),
    optional(place::LATITUDE, "lat_e7", Type::Integer(-900_000_000, 900_000_000))
        .with(&[place::SUB_AREA, place::LONGITUDE]),
    optional(place::LONGITUDE, "lon_e7", Type::Integer(-1_800_000_000, 1_800_000_000))
        .with(&[place::SUB_AREA, place::LATITUDE]),
];

const REGISTERED_PLACE: Table = &[
    optional(place::PLACE, "place", Type::Text).with(&[place::SUB_AREA]),
    optional(place::SUB_AREA, "sub_area", Type::Text),
    always(place::AREA, "area", Type::Text),
];

const PLACE_SUB_AREA: Table = &[
    optional(place::SUB_AREA, "sub_area", Type::Text),
    always(place::AREA, "area", Type::Text),
    TREATED,
];

const PLACE_DISTRICT: Table = &[always(place::AREA, "area", Type::Text), TREATED];

const PERIOD: Table = &[always(time::STARTS, "starts", TIME), always(time::ENDS, "ends", TIME)];

const COUNTS: Table = &[
    optional(counts::COUNT, "count", COUNT),
    optional(counts::SOURCE_KIND, "source_kind", Type::Text),
];

const COUNTS_BAND: Table = &[
    optional(counts::SOURCE_KIND, "source_kind", Type::Text),
    always(counts::LOWER, "lower", COUNT),
    always(counts::BELOW, "below", COUNT),
    TREATED,
];

const COUNTS_PERTURBED: Table = &[
    always(counts::COUNT, "count", COUNT),
    optional(counts::SOURCE_KIND, "source_kind", Type::Text),
    TREATED,
];

const ASSESSMENT: Table = &[
    optional(assessment::SEVERITY, "severity", Type::Integer(1, 5)),
    optional(assessment::TREND, "trend", Type::Integer(1, 3)),
    optional(assessment::BASIS, "basis", Type::Integer(1, 3)),
    optional(assessment::RELIABILITY, "reliability", Type::Integer(1, 6)),
    optional(assessment::CREDIBILITY, "credibility", Type::Integer(1, 6)),
];

/// Of an assessment: it rests on nothing else than itself.
const ASSESSED: Table = &[
    optional(assessment::SEVERITY, "severity", Type::Integer(1, 5)),
    optional(assessment::TREND, "trend", Type::Integer(1, 3)),
    always(assessment::BASIS, "basis", Type::Integer(2, 2)),
    optional(assessment::RELIABILITY, "reliability", Type::Integer(1, 6)),
    optional(assessment::CREDIBILITY, "credibility", Type::Integer(1, 6)),
];

const DECISION: Table = &[
    always(assessment::FIELD, "field", Type::Text),
    optional(assessment::OUTCOME, "outcome", Type::Integer(0, 5)),
    always(assessment::CANDIDATES, "candidates", Type::BytesSet(16)),
    always(assessment::DECIDED_BY, "decided_by", Type::Texts),
    always(assessment::DISSENT, "dissent", Type::Bool),
];

const TEXT: Table = &[always(text::TEXT, "text", Type::Text)];

const PROVENANCE: Table = &[
    always(provenance::SERVICE, "service", Type::Text),
    optional(provenance::MANIFEST, "manifest", Type::Bytes(32)),
];

const fn always(number: u16, name: &'static str, holds: Type) -> Field {
    Field { number, name, holds, always: true, with: &[] }
}

const fn optional(number: u16, name: &'static str, holds: Type) -> Field {
    Field { number, name, holds, always: false, with: &[] }
}

impl Field {
    const fn with(self, with: &'static [u16]) -> Self {
        Self { with, ..self }
    }
}

/// What `position` of an object of `kind` may hold, or nothing where no value can be made:
/// variants that are not defined, and group 7.
#[must_use]
pub const fn form(kind: ObjectKind, position: Position) -> Option<Form> {
    match kind {
        ObjectKind::Observation => observation(position.group(), position.variant()),
        ObjectKind::Series => series(position.group(), position.variant()),
        ObjectKind::Assessment => assessed(position.group(), position.variant()),
        ObjectKind::Cell => cell(position.group(), position.variant()),
        ObjectKind::Decision => decision(position.group(), position.variant()),
        ObjectKind::Analysis => analysis(position.group(), position.variant()),
    }
}

/// Refuses a value that `position` of an object of `kind` may not hold.
///
/// # Errors
/// With the number of the field that is unknown, missing, mistyped or out of range.
pub fn check(kind: ObjectKind, position: Position, value: &Message) -> Result<(), Error> {
    let form = form(kind, position).ok_or_else(|| Error::BadPosition(position.index()))?;
    if value.is_absent() && form.absent {
        return Ok(());
    }
    if let (Group::Identity, Some((identity::KIND, stated))) =
        (position.group(), value.fields().next())
        && *stated != Value::I64(kind.code().into())
    {
        return Err(Error::OutOfRange(identity::KIND));
    }
    check::message_of(form.table, value)?;
    let bound = |wanted| value.fields().find(|(number, _)| *number == wanted);
    match (position.group(), bound(counts::LOWER), bound(counts::BELOW)) {
        (Group::Counts, Some((_, Value::I64(lower))), Some((_, Value::I64(below))))
            if lower >= below =>
        {
            Err(Error::OutOfRange(counts::BELOW))
        }
        _ => Ok(()),
    }
}

/// A value that must be there.
const fn held(table: Table) -> Option<Form> {
    Some(Form { table, absent: false })
}

/// A value that may be `absent`.
const fn open(table: Table) -> Option<Form> {
    Some(Form { table, absent: true })
}

const fn observation(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Assessment, Variant::Exact) => open(ASSESSMENT),
        (Group::Text, Variant::Exact) => open(TEXT),
        (Group::Provenance, Variant::Exact) => open(PROVENANCE),
        (group, variant) => located(group, variant),
    }
}

const fn series(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Place, Variant::Exact) => held(REGISTERED_PLACE),
        (Group::Assessment, Variant::Exact) => open(&[]),
        (Group::Text, Variant::Exact) => open(TEXT),
        (Group::Provenance, Variant::Exact) => open(PROVENANCE),
        (group, variant) => located(group, variant),
    }
}

const fn assessed(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Place, Variant::Exact) => held(REGISTERED_PLACE),
        (Group::Counts, Variant::Exact) => open(&[]),
        (Group::Counts, _) => None,
        (Group::Assessment, Variant::Exact) => held(ASSESSED),
        (Group::Text, Variant::Exact) => open(TEXT),
        (Group::Provenance, Variant::Exact) => open(PROVENANCE),
        (group, variant) => located(group, variant),
    }
}

const fn cell(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Place, Variant::Exact) => held(REGISTERED_PLACE),
        (Group::Assessment | Group::Text, Variant::Exact) => open(&[]),
        (Group::Provenance, Variant::Exact) => open(PROVENANCE),
        (group, variant) => located(group, variant),
    }
}

/// The groups that observations, points of series, assessments and cells have in common.
const fn located(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Identity, Variant::Exact) => held(IDENTITY),
        (Group::Place, Variant::Exact) => held(PLACE),
        (Group::Place, Variant::First) => held(PLACE_SUB_AREA),
        (Group::Place, Variant::Second) => held(PLACE_DISTRICT),
        (Group::Time, Variant::Exact) => held(PERIOD),
        (Group::Counts, Variant::Exact) => open(COUNTS),
        (Group::Counts, Variant::First) => open(COUNTS_BAND),
        (Group::Counts, Variant::Second) => open(COUNTS_PERTURBED),
        _ => None,
    }
}

const fn decision(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Identity, Variant::Exact) => held(DECISION_IDENTITY),
        (Group::Assessment, Variant::Exact) => held(DECISION),
        (Group::Text, Variant::Exact) => open(TEXT),
        (Group::Place | Group::Time | Group::Counts | Group::Provenance, Variant::Exact) => {
            open(&[])
        }
        _ => None,
    }
}

const fn analysis(group: Group, variant: Variant) -> Option<Form> {
    match (group, variant) {
        (Group::Identity, Variant::Exact) => held(ANALYSIS_IDENTITY),
        (Group::Text, Variant::Exact) => open(TEXT),
        (Group::Reserved, _) => None,
        (_, Variant::Exact) => open(&[]),
        _ => None,
    }
}
