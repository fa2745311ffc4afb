use super::*;
use crate::import::{FIELD_CHARACTERS_MAX, Fault, ROWS_MAX, sample};

const UTF8: &[u8] = include_bytes!("../../../../../tests/fixtures/iakttagelser.csv");
const UTF8_MAPPING: &str = include_str!("../../../../../tests/fixtures/iakttagelser.toml");
const ANSI: &[u8] = include_bytes!("../../../../../tests/fixtures/iakttagelser-windows-1252.csv");
const ANSI_MAPPING: &str =
    include_str!("../../../../../tests/fixtures/iakttagelser-windows-1252.toml");

const SMALL: &str = r#"
    delimiter = ","
    id = { column = "nr" }
    category = { constant = "graffiti" }
    place = { column = "place", by = "id" }
    time = { timestamp = "time" }
"#;

fn import_as(mapping: &str, text: &[u8]) -> Result<Imported, BadFile> {
    let mapping = Mapping::parse(mapping).unwrap();
    let rows = Rows::of_csv(text, &mapping)?;
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    mapped(&rows, &mapping, sample::reading(&gazetteer, &defaults), &mut |_, _| {})
}

fn small(rows: &str) -> Imported {
    import_as(SMALL, format!("nr,place,time\n{rows}").as_bytes()).unwrap()
}

fn listed(faults: &[Fault]) -> Vec<(usize, &str, &str)> {
    faults.iter().map(|f| (f.row, f.column.as_str(), f.reason.as_str())).collect()
}

#[test]
fn good_rows_go_through_with_all_they_say() {
    let imported = import_as(UTF8_MAPPING, UTF8).unwrap();
    let ids: Vec<_> = imported.rows.iter().map(|row| row.observation.id.as_str()).collect();
    let numbers = [1001, 1002, 1003, 1004, 1005, 1010];
    assert_eq!(ids, numbers.map(|number| format!("felanmalan-{number}")));
    let Row { area, observation } = &imported.rows[1];
    assert_eq!(area.as_str(), "sthlm-jarva");
    assert_eq!(observation.category, "lighting_fault");
    assert_eq!(sample::place_of(observation), "sthlm-jarva/kista/p1");
    assert_eq!((observation.count, observation.severity), (Some(1), Some(3)));
    assert_eq!(observation.trend(), v1::Trend::Flat);
    assert_eq!(observation.note, "Armatur släckt\nvid norra entrén");
    let start: Timestamp = "2025-09-01T07:30:00Z".parse().unwrap();
    let seconds = (observation.starts_at.unwrap().seconds, observation.ends_at.unwrap().seconds);
    assert_eq!(seconds, (start.as_second(), start.as_second() + 1_800));
    assert_eq!(observation.source_kind, "citizen_report");
}

#[test]
fn empty_cells_stay_unset_and_a_date_alone_is_the_day() {
    let imported = import_as(UTF8_MAPPING, UTF8).unwrap();
    let observation = &imported.rows[2].observation;
    assert_eq!((observation.count, observation.severity, observation.trend), (None, None, 0));
    let seconds = observation.ends_at.unwrap().seconds - observation.starts_at.unwrap().seconds;
    assert_eq!(seconds, 24 * 3_600);
    let by_position = sample::place_of(&imported.rows[3].observation);
    assert_eq!(by_position, "593634000,178721000");
}

#[test]
fn faults_name_row_column_and_reason() {
    let imported = import_as(UTF8_MAPPING, UTF8).unwrap();
    let wanted = [
        (6, "Typ", "`Hittegods` is left out; change the mapping to take it in"),
        (
            7,
            "Datum",
            "`2025-03-30 02:30` does not exist, the clocks went forward; give the right time",
        ),
        (8, "Typ", "`Rymdfärja` is not in the mapping's `values`; add it"),
        (
            9,
            "Plats",
            "no known place is named; add the name to the gazetteer or enter the row by hand",
        ),
        (9, "Antal", "`flera` is no whole number; correct it or leave it empty"),
        (9, "Allvar", "`Enorm` is not in the mapping's `values`; add it"),
        (12, "", "the row has 5 fields, the header 12; quote fields that hold the delimiter"),
        (14, "Datum", "`24/9` is no time of day; write it as `14:05`"),
    ];
    assert_eq!(listed(&imported.faults), wanted);
}

