//! A strict check of GeoJSON by RFC 7946, which shares nothing with what writes it.

use serde_json::{Map, Value};

/// All that is wrong with a collection of features.
pub(crate) fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(root) = document.as_object() else { return vec!["no object".into()] };
    if root.get("type") != Some(&Value::from("FeatureCollection")) {
        faults.push("no FeatureCollection".into());
    }
    // Section 7.1: members that would change what the object is.
    not_in(root, &["coordinates", "geometries", "geometry", "properties"], &mut faults);
    // Section 4: the member of the specification before this one.
    not_in(root, &["crs"], &mut faults);
    match root.get("features").and_then(Value::as_array) {
        None => faults.push("no features".into()),
        Some(features) => features.iter().for_each(|one| feature(one, &mut faults)),
    }
    faults
}

fn not_in(object: &Map<String, Value>, names: &[&str], faults: &mut Vec<String>) {
    let there = names.iter().filter(|name| object.contains_key(**name));
    faults.extend(there.map(|name| format!("a member `{name}` where there is none")));
}

fn feature(value: &Value, faults: &mut Vec<String>) {
    let Some(feature) = value.as_object() else {
        faults.push("a feature that is no object".into());
        return;
    };
    if feature.get("type") != Some(&Value::from("Feature")) {
        faults.push("a feature without its type".into());
    }
    not_in(feature, &["coordinates", "geometries", "features"], faults);
    if !feature.get("id").is_none_or(|id| id.is_string() || id.is_number()) {
        faults.push("an id that is neither text nor number".into());
    }
    match feature.get("properties") {
        Some(Value::Object(_) | Value::Null) => {}
        _ => faults.push("a feature without properties".into()),
    }
    match feature.get("geometry") {
        Some(Value::Null) => {}
        Some(Value::Object(geometry)) => self::geometry(geometry, faults),
        _ => faults.push("a feature without a geometry, be it null".into()),
    }
}

fn geometry(geometry: &Map<String, Value>, faults: &mut Vec<String>) {
    not_in(geometry, &["geometry", "properties", "features"], faults);
    let at = geometry.get("coordinates");
    let good = match (geometry.get("type").and_then(Value::as_str), at.and_then(Value::as_array)) {
        (Some("Point"), Some(position)) => is_position(position),
        (Some("MultiPoint"), Some(all)) => {
            all.iter().all(|one| one.as_array().is_some_and(|one| is_position(one)))
        }
        _ => false,
    };
    if !good {
        faults.push(format!("a geometry that is no point or points: {geometry:?}"));
    }
}

/// Longitude, latitude and at most a height.
fn is_position(position: &[Value]) -> bool {
    let numbers: Vec<f64> = position.iter().filter_map(Value::as_f64).collect();
    numbers.len() == position.len()
        && (2..=3).contains(&numbers.len())
        && (-180.0..=180.0).contains(&numbers[0])
        && (-90.0..=90.0).contains(&numbers[1])
}
