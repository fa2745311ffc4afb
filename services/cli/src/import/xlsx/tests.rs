use std::io::{Cursor, Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::import::{Imported, ROWS_MAX, mapped, sample};

const WORKBOOK: &[u8] = include_bytes!("../../../../../tests/fixtures/iakttagelser.xlsx");
const CSV: &[u8] = include_bytes!("../../../../../tests/fixtures/iakttagelser.csv");
const MAPPING: &str = include_str!("../../../../../tests/fixtures/iakttagelser.toml");

const SMALL: &str = r#"
    id = { column = "nr" }
    category = { constant = "graffiti" }
    place = { column = "place", by = "id" }
    time = { timestamp = "time" }
"#;

const RELATIONSHIPS: &str = r#"<Relationships><Relationship Id="r1"
    Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const OF_WORKBOOK: &str = r#"<Relationships>
    <Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/>
    <Relationship Id="r2" Type="http://x/styles" Target="styles.xml"/>
    <Relationship Id="r3" Type="http://x/sharedStrings" Target="/xl/sharedStrings.xml"/>
    </Relationships>"#;
const STYLES: &str = r#"<styleSheet><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
    <cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>"#;
const HEADER: &str = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>
    <c r="C1" t="s"><v>2</v></c></row>"#;
const TEXTS: &str = "<sst><si><t>nr</t></si><si><r><t>pla</t></r><r><t>ce</t></r>\
    <rPh><t>xx</t></rPh></si><si><t>time</t></si></sst>";

/// A workbook of one sheet, packed.
fn workbook(texts: &str, rows: &str, from_1904: bool) -> Vec<u8> {
    let book = format!(
        r#"<workbook xmlns:r="http://x"><workbookPr date1904="{from_1904}"/>
        <sheets><sheet name="A &amp; B" r:id="r1"/></sheets></workbook>"#
    );
    let sheet = format!("<worksheet><cols><col/></cols><sheetData>{rows}</sheetData></worksheet>");
    packed(&[
        ("_rels/.rels", RELATIONSHIPS),
        ("xl/workbook.xml", &book),
        ("xl/_rels/workbook.xml.rels", OF_WORKBOOK),
        ("xl/styles.xml", STYLES),
        ("xl/sharedStrings.xml", texts),
        ("xl/worksheets/sheet1.xml", &sheet),
    ])
}

fn packed(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn rows(file: &[u8]) -> Result<Rows, BadFile> {
    Rows::of_xlsx(file, None, &Mapping::parse(SMALL).unwrap())
}

fn sheet(rows_under_header: &str) -> Result<Rows, BadFile> {
    rows(&workbook(TEXTS, &format!("{HEADER}{rows_under_header}"), false))
}

fn cells(rows: &Rows) -> Vec<(usize, [String; 3])> {
    let texts = |(number, cells): (usize, Result<super::super::rows::Cells<'_>, _>)| {
        let cells = cells.unwrap();
        (number, ["nr", "place", "time"].map(|column| cells.cell(column).to_owned()))
    };
    rows.iter().map(texts).collect()
}

fn import(rows: &Rows) -> Imported {
    let (gazetteer, defaults) = (sample::gazetteer(), sample::defaults());
    let reading = sample::reading(&gazetteer, &defaults);
    mapped(rows, &Mapping::parse(MAPPING).unwrap(), reading, &mut |_, _| {}).unwrap()
}

#[test]
fn a_workbook_gives_what_the_same_table_gives() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let workbook = import(&Rows::of_xlsx(WORKBOOK, None, &mapping).unwrap());
    let table = import(&Rows::of_csv(CSV, &mapping).unwrap());
    // What is too short to be a row of CSV is a row of a sheet.
    let (more, same): (Vec<_>, Vec<_>) =
        workbook.rows.into_iter().partition(|row| row.observation.id == "felanmalan-1011");
    assert_eq!((more.len(), same.len()), (1, 6));
    assert_eq!(same, table.rows);
    let faults: Vec<_> = table.faults.into_iter().filter(|fault| fault.row != 12).collect();
    assert_eq!(workbook.faults, faults);
}

#[test]
fn a_sheet_is_chosen_by_name_else_the_first_that_is_shown() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let named = Rows::of_xlsx(WORKBOOK, Some("Felanmälan"), &mapping).unwrap();
    assert_eq!(named, Rows::of_xlsx(WORKBOOK, None, &mapping).unwrap());
    let hidden = Rows::of_xlsx(WORKBOOK, Some("Listor"), &mapping).unwrap_err();
    assert!(matches!(hidden, BadFile::NoColumn { .. }), "{hidden}");
    assert_eq!(Rows::of_xlsx(WORKBOOK, Some("Tomt"), &mapping), Err(BadFile::EmptySheet));
    let none = Rows::of_xlsx(WORKBOOK, Some("Blad1"), &mapping).unwrap_err().to_string();
    let wanted = "the workbook has no sheet `Blad1`; it has `Listor`, `Felanmälan`, `Tomt`";
    assert_eq!(none, wanted);
}

