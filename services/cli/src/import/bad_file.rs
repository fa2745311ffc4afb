//! Why a whole file is refused, its configuration included.

/// Why a whole file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFile {
    /// Over 32 MiB.
    #[error("the file is larger than 32 MiB; split it")]
    TooLarge,
    /// Over 64 MiB in the cells that are read.
    #[error("the columns that are read hold more than 64 MiB of text; split the file")]
    TooMuchText,
    /// Over 100,000 rows.
    #[error("the file has more than 100,000 rows; split it")]
    TooManyRows,
    /// Over 16,384 columns.
    #[error("the table has more than 16,384 columns; check the delimiter, or split the table")]
    TooManyColumns,
    /// Bytes that the encoding does not have.
    #[error("byte {at} of the file is not {encoding}; set `encoding` in the mapping")]
    Encoding {
        /// The encoding that was tried.
        encoding: &'static str,
        /// Which byte, from 0.
        at: usize,
    },
    /// Not the JSON of police notices.
    #[error("the file is no list of notices (line {line}, column {column}); fetch it anew")]
    Notices {
        /// Which line, from 1.
        line: usize,
        /// Which column, from 1.
        column: usize,
    },
    /// Not JSON of the form that was expected.
    #[error("the file is not the expected JSON (line {line}, column {column}); export it anew")]
    Json {
        /// Which line, from 1.
        line: usize,
        /// Which column, from 1.
        column: usize,
    },
    /// XML that breaks a rule or a limit.
    #[error(
        "the XML is not well-formed, declares a document type, or is too deep or too long near \
         byte {at}; export it anew"
    )]
    Xml {
        /// Which byte, from 0.
        at: u64,
    },
    /// No GeoJSON of the kind that is read.
    #[error("the file is no GeoJSON `FeatureCollection`; export the layer as one")]
    NoFeatures,
    /// GeoJSON in another system of coordinates.
    #[error("the file names another system of coordinates than WGS 84; export it in WGS 84")]
    NotWgs84,
    /// No archive with a workbook in it.
    #[error("the file is no workbook; save it as .xlsx, without a password")]
    NoWorkbook,
    /// A part of a workbook that breaks its form or a limit.
    #[error("the {part} of the workbook is damaged or beyond a limit; save it anew or split it")]
    Workbook {
        /// Which part.
        part: &'static str,
    },
    /// A sheet that is not there.
    #[error("the workbook has no sheet {wanted}; it has {sheets}")]
    NoSheet {
        /// Which one.
        wanted: String,
        /// Those that are there.
        sheets: String,
    },
    /// A sheet without a header.
    #[error("the sheet is empty; choose another with `--sheet`")]
    EmptySheet,
    /// XML of another kind.
    #[error("the root of the file is not `service_requests`; fetch GeoReport v2 requests")]
    NoRequests,
    /// A mapping names what GeoReport v2 does not have, or what is not read.
    #[error("GeoReport v2 requests have no field `{column}` that is read; correct the mapping")]
    NoField {
        /// Its name.
        column: String,
    },
    /// The CSV reader lost its way.
    #[error("the file cannot be split into rows after row {row}; check delimiter and quotes")]
    Rows {
        /// The last good data row.
        row: usize,
    },
    /// A column that the mapping names.
    #[error("the header has no column `{column}`; correct the mapping or the header")]
    NoColumn {
        /// Its name.
        column: String,
    },
    /// A column that the mapping names.
    #[error("the header has column `{column}` more than once; rename one of them")]
    ColumnTwice {
        /// Its name.
        column: String,
    },
    /// A configuration file that does not parse.
    #[error("line {line} of the {file}: {message}")]
    Config {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A configuration file that contradicts itself.
    #[error("the {file}: {message}")]
    Contradiction {
        /// Which file.
        file: &'static str,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The time zone data of the program.
    #[error("the program has no time zone data for Europe/Stockholm; build it with that data")]
    NoTimeZone,
}

/// Parses a configuration file; `file` is its name in messages.
pub(super) fn config<T: serde::de::DeserializeOwned>(
    file: &'static str,
    text: &str,
) -> Result<T, BadFile> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        let message = error.message().to_owned();
        BadFile::Config { file, line: before.saturating_add(1), message }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_bad_configuration_names_its_line() {
        let bad = config::<BTreeMap<String, u8>>("mapping", "a = 1\nb = x\n").unwrap_err();
        assert!(matches!(bad, BadFile::Config { line: 2, .. }), "{bad}");
    }
}
