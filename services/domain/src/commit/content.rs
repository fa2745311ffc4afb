//! The values of an object's groups, from primitive parts.
//!
//! Every maker checks its value against the tables of [`fields`](super::fields), so that what is
//! not in the protocol cannot be committed to. A group without any value becomes `absent`.

use std::fmt;

use super::Error;
use super::canonical::{Message, Value};
use super::fields::{
    assessment, check, counts, identity, labels, place, provenance, text, time, treatment,
};
use super::hash::Digest;
use super::object::{ObjectId, ObjectKind};
use super::position::{Group, Position, Variant};

/// Labels (*märkning*), part of every identity. Codes and ranges: [`labels`].
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    /// 0 to 3.
    pub level: i64,
    /// In any order, each once.
    pub audience: &'a [&'a str],
    /// In any order, each once.
    pub purposes: &'a [&'a str],
    /// Of the code list.
    pub regime: &'a str,
    /// In any order, each once.
    pub secrecy_provisions: &'a [&'a str],
    /// Microseconds since 1970.
    pub retain_until: Option<i64>,
    /// Whether it relates to persons.
    pub person_related: bool,
    /// Whether it is of a special category of personal data.
    pub special_category: bool,
    /// Whether its owner decides on every further use.
    pub originator_control: bool,
    /// Microseconds since 1970.
    pub embargo_until: Option<i64>,
    /// Whether receivers may pass it on.
    pub onward_sharing: bool,
}

/// Group 0 of an observation (*iakttagelse*), point of a series, assessment or cell. Codes:
/// [`identity`].
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// Category, of the code list.
    pub category: &'a str,
    /// 1 to 5.
    pub observation_kind: i64,
    /// Priority area, of the code list.
    pub priority: &'a str,
    /// The owning party.
    pub owner: &'a str,
    /// 1 municipal, 2 police, 3 other.
    pub owner_kind: i64,
    /// The area whose picture it is in.
    pub area: &'a str,
    /// Its labels.
    pub labels: Labels<'a>,
    /// Level of geography that the category registers: 1 place, 2 sub-area, 3 district.
    pub geography: i64,
}

/// Group 1: the finest unit that is named, or that coordinates were resolved to, and the units
/// around that.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Registered place; only inside a sub-area.
    pub place: Option<&'a str>,
    /// Sub-area.
    pub sub_area: Option<&'a str>,
    /// Area, which is the district.
    pub area: &'a str,
    /// Latitude and longitude, WGS 84, in 1e-7 degree; of observations alone, and only with what
    /// they were resolved to.
    pub coordinates: Option<(i64, i64)>,
}

/// Group 4 of an observation or an assessment. Codes and ranges: [`assessment`].
#[derive(Clone, Copy, Default)]
pub struct Assessment {
    /// 1 to 5.
    pub severity: Option<i64>,
    /// 1 down, 2 flat, 3 up.
    pub trend: Option<i64>,
    /// 1 fact, 2 assessment, 3 estimate.
    pub basis: Option<i64>,
    /// 1 to 6 for A to F.
    pub reliability: Option<i64>,
    /// 1 to 6.
    pub credibility: Option<i64>,
}

/// How a variant was made: the profile stands in the descriptor by its digest.
#[derive(Clone, Copy, Debug)]
pub struct Treatment<'a> {
    /// Id of the profile.
    pub profile: &'a str,
    /// Name of the method.
    pub method: &'a str,
    /// Names and values, in any order, each once.
    pub parameters: &'a [(&'a str, i64)],
    /// Greatest distance from the exact value, where there is one.
    pub bound: Option<i64>,
}

/// Groups 0 and 4 of a decision on a conflict, or of a dissent (*avvikande mening*).
#[derive(Clone, Copy)]
pub struct Decision<'a> {
    /// The area.
    pub area: &'a str,
    /// Code of the period, such as `2025-W40`.
    pub period: &'a str,
    /// Level of the finding's geography: 1 place, 2 sub-area, 3 district.
    pub geography: i64,
    /// Id of the finding's geography; with the category it is the finding's key.
    pub geography_id: &'a str,
    /// The finding's category.
    pub category: &'a str,
    /// Its labels.
    pub labels: Labels<'a>,
    /// Name of the field decided or dissented on.
    pub field: &'a str,
    /// The value decided: a severity, the code of a trend, or 0 where all stand without a joint
    /// value; none for a dissent, and none while functions that must act have not agreed.
    pub outcome: Option<i64>,
    /// The objects whose values it is between, in any order, each once.
    pub candidates: &'a [ObjectId],
    /// The parties that decided, in any order, each once.
    pub decided_by: &'a [&'a str],
    /// Whether it is a dissent.
    pub dissent: bool,
}

