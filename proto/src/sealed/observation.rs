//! Observations, points of series and assessments: as their owner published them, and as a reader
//! sees them.

use samsyn_domain::{
    Basis, Content, Form, Geography, Labels, Observation, ObservationId, Secret,
    merge::{Assessed, Seen},
};

use super::value::{codes, period, time, trend};
use crate::v1::{self, observation::Location};

/// An observation for its owner.
pub(super) fn own(observation: &Observation, secret: Option<&Secret>) -> v1::Observation {
    let Observation { id, content, sealed: _ } = observation;
    published(id.as_str(), content, secret)
}

/// Content and secret as they are published.
pub(super) fn published(id: &str, content: &Content, secret: Option<&Secret>) -> v1::Observation {
    let coordinates = secret.and_then(|secret| secret.coordinates);
    let mut wire = v1::Observation {
        id: id.to_owned(),
        category: content.category.to_string(),
        location: Some(coordinates.map_or_else(|| resolved(&content.geography), exact)),
        starts_at: Some(time(content.starts_at)),
        ends_at: Some(time(content.ends_at)),
        count: content.count,
        source_kind: content.source.as_ref().map(ToString::to_string).unwrap_or_default(),
        note: secret.and_then(|secret| secret.note.clone()).unwrap_or_default(),
        labels: Some(labels(&content.labels)),
        ..v1::Observation::default()
    };
    assess(
        &mut wire,
        Assessed {
            severity: content.severity,
            trend: content.trend,
            basis: content.basis,
            reliability: content.reliability,
            credibility: content.credibility,
        },
    );
    wire
}

/// A point as a series of its own, for its owner; none when it is none.
pub(super) fn series(point: &Observation, secret: Option<&Secret>) -> Option<v1::Series> {
    let content = &point.content;
    let (id, of) = ObservationId::as_point(&point.id)?;
    Some(v1::Series {
        id: id.to_string(),
        category: content.category.to_string(),
        location: Some(match resolved(&content.geography) {
            Location::PlaceId(id) => v1::series::Location::PlaceId(id),
            Location::SubAreaId(id) => v1::series::Location::SubAreaId(id),
            Location::AreaId(id) => v1::series::Location::AreaId(id),
            Location::Coordinates(_) => return None,
        }),
        source_kind: content.source.as_ref()?.to_string(),
        points: vec![v1::SeriesPoint { period: Some(period(of)), count: content.count }],
        note: secret.and_then(|secret| secret.note.clone()).unwrap_or_default(),
        labels: Some(labels(&content.labels)),
    })
}

/// An assessment for its owner; none when it is of no period.
pub(super) fn assessment(one: &Observation, secret: Option<&Secret>) -> Option<v1::Assessment> {
    let content = &one.content;
    Some(v1::Assessment {
        id: one.id.to_string(),
        category: content.category.to_string(),
        location: Some(match resolved(&content.geography) {
            Location::PlaceId(id) => v1::assessment::Location::PlaceId(id),
            Location::SubAreaId(id) => v1::assessment::Location::SubAreaId(id),
            Location::AreaId(id) => v1::assessment::Location::AreaId(id),
            Location::Coordinates(_) => return None,
        }),
        period: Some(period(content.own_period()?)),
        severity: content.severity.map(|severity| u32::from(severity.grade())),
        trend: trend(content.trend),
        reliability: content.reliability.map(|r| r.grade().to_string()).unwrap_or_default(),
        credibility: content.credibility.map_or(0, |c| u32::from(c.grade())),
        text: secret.and_then(|secret| secret.note.clone()).unwrap_or_default(),
        labels: Some(labels(&content.labels)),
    })
}

/// What was contributed, in whatever form, as far as a reader may see it. A point rests on
/// counting and is not assessed.
pub(super) fn seen(seen: &Seen, secret: Option<&Secret>) -> v1::Observation {
    let coordinates =
        secret.filter(|_| seen.coordinates_shown).and_then(|secret| secret.coordinates);
    let place = seen.place_shown.then(|| resolved(&seen.geography));
    let note = secret.filter(|_| seen.text_shown).and_then(|secret| secret.note.clone());
    let mut wire = v1::Observation {
        id: seen.id.clone(),
        category: seen.category.to_string(),
        location: coordinates.map(exact).or(place),
        starts_at: seen.time.map(|(starts_at, _)| time(starts_at)),
        ends_at: seen.time.map(|(_, ends_at)| time(ends_at)),
        count: seen.count.as_ref().and_then(|(_, count)| *count),
        source_kind: seen.count.as_ref().map(|(by, _)| by.to_string()).unwrap_or_default(),
        note: note.unwrap_or_default(),
        labels: Some(labels(&seen.labels)),
        ..v1::Observation::default()
    };
    if let Some(assessed) = seen.assessment.filter(|_| seen.form != Form::Series) {
        assess(&mut wire, assessed);
    }
    wire
}

fn assess(wire: &mut v1::Observation, assessed: Assessed) {
    wire.severity = assessed.severity.map(|severity| u32::from(severity.grade()));
    wire.trend = trend(assessed.trend);
    wire.basis = basis(assessed.basis).into();
    wire.reliability = assessed.reliability.map(|r| r.grade().to_string()).unwrap_or_default();
    wire.credibility = assessed.credibility.map_or(0, |c| u32::from(c.grade()));
}

const fn basis(basis: Basis) -> v1::Basis {
    match basis {
        Basis::Fact => v1::Basis::Fact,
        Basis::Assessment => v1::Basis::Assessment,
        Basis::Estimate => v1::Basis::Estimate,
    }
}

const fn exact(at: samsyn_domain::Coordinates) -> Location {
    Location::Coordinates(v1::Coordinates { lat_e7: at.lat_e7, lon_e7: at.lon_e7 })
}

/// The finest part of a geography.
fn resolved(geography: &Geography) -> Location {
    match (&geography.place, &geography.sub_area) {
        (Some(place), _) => Location::PlaceId(place.to_string()),
        (None, Some(sub_area)) => Location::SubAreaId(sub_area.to_string()),
        (None, None) => Location::AreaId(geography.area.to_string()),
    }
}

/// Labels (märkning).
pub(super) fn labels(labels: &Labels) -> v1::Labels {
    v1::Labels {
        level: labels.level.level().into(),
        audience: codes(labels.audience.iter().map(|token| token.as_str())),
        purposes: codes(labels.purposes.iter().map(|purpose| purpose.as_str())),
        regime: labels.regime.as_str().to_owned(),
        secrecy_provisions: codes(labels.secrecy_provisions.iter().map(AsRef::as_ref)),
        retain_until: Some(time(labels.retain_until)),
        person_related: labels.person_related,
        special_category: labels.special_category,
        originator_control: labels.originator_control,
        embargo_until: labels.embargo_until.map(time),
        onward_sharing: labels.onward_sharing,
    }
}
