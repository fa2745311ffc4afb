//! What fuzz targets read: files of other systems. Only there when it is built for fuzzing.

use std::{
    collections::BTreeSet,
    error::Error,
    io::{Cursor, Write as _},
};

use samsyn_client::wire::{Labels, Observation};
use samsyn_domain::{AreaId, Basis, SourceId};
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::{
    import::{
        BadFile, Defaults, Gazetteer, Imported, Mapping, Reading, Rows, SHIPPED_GAZETTEER,
        SHIPPED_OPEN311, SHIPPED_TYPES, TypeTable, mapped, polisen_events,
    },
    names, output,
};

const TABLE: &[u8] = include_bytes!("../../../tests/fixtures/iakttagelser.csv");
const NOTICES: &str = include_str!("../../../tests/fixtures/polisen-events.json");
const OF_TABLE: &str = include_str!("../../../tests/fixtures/iakttagelser.toml");
const OF_OLD_TABLE: &str = include_str!("../../../tests/fixtures/iakttagelser-windows-1252.toml");
const OF_LAYER: &str = include_str!("../../../tests/fixtures/iakttagelser-geojson.toml");
const SAMPLES: usize = 3;

/// The parts of a workbook that say where the others are, and those that fuzzing fills.
const RELATIONSHIPS: [(&str, &str); 2] = [
    (
        "_rels/.rels",
        r#"<Relationships>
        <Relationship Id="b" Type="/officeDocument" Target="b"/></Relationships>"#,
    ),
    (
        "_rels/b.rels",
        r#"<Relationships><Relationship Id="s" Type="/worksheet" Target="s"/>
        <Relationship Id="t" Type="/sharedStrings" Target="t"/>
        <Relationship Id="f" Type="/styles" Target="f"/></Relationships>"#,
    ),
];
const PARTS: [&str; 4] = ["b", "t", "f", "s"];

/// What goes through: observations, each with the area whose picture it belongs to.
pub type Through = Vec<(AreaId, Observation)>;

/// Every reader of files, with what it reads by. Reading panics when a row of a file is lost, an id
/// goes through twice, or what is said of a file is nothing or would steer the terminal.
#[derive(Debug)]
pub struct Importers {
    gazetteer: Gazetteer,
    defaults: Defaults,
    types: TypeTable,
    table: Mapping,
    old_table: Mapping,
    layer: Mapping,
    requests: Mapping,
}

impl Importers {
    /// By what is shipped, and the mappings of the sample files.
    ///
    /// # Errors
    /// When one of them does not hold.
    pub fn shipped() -> Result<Self, Box<dyn Error>> {
        let registry = names::registry(None).map_err(|why| why.to_string())?;
        let labels = Labels {
            level: 1,
            purposes: vec!["joint_picture".into()],
            regime: "nonpersonal".into(),
            ..Labels::default()
        };
        let source_kind = SourceId::parse("resident_report")?;
        let (reliability, credibility, basis) = (None, None, Basis::Assessment);
        Ok(Self {
            gazetteer: Gazetteer::build(&registry, SHIPPED_GAZETTEER)?,
            defaults: Defaults { labels, source_kind, reliability, credibility, basis },
            types: TypeTable::parse(SHIPPED_TYPES)?,
            table: Mapping::parse(OF_TABLE)?,
            old_table: Mapping::parse(OF_OLD_TABLE)?,
            layer: Mapping::parse(OF_LAYER)?,
            requests: Mapping::parse(SHIPPED_OPEN311)?,
        })
    }

    /// A CSV file in UTF-8.
    pub fn csv(&self, file: &[u8]) -> Through {
        self.rows(Rows::of_csv(file, &self.table), &self.table)
    }

    /// A CSV file in windows-1252.
    pub fn old_csv(&self, file: &[u8]) -> Through {
        self.rows(Rows::of_csv(file, &self.old_table), &self.old_table)
    }

    /// A GeoJSON layer.
    pub fn geojson(&self, file: &[u8]) -> Through {
        self.rows(Rows::of_geojson(file, &self.layer), &self.layer)
    }

    /// Open311 requests, in either form.
    pub fn open311(&self, file: &[u8]) -> Through {
        self.rows(Rows::of_open311(file, &self.requests), &self.requests)
    }

    /// Notices of the police.
    pub fn notices(&self, file: &[u8]) -> Through {
        let Ok(text) = str::from_utf8(file) else { return Vec::new() };
        through(polisen_events(text, &self.types, self.reading(), &mut |_, _| {}))
    }

    /// A mapping, by which the sample table is read.
    pub fn mapping(&self, file: &[u8]) -> Through {
        let Ok(text) = str::from_utf8(file) else { return Vec::new() };
        let Ok(mapping) = Mapping::parse(text) else { return Vec::new() };
        self.rows(Rows::of_csv(TABLE, &mapping), &mapping)
    }

    /// A table of types, by which the sample notices are read.
    pub fn types(&self, file: &[u8]) -> Through {
        let Ok(text) = str::from_utf8(file) else { return Vec::new() };
        let Ok(types) = TypeTable::parse(text) else { return Vec::new() };
        through(polisen_events(NOTICES, &types, self.reading(), &mut |_, _| {}))
    }

    /// A workbook as it stands.
    pub fn workbook(&self, file: &[u8]) -> Through {
        self.rows(Rows::of_xlsx(file, None, &self.table), &self.table)
    }

    /// A workbook that is packed here: a list of sheets, the texts that cells share, the formats of
    /// cells and a sheet, with a zero byte between them.
    pub fn parts(&self, bytes: &[u8]) -> Through {
        packed(bytes).map_or_else(|_| Vec::new(), |file| self.workbook(&file))
    }

    fn rows(&self, rows: Result<Rows, BadFile>, mapping: &Mapping) -> Through {
        through(rows.and_then(|rows| mapped(&rows, mapping, self.reading(), &mut |_, _| {})))
    }

    const fn reading(&self) -> Reading<'_> {
        let Self { gazetteer, defaults, .. } = self;
        Reading { gazetteer, defaults, areas: &[], samples: SAMPLES }
    }
}

/// What goes through of a file. Every row of it does, or is counted, or is listed.
fn through(imported: Result<Imported, BadFile>) -> Through {
    let imported = match imported {
        Ok(imported) => imported,
        Err(bad) => {
            harmless(&bad.to_string());
            return Vec::new();
        }
    };
    let Imported { rows, faults, read, again, elsewhere, samples } = imported;
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.observation.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id goes through twice");
    let listed: BTreeSet<usize> = faults.iter().map(|fault| fault.row).collect();
    assert_eq!(rows.len() + again + elsewhere + listed.len(), read, "a row is lost");
    assert_eq!(samples.len(), SAMPLES.min(rows.len()));
    faults.iter().for_each(|fault| harmless(&fault.reason));
    rows.into_iter().map(|row| (row.area, row.observation)).collect()
}

/// What is said of a file says something, and does not steer the terminal.
fn harmless(said: &str) {
    assert!(!said.is_empty(), "refused without a reason");
    assert_eq!(output::plain(said), said);
}

fn packed(bytes: &[u8]) -> Result<Vec<u8>, ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let relationships = RELATIONSHIPS.map(|(name, text)| (name, text.as_bytes()));
    let parts = PARTS.into_iter().zip(bytes.splitn(PARTS.len(), |byte| *byte == 0));
    for (name, content) in relationships.into_iter().chain(parts) {
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}