/// Group 0 of the joint analysis (*gemensam analys*).
#[derive(Clone, Copy)]
pub struct AnalysisIdentity<'a> {
    /// The area.
    pub area: &'a str,
    /// Code of the period, such as `2025-W40`.
    pub period: &'a str,
    /// Its labels.
    pub labels: Labels<'a>,
}

impl Labels<'_> {
    pub(super) fn message(&self) -> Result<Message, Error> {
        Ok(Message::new()
            .with(labels::LEVEL, self.level)
            .with(labels::AUDIENCE, texts(self.audience)?)
            .with(labels::PURPOSES, texts(self.purposes)?)
            .with(labels::REGIME, self.regime)
            .with(labels::SECRECY_PROVISIONS, texts(self.secrecy_provisions)?)
            .with_opt(labels::RETAIN_UNTIL, self.retain_until)
            .with(labels::PERSON_RELATED, self.person_related)
            .with(labels::SPECIAL_CATEGORY, self.special_category)
            .with(labels::ORIGINATOR_CONTROL, self.originator_control)
            .with_opt(labels::EMBARGO_UNTIL, self.embargo_until)
            .with(labels::ONWARD_SHARING, self.onward_sharing))
    }
}

impl Identity<'_> {
    /// The value of group 0 of an observation.
    ///
    /// # Errors
    /// When a code is out of range or a label repeated.
    pub fn observation(&self) -> Result<Message, Error> {
        self.value(ObjectKind::Observation)
    }

    /// The value of group 0 of a point of a series.
    ///
    /// # Errors
    /// As [`Identity::observation`].
    pub fn series(&self) -> Result<Message, Error> {
        self.value(ObjectKind::Series)
    }

    /// The value of group 0 of an assessment.
    ///
    /// # Errors
    /// As [`Identity::observation`].
    pub fn assessment(&self) -> Result<Message, Error> {
        self.value(ObjectKind::Assessment)
    }

    /// The value of group 0 of a cell.
    ///
    /// # Errors
    /// As [`Identity::observation`].
    pub fn cell(&self) -> Result<Message, Error> {
        self.value(ObjectKind::Cell)
    }

    fn value(&self, kind: ObjectKind) -> Result<Message, Error> {
        let message = Message::new()
            .with(identity::KIND, i64::from(kind.code()))
            .with(identity::CATEGORY, self.category)
            .with(identity::OBSERVATION_KIND, self.observation_kind)
            .with(identity::PRIORITY, self.priority)
            .with(identity::OWNER, self.owner)
            .with(identity::OWNER_KIND, self.owner_kind)
            .with(identity::AREA, self.area)
            .with(identity::LABELS, self.labels.message()?)
            .with(identity::GEOGRAPHY, self.geography);
        checked(kind, Group::Identity, Variant::Exact, message)
    }
}

impl Place<'_> {
    /// Whether the exact value must be sealed: it holds coordinates.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.coordinates.is_some()
    }

    /// The value of variant 0: as published.
    ///
    /// # Errors
    /// When there is a place or coordinates without a sub-area, or coordinates off the globe.
    pub fn exact(&self) -> Result<Message, Error> {
        let message = Message::new()
            .with_opt(place::PLACE, self.place)
            .with_opt(place::SUB_AREA, self.sub_area)
            .with(place::AREA, self.area)
            .with_opt(place::LATITUDE, self.coordinates.map(|(latitude, _)| latitude))
            .with_opt(place::LONGITUDE, self.coordinates.map(|(_, longitude)| longitude));
        observed(Group::Place, Variant::Exact, message)
    }

    /// The value of variant 1: no finer than a sub-area.
    ///
    /// # Errors
    /// When the treatment repeats a parameter.
    pub fn sub_area(&self, treatment: &Treatment<'_>) -> Result<Message, Error> {
        let message = Message::new()
            .with_opt(place::SUB_AREA, self.sub_area)
            .with(place::AREA, self.area)
            .with(treatment::FIELD, treatment.message()?);
        observed(Group::Place, Variant::First, message)
    }

    /// The value of variant 2: the district.
    ///
    /// # Errors
    /// When the treatment repeats a parameter.
    pub fn district(&self, treatment: &Treatment<'_>) -> Result<Message, Error> {
        let message = Message::new()
            .with(place::AREA, self.area)
            .with(treatment::FIELD, treatment.message()?);
        observed(Group::Place, Variant::Second, message)
    }
}

