//! Series of statistics and assessments, written and read.

use samsyn_client::wire::{Assessment, Period, Series, SeriesPoint, Trend, assessment, series};
use serde_json::{Value, json};

use super::{
    Object,
    observation::{labelled, read_labels},
    reader::{BadForm, Fields, Node},
};

/// A series; what is not set is left out.
pub(crate) fn series(series: &Series) -> Value {
    let (place, id) = match &series.location {
        Some(series::Location::PlaceId(id)) => ("place_id", id.clone()),
        Some(series::Location::SubAreaId(id)) => ("sub_area_id", id.clone()),
        Some(series::Location::AreaId(id)) => ("area_id", id.clone()),
        None => ("place_id", String::new()),
    };
    Object::default()
        .set("id", series.id.clone())
        .set("category", series.category.clone())
        .set_if(place, id)
        .set_if("source_kind", series.source_kind.clone())
        .set("points", super::list(&series.points, point))
        .set_if("note", series.note.clone())
        .set_if("labels", series.labels.as_ref().map(labelled))
        .done()
}

fn point(point: &SeriesPoint) -> Value {
    json!({ "period": super::period(point.period.as_ref()), "count": point.count })
}

/// An assessment; what is not set is left out.
pub(crate) fn assessment(one: &Assessment) -> Value {
    let (place, id) = match &one.location {
        Some(assessment::Location::PlaceId(id)) => ("place_id", id.clone()),
        Some(assessment::Location::SubAreaId(id)) => ("sub_area_id", id.clone()),
        Some(assessment::Location::AreaId(id)) => ("area_id", id.clone()),
        None => ("place_id", String::new()),
    };
    Object::default()
        .set("id", one.id.clone())
        .set("category", one.category.clone())
        .set_if(place, id)
        .set_if("period", super::period(one.period.as_ref()))
        .set_if("severity", one.severity)
        .set_if("trend", super::trend(one.trend))
        .set_if("reliability", one.reliability.clone())
        .set_if("credibility", Some(one.credibility).filter(|grade| *grade > 0))
        .set_if("text", one.text.clone())
        .set_if("labels", one.labels.as_ref().map(labelled))
        .done()
}

/// Reads a series. What must be there is for the gateway to say.
pub(super) fn read_series(node: &Node<'_>) -> Result<Series, BadForm> {
    let mut fields = node.object()?;
    let series = Series {
        id: fields.text("id")?,
        category: fields.text("category")?,
        location: registered(&mut fields)?.map(|(name, id)| match name {
            "place_id" => series::Location::PlaceId(id),
            "sub_area_id" => series::Location::SubAreaId(id),
            _ => series::Location::AreaId(id),
        }),
        source_kind: fields.text("source_kind")?,
        points: fields.all("points", read_point)?,
        note: fields.text("note")?,
        labels: fields.take("labels").map(|node| read_labels(&node)).transpose()?,
    };
    fields.end()?;
    Ok(series)
}

fn read_point(node: &Node<'_>) -> Result<SeriesPoint, BadForm> {
    let mut fields = node.object()?;
    let point = SeriesPoint { period: period(&mut fields)?, count: fields.number("count")? };
    fields.end()?;
    Ok(point)
}

/// Reads an assessment. What must be there is for the gateway to say.
pub(super) fn read_assessment(node: &Node<'_>) -> Result<Assessment, BadForm> {
    let mut fields = node.object()?;
    let assessment = Assessment {
        id: fields.text("id")?,
        category: fields.text("category")?,
        location: registered(&mut fields)?.map(|(name, id)| match name {
            "place_id" => assessment::Location::PlaceId(id),
            "sub_area_id" => assessment::Location::SubAreaId(id),
            _ => assessment::Location::AreaId(id),
        }),
        period: period(&mut fields)?,
        severity: fields.number("severity")?,
        trend: fields
            .code("trend", "TREND_", Trend::from_str_name, "`down`, `flat` or `up`")?
            .map_or(0, i32::from),
        reliability: fields.text("reliability")?,
        credibility: fields.number("credibility")?.unwrap_or(0),
        text: fields.text("text")?,
        labels: fields.take("labels").map(|node| read_labels(&node)).transpose()?,
    };
    fields.end()?;
    Ok(assessment)
}

/// Which registered place is named, and how; never coordinates.
fn registered(fields: &mut Fields<'_>) -> Result<Option<(&'static str, String)>, BadForm> {
    let mut found = None;
    for name in ["place_id", "sub_area_id", "area_id"] {
        let Some(node) = fields.take(name) else { continue };
        if found.is_some() {
            return Err(node.bad("is a second location; give one of them"));
        }
        found = Some((name, node.text()?.to_owned()));
    }
    Ok(found)
}

fn period(fields: &mut Fields<'_>) -> Result<Option<Period>, BadForm> {
    let node = fields.take("period");
    node.map(|node| node.text().map(|code| Period { code: code.to_owned() })).transpose()
}