#[test]
fn cells_of_every_type_are_read_as_they_are_shown() {
    let found = sheet(
        r#"<row><c t="inlineStr"><is><t>a</t></is></c><c t="str"><f>B9</f><v>p &lt; q</v></c>
            <c s="1"><v>45901.34375</v></c></row>
        <row r="5"><c r="C5" t="d"><v>2025-09-01T08:15:00</v></c><c r="A5" t="b"><v>1</v></c>
            <c r="D5"><v>7</v></c></row>
        <row r="6"><c r="A6" s="1"/><c r="B6"><v/></c></row>
        <row r="7"><c r="A7"><v>12.50</v></c><c r="B7" s="9"><v>3</v></c></row>"#,
    )
    .unwrap();
    let text = |cells: [&str; 3]| cells.map(str::to_owned);
    let wanted = [
        (1, text(["a", "p < q", "2025-09-01 08:15:00"])),
        (4, text(["true", "", "2025-09-01T08:15:00"])),
        (6, text(["12.5", "3", ""])),
    ];
    assert_eq!(cells(&found), wanted);
    let old = workbook(TEXTS, &format!("{HEADER}<row><c s=\"1\"><v>44439.5</v></c></row>"), true);
    assert_eq!(cells(&rows(&old).unwrap())[0].1[0], "2025-09-01 12:00:00");
}