impl Assessment {
    /// The value of group 4 of an observation.
    ///
    /// # Errors
    /// When a code is out of range.
    pub fn value(&self) -> Result<Message, Error> {
        observed(Group::Assessment, Variant::Exact, self.message())
    }

    /// The value of group 4 of an assessment (*bedömning*).
    ///
    /// # Errors
    /// When a code is out of range, or it rests on something else than an assessment.
    pub fn assessed(&self) -> Result<Message, Error> {
        checked(ObjectKind::Assessment, Group::Assessment, Variant::Exact, self.message())
    }

    fn message(&self) -> Message {
        Message::new()
            .with_opt(assessment::SEVERITY, self.severity)
            .with_opt(assessment::TREND, self.trend)
            .with_opt(assessment::BASIS, self.basis)
            .with_opt(assessment::RELIABILITY, self.reliability)
            .with_opt(assessment::CREDIBILITY, self.credibility)
    }
}

impl Treatment<'_> {
    fn message(&self) -> Result<Message, Error> {
        let parameters = self.parameters.iter().map(|(name, value)| {
            Message::new()
                .with(treatment::PARAMETER_NAME, *name)
                .with(treatment::PARAMETER_VALUE, *value)
                .into()
        });
        Ok(Message::new()
            .with(treatment::PROFILE, self.profile)
            .with(treatment::METHOD, self.method)
            .with(treatment::PARAMETERS, Value::set(parameters)?)
            .with_opt(treatment::BOUND, self.bound))
    }
}

impl Decision<'_> {
    /// The value of group 0 of a decision.
    ///
    /// # Errors
    /// When a code is out of range or a label repeated.
    pub fn identity(&self) -> Result<Message, Error> {
        let message = Message::new()
            .with(identity::KIND, i64::from(ObjectKind::Decision.code()))
            .with(identity::CATEGORY, self.category)
            .with(identity::AREA, self.area)
            .with(identity::LABELS, self.labels.message()?)
            .with(identity::GEOGRAPHY, self.geography)
            .with(identity::PERIOD, self.period)
            .with(identity::GEOGRAPHY_ID, self.geography_id);
        checked(ObjectKind::Decision, Group::Identity, Variant::Exact, message)
    }

    /// The value of group 4 of a decision; its reason is a [`text()`].
    ///
    /// # Errors
    /// When a candidate or party is repeated.
    pub fn outcome(&self) -> Result<Message, Error> {
        let candidate = |candidate: &ObjectId| candidate.as_bytes().as_slice().into();
        let message = Message::new()
            .with(assessment::FIELD, self.field)
            .with_opt(assessment::OUTCOME, self.outcome)
            .with(assessment::CANDIDATES, Value::set(self.candidates.iter().map(candidate))?)
            .with(assessment::DECIDED_BY, texts(self.decided_by)?)
            .with(assessment::DISSENT, self.dissent);
        checked(ObjectKind::Decision, Group::Assessment, Variant::Exact, message)
    }
}

impl AnalysisIdentity<'_> {
    /// The value of group 0 of an analysis; what it says is a [`text()`].
    ///
    /// # Errors
    /// When a code is out of range or a label repeated.
    pub fn value(&self) -> Result<Message, Error> {
        let message = Message::new()
            .with(identity::KIND, i64::from(ObjectKind::Analysis.code()))
            .with(identity::AREA, self.area)
            .with(identity::LABELS, self.labels.message()?)
            .with(identity::PERIOD, self.period);
        checked(ObjectKind::Analysis, Group::Identity, Variant::Exact, message)
    }
}

/// Group 2: start inside, end outside, in microseconds since 1970.
#[must_use]
pub fn time(starts: i64, ends: i64) -> Message {
    Message::new().with(time::STARTS, starts).with(time::ENDS, ends)
}

/// Group 3, variant 0: as published.
///
/// # Errors
/// When the count is negative.
pub fn counts(count: Option<i64>, source_kind: Option<&str>) -> Result<Message, Error> {
    let message =
        Message::new().with_opt(counts::COUNT, count).with_opt(counts::SOURCE_KIND, source_kind);
    observed(Group::Counts, Variant::Exact, message)
}

