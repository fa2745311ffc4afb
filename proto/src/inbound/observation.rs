//! One observation (iakttagelse) on its way in.

use samsyn_domain::{
    AreaId, Basis, COUNT_MAX, CategoryId, Content, Coordinates, Credibility, Draft, Form,
    Geography, ObservationId, Period, PlaceId, Reliability, SPAN_SECONDS_MAX, Secret, Severity,
    SourceId, SubAreaId, Timestamp, Trend,
    registry::{Category, Registry},
};

use super::{
    fault::Within,
    labels::{self, Bounds},
    text, value,
};
use crate::{Reason, v1};

/// The longest id of an observation or an assessment.
pub(super) const ID_BYTES_MAX: usize = 128;
/// How far a sender's clock may be ahead.
const AHEAD_SECONDS: i64 = 2 * 60;
/// 1990-01-01T00:00:00Z: nothing before it is of use in a picture.
const EARLIEST: Timestamp = Timestamp::from_micros(631_152_000_000_000);

/// What the observations of one publication have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) registry: &'a Registry,
    /// The area published to; none when it is refused, and then no place is looked up.
    pub(super) area: Option<&'a AreaId>,
    /// In which period they must start, in a full replacement.
    pub(super) period: Option<Period>,
    pub(super) now: Timestamp,
}

/// Reads an observation; none when something in it is missing or refused.
pub(super) fn draft(
    wire: v1::Observation,
    frame: Frame<'_>,
    within: &mut Within<'_>,
) -> Option<Draft> {
    let starts_at = within.take("starts_at", start(wire.starts_at, frame));
    let id = id(&wire.id, ID_BYTES_MAX, starts_at, within);
    let category = category(&wire.category, frame, within);
    let place = place(wire.location, frame, within);
    let ends_at = within.take("ends_at", end(wire.ends_at, starts_at));
    let count = within.take("count", count(wire.count));
    let severity = within.take("severity", severity(wire.severity));
    let trend = within.take("trend", trend(wire.trend));
    let basis = within.take("basis", basis(wire.basis));
    let source = source(&wire.source_kind, frame, within);
    let reliability = within.take("reliability", reliability(&wire.reliability));
    let credibility = within.take("credibility", credibility(wire.credibility));
    let note = text::collected(wire.note, text::Form::NOTE, starts_at, within, "note");
    let bounds = Bounds { registry: frame.registry, start: starts_at, now: frame.now };
    let labels = labels::labels(wire.labels, bounds, within, "labels");
    let (category, (geography, coordinates)) = (category?, place?);
    let content = Content {
        form: Form::Observation,
        category: category.id.clone(),
        kind: category.kind,
        priority: category.priority.clone(),
        geography,
        starts_at: starts_at?,
        ends_at: ends_at?,
        count: count?,
        severity: severity?,
        trend: trend?,
        basis: basis?,
        source: Some(source?),
        reliability: reliability?,
        credibility: credibility?,
        labels: labels?.into(),
    };
    Some(Draft { id: id?, content, secret: Secret { note, coordinates } })
}

/// The publisher's id, screened, of at most so many bytes.
pub(super) fn id(
    text: &str,
    bytes_max: usize,
    near: Option<Timestamp>,
    within: &mut Within<'_>,
) -> Option<ObservationId> {
    for fault in text::screened(text, near, &within.field("id")) {
        within.push(fault);
    }
    let fits = if text.len() > bytes_max { Err(Reason::FieldTooLong) } else { Ok(()) };
    within.take("id", fits.and_then(|()| observation_id(text)))
}

/// The publisher's id, in its form only.
pub(super) fn observation_id(text: &str) -> Result<ObservationId, Reason> {
    match text.len() {
        0 => Err(Reason::MissingField),
        1..=ID_BYTES_MAX => ObservationId::parse(text).map_err(|_| Reason::BadCharacters),
        _ => Err(Reason::FieldTooLong),
    }
}

fn start(asked: Option<prost_types::Timestamp>, frame: Frame<'_>) -> Result<Timestamp, Reason> {
    let start = value::required_time(asked)?;
    if start > frame.now.after_seconds(AHEAD_SECONDS) {
        return Err(Reason::FutureTime);
    }
    let outside = frame.period.is_some_and(|period| !period.contains(start));
    if start < EARLIEST || outside { Err(Reason::BadTime) } else { Ok(start) }
}

