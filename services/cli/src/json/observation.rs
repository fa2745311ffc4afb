//! Observations and labels, written and read.

use std::time::SystemTime;

use jiff::Timestamp;
use samsyn_client::wire::{Basis, Coordinates, Labels, Observation, Trend, observation::Location};
use serde_json::{Value, json};

use super::{
    Object,
    reader::{BadForm, Fields, Node},
};

const DEGREE: f64 = 1e7;

/// An observation; what is not set is left out.
pub(crate) fn observation(observation: &Observation) -> Value {
    let Observation { id, category, location, count, severity, note, labels, .. } = observation;
    let (place, value) = match location {
        Some(Location::PlaceId(id)) => ("place_id", id.clone().into()),
        Some(Location::SubAreaId(id)) => ("sub_area_id", id.clone().into()),
        Some(Location::AreaId(id)) => ("area_id", id.clone().into()),
        Some(Location::Coordinates(at)) => ("coordinates", point(*at)),
        None => ("place_id", Value::Null),
    };
    Object::default()
        .set("id", id.clone())
        .set("category", category.clone())
        .set_if(place, value)
        .set_if("starts_at", super::time(observation.starts_at.as_ref()))
        .set_if("ends_at", super::time(observation.ends_at.as_ref()))
        .set_if("count", *count)
        .set_if("severity", *severity)
        .set_if("trend", super::trend(observation.trend))
        .set_if("basis", super::basis(observation.basis))
        .set_if("source_kind", observation.source_kind.clone())
        .set_if("reliability", observation.reliability.clone())
        .set_if("credibility", Some(observation.credibility).filter(|grade| *grade > 0))
        .set_if("note", note.clone())
        .set_if("labels", labels.as_ref().map(labelled))
        .done()
}

/// Degrees of 1e-7 degree.
pub(crate) fn degrees(e7: i32) -> f64 {
    f64::from(e7) / DEGREE
}

fn point(at: Coordinates) -> Value {
    json!({ "lat": degrees(at.lat_e7), "lon": degrees(at.lon_e7) })
}

pub(super) fn labelled(labels: &Labels) -> Value {
    Object::default()
        .set("level", labels.level)
        .set("audience", labels.audience.clone())
        .set("purposes", labels.purposes.clone())
        .set("regime", labels.regime.clone())
        .set_if("secrecy_provisions", labels.secrecy_provisions.clone())
        .set_if("retain_until", super::time(labels.retain_until.as_ref()))
        .set_if("person_related", labels.person_related)
        .set_if("special_category", labels.special_category)
        .set_if("originator_control", labels.originator_control)
        .set_if("embargo_until", super::time(labels.embargo_until.as_ref()))
        .set_if("onward_sharing", labels.onward_sharing)
        .done()
}

/// Reads an observation. What must be there is for the gateway to say.
pub(super) fn read(node: &Node<'_>) -> Result<Observation, BadForm> {
    let mut fields = node.object()?;
    let observation = Observation {
        id: fields.text("id")?,
        category: fields.text("category")?,
        location: location(&mut fields)?,
        starts_at: time(&mut fields, "starts_at")?.map(|at| SystemTime::from(at).into()),
        ends_at: time(&mut fields, "ends_at")?.map(|at| SystemTime::from(at).into()),
        count: fields.number("count")?,
        severity: fields.number("severity")?,
        trend: fields
            .code("trend", "TREND_", Trend::from_str_name, "`down`, `flat` or `up`")?
            .map_or(0, i32::from),
        basis: fields
            .code("basis", "BASIS_", Basis::from_str_name, "`fact`, `assessment` or `estimate`")?
            .map_or(0, i32::from),
        source_kind: fields.text("source_kind")?,
        reliability: fields.text("reliability")?,
        credibility: fields.number("credibility")?.unwrap_or(0),
        note: fields.text("note")?,
        labels: fields.take("labels").map(|node| read_labels(&node)).transpose()?,
    };
    fields.end()?;
    Ok(observation)
}

fn location(fields: &mut Fields<'_>) -> Result<Option<Location>, BadForm> {
    let mut found: Option<Location> = None;
    for name in ["place_id", "sub_area_id", "area_id", "coordinates"] {
        let Some(node) = fields.take(name) else { continue };
        if found.is_some() {
            return Err(node.bad("is a second location; give one of them"));
        }
        found = Some(match name {
            "place_id" => Location::PlaceId(node.text()?.to_owned()),
            "sub_area_id" => Location::SubAreaId(node.text()?.to_owned()),
            "area_id" => Location::AreaId(node.text()?.to_owned()),
            _ => Location::Coordinates(read_coordinates(&node)?),
        });
    }
    Ok(found)
}

fn read_coordinates(node: &Node<'_>) -> Result<Coordinates, BadForm> {
    let mut fields = node.object()?;
    let mut degrees = |name: &str| match fields.take(name) {
        None => Err(node.bad("needs both `lat` and `lon`, in degrees")),
        Some(node) => node.decimal().map(|number| number.to_string()),
    };
    let (lat, lon) = (degrees("lat")?, degrees("lon")?);
    fields.end()?;
    let at = crate::import::point(&lat, &lon)
        .ok_or_else(|| node.bad("is no point on the globe; write degrees as `59.3293`"))?;
    Ok(Coordinates { lat_e7: at.lat_e7, lon_e7: at.lon_e7 })
}

pub(super) fn read_labels(node: &Node<'_>) -> Result<Labels, BadForm> {
    let mut fields = node.object()?;
    let labels = Labels {
        level: fields.number("level")?.unwrap_or(0),
        audience: fields.texts("audience")?,
        purposes: fields.texts("purposes")?,
        regime: fields.text("regime")?,
        secrecy_provisions: fields.texts("secrecy_provisions")?,
        retain_until: time(&mut fields, "retain_until")?.map(|at| SystemTime::from(at).into()),
        person_related: fields.bool("person_related")?,
        special_category: fields.bool("special_category")?,
        originator_control: fields.bool("originator_control")?,
        embargo_until: time(&mut fields, "embargo_until")?.map(|at| SystemTime::from(at).into()),
        onward_sharing: fields.bool("onward_sharing")?,
    };
    fields.end()?;
    Ok(labels)
}

fn time(fields: &mut Fields<'_>, name: &str) -> Result<Option<Timestamp>, BadForm> {
    let Some(node) = fields.take(name) else { return Ok(None) };
    let time = node.text()?.parse::<Timestamp>();
    time.map(Some).map_err(|_| node.bad("is no time; write it as `2025-09-29T14:05:00+02:00`"))
}
