//! Whatever bytes come, no reader panics, and none gives more than is allowed.

use proptest::{collection::vec, prelude::*};

use super::{BadFile, Mapping, ROWS_MAX, Rows, SHIPPED_OPEN311};

const CSV: &[u8] = include_bytes!("../../../../tests/fixtures/iakttagelser.csv");
const LAYER: &[u8] = include_bytes!("../../../../tests/fixtures/iakttagelser.geojson");
const WORKBOOK: &[u8] = include_bytes!("../../../../tests/fixtures/iakttagelser.xlsx");
const JSON: &[u8] = include_bytes!("../../../../tests/fixtures/open311-requests.json");
const XML: &[u8] = include_bytes!("../../../../tests/fixtures/open311-requests.xml");
const MAPPING: &str = include_str!("../../../../tests/fixtures/iakttagelser.toml");
const OF_LAYER: &str = include_str!("../../../../tests/fixtures/iakttagelser-geojson.toml");

/// What all readers make of the bytes.
fn all(file: &[u8]) -> [Result<Rows, BadFile>; 4] {
    let mapping = |text| Mapping::parse(text).unwrap();
    [
        Rows::of_csv(file, &mapping(MAPPING)),
        Rows::of_geojson(file, &mapping(OF_LAYER)),
        Rows::of_xlsx(file, None, &mapping(MAPPING)),
        Rows::of_open311(file, &mapping(SHIPPED_OPEN311)),
    ]
}

fn within_limits(file: &[u8]) {
    for rows in all(file).into_iter().flatten() {
        assert!(rows.len() <= ROWS_MAX);
    }
}

/// A good file with some bytes changed, and some cut away or doubled.
fn damaged(good: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let places = vec((0..good.len(), any::<u8>()), 0..6);
    let stretch = (0..good.len(), 0..64_usize, 0..3_usize);
    (places, stretch).prop_map(move |(places, (at, length, times))| {
        let mut bytes = good.to_vec();
        for (at, byte) in places {
            bytes[at] = byte;
        }
        let end = (at + length).min(bytes.len());
        let part = bytes[at..end].repeat(times);
        bytes.splice(at..end, part);
        bytes
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..2_000)) {
        within_limits(&bytes);
    }

    #[test]
    fn arbitrary_text_of_marks_never_panics(text in "[\\[\\]{}<>/\",:;=&#!a1 \n]{0,400}") {
        within_limits(text.as_bytes());
    }

    #[test]
    fn damaged_csv_never_panics(bytes in damaged(CSV)) {
        within_limits(&bytes);
    }

    #[test]
    fn damaged_geojson_never_panics(bytes in damaged(LAYER)) {
        within_limits(&bytes);
    }

    #[test]
    fn damaged_workbooks_never_panic(bytes in damaged(WORKBOOK)) {
        within_limits(&bytes);
    }

    #[test]
    fn damaged_requests_never_panic(json in damaged(JSON), xml in damaged(XML)) {
        within_limits(&json);
        within_limits(&xml);
    }
}

#[test]
fn the_good_files_are_read() {
    for (file, reader) in [(CSV, 0), (LAYER, 1), (WORKBOOK, 2), (JSON, 3), (XML, 3)] {
        let read = all(file)[reader].as_ref().map(Rows::len).unwrap_or_default();
        assert!(read > 5, "{reader}: {read}");
    }
}