#[test]
fn a_formula_that_came_to_nothing_is_a_row_that_cannot_be_read() {
    let found = sheet(r#"<row><c t="e"><f>1/0</f><v>#DIV/0!</v></c></row>"#).unwrap();
    let wrong = found.iter().next().unwrap().1.err().unwrap();
    assert_eq!(wrong.column, "nr");
    assert_eq!(wrong.reason, "the formula came to `#DIV/0!`; correct it or leave it empty");
}

#[test]
fn what_a_workbook_may_not_say_is_refused() {
    for text in [
        r#"<row r="2"/><row r="2"><c><v>1</v></c></row>"#,
        r#"<row r="3"><c><v>1</v></c></row><row r="2"><c><v>1</v></c></row>"#,
        r#"<row r="1048577"><c><v>1</v></c></row>"#,
        r#"<row r="99999999999999999999"><c><v>1</v></c></row>"#,
        r#"<row><c r="XFE2"><v>1</v></c></row>"#,
        r#"<row><c r="ZZZZZZZZZZZZZZZZZZ2"><v>1</v></c></row>"#,
        r#"<row><c r="7"><v>1</v></c></row>"#,
        r#"<row><c t="s"><v>3</v></c></row>"#,
        "<row><c><v>1</c></row>",
        "<!DOCTYPE x><row/>",
    ] {
        let bad = sheet(text);
        assert_eq!(bad, Err(BadFile::Workbook { part: "sheet" }), "{text}");
    }
    let many = "<row><c><v>1</v></c></row>".repeat(ROWS_MAX + 1);
    assert_eq!(sheet(&many), Err(BadFile::TooManyRows));
}

#[test]
fn a_bomb_is_refused_at_the_limit_whatever_the_archive_says() {
    let mapping = Mapping::parse(SMALL).unwrap();
    let limits = Limits { sheet_bytes: 100_000, part_bytes: 20_000, texts: 100 };
    let read = |file: &[u8]| read(file, None, &mapping, limits);
    let blanks = |n| format!("{HEADER}{}", "<row>      </row>".repeat(n));
    assert!(read(&workbook(TEXTS, &blanks(5_000), false)).is_ok());
    let bomb = workbook(TEXTS, &blanks(7_000), false);
    assert!(bomb.len() < 5_000, "{}", bomb.len());
    let sheet = Err(BadFile::Workbook { part: "sheet" });
    assert_eq!(read(&bomb), sheet);
    // The directory and the part's own header say that it is small.
    let frame = "<worksheet><cols><col/></cols><sheetData></sheetData></worksheet>".len();
    let size = u32::try_from(blanks(7_000).len() + frame).unwrap().to_le_bytes();
    let mut lying = bomb;
    let mut lies = 0;
    for at in 0..lying.len() - 4 {
        if lying[at..at + 4] == size {
            lying[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
            lies += 1;
        }
    }
    assert!(lies >= 1);
    assert_eq!(read(&lying), sheet);
    let texts = Err(BadFile::Workbook { part: "table of texts" });
    let many = |n: usize| format!("<sst>{}</sst>", "<si/>".repeat(n));
    assert!(read(&workbook(&many(100), "<row><c><v>1</v></c></row>", false)) != texts);
    assert_eq!(read(&workbook(&many(101), HEADER, false)), texts);
    let long = format!("<sst><si>{}</si></sst>", "<t>xxxxx</t>".repeat(2_000));
    assert_eq!(read(&workbook(&long, HEADER, false)), texts);
}

#[test]
fn a_workbook_of_as_many_parts_as_are_allowed_is_read_in_time() {
    let id = "x".repeat(100);
    let sheets = format!("<sheet name=\"A\" r:id=\"{id}\"/>").repeat(ENTRIES_MAX - 1);
    let book =
        format!("<workbook><sheets>{sheets}<sheet name=\"B\" r:id=\"r1\"/></sheets></workbook>");
    let others = (3..ENTRIES_MAX).map(|n| format!("<Relationship Id=\"{id}{n}\"/>"));
    let others: String = others.collect();
    let related = OF_WORKBOOK.replace("</Relationships>", &format!("{others}</Relationships>"));
    let own = (200..200 + ENTRIES_MAX).map(|n| format!("<numFmt numFmtId=\"{n}\"/>"));
    let own: String = own.collect();
    let used = "<xf numFmtId=\"199\"/>".repeat(ENTRIES_MAX);
    let styles = format!("<styleSheet>{own}<cellXfs>{used}</cellXfs></styleSheet>");
    let file = packed(&[
        ("_rels/.rels", RELATIONSHIPS),
        ("xl/workbook.xml", &book),
        ("xl/_rels/workbook.xml.rels", &related),
        ("xl/styles.xml", &styles),
        ("xl/sharedStrings.xml", TEXTS),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet><sheetData>{HEADER}</sheetData></worksheet>"),
        ),
    ]);
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(rows(&file).map(|rows| rows.len())));
    let read = wait.recv_timeout(std::time::Duration::from_secs(30));
    assert_eq!(read, Ok(Ok(0)));
}

#[test]
fn one_endless_text_is_refused_long_before_the_limit_of_the_sheet() {
    let blanks = format!("{HEADER}<row>{}", " ".repeat(20 * 1024 * 1024));
    let bomb = workbook(TEXTS, &blanks, false);
    assert_eq!(rows(&bomb), Err(BadFile::Workbook { part: "sheet" }));
}

#[test]
fn what_is_no_workbook_is_refused() {
    assert_eq!(rows(b"PK"), Err(BadFile::NoWorkbook));
    assert_eq!(rows(CSV), Err(BadFile::NoWorkbook));
    assert_eq!(rows(&packed(&[("_rels/.rels", "<Relationships/>")])), Err(BadFile::NoWorkbook));
    assert_eq!(rows(&packed(&[("x", "y")])), Err(BadFile::Workbook { part: "archive" }));
    assert_eq!(rows(&vec![0; crate::import::FILE_BYTES_MAX + 1]), Err(BadFile::TooLarge));
}
