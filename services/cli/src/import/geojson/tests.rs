use super::*;
use crate::import::{Cause, ROWS_MAX, mapped, sample};

const LAYER: &[u8] = include_bytes!("../../../../../tests/fixtures/iakttagelser.geojson");
const MAPPING: &str = include_str!("../../../../../tests/fixtures/iakttagelser-geojson.toml");
const CSV: &[u8] = include_bytes!("../../../../../tests/fixtures/iakttagelser.csv");
const CSV_MAPPING: &str = include_str!("../../../../../tests/fixtures/iakttagelser.toml");

fn rows(text: &str) -> Result<Rows, BadFile> {
    Rows::of_geojson(text.as_bytes(), &Mapping::parse(MAPPING).unwrap())
}

/// A collection of one feature, with these properties that are always read.
fn one(geometry: &str) -> String {
    let properties = r#"{"Typ":"Klotter","Datum":"2025-09-01","Klockslag":null,"Plats":"Farsta",
        "Antal":1,"Allvar":null,"Utveckling":null,"Kommentar":null}"#;
    format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","id":7,
        "geometry":{geometry},"properties":{properties}}}]}}"#
    )
}

fn fault(geometry: &str) -> String {
    let rows = rows(&one(geometry)).unwrap();
    let line = rows.iter().next().unwrap();
    line.1.err().map(|wrong| format!("{}: {}", wrong.column, wrong.reason)).unwrap_or_default()
}

#[test]
fn a_layer_gives_what_the_same_table_gives() {
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let reading = sample::reading(&gazetteer, &defaults);
    let mapping = Mapping::parse(MAPPING).unwrap();
    let layer = Rows::of_geojson(LAYER, &mapping).unwrap();
    let layer = mapped(&layer, &mapping, reading, &mut |_, _| {}).unwrap();
    let mapping = Mapping::parse(CSV_MAPPING).unwrap();
    let table = Rows::of_csv(CSV, &mapping).unwrap();
    let table = mapped(&table, &mapping, reading, &mut |_, _| {}).unwrap();
    assert_eq!(layer.rows.len(), 6);
    assert_eq!(layer.rows, table.rows);
    let line = layer.faults.iter().find(|fault| fault.column == "geometry").unwrap();
    assert_eq!(line.cause, Cause::Unreadable);
    assert!(line.reason.starts_with("the geometry is no point"), "{}", line.reason);
}

#[test]
fn only_points_are_places() {
    assert_eq!(fault(r#"{"type":"Point","coordinates":[18.09,59.24]}"#), "");
    assert_eq!(fault("null"), "");
    for geometry in [
        r#"{"type":"Polygon","coordinates":[[[18.0,59.0],[18.1,59.0],[18.0,59.1],[18.0,59.0]]]}"#,
        r#"{"type":"MultiPoint","coordinates":[[18.0,59.0]]}"#,
        r#"{"type":"GeometryCollection","geometries":[]}"#,
        r#"{"coordinates":[18.0,59.0]}"#,
        "17",
    ] {
        assert!(fault(geometry).starts_with("geometry: the geometry is no point"), "{geometry}");
    }
    for at in ["[]", "[18.0]", "[18.0,\"59.0\"]", "[18.0,59.0,0,0]", "{}", "null"] {
        let geometry = format!(r#"{{"type":"Point","coordinates":{at}}}"#);
        assert!(fault(&geometry).starts_with("geometry: the point is no longitude"), "{at}");
    }
}

#[test]
fn what_is_no_feature_is_a_row_that_cannot_be_read() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for (item, reason) in [
        ("7", "the row is no feature"),
        (r#"{"type":"Point","coordinates":[18,59]}"#, "the row is no feature"),
        (deep.as_str(), "nested too deeply"),
        ("1e999", "number out of range"),
    ] {
        let text = one("null").replace("[{", &format!("[{item},{{"));
        let rows = rows(&text).unwrap();
        let wrong = rows.iter().next().unwrap().1.err().unwrap();
        assert!(wrong.reason.contains(reason), "{item}: {}", wrong.reason);
        assert!(rows.iter().nth(1).unwrap().1.is_ok());
    }
}

#[test]
fn properties_that_are_lists_are_refused_only_where_they_are_read() {
    let text = one("null").replace("\"Antal\":1", "\"Antal\":[1]");
    let reason = rows(&text).unwrap().iter().next().unwrap().1.err().unwrap().reason.clone();
    assert_eq!(reason, "the field holds a list or an object; give a text or a number");
    let text = one("null").replace("{\"Typ\"", "{\"Annat\":{\"x\":[1]},\"Typ\"");
    assert!(rows(&text).unwrap().iter().next().unwrap().1.is_ok());
}

#[test]
fn numbers_are_cells_without_exponents() {
    let text = one(r#"{"type":"Point","coordinates":[1.79e1,59.3634]}"#)
        .replace("\"Antal\":1", "\"Antal\":1e-7");
    let rows = rows(&text).unwrap();
    let cells = rows.iter().next().unwrap().1.unwrap();
    assert_eq!((cells.cell("@lon"), cells.cell("@lat")), ("17.9", "59.3634"));
    assert_eq!((cells.cell("Antal"), cells.cell("@id")), ("0.0000001", "7"));
}

#[test]
fn files_of_another_kind_are_refused_with_what_to_do() {
    for (text, bad) in [
        ("{\"type\":", BadFile::Json { line: 1, column: 8 }),
        ("{}", BadFile::NoFeatures),
        ("{\"type\":\"Topology\",\"features\":[]}", BadFile::NoFeatures),
    ] {
        assert_eq!(rows(text), Err(bad), "{text}");
    }
    let sweref = one("null").replacen(
        '{',
        "{\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"urn:ogc:def:crs:EPSG::3006\"}},",
        1,
    );
    assert_eq!(rows(&sweref), Err(BadFile::NotWgs84));
    let endless = sweref
        .replace("EPSG::3006\"", &format!("OGC:1.3:CRS84\",\"x\":[{}0]", "0,".repeat(200_000)));
    assert_eq!(rows(&endless), Err(BadFile::NotWgs84));
    let missing = one("null").replace("\"Typ\"", "\"Type\"");
    assert_eq!(rows(&missing), Err(BadFile::NoColumn { column: "Typ".into() }));
    let many =
        format!("{{\"type\":\"FeatureCollection\",\"features\":[{}0]}}", "0,".repeat(ROWS_MAX));
    assert_eq!(rows(&many), Err(BadFile::TooManyRows));
}

#[test]
fn a_feature_is_bounded() {
    let text = one("null").replace("Farsta", &"x".repeat(300 * 1024));
    let reason = rows(&text).unwrap().iter().next().unwrap().1.err().unwrap().reason.clone();
    assert!(reason.contains("256 KiB"), "{reason}");
}
