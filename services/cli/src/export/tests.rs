use proptest::prelude::*;
use samsyn_client::wire::{
    Conflict, Contribution, Coordinates as At, CountSeries, Dissent, FindingClass, Form, Labels,
    Observation, Withheld, count_series::Amount,
};
use serde_json::json;

use super::*;

#[path = "../../tests/process/rfc7946.rs"]
mod rfc7946;

fn head() -> Head {
    Head(vec![("revision", json!(7)), ("purpose", json!("=joint_picture"))])
}

fn statement(party: &str, location: Option<Location>, note: &str) -> Contribution {
    let labels = Labels { level: 2, audience: vec!["signatories".into()], ..Labels::default() };
    let observation = Observation {
        id: format!("{party}-1"),
        location,
        severity: Some(3),
        note: note.into(),
        labels: Some(labels),
        ..Observation::default()
    };
    let form = Form::Observation.into();
    Contribution { party: party.into(), version: 1, observation: Some(observation), form }
}

fn at(lat_e7: i32, lon_e7: i32) -> Option<Location> {
    Some(Location::Coordinates(At { lat_e7, lon_e7 }))
}

fn finding(contributions: Vec<Contribution>) -> Finding {
    Finding {
        id: "sthlm-skarholmen/skarholmen-centrum/p1/graffiti".into(),
        finding_class: FindingClass::Conflicting.into(),
        seen_by: vec!["municipal".into(), "police".into()],
        contributions,
        counts: vec![
            CountSeries {
                party: "sdf".into(),
                amount: Some(Amount::Below(5)),
                ..CountSeries::default()
            },
            CountSeries {
                party: "lpo".into(),
                amount: Some(Amount::Exact(12)),
                ..CountSeries::default()
            },
        ],
        conflicts: vec![Conflict {
            field: "severity".into(),
            candidates: vec!["a=1".into(), "b=4".into()],
            ..Conflict::default()
        }],
        dissents: vec![Dissent {
            party: "utb".into(),
            field: "trend".into(),
            reason: "få svar".into(),
        }],
        ..Finding::default()
    }
}

fn feature(finding: Finding) -> Value {
    let document = geojson(&head(), &[finding], &Names::shipped());
    assert_eq!(rfc7946::faults(&document), [""; 0], "{document:#}");
    document["features"][0].clone()
}

/// The rows by column, as a reader that is not ours takes them.
fn table(findings: &[Finding]) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = csv(&head(), findings, &Names::shipped()).unwrap();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn a_view_is_geojson_that_keeps_sources_apart() {
    let both = vec![
        statement("sdf", at(592_771_000, 179_070_000), "klotter"),
        statement("lpo", at(592_771_000, 179_070_000), ""),
    ];
    let document = geojson(&head(), &[finding(both)], &Names::shipped());
    assert_eq!(document["samsyn"], json!({ "revision": 7, "purpose": "=joint_picture" }));
    let feature = &document["features"][0];
    assert_eq!(feature["geometry"], json!({ "type": "Point", "coordinates": [17.907, 59.2771] }));
    let properties = &feature["properties"];
    assert_eq!(properties["geography_name"], "Skärholmstorget");
    assert_eq!(properties["category"], "graffiti");
    let parties: Vec<_> = (0..2).map(|i| properties["contributions"][i]["party"].clone()).collect();
    assert_eq!(parties, ["sdf", "lpo"]);
    assert_eq!(properties["contributions"][0]["observation"]["labels"]["level"], 2);
    assert_eq!(properties["counts"][0]["below"], 5);
    assert_eq!(rfc7946::faults(&document), [""; 0]);
}

