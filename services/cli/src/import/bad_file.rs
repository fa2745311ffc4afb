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