#[test]
fn windows_1252_with_crlf_gives_the_same_rows() {
    let imported = import_as(ANSI_MAPPING, ANSI).unwrap();
    let mut utf8 = import_as(UTF8_MAPPING, UTF8).unwrap();
    for row in &mut utf8.rows {
        row.observation.note = row.observation.note.replace('\n', "\r\n");
    }
    assert_eq!(imported, utf8);
    let wrong = import_as(UTF8_MAPPING, ANSI).unwrap_err();
    assert_eq!(wrong, BadFile::Encoding { encoding: "utf-8", at: 0 });
}

#[test]
fn ids_of_a_hash_stay_the_same_and_tell_rows_apart() {
    let mapping =
        SMALL.replace("column = \"nr\"", "hash_of = [\"place\", \"time\"], prefix = \"h-\"");
    let import = |rows: &str| {
        let text = format!("nr,place,time\n{rows}");
        let rows = import_as(&mapping, text.as_bytes()).unwrap().rows;
        rows.into_iter().map(|row| row.observation.id).collect::<Vec<_>>()
    };
    let (a, b) = ("1,sthlm-jarva,2025-09-01\n", "2,sthlm-farsta,2025-09-01\n");
    let ids = import(&format!("{a}{b}"));
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(import(&format!("{b}{a}")), [ids[1].clone(), ids[0].clone()]);
    assert_eq!(ids[0], "h-cddcd6cc1c8aaf38b580ad831c9ab95a");
}

#[test]
fn the_hash_keeps_cells_apart() {
    assert_ne!(hash(["ab", "c"].into_iter()), hash(["a", "bc"].into_iter()));
    assert_ne!(hash([""].into_iter()), hash(["", ""].into_iter()));
}

#[test]
fn one_id_with_other_content_is_a_fault_in_the_later_row() {
    let imported = small("1,sthlm-jarva,2025-09-01\n1,sthlm-jarva,2025-09-02\n");
    assert_eq!(imported.rows.len(), 1);
    let reason = "id `1` stands in row 1 with other content; keep one";
    assert_eq!(listed(&imported.faults), [(2, "nr", reason)]);
}

#[test]
fn places_and_ids_are_checked() {
    let imported = small(",sthlm-jarva,2025-09-01\na b,atlantis,2025-09-01\n3,,igår\n");
    let wanted = [
        (1, "nr", "the field is empty; fill it in"),
        (2, "nr", "the id `a b` holds a character that ids do not have; see the registered ids"),
        (2, "place", "`atlantis` is no registered place; give a registered id"),
        (3, "place", "the place is empty; give one"),
        (3, "time", "`igår` is no time; write it as `2025-03-30 14:05` or `2025-03-30`"),
    ];
    assert_eq!(listed(&imported.faults), wanted);
    assert!(imported.rows.is_empty());
}

#[test]
fn place_or_position_counts_first_as_the_mapping_says() {
    let place = |more: &str| {
        let both = format!("by = \"id\"{more} }}\nposition = {{ lat = \"lat\", lon = \"lon\" }}");
        let mapping = SMALL.replace("by = \"id\" }", &both);
        let text = "nr,place,time,lat,lon\n1,sthlm-jarva/kista,2025-09-01,59.3880,17.9285\n";
        let imported = import_as(&mapping, text.as_bytes()).unwrap();
        sample::place_of(&imported.rows[0].observation)
    };
    assert_eq!(place(""), "sthlm-jarva/kista");
    assert_eq!(place(", after_position = true"), "593880000,179285000");
}

