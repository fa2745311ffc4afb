//! A series of statistics (statistikserie) and an assessment (bedömning) on their way in: each
//! point of a series, and each assessment, is of one period.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{Basis, Content, Draft, Form, Labels, ObservationId, Period, Secret};

use super::{
    fault::Within,
    labels::{self, Bounds},
    observation::{self, Frame, ID_BYTES_MAX},
    publication::agreed_period,
    text,
};
use crate::{
    Reason,
    size::SERIES_POINTS_MAX,
    v1::{self, assessment, observation::Location, series},
};

/// Reads a series, a draft for each point; none when something in it is missing or refused.
pub(super) fn points(
    wire: v1::Series,
    frame: Frame<'_>,
    within: &mut Within<'_>,
) -> Option<Vec<Draft>> {
    let counted = counted(wire.points, frame, within);
    let first = counted.iter().map(|(period, _)| *period).min_by_key(|period| period.bounds().1);
    let near = first.map(|period| period.bounds().0);
    let id = observation::id(&wire.id, ObservationId::SERIES_BYTES_MAX, near, within);
    let category = observation::category(&wire.category, frame, within);
    let place = observation::place(wire.location.map(Location::from), frame, within);
    let source = observation::source(&wire.source_kind, frame, within);
    let note = text::collected(wire.note, text::Form::NOTE, near, within, "note");
    let labels: Arc<Labels> = labels_of(wire.labels, first, frame, within)?.into();
    let (id, category, (geography, _), source) = (id?, category?, place?, source?);
    let draft = |(period, count): (Period, Option<u32>)| {
        let (starts_at, ends_at) = period.bounds();
        let content = Content {
            form: Form::Series,
            category: category.id.clone(),
            kind: category.kind,
            priority: category.priority.clone(),
            geography: geography.clone(),
            starts_at,
            ends_at,
            count,
            severity: None,
            trend: None,
            basis: Basis::Fact,
            source: Some(source.clone()),
            reliability: None,
            credibility: None,
            labels: labels.clone(),
        };
        let secret = Secret { note: note.clone(), coordinates: None };
        Some(Draft { id: ObservationId::of_point(&id, period)?, content, secret })
    };
    counted.into_iter().map(draft).collect()
}

/// Reads an assessment; none when something in it is missing or refused.
pub(super) fn assessment(
    wire: v1::Assessment,
    frame: Frame<'_>,
    within: &mut Within<'_>,
) -> Option<Draft> {
    let period = within.take("period", own_period(wire.period, frame));
    let near = period.map(|period| period.bounds().0);
    let id = observation::id(&wire.id, ID_BYTES_MAX, near, within);
    let category = observation::category(&wire.category, frame, within);
    let place = observation::place(wire.location.map(Location::from), frame, within);
    let severity = within.take("severity", observation::severity(wire.severity));
    let trend = within.take("trend", observation::trend(wire.trend));
    let reliability = within.take("reliability", observation::reliability(&wire.reliability));
    let credibility = within.take("credibility", observation::credibility(wire.credibility));
    let note = text::collected(wire.text, text::Form::NOTE, near, within, "text");
    let labels = labels_of(wire.labels, period, frame, within);
    let (category, (geography, _), (starts_at, ends_at)) = (category?, place?, period?.bounds());
    let content = Content {
        form: Form::Assessment,
        category: category.id.clone(),
        kind: category.kind,
        priority: category.priority.clone(),
        geography,
        starts_at,
        ends_at,
        count: None,
        severity: severity?,
        trend: trend?,
        basis: Basis::Assessment,
        source: None,
        reliability: reliability?,
        credibility: credibility?,
        labels: labels?.into(),
    };
    Some(Draft { id: id?, content, secret: Secret { note, coordinates: None } })
}

/// The periods of a series with what was counted in each; those that are refused are left out.
fn counted(
    points: Vec<v1::SeriesPoint>,
    frame: Frame<'_>,
    within: &mut Within<'_>,
) -> Vec<(Period, Option<u32>)> {
    match points.len() {
        0 => within.refuse(Reason::MissingField, "points"),
        1..=SERIES_POINTS_MAX => {}
        _ => {
            within.refuse(Reason::TooLarge, "points");
            return Vec::new();
        }
    }
    let mut named = BTreeSet::new();
    let mut counted = Vec::with_capacity(points.len());
    for (i, point) in points.into_iter().enumerate() {
        let mut within = within.message(&format!("points[{i}]"));
        let period = within.take("period", own_period(point.period, frame));
        let count = within.take("count", observation::count(point.count));
        let fresh = period.is_none_or(|period| named.insert(period));
        if !fresh {
            within.refuse(Reason::DuplicateId, "period");
        }
        counted.extend(period.zip(count).filter(|_| fresh));
    }
    counted
}

/// The period of a point or an assessment: of an agreed kind, begun, and in a full replacement the
/// one that is replaced.
fn own_period(asked: Option<v1::Period>, frame: Frame<'_>) -> Result<Period, Reason> {
    let period = agreed_period(asked, frame.area, frame.registry)?;
    let (start, _) = period.bounds();
    if start > frame.now {
        return Err(Reason::FutureTime);
    }
    let replaced = frame.period.is_none_or(|replaced| replaced == period);
    if replaced { Ok(period) } else { Err(Reason::BadPeriod) }
}

/// What is said of a period is kept from its end on.
fn labels_of(
    asked: Option<v1::Labels>,
    period: Option<Period>,
    frame: Frame<'_>,
    within: &mut Within<'_>,
) -> Option<Labels> {
    let start = period.map(|period| period.bounds().1);
    let bounds = Bounds { registry: frame.registry, start, now: frame.now };
    labels::labels(asked, bounds, within, "labels")
}

impl From<series::Location> for Location {
    fn from(location: series::Location) -> Self {
        match location {
            series::Location::PlaceId(id) => Self::PlaceId(id),
            series::Location::SubAreaId(id) => Self::SubAreaId(id),
            series::Location::AreaId(id) => Self::AreaId(id),
        }
    }
}

impl From<assessment::Location> for Location {
    fn from(location: assessment::Location) -> Self {
        match location {
            assessment::Location::PlaceId(id) => Self::PlaceId(id),
            assessment::Location::SubAreaId(id) => Self::SubAreaId(id),
            assessment::Location::AreaId(id) => Self::AreaId(id),
        }
    }
}