/// Group 3, variant 1: at least `lower` and less than `below`.
///
/// # Errors
/// When a bound is negative, the band is empty, or the treatment repeats a parameter.
pub fn counts_band(
    lower: i64,
    below: i64,
    source_kind: Option<&str>,
    treatment: &Treatment<'_>,
) -> Result<Message, Error> {
    let message = Message::new()
        .with_opt(counts::SOURCE_KIND, source_kind)
        .with(counts::LOWER, lower)
        .with(counts::BELOW, below)
        .with(treatment::FIELD, treatment.message()?);
    observed(Group::Counts, Variant::First, message)
}

/// Group 3, variant 2: within the treatment's bound of the exact count.
///
/// # Errors
/// When the count is negative, or the treatment repeats a parameter.
pub fn counts_perturbed(
    count: i64,
    source_kind: Option<&str>,
    treatment: &Treatment<'_>,
) -> Result<Message, Error> {
    let message = Message::new()
        .with(counts::COUNT, count)
        .with_opt(counts::SOURCE_KIND, source_kind)
        .with(treatment::FIELD, treatment.message()?);
    observed(Group::Counts, Variant::Second, message)
}

/// Group 5: a note, a reason, or the analysis itself. Always sealed.
#[must_use]
pub fn text(text: Option<&str>) -> Message {
    Message::new().with_opt(text::TEXT, text)
}

/// Group 6: the publishing service, and the digest of the manifest it signed, if it did.
#[must_use]
pub fn provenance(service: &str, manifest: Option<&Digest>) -> Message {
    Message::new()
        .with(provenance::SERVICE, service)
        .with_opt(provenance::MANIFEST, manifest.map(|digest| digest.0.as_slice()))
}

/// The value of a group that has none.
#[must_use]
pub const fn absent() -> Message {
    Message::new()
}

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Labels(level {})", self.level)
    }
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl fmt::Debug for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assessment")
    }
}

impl fmt::Debug for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decision")
    }
}

impl fmt::Debug for AnalysisIdentity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnalysisIdentity")
    }
}

fn texts(items: &[&str]) -> Result<Value, Error> {
    Value::set(items.iter().map(|item| Value::from(*item)))
}

fn observed(group: Group, variant: Variant, message: Message) -> Result<Message, Error> {
    checked(ObjectKind::Observation, group, variant, message)
}

fn checked(
    kind: ObjectKind,
    group: Group,
    variant: Variant,
    message: Message,
) -> Result<Message, Error> {
    check(kind, Position::new(group, variant), &message)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        place: Some("farsta-centrum"),
        sub_area: Some("farsta"),
        area: "farsta",
        coordinates: None,
    };
    const BAND: Treatment<'_> =
        Treatment { profile: "p", method: "band", parameters: &[("base", 5)], bound: Some(4) };

    #[test]
    fn a_group_without_any_value_is_absent() {
        assert_eq!(counts(None, None), Ok(absent()));
        assert_eq!(Assessment::default().value(), Ok(absent()));
        assert_eq!(text(None), absent());
    }

    #[test]
    fn a_place_or_coordinates_need_the_sub_area_they_are_in() {
        let lost = Place { sub_area: None, ..PLACE };
        assert_eq!(lost.exact(), Err(Error::Missing(place::SUB_AREA)));
        let coordinates = Some((592_400_000, 180_900_000));
        assert!(Place { coordinates, place: None, ..PLACE }.exact().is_ok());
        let lost = Place { coordinates, place: None, ..lost };
        assert_eq!(lost.exact(), Err(Error::Missing(place::SUB_AREA)));
    }

    #[test]
    fn a_coarser_place_holds_nothing_finer() {
        let numbers = |value: Message| value.fields().map(|(number, _)| number).collect::<Vec<_>>();
        let coarse = Treatment { bound: None, ..BAND };
        assert_eq!(numbers(PLACE.sub_area(&coarse).unwrap()), [2, 3, 15]);
        assert_eq!(numbers(PLACE.district(&coarse).unwrap()), [3, 15]);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let severe = Assessment { severity: Some(6), ..Assessment::default() };
        assert_eq!(severe.value(), Err(Error::OutOfRange(assessment::SEVERITY)));
        assert_eq!(counts(Some(-1), None), Err(Error::OutOfRange(counts::COUNT)));
        assert_eq!(counts_band(5, 5, None, &BAND), Err(Error::OutOfRange(counts::BELOW)));
    }
}
