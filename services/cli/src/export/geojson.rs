//! A view as GeoJSON (RFC 7946).

use samsyn_client::wire::Finding;
use samsyn_domain::Coordinates;
use serde_json::{Map, Value, json};

use super::{Head, Place};
use crate::{
    json::{self, degrees},
    names::Names,
};

/// A collection of one feature a finding. What is said of the whole stands in the foreign member
/// `samsyn`. A feature without a place that may be shown has the geometry `null`.
pub(crate) fn geojson(head: &Head, findings: &[Finding], names: &Names) -> Value {
    let head = head.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let features: Value = findings.iter().map(|finding| feature(finding, names)).collect();
    json!({
        "type": "FeatureCollection",
        "samsyn": head.collect::<Map<_, _>>(),
        "features": features,
    })
}

fn feature(finding: &Finding, names: &Names) -> Value {
    let Place { geography, category, points } = Place::of(finding, names);
    let mut properties = json::finding(finding);
    if let Some(properties) = properties.as_object_mut() {
        let more = [
            ("geography", geography.to_owned()),
            ("geography_name", names.geography(geography)),
            ("category", category.to_owned()),
            ("category_name", names.category(category)),
        ];
        properties.extend(more.map(|(name, text)| (name.to_owned(), text.into())));
    }
    json!({
        "type": "Feature",
        "id": finding.id,
        "geometry": geometry(&points),
        "properties": properties,
    })
}

fn geometry(points: &[Coordinates]) -> Value {
    let position = |at: &Coordinates| json!([degrees(at.lon_e7), degrees(at.lat_e7)]);
    match points {
        [] => Value::Null,
        [at] => json!({ "type": "Point", "coordinates": position(at) }),
        many => json!({
            "type": "MultiPoint",
            "coordinates": many.iter().map(position).collect::<Value>(),
        }),
    }
}