#[test]
fn an_end_must_follow_the_start() {
    let mapping = SMALL.replace("timestamp = \"time\"", "timestamp = \"time\", ends = \"end\"");
    let text = "nr,place,time,end\n\
                1,sthlm-jarva,2025-09-01 10:00,2025-09-01 12:00\n\
                2,sthlm-jarva,2025-09-01 10:00,2025-09-01 09:00\n\
                3,sthlm-jarva,2025-09-01,2025-09-02\n";
    let imported = import_as(&mapping, text.as_bytes()).unwrap();
    let lengths = imported.rows.iter().map(|Row { observation, .. }| {
        observation.ends_at.unwrap().seconds - observation.starts_at.unwrap().seconds
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [2 * 3_600, 48 * 3_600]);
    let reason = "the end is not after the start; correct it";
    assert_eq!(listed(&imported.faults), [(2, "end", reason)]);
}

#[test]
fn a_header_must_have_the_mapped_columns_once() {
    let missing = import_as(SMALL, b"nr,place\n").unwrap_err();
    assert_eq!(missing, BadFile::NoColumn { column: "time".into() });
    let twice = import_as(SMALL, b"nr,place,time,nr\n").unwrap_err();
    assert_eq!(twice, BadFile::ColumnTwice { column: "nr".into() });
    let unmapped = import_as(SMALL, b"x,x,nr,place,time\n1,2,3,sthlm-jarva,2025-09-01\n").unwrap();
    assert_eq!(unmapped.rows[0].observation.id, "3");
}

#[test]
fn fields_and_rows_are_bounded() {
    let long = format!("\"{}\"", "x".repeat(FIELD_CHARACTERS_MAX + 1));
    let imported = small(&format!("{long},sthlm-jarva,2025-09-01\n"));
    let reason = "the field is longer than 4,000 characters; shorten it";
    assert_eq!(listed(&imported.faults), [(1, "nr", reason)]);
    let many = format!("nr,place,time\n{}", "1,2,3\n".repeat(ROWS_MAX + 1));
    assert_eq!(import_as(SMALL, many.as_bytes()), Err(BadFile::TooManyRows));
}

#[test]
fn a_long_note_is_refused_without_repeating_it() {
    let mapping = format!("{SMALL}note = {{ column = \"note\" }}");
    let note = "ö".repeat(NOTE_CHARACTERS_MAX);
    let text = format!(
        "nr,place,time,note\n1,sthlm-jarva,2025-09-01,{note}\n2,sthlm-jarva,2025-09-01,{note}!\n"
    );
    let imported = import_as(&mapping, text.as_bytes()).unwrap();
    assert_eq!(imported.rows.len(), 1);
    let reason = "the note is longer than 500 characters; shorten it";
    assert_eq!(listed(&imported.faults), [(2, "note", reason)]);
}

#[test]
fn two_thousand_rows_are_told_to_the_end() {
    let row = |number| format!("{number},sthlm-jarva/kista,2025-09-01 10:00\n");
    let text = format!("nr,place,time\n{}", (0..2_000).map(row).collect::<String>());
    let mapping = Mapping::parse(SMALL).unwrap();
    let mut told = Vec::new();
    let mut progress = |done, total| told.push((done, total));
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let rows = Rows::of_csv(text.as_bytes(), &mapping).unwrap();
    let reading = sample::reading(&gazetteer, &defaults);
    let imported = mapped(&rows, &mapping, reading, &mut progress).unwrap();
    assert_eq!(imported.rows.len(), 2_000);
    assert_eq!(told.last(), Some(&(2_000, 2_000)));
}

#[test]
fn counts_and_spans_are_as_large_as_the_gateway_takes() {
    let mapping = SMALL.replace(
        "time = { timestamp = \"time\" }",
        "time = { timestamp = \"time\", ends = \"end\" }",
    ) + "count = { column = \"n\" }\n";
    let reason = |cells: &str| {
        let text = format!("nr,place,time,end,n\n1,sthlm-jarva,{cells}\n");
        let imported = import_as(&mapping, text.as_bytes()).unwrap();
        imported.faults.into_iter().next().map(|fault| fault.reason)
    };
    let wrong = |cells: &str| reason(cells).unwrap_or_default();
    assert_eq!(reason("2024-01-01T00:00:00Z,2025-01-01T00:00:00Z,1000000"), None);
    let count = wrong("2024-01-01T00:00:00Z,2024-01-02T00:00:00Z,1000001");
    assert!(count.starts_with("`1000001` is more than 1,000,000"), "{count}");
    let long = wrong("2024-01-01T00:00:00Z,2025-01-01T00:00:01Z,1");
    assert!(long.starts_with("the end is more than 366 days after the start"), "{long}");
    // Published, both are of one microsecond.
    let short = wrong("2024-01-01T00:00:00.0000001Z,2024-01-01T00:00:00.0000009Z,1");
    assert!(short.starts_with("the end is not after the start"), "{short}");
}
