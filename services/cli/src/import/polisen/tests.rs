use std::collections::BTreeMap;

use samsyn_domain::PlaceId;

use super::*;
use crate::import::{ROWS_MAX, SHIPPED_TYPES, sample};

const FIXTURE: &str = include_str!("../../../../../tests/fixtures/polisen-events.json");

fn import(json: &str) -> Imported {
    let table = TypeTable::parse(SHIPPED_TYPES).unwrap();
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    polisen_events(json, &table, sample::reading(&gazetteer, &defaults), &mut |_, _| {}).unwrap()
}

fn notice(id: u32, name: &str, summary: &str) -> String {
    let kind = name.split(", ").nth(1).unwrap();
    format!(
        r#"{{"id": {id}, "datetime": "2025-09-01 9:59:07 +02:00", "name": "{name}",
        "summary": "{summary}", "url": "/", "type": "{kind}",
        "location": {{"name": "Stockholm", "gps": "59.329324,18.068581"}}}}"#
    )
}

fn reason(notices: &str) -> String {
    let imported = import(&format!("[{notices}]"));
    assert!(imported.rows.is_empty(), "{:?}", imported.rows);
    let fault = imported.faults.first().unwrap();
    format!("{} {}: {}", fault.row, fault.column, fault.reason)
}

#[test]
fn the_fixture_is_placed_and_the_rest_is_listed() {
    let imported = import(FIXTURE);
    let places: BTreeMap<_, _> = imported
        .rows
        .iter()
        .map(|row| (row.observation.id.clone(), sample::place_of(&row.observation)))
        .collect();
    for (id, place) in [
        ("polisen-900001", "sthlm-jarva/rinkeby/p1"),
        ("polisen-900002", "sthlm-jarva/kista/p1"),
        ("polisen-900008", "sthlm-skarholmen/skarholmen-centrum/p1"),
        ("polisen-900010", "sthlm-bromma/blackeberg"),
        ("polisen-900023", "sthlm-kungsholmen"),
        ("polisen-900100", "593634000,178721000"),
    ] {
        assert_eq!(places.get(id).map(String::as_str), Some(place), "{id}");
    }
    let mut causes = BTreeMap::<Cause, usize>::new();
    for fault in &imported.faults {
        *causes.entry(fault.cause).or_default() += 1;
    }
    let counted = [(Cause::LeftOut, 12), (Cause::NotPlaced, 3), (Cause::Unreadable, 1)];
    assert_eq!(causes, BTreeMap::from(counted), "{:#?}", imported.faults);
    let notices: Vec<Value> = serde_json::from_str(FIXTURE).unwrap();
    let listed = imported.rows.len() + imported.faults.len();
    assert_eq!(listed, notices.len() - 1, "one notice stands twice");
}

#[test]
fn the_table_knows_every_type_of_the_fixture_but_the_invented_one() {
    let table = TypeTable::parse(SHIPPED_TYPES).unwrap();
    let notices: Vec<Notice> = serde_json::from_str(FIXTURE).unwrap();
    let unknown: Vec<_> =
        notices.iter().filter(|n| table.outcome(&n.kind, "").is_none()).map(|n| &n.kind).collect();
    assert_eq!(unknown, ["Rymdfärja"]);
}

#[test]
fn an_observation_has_no_text_and_all_that_is_known() {
    let row = import(FIXTURE).rows.into_iter().next().unwrap();
    let Row { area, observation } = row;
    assert_eq!(area.as_str(), "sthlm-jarva");
    assert_eq!(observation.category, "assault_outdoor");
    let times = (observation.starts_at.unwrap().seconds, observation.ends_at.unwrap().seconds);
    let start: Timestamp = "2025-09-01T06:15:00Z".parse().unwrap();
    assert_eq!(times, (start.as_second(), start.as_second() + 3_600));
    assert_eq!((observation.count, observation.severity), (Some(1), None));
    assert_eq!(observation.basis(), v1::Basis::Fact);
    assert_eq!(observation.source_kind, "police_report");
    assert_eq!((observation.reliability.as_str(), observation.credibility), ("B", 2));
    assert!(import(FIXTURE).rows.iter().all(|row| row.observation.note.is_empty()));
}

#[test]
fn a_second_import_gives_the_same_rows() {
    let reversed = {
        let mut notices: Vec<Value> = serde_json::from_str(FIXTURE).unwrap();
        notices.reverse();
        import(&serde_json::to_string(&notices).unwrap())
    };
    let by_id = |imported: Imported| -> BTreeMap<String, v1::Observation> {
        let rows = imported.rows.into_iter();
        rows.map(|row| (row.observation.id.clone(), row.observation)).collect()
    };
    let first = by_id(import(FIXTURE));
    assert_eq!(first, by_id(import(FIXTURE)));
    assert_eq!(first, by_id(reversed));
}

#[test]
fn new_years_eve_belongs_to_the_old_year() {
    let rows = import(FIXTURE).rows;
    let row = rows.iter().find(|row| row.observation.id == "polisen-900038").unwrap();
    let eve: Timestamp = "2025-12-31T22:50:00Z".parse().unwrap();
    assert_eq!(row.observation.starts_at.unwrap().seconds, eve.as_second());
}

