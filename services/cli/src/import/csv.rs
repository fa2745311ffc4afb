//! CSV files as rows of cells.

use super::{BadFile, COLUMNS_MAX, Mapping, Rows, Wrong, decode::decode};

impl Rows {
    /// The rows of a CSV file, with delimiter and encoding as the mapping says. Blank lines are no
    /// rows.
    ///
    /// # Errors
    /// When the file is too large, is not in the encoding, does not split into rows, or has not the
    /// columns that the mapping names.
    pub(crate) fn of_csv(file: &[u8], mapping: &Mapping) -> Result<Self, BadFile> {
        let text = decode(file, mapping.encoding)?;
        let delimiter = u8::try_from(mapping.delimiter).unwrap_or(b';');
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(text.as_bytes());
        let header = reader.headers().map_err(|_| BadFile::Rows { row: 0 })?;
        if header.len() > COLUMNS_MAX {
            return Err(BadFile::TooManyColumns);
        }
        let header = header.clone();
        let mut rows = Self::new(mapping);
        let positions = rows.positions(&header.iter().collect::<Vec<_>>())?;
        for (number, record) in (1_usize..).zip(reader.records()) {
            let bad = |_| BadFile::Rows { row: number.saturating_sub(1) };
            let record: ::csv::StringRecord = record.map_err(bad)?;
            if record.iter().any(|cell| !cell.trim().is_empty()) {
                rows.push(number, cells(&record, &positions, header.len()))?;
            }
        }
        Ok(rows)
    }
}

/// The cells at the positions, of a row that is as wide as the header.
fn cells(
    record: &::csv::StringRecord,
    positions: &[usize],
    width: usize,
) -> Result<Vec<String>, Wrong> {
    let has = record.len();
    let beyond = record.iter().skip(width).any(|cell| !cell.trim().is_empty());
    if has < width || beyond {
        let reason = format!(
            "the row has {has} fields, the header {width}; quote fields that hold the delimiter"
        );
        return Err(Wrong::unreadable("", reason));
    }
    let cell = |at: &usize| record.get(*at).unwrap_or_default().to_owned();
    Ok(positions.iter().map(cell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = r#"
        id = { column = "nr" }
        category = { constant = "graffiti" }
        place = { column = "nr", by = "id" }
        time = { timestamp = "nr" }
    "#;

    #[test]
    fn columns_are_bounded() {
        let mapping = Mapping::parse(MAPPING).unwrap();
        let header = |blank| format!("nr{0}\n1{0}\n", ";".repeat(blank));
        assert_eq!(Rows::of_csv(header(COLUMNS_MAX - 1).as_bytes(), &mapping).unwrap().len(), 1);
        let wide = Rows::of_csv(header(COLUMNS_MAX).as_bytes(), &mapping);
        assert_eq!(wide, Err(BadFile::TooManyColumns));
    }
}
