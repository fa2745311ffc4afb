use super::*;
use crate::import::{Cause, Imported, ROWS_MAX, mapped, sample};

const JSON: &[u8] = include_bytes!("../../../../../tests/fixtures/open311-requests.json");
const XML: &[u8] = include_bytes!("../../../../../tests/fixtures/open311-requests.xml");

fn rows(file: &[u8]) -> Result<Rows, BadFile> {
    Rows::of_open311(file, &Mapping::parse(SHIPPED_OPEN311).unwrap())
}

fn import(file: &[u8]) -> Imported {
    let mapping = Mapping::parse(SHIPPED_OPEN311).unwrap();
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let reading = sample::reading(&gazetteer, &defaults);
    mapped(&rows(file).unwrap(), &mapping, reading, &mut |_, _| {}).unwrap()
}

#[test]
fn both_forms_of_a_document_give_the_same_answer() {
    assert_eq!(rows(JSON).unwrap(), rows(XML).unwrap());
    assert_eq!(import(JSON), import(XML));
}

#[test]
fn requests_become_observations_by_code_or_name_and_by_position_or_address() {
    let imported = import(XML);
    let [first, second] = imported.rows.as_slice() else { panic!("{imported:?}") };
    let first = &first.observation;
    assert_eq!((first.id.as_str(), first.category.as_str()), ("open311-638344", "graffiti"));
    assert_eq!(sample::place_of(first), "593880000,179285000", "the position goes first");
    assert_eq!(first.note, "Nytt klotter på väggen mot torget & gångtunneln");
    let start: jiff::Timestamp = "2025-09-01T06:15:38Z".parse().unwrap();
    let seconds = (first.starts_at.unwrap().seconds, first.ends_at.unwrap().seconds);
    assert_eq!(seconds, (start.as_second(), start.as_second() + 3_600));
    assert_eq!(first.count, Some(1));
    let second = &second.observation;
    assert_eq!(
        (second.id.as_str(), second.category.as_str()),
        ("open311-638349", "lighting_fault")
    );
    assert_eq!(sample::place_of(second), "sthlm-jarva/kista/p1");
}

#[test]
fn what_does_not_go_through_is_listed_by_row_and_cause() {
    let imported = import(JSON);
    let causes: Vec<_> =
        imported.faults.iter().map(|f| (f.row, f.column.as_str(), f.cause)).collect();
    let wanted = [
        (3, "description", Cause::Refused),
        (3, "description", Cause::Held),
        (4, "service_name", Cause::LeftOut),
        (5, "service_code", Cause::Unreadable),
        (6, "description", Cause::Held),
        (7, "lat", Cause::NotPlaced),
    ];
    assert_eq!(causes, wanted);
    let unknown = &imported.faults[3].reason;
    assert_eq!(unknown, "`099` is not in the mapping's `values`; add it");
    assert!(imported.faults.iter().all(|fault| !fault.reason.contains("Kalle")));
}

#[test]
fn links_to_media_are_not_read() {
    let mapping = SHIPPED_OPEN311.replace("column = \"description\"", "column = \"media_url\"");
    let bad = Rows::of_open311(JSON, &Mapping::parse(&mapping).unwrap()).unwrap_err();
    assert_eq!(bad, BadFile::NoField { column: "media_url".into() });
    let published = import(JSON).rows.into_iter().map(|row| format!("{:?}", row.observation));
    assert!(published.into_iter().all(|text| !text.contains("media.example")));
}

#[test]
fn the_shipped_categories_are_registered() {
    let registry = sample::registry();
    for value in Mapping::parse(SHIPPED_OPEN311).unwrap().category.values.values() {
        let id = samsyn_domain::CategoryId::parse(&value.text()).unwrap();
        assert!(registry.category(&id).is_some(), "{id}");
    }
}

#[test]
fn documents_of_another_kind_are_refused() {
    for (text, bad) in [
        ("<html></html>", BadFile::NoRequests),
        ("{}", BadFile::Json { line: 1, column: 0 }),
        ("", BadFile::Json { line: 1, column: 0 }),
    ] {
        let found = rows(text.as_bytes());
        match (&found, &bad) {
            (Err(BadFile::Json { .. }), BadFile::Json { .. }) => {}
            _ => assert_eq!(found, Err(bad), "{text}"),
        }
    }
    for text in [
        "<service_requests><request>",
        "<service_requests></service_requests><more/>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><service_requests/>",
        "<service_requests><request><address>&a;</address></request></service_requests>",
    ] {
        assert!(matches!(rows(text.as_bytes()), Err(BadFile::Xml { .. })), "{text}");
    }
    let many = "<request/>".repeat(ROWS_MAX + 1);
    let many = format!("<service_requests>{many}</service_requests>");
    assert_eq!(rows(many.as_bytes()), Err(BadFile::TooManyRows));
}

#[test]
fn a_request_that_is_none_is_a_row_that_cannot_be_read() {
    let found = rows(b"[7, {\"description\": {\"x\": 1}}, {}]").unwrap();
    let reasons = found.iter().map(|(_, row)| row.err().map(|wrong| wrong.reason.as_str()));
    let nested = "the field holds a list or an object; give a text or a number";
    let wanted = [Some("the row is no request; leave it out"), Some(nested), None];
    assert_eq!(reasons.collect::<Vec<_>>(), wanted);
    let xml = "<service_requests><request><lat>1</lat><lat>2</lat></request>\
        <request><lat><x>1</x></lat></request></service_requests>";
    let found = rows(xml.as_bytes()).unwrap();
    let reasons = found.iter().map(|(_, row)| row.err().map(|wrong| wrong.reason.as_str()));
    let wanted = [Some("the field stands twice; keep one"), Some(nested)];
    assert_eq!(reasons.collect::<Vec<_>>(), wanted);
}