#[test]
fn a_fault_names_row_and_field_and_says_what_to_do() {
    let name = "1 september 08.00, Skadegörelse, ";
    for (municipality, summary, expected) in [
        (
            "Stockholm",
            "Ruta krossad.",
            "1 summary: no known place is named; add the name to the gazetteer or enter the row \
             by hand",
        ),
        (
            "Huddinge",
            "Ruta krossad i Kista.",
            "1 name: `Huddinge` lies outside the registered areas; leave the row out",
        ),
        ("Atlantis", "Ruta krossad.", "1 name: `Atlantis` is not known; add it to the gazetteer"),
    ] {
        assert_eq!(reason(&notice(7, &format!("{name}{municipality}"), summary)), expected);
    }
    let skipped = reason(&notice(7, "1 september 08.00, Trafikolycka, Stockholm", "I Kista."));
    assert_eq!(
        skipped,
        "1 type: type `Trafikolycka` is left out: traffic is not part of the picture; change the \
         table to take it in"
    );
    assert_eq!(reason(r#"{"id": "x"}"#), "1 id: the id is no whole number; fetch the file anew");
    assert_eq!(reason(r#"{"id": 1}"#), "1 datetime: the field is missing; fetch the file anew");
}

#[test]
fn a_fault_never_repeats_the_free_text() {
    let imported = import(&format!(
        "[{}]",
        notice(7, "1 september 08.00, Skadegörelse, Stockholm", "HEMLIGT i Solna")
    ));
    assert!(imported.faults.iter().all(|fault| !fault.reason.contains("HEMLIGT")));
}

#[test]
fn the_headline_may_name_the_place() {
    let text = notice(7, "1 september 08.00, Skadegörelse, Kista", "Ruta krossad.");
    let rows = import(&format!("[{text}]")).rows;
    assert_eq!(rows[0].area.as_str(), "sthlm-jarva");
}

#[test]
fn the_word_a_summary_was_cut_in_places_nothing() {
    let name = "1 september 08.00, Skadegörelse, Stockholm";
    let cut = format!("{} i Kista", "x".repeat(SUMMARY_CHARACTERS_MAX - 8));
    assert_eq!(cut.chars().count(), SUMMARY_CHARACTERS_MAX);
    assert!(reason(&notice(7, name, &cut)).contains("no known place"));
    let whole = format!("{}.", cut.replacen('x', "", 1));
    assert_eq!(import(&format!("[{}]", notice(7, name, &whole))).rows.len(), 1);
}

#[test]
fn a_sensitive_category_carries_no_more_than_the_area() {
    let rows = import(FIXTURE).rows;
    let row = rows.iter().find(|row| row.observation.category == "domestic_violence").unwrap();
    assert_eq!(sample::place_of(&row.observation), "sthlm-hasselby-vallingby");
}

#[test]
fn the_centre_of_the_municipality_is_no_place() {
    let text = notice(7, "1 september 08.00, Skadegörelse, Stockholm", "Ruta krossad.");
    assert!(import(&format!("[{text}]")).rows.is_empty());
    let outside = text.replace("59.329324,18.068581", "59.9,18.9");
    assert!(import(&format!("[{outside}]")).rows.is_empty());
    let inside = text.replace("59.329324,18.068581", "59.3326,18.0645");
    assert_eq!(import(&format!("[{inside}]")).rows[0].area.as_str(), "sthlm-norra-innerstaden");
}

#[test]
fn two_thousand_notices_are_told_to_the_end() {
    let notices: Vec<_> = (0..2_000)
        .map(|id| notice(id, "1 september 08.00, Skadegörelse, Stockholm", "Ruta i Kista."))
        .collect();
    let json = format!("[{}]", notices.join(","));
    let table = TypeTable::parse(SHIPPED_TYPES).unwrap();
    let mut told = Vec::new();
    let mut progress = |done, total| told.push((done, total));
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let reading = sample::reading(&gazetteer, &defaults);
    let imported = polisen_events(&json, &table, reading, &mut progress).unwrap();
    assert_eq!(imported.rows.len(), 2_000);
    assert_eq!(told.last(), Some(&(2_000, 2_000)));
    assert!(told.len() > 5);
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let table = TypeTable::parse(SHIPPED_TYPES).unwrap();
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let reading = sample::reading(&gazetteer, &defaults);
    let import = |json: &str| polisen_events(json, &table, reading, &mut |_, _| {});
    assert_eq!(import("[\n{]").unwrap_err(), BadFile::Notices { line: 2, column: 2 });
    let many = format!("[{}0]", "0,".repeat(ROWS_MAX));
    assert_eq!(import(&many).unwrap_err(), BadFile::TooManyRows);
    assert_eq!(import("\u{feff}[]").unwrap(), Imported::default());
}

#[test]
fn a_notice_is_bounded() {
    let large = notice(1, "25 augusti 14.28, Brand, Stockholm", &"x".repeat(300 * 1024));
    assert!(reason(&large).contains("256 KiB"), "{}", reason(&large));
}

#[test]
fn a_notice_of_another_century_is_refused() {
    let name = "25 augusti 14.28, Misshandel, Stockholm";
    let new = notice(1, name, "Två män slåss på Rinkeby torg.");
    assert_eq!(import(&format!("[{new}]")).rows.len(), 1);
    for year in ["1025", "1999", "2100", "9999"] {
        let old = new.replace("2025", year);
        assert!(reason(&old).contains("is no time; fetch the file anew"), "{}", reason(&old));
    }
}

#[test]
fn a_table_whose_source_is_not_registered_is_refused() {
    let table = SHIPPED_TYPES.replace("source = \"police_report\"", "source = \"rumour\"");
    let table = TypeTable::parse(&table).unwrap();
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let reading = sample::reading(&gazetteer, &defaults);
    let bad = polisen_events("[]", &table, reading, &mut |_, _| {}).unwrap_err().to_string();
    assert!(bad.contains("source `rumour` is not registered"), "{bad}");
}

#[test]
fn what_a_notice_becomes_is_registered() {
    let registry = sample::registry();
    for row in import(FIXTURE).rows {
        if let Some(v1::observation::Location::PlaceId(id)) = &row.observation.location {
            assert!(registry.place(&PlaceId::parse(id).unwrap()).is_some(), "{id}");
        }
    }
}
