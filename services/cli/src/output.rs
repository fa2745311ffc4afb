//! What commands write to standard output: aligned tables for people, JSON for programs.

use std::{
    fmt,
    io::{self, Write as _},
};

use serde_json::Value;

/// In which form a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people.
    #[default]
    Table,
    /// JSON with the field names of the proto files; keys are sorted.
    Json,
}

/// Between two columns.
const GAP: &str = "  ";

/// Rows under a header, aligned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Columns whose cells end at the same place: numbers.
    right: Vec<usize>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new<T: Into<String>>(headers: impl IntoIterator<Item = T>) -> Self {
        let headers = headers.into_iter().map(Into::into).collect();
        Self { headers, rows: Vec::new(), right: Vec::new() }
    }

    /// Aligns a column, counted from 0, to the right.
    pub(crate) fn right(mut self, column: usize) -> Self {
        self.right.push(column);
        self
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| plain(&cell.into())).collect());
    }

    /// How many rows it has.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no rows.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in std::iter::once(&self.headers).chain(&self.rows) {
            for (column, cell) in row.iter().enumerate() {
                match widths.get_mut(column) {
                    Some(width) => *width = width_of(cell).max(*width),
                    None => widths.push(width_of(cell)),
                }
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in std::iter::once(&self.headers).chain(&self.rows) {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let blank = " ".repeat(width.saturating_sub(width_of(cell)));
                if column > 0 {
                    line.push_str(GAP);
                }
                if self.right.contains(&column) {
                    line.push_str(&blank);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&blank);
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Two columns of names and values, without a header.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, String); N]) -> String {
    let mut table = Table::new([""; 0]);
    for (name, value) in pairs {
        table.row([name.to_owned(), value]);
    }
    table.to_string().trim_start_matches('\n').to_owned()
}

/// Writes text to standard output. A reader that has gone away is no fault.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn text(text: &str) -> io::Result<()> {
    gone_is_fine(io::stdout().lock().write_all(text.as_bytes()))
}

/// Writes a value as indented JSON, with a line end.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn json(value: &Value) -> io::Result<()> {
    text(&format!("{value:#}\n"))
}

/// Writes a value as JSON on one line, and sends it off.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn json_line(value: &Value) -> io::Result<()> {
    text(&format!("{value}\n")).and_then(|()| gone_is_fine(io::stdout().flush()))
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Text of others, on one line and without control characters: it cannot steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() || is_direction(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Marks that change the direction in which text is shown (UAX 9).
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns on a terminal: every character that is used here takes one.
fn width_of(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_swedish_letters_are_one_wide() {
        let mut table = Table::new(["where", "n", "joint"]).right(1);
        table.row(["Skärholmstorget", "12", "both see it: 4 ↑"]);
        table.row(["Bodholmsgången", "<5", "only the city: 3 →"]);
        table.row(["Sätra", "140", ""]);
        let golden = "\
where              n  joint
Skärholmstorget   12  both see it: 4 ↑
Bodholmsgången    <5  only the city: 3 →
Sätra            140
";
        assert_eq!(table.to_string(), golden);
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        let table = Table::new(["a", "b"]);
        assert!(table.is_empty());
        assert_eq!(table.to_string(), "a  b\n");
    }

    #[test]
    fn pairs_have_no_header() {
        let golden = "service  sdf-skarholmen\nroles    reader\n";
        let text = pairs([("service", "sdf-skarholmen".into()), ("roles", "reader".into())]);
        assert_eq!(text, golden);
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        let mut table = Table::new(["note"]);
        table.row(["a\u{1b}[31mb\nc\u{202e}d"]);
        assert_eq!(table.to_string(), "note\na\u{fffd}[31mb c\u{fffd}d\n");
    }
}