fn end(
    asked: Option<prost_types::Timestamp>,
    start: Option<Timestamp>,
) -> Result<Timestamp, Reason> {
    let end = value::required_time(asked)?;
    let fits = |start: Timestamp| start < end && end <= start.after_seconds(SPAN_SECONDS_MAX);
    if start.is_none_or(fits) { Ok(end) } else { Err(Reason::BadTime) }
}

/// Where, and the coordinates when that is how it was given.
pub(super) fn place(
    asked: Option<v1::observation::Location>,
    frame: Frame<'_>,
    within: &mut Within<'_>,
) -> Option<(Geography, Option<Coordinates>)> {
    use v1::observation::Location;
    let Some(asked) = asked else {
        within.refuse(Reason::MissingField, "location");
        return None;
    };
    let (registry, area) = (frame.registry, frame.area?);
    let inside = |found: Option<Geography>| match found {
        None => Err(Reason::UnknownCode),
        Some(geography) if geography.area == *area => Ok((geography, None)),
        Some(_) => Err(Reason::OutsideArea),
    };
    match asked {
        Location::PlaceId(id) => {
            let id = value::code(&id, PlaceId::parse);
            let found = id.and_then(|id| inside(registry.geography_of_place(&id)));
            within.take("place_id", found)
        }
        Location::SubAreaId(id) => {
            let id = value::code(&id, SubAreaId::parse);
            let found = id.and_then(|id| inside(registry.geography_of_sub_area(&id)));
            within.take("sub_area_id", found)
        }
        Location::AreaId(id) => {
            let id = value::code(&id, AreaId::parse);
            let found = id.and_then(|id| inside(registry.geography_of_area(&id)));
            within.take("area_id", found)
        }
        Location::Coordinates(v1::Coordinates { lat_e7, lon_e7 }) => {
            let at = Coordinates::on_globe(lat_e7, lon_e7);
            let found = at.and_then(|at| Some((registry.resolve(area, at).ok()?.0, Some(at))));
            within.take("coordinates", found.ok_or(Reason::OutsideArea))
        }
    }
}

pub(super) fn count(asked: Option<u32>) -> Result<Option<u32>, Reason> {
    if asked.is_some_and(|count| count > COUNT_MAX) { Err(Reason::BadField) } else { Ok(asked) }
}

/// The registered category.
pub(super) fn category<'a>(
    code: &str,
    frame: Frame<'a>,
    within: &mut Within<'_>,
) -> Option<&'a Category> {
    let category = value::code(code, CategoryId::parse)
        .and_then(|id| frame.registry.category(&id).ok_or(Reason::UnknownCode));
    within.take("category", category)
}

/// Where a number comes from.
pub(super) fn source(code: &str, frame: Frame<'_>, within: &mut Within<'_>) -> Option<SourceId> {
    let source = value::code(code, SourceId::parse)
        .and_then(|id| known(id, |id| frame.registry.lists().has_source(id)));
    within.take("source_kind", source)
}

pub(super) fn severity(asked: Option<u32>) -> Result<Option<Severity>, Reason> {
    asked.map(|grade| Severity::of(grade).ok_or(Reason::BadField)).transpose()
}

/// A grade; empty means that none is given.
pub(super) fn reliability(grade: &str) -> Result<Option<Reliability>, Reason> {
    let asked = Some(grade).filter(|grade| !grade.is_empty());
    asked.map(|grade| Reliability::of(grade).ok_or(Reason::BadField)).transpose()
}

/// A grade; 0 means that none is given.
pub(super) fn credibility(grade: u32) -> Result<Option<Credibility>, Reason> {
    let asked = Some(grade).filter(|grade| *grade != 0);
    asked.map(|grade| Credibility::of(grade).ok_or(Reason::BadField)).transpose()
}

pub(super) fn trend(number: i32) -> Result<Option<Trend>, Reason> {
    if number == 0 {
        return Ok(None);
    }
    Trend::of(number.into()).map(Some).ok_or(Reason::UnknownCode)
}

fn basis(number: i32) -> Result<Basis, Reason> {
    if number == 0 {
        return Err(Reason::MissingField);
    }
    Basis::of(number.into()).ok_or(Reason::UnknownCode)
}

fn known<T>(id: T, registered: impl FnOnce(&T) -> bool) -> Result<T, Reason> {
    if registered(&id) { Ok(id) } else { Err(Reason::UnknownCode) }
}