#[test]
fn a_place_that_is_withheld_or_coarse_has_no_geometry() {
    let points = vec![statement("sdf", at(592_771_000, 179_070_000), "")];
    let withheld = Withheld { field_group: "place".into(), ..Withheld::default() };
    let withheld = Finding { withheld: vec![withheld], ..finding(points.clone()) };
    assert_eq!(feature(withheld.clone())["geometry"], Value::Null);
    assert!(table(&[withheld])[0]["lat"].is_empty());
    let coarse = [None, Some(Location::SubAreaId("sthlm-skarholmen/bredang".into()))];
    for location in coarse {
        let coarse = Finding {
            id: "sthlm-skarholmen/bredang/graffiti".into(),
            ..finding(vec![statement("sdf", location, "")])
        };
        assert_eq!(feature(coarse)["geometry"], Value::Null);
    }
    let other = Withheld { field_group: "text".into(), ..Withheld::default() };
    let other = Finding { withheld: vec![other], ..finding(points) };
    assert_eq!(feature(other)["geometry"]["type"], "Point");
}

#[test]
fn several_points_stay_several() {
    let two = vec![
        statement("sdf", at(592_771_000, 179_070_000), ""),
        statement("lpo", at(592_772_000, 179_071_000), ""),
        statement("lpo", at(592_772_000, 179_071_000), ""),
    ];
    let feature = feature(finding(two.clone()));
    let wanted = json!([[17.907, 59.2771], [17.9071, 59.2772]]);
    assert_eq!(feature["geometry"], json!({ "type": "MultiPoint", "coordinates": wanted }));
    let rows = table(&[finding(two)]);
    assert!(rows[0]["lat"].is_empty());
    assert_eq!((rows[1]["lat"].as_str(), rows[2]["lat"].as_str()), ("59.2771", "59.2772"));
}

#[test]
fn csv_has_a_row_for_the_finding_and_for_each_source() {
    let both = vec![statement("sdf", None, "rad 1\nrad \"2\""), statement("lpo", None, "")];
    let rows = table(&[finding(both)]);
    let kinds: Vec<_> =
        rows.iter().map(|row| (row["record"].as_str(), row["party"].as_str())).collect();
    let wanted = [
        ("finding", ""),
        ("statement", "sdf"),
        ("statement", "lpo"),
        ("count", "sdf"),
        ("count", "lpo"),
    ];
    assert_eq!(kinds, wanted);
    assert!(rows.iter().all(|row| row["revision"] == "7" && row["purpose"] == "'=joint_picture"));
    assert_eq!(rows[0]["conflicts"], "severity open: a=1, b=4");
    assert_eq!(rows[0]["dissents"], "utb on trend: få svar");
    assert_eq!(
        (rows[1]["note"].as_str(), rows[1]["audience"].as_str()),
        ("rad 1\nrad \"2\"", "signatories")
    );
    assert_eq!((rows[3]["count"].as_str(), rows[4]["count"].as_str()), ("<5", "12"));
}

#[test]
fn csv_lines_end_as_the_standard_says_and_are_equally_long() {
    let text = csv(&head(), &[finding(Vec::new())], &Names::shipped()).unwrap();
    assert_eq!(text.matches("\r\n").count(), 4);
    assert_eq!(text.matches('\n').count(), 4);
    assert!(text.starts_with("revision,purpose,finding,record,"), "{text}");
}

#[test]
fn no_cell_begins_like_a_formula() {
    for note in ["=1+1", "+46", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"] {
        let rows = table(&[finding(vec![statement("=cmd", None, note)])]);
        assert_eq!(rows[1]["note"], format!("'{note}"));
        assert_eq!(rows[1]["party"], "'=cmd");
    }
    assert_eq!(table(&[finding(vec![statement("a", None, "a=1")])])[1]["note"], "a=1");
}

proptest! {
    #[test]
    fn whatever_the_texts_both_forms_hold(note in any::<String>(), party in any::<String>()) {
        let finding = finding(vec![statement(&party, at(-1, 1), &note)]);
        let document = geojson(&head(), std::slice::from_ref(&finding), &Names::shipped());
        prop_assert!(rfc7946::faults(&document).is_empty());
        let rows = table(&[finding]);
        prop_assert_eq!(rows.len(), 4);
        let formula = |cell: &String| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        prop_assert!(rows.iter().flat_map(|row| row.values()).all(|cell| !formula(cell)));
        prop_assert_eq!(rows[1]["note"].trim_start_matches('\''), note.trim_start_matches('\''));
    }
}
