//! One observation as it was received, held against the opened leaves of its object.

use std::collections::BTreeSet;

use samsyn_domain::{Timestamp, registry::FieldGroup};
use samsyn_proto::v1::{self, observation::Location};

use super::{
    joint::id_of,
    object::{About, Amount, Assessment, Counts, Fields, Labels, Place, VerifiedObject},
};

/// Compares an observation with its object, both ways: no value without a leaf, no opened leaf
/// left out. Gives the number of values
/// shown, or the group that differs.
pub(super) fn observation(
    shown: &v1::Observation,
    object: &VerifiedObject,
) -> Result<usize, FieldGroup> {
    let fields = &object.fields;
    let groups = [
        (FieldGroup::Identity, identity(shown, object)),
        (FieldGroup::Place, place(shown.location.as_ref(), fields.place.value())),
        (FieldGroup::Time, time(shown, fields)),
        (FieldGroup::Counts, counts(shown, fields.counts.value())),
        (FieldGroup::Assessment, assessment(shown, fields.assessment.value())),
        (FieldGroup::Text, text(&shown.note, fields.text.value())),
    ];
    groups.into_iter().try_fold(0_usize, |sum, (group, values)| {
        values.map(|values| sum.saturating_add(values)).ok_or(group)
    })
}

fn identity(shown: &v1::Observation, object: &VerifiedObject) -> Option<usize> {
    let identity = &object.fields.identity;
    let About::Contribution { category, .. } = &identity.about else { return None };
    let same = shown.id == id_of(object)
        && shown.category == *category
        && shown.labels.as_ref().is_some_and(|shown| same_labels(shown, &identity.labels));
    // Id, category and the eleven labels.
    same.then_some(13)
}

fn same_labels(shown: &v1::Labels, opened: &Labels) -> bool {
    let set = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<String>>();
    let time = |shown: Option<(i64, i32)>, opened: Option<Timestamp>| {
        shown.map(|(seconds, nanos)| micros(seconds, nanos))
            == opened.map(|opened| Some(opened.micros()))
    };
    shown.level == u32::from(opened.level)
        && set(&shown.audience) == opened.audience
        && set(&shown.purposes) == opened.purposes
        && shown.regime == opened.regime
        && set(&shown.secrecy_provisions) == opened.secrecy_provisions
        && time(shown.retain_until.map(|t| (t.seconds, t.nanos)), opened.retain_until)
        && shown.person_related == opened.person_related
        && shown.special_category == opened.special_category
        && shown.originator_control == opened.originator_control
        && time(shown.embargo_until.map(|t| (t.seconds, t.nanos)), opened.embargo_until)
        && shown.onward_sharing == opened.onward_sharing
}

fn place(shown: Option<&Location>, opened: Option<&Place>) -> Option<usize> {
    let (Some(shown), Some(opened)) = (shown, opened) else {
        return (shown.is_none() && opened.is_none()).then_some(0);
    };
    let same = match shown {
        Location::PlaceId(id) => opened.place.as_ref() == Some(id),
        Location::SubAreaId(id) => opened.sub_area.as_ref() == Some(id),
        Location::AreaId(id) => opened.area == *id,
        Location::Coordinates(at) => opened.coordinates == Some((at.lat_e7, at.lon_e7)),
    };
    same.then_some(1)
}

fn time(shown: &v1::Observation, fields: &Fields) -> Option<usize> {
    let starts = shown.starts_at.map(|t| micros(t.seconds, t.nanos));
    let ends = shown.ends_at.map(|t| micros(t.seconds, t.nanos));
    match fields.time.value() {
        None => (starts.is_none() && ends.is_none()).then_some(0),
        Some((from, to)) => {
            let same = (starts, ends) == (Some(Some(from.micros())), Some(Some(to.micros())));
            same.then_some(2)
        }
    }
}

fn counts(shown: &v1::Observation, opened: Option<&Counts>) -> Option<usize> {
    let amount = opened.and_then(|opened| match opened.amount {
        Amount::Exact(count) => count,
        Amount::Perturbed(count) => Some(count),
        // An observation has no field for a band.
        Amount::Band { .. } => None,
    });
    let source = opened.and_then(|opened| opened.source.as_deref()).unwrap_or_default();
    let same = shown.count.map(u64::from) == amount && shown.source_kind == source;
    let values = usize::from(shown.count.is_some());
    same.then(|| values.saturating_add(usize::from(!source.is_empty())))
}

fn assessment(shown: &v1::Observation, opened: Option<&Assessment>) -> Option<usize> {
    let opened = match opened {
        Some(Assessment::Observation { severity, trend, basis, reliability, credibility }) => {
            [*severity, *trend, *basis, *reliability, *credibility]
        }
        Some(Assessment::Decision { .. }) => return None,
        None => [None; 5],
    };
    let reliability = match shown.reliability.as_str() {
        "" => None,
        letter => Some(i64::try_from("ABCDEF".find(letter)?.checked_add(1)?).ok()?),
    };
    let set = |number: i64| (number != 0).then_some(number);
    let shown = [
        shown.severity.map(i64::from),
        set(shown.trend.into()),
        set(shown.basis.into()),
        reliability,
        set(shown.credibility.into()),
    ];
    let same = shown.iter().zip(opened).all(|(shown, opened)| *shown == opened.map(i64::from));
    same.then(|| shown.iter().flatten().count())
}

fn text(shown: &str, opened: Option<&String>) -> Option<usize> {
    let opened = opened.map(String::as_str).unwrap_or_default();
    (shown == opened).then_some(usize::from(!shown.is_empty()))
}

/// A wire time in microseconds; none when it has parts of one.
fn micros(seconds: i64, nanos: i32) -> Option<i64> {
    if nanos.rem_euclid(1_000) != 0 {
        return None;
    }
    seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos.div_euclid(1_000)))
}
