//! A file as rows of cells, before anything is known of what they mean. Every kind of table comes
//! as this, and only the columns that the mapping reads are kept.

use std::{collections::BTreeSet, fmt};

use super::{BadFile, FIELD_CHARACTERS_MAX, Mapping, ROWS_MAX, TEXT_BYTES_MAX, Wrong};

/// The data rows of a file, within the limits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Sorted; each once.
    columns: Vec<String>,
    lines: Vec<Line>,
    bytes: usize,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows under {:?}", self.lines.len(), self.columns)
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Line {
    number: usize,
    cells: Result<Vec<String>, Wrong>,
}

/// The cells of a row, by column.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    columns: &'a [String],
    cells: &'a [String],
}

impl Rows {
    /// No rows yet, under the columns that a mapping reads.
    pub(super) fn new(mapping: &Mapping) -> Self {
        let columns: BTreeSet<&str> = mapping.columns().into_iter().collect();
        let columns = columns.into_iter().map(str::to_owned).collect();
        Self { columns, lines: Vec::new(), bytes: 0 }
    }

    /// The columns, in the order in which cells are handed over.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where in a header each column stands.
    ///
    /// # Errors
    /// When one does not stand there, or more than once.
    pub(super) fn positions(&self, header: &[&str]) -> Result<Vec<usize>, BadFile> {
        let position = |column: &String| {
            let mut all = header.iter().enumerate().filter(|(_, name)| name.trim() == column);
            match (all.next(), all.next()) {
                (Some((at, _)), None) => Ok(at),
                (None, _) => Err(BadFile::NoColumn { column: column.clone() }),
                (Some(_), Some(_)) => Err(BadFile::ColumnTwice { column: column.clone() }),
            }
        };
        self.columns.iter().map(position).collect()
    }

    /// Takes in a data row: its cells in the order of the columns, or why it cannot be read.
    ///
    /// # Errors
    /// When there are too many rows, or too much text.
    pub(super) fn push(
        &mut self,
        number: usize,
        cells: Result<Vec<String>, Wrong>,
    ) -> Result<(), BadFile> {
        if self.lines.len() == ROWS_MAX {
            return Err(BadFile::TooManyRows);
        }
        let cells = cells.and_then(|cells| self.short(cells));
        let bytes = cells.iter().flatten().map(String::len).sum();
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > TEXT_BYTES_MAX {
            return Err(BadFile::TooMuchText);
        }
        self.lines.push(Line { number, cells });
        Ok(())
    }

    fn short(&self, cells: Vec<String>) -> Result<Vec<String>, Wrong> {
        let long = |cell: &String| {
            cell.len() > FIELD_CHARACTERS_MAX && cell.chars().count() > FIELD_CHARACTERS_MAX
        };
        let Some(at) = cells.iter().position(long) else { return Ok(cells) };
        let column = self.columns.get(at).map_or("", String::as_str);
        Err(Wrong::unreadable(column, "the field is longer than 4,000 characters; shorten it"))
    }

    /// How many data rows there are.
    pub(super) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// The data rows with their numbers, in the order of the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Result<Cells<'_>, &Wrong>)> {
        self.lines.iter().map(|Line { number, cells }| {
            let cells = cells.as_ref().map(|cells| Cells { columns: &self.columns, cells });
            (*number, cells)
        })
    }
}

impl<'a> Cells<'a> {
    /// The cell of a column, without blanks around it.
    pub(super) fn cell(&self, column: &str) -> &'a str {
        let at = self.columns.binary_search_by(|name| name.as_str().cmp(column)).ok();
        at.and_then(|at| self.cells.get(at)).map_or("", |cell| cell.trim())
    }

    /// The cell of a column, which must hold something.
    pub(super) fn required(&self, column: &str) -> Result<&'a str, Wrong> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return Err(Wrong::unreadable(column, "the field is empty; fill it in"));
        }
        Ok(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = r#"
        id = { column = "nr" }
        category = { constant = "graffiti" }
        place = { column = "place", by = "id" }
        time = { timestamp = "nr" }
    "#;

    fn rows() -> Rows {
        Rows::new(&Mapping::parse(MAPPING).unwrap())
    }

    #[test]
    fn columns_are_those_of_the_mapping_each_once() {
        assert_eq!(rows().columns(), ["nr", "place"]);
        assert_eq!(rows().positions(&["x", "place ", "x", "nr"]), Ok(vec![3, 1]));
    }

    #[test]
    fn the_text_of_a_file_is_bounded() {
        let mut rows = rows();
        let cell = || "x".repeat(FIELD_CHARACTERS_MAX);
        let taken = (1..=ROWS_MAX).find_map(|number| {
            let bad = rows.push(number, Ok(vec![cell(), String::new()])).err();
            bad.map(|bad| (number, bad))
        });
        let number = TEXT_BYTES_MAX / FIELD_CHARACTERS_MAX + 1;
        assert_eq!(taken, Some((number, BadFile::TooMuchText)));
        assert!(!format!("{rows:?}").contains("xx"));
    }
}
