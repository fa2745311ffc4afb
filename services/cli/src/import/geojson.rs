//! GeoJSON (RFC 7946) as rows of cells: a feature is a row, a property is a cell. What is no
//! property has a name that begins with `@`: `@id`, `@lat`, `@lon`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    BadFile, Mapping, Rows, Wrong,
    decode::decode,
    named::{Draft, Items, item},
};

/// Names of what is no property.
const ID: &str = "@id";
const LAT: &str = "@lat";
const LON: &str = "@lon";
/// What writers of before RFC 7946 call the one system of coordinates that it knows.
const WGS_84: [&str; 2] = ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84"];

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    crs: Option<&'a RawValue>,
    features: Option<Items<'a>>,
}

impl Rows {
    /// The rows of a collection of features whose geometry is a point, or none. A feature with
    /// another geometry is a row that cannot be read.
    ///
    /// # Errors
    /// When the file is too large, is no collection of features, names another system of
    /// coordinates than WGS 84, or no feature has a property that the mapping names.
    pub(crate) fn of_geojson(file: &[u8], mapping: &Mapping) -> Result<Self, BadFile> {
        let text = decode(file, mapping.encoding)?;
        let Collection { kind, crs, features } = serde_json::from_str(&text)
            .map_err(|why| BadFile::Json { line: why.line(), column: why.column() })?;
        let kind = kind.and_then(|kind| item(kind).ok());
        let features = features.filter(|_| is(kind.as_ref(), "FeatureCollection"));
        let features = features.ok_or(BadFile::NoFeatures)?;
        if crs.is_some_and(|crs| !is_wgs_84(crs)) {
            return Err(BadFile::NotWgs84);
        }
        let features = features.within_limit().ok_or(BadFile::TooManyRows)?;
        let mut rows = Self::new(mapping);
        let columns = rows.columns().to_vec();
        let mut missing: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
        for name in [ID, LAT, LON] {
            missing.remove(name);
        }
        for (number, raw) in (1..).zip(features) {
            let mut row = Draft::new(&columns);
            match item(raw) {
                Ok(value) => feature(&value, &mut row, &mut missing),
                Err(wrong) => {
                    // It may have what the others have not.
                    missing.clear();
                    row.wrong(wrong);
                }
            }
            rows.push(number, row.done())?;
        }
        match missing.first().filter(|_| rows.len() > 0) {
            Some(column) => Err(BadFile::NoColumn { column: (*column).to_owned() }),
            None => Ok(rows),
        }
    }
}

fn is_wgs_84(crs: &RawValue) -> bool {
    let crs = item(crs).ok();
    let name = crs.as_ref().and_then(|crs| crs.pointer("/properties/name"));
    WGS_84.iter().any(|known| is(name, known))
}

fn is(value: Option<&Value>, text: &str) -> bool {
    value.and_then(Value::as_str) == Some(text)
}

/// Fills a row with what a feature says; properties that it has are no longer missing.
fn feature(value: &Value, row: &mut Draft<'_>, missing: &mut BTreeSet<&str>) {
    if !is(value.get("type"), "Feature") {
        row.wrong(Wrong::unreadable("", "the row is no feature; leave it out"));
        return;
    }
    if let Some(properties) = value.get("properties").and_then(Value::as_object) {
        for (name, value) in properties {
            missing.remove(name.as_str());
            row.set_json(name, value);
        }
    }
    if let Some(id) = value.get("id") {
        row.set_json(ID, id);
    }
    let Some(geometry) = value.get("geometry").filter(|geometry| !geometry.is_null()) else {
        return;
    };
    if !is(geometry.get("type"), "Point") {
        let reason = "the geometry is no point; give a point, or none and the name of a place";
        row.wrong(Wrong::unreadable("geometry", reason));
        return;
    }
    let at = geometry.get("coordinates").and_then(Value::as_array).map(Vec::as_slice);
    match at {
        // A third number is the height, which a picture does not have.
        Some([lon @ Value::Number(_), lat @ Value::Number(_)])
        | Some([lon @ Value::Number(_), lat @ Value::Number(_), Value::Number(_)]) => {
            row.set_json(LON, lon);
            row.set_json(LAT, lat);
        }
        Some(_) | None => {
            let reason = "the point is no longitude and latitude; write `[18.0686, 59.3293]`";
            row.wrong(Wrong::unreadable("geometry", reason));
        }
    }
}

#[cfg(test)]
mod tests;
