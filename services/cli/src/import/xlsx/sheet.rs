//! A sheet, cell by cell.

use std::collections::BTreeMap;

use super::{
    super::{
        BadFile, COLUMNS_MAX, FIELD_CHARACTERS_MAX, Rows, Wrong,
        xml::{Element, Token},
    },
    broken,
    number::Format,
    package::Part,
    parts,
};

/// The most rows that the format has.
const SHEET_ROWS_MAX: usize = 1_048_576;
/// Bytes of a cell that are kept: enough to see that it is longer than allowed.
const CELL_BYTES_MAX: usize = FIELD_CHARACTERS_MAX * 4 + 4;

/// A sheet that is read from top to bottom.
pub(super) struct Sheet<'s, 'p, 'a> {
    xml: Part<'p, 'a>,
    texts: &'s [String],
    formats: &'s [Format],
    from_1904: bool,
}

/// What a cell holds.
enum Cell {
    Text(String),
    /// A formula that came to nothing, as `#N/A`.
    Fault(String),
}

/// The cells of a row that hold anything, by column from 0.
type Line = BTreeMap<usize, Cell>;

/// Where each mapped column stands, and which row the header is.
struct Header {
    row: usize,
    positions: Vec<usize>,
}

impl<'s, 'p, 'a> Sheet<'s, 'p, 'a> {
    pub(super) const fn new(
        xml: Part<'p, 'a>,
        texts: &'s [String],
        formats: &'s [Format],
        from_1904: bool,
    ) -> Self {
        Self { xml, texts, formats, from_1904 }
    }

    /// The rows under the header. Each row must stand below the one before it.
    pub(super) fn rows(mut self, mut rows: Rows) -> Result<Rows, BadFile> {
        let mut header: Option<Header> = None;
        let mut last = 0_usize;
        while let Some(element) = self.until("row", "sheetData")? {
            let row = match element.attribute("r") {
                Some(number) => number.parse().map_err(|_| broken("sheet"))?,
                None => last.saturating_add(1),
            };
            if row <= last || row > SHEET_ROWS_MAX {
                return Err(broken("sheet"));
            }
            last = row;
            let line = self.line(header.as_ref())?;
            if line.is_empty() {
                continue;
            }
            match &header {
                None => header = Some(Header { row, positions: positions(&rows, &line)? }),
                Some(Header { row: above, positions }) => {
                    let cells = cells(line, positions, rows.columns());
                    rows.push(row.saturating_sub(*above), cells)?;
                }
            }
        }
        match header {
            Some(_) => Ok(rows),
            None => Err(BadFile::EmptySheet),
        }
    }

    /// Reads on to an element of a name; `None` when the element around it ends before.
    fn until(&mut self, name: &str, around: &str) -> Result<Option<Element>, BadFile> {
        loop {
            match self.xml.next().map_err(|_| broken("sheet"))? {
                Token::Open(element) if element.name == name => return Ok(Some(element)),
                // The root, and what is around.
                Token::Open(element) if element.name == "worksheet" || element.name == around => {}
                Token::Open(_) => self.xml.skip().map_err(|_| broken("sheet"))?,
                Token::Text(_) => {}
                Token::Close | Token::End => return Ok(None),
            }
        }
    }

    /// The cells of the row that has just begun: all of a header, of others what is mapped, and
    /// one more if anything else is there.
    fn line(&mut self, header: Option<&Header>) -> Result<Line, BadFile> {
        let (mut line, mut next) = (Line::new(), 0_usize);
        while let Some(element) = self.until("c", "row")? {
            let column = match element.attribute("r") {
                Some(at) => column(at).ok_or_else(|| broken("sheet"))?,
                None => next,
            };
            if column >= COLUMNS_MAX {
                return Err(broken("sheet"));
            }
            next = column.saturating_add(1);
            let kept = header.is_none_or(|h| line.is_empty() || h.positions.contains(&column));
            if let Some(cell) = self.cell(&element)?.filter(|_| kept) {
                line.insert(column, cell);
            }
        }
        Ok(line)
    }

    /// What the cell that has just begun holds; `None` when that is nothing.
    fn cell(&mut self, element: &Element) -> Result<Option<Cell>, BadFile> {
        let (mut value, mut inline) = (String::new(), None);
        loop {
            match self.xml.next().map_err(|_| broken("sheet"))? {
                Token::Open(part) if part.name == "is" => {
                    inline = Some(parts::text(&mut self.xml).ok_or_else(|| broken("sheet"))?);
                }
                Token::Open(part) if part.name == "v" => value = self.value()?,
                Token::Open(_) => self.xml.skip().map_err(|_| broken("sheet"))?,
                Token::Text(_) => {}
                Token::Close | Token::End => break,
            }
        }
        let text = match element.attribute("t").unwrap_or("n") {
            "s" => {
                let number = value.trim().parse::<usize>().ok();
                let text = number.and_then(|number| self.texts.get(number));
                text.cloned().ok_or_else(|| broken("sheet"))?
            }
            "inlineStr" => inline.unwrap_or_default(),
            "b" => if value.trim() == "1" { "true" } else { "false" }.to_owned(),
            "e" => return Ok(Some(Cell::Fault(value))),
            // A text that a formula gave, or a date as ISO 8601.
            "str" | "d" => value,
            _ => {
                let style = element.attribute("s").and_then(|style| style.parse::<usize>().ok());
                let format = style.and_then(|style| self.formats.get(style).copied());
                format.unwrap_or(Format::Plain).text(&value, self.from_1904)
            }
        };
        Ok(Some(text).filter(|text| !text.trim().is_empty()).map(Cell::Text))
    }

    fn value(&mut self) -> Result<String, BadFile> {
        let mut text = String::new();
        loop {
            match self.xml.next().map_err(|_| broken("sheet"))? {
                Token::Text(more) if text.len() < CELL_BYTES_MAX => text.push_str(&more),
                Token::Text(_) => {}
                Token::Open(_) => self.xml.skip().map_err(|_| broken("sheet"))?,
                Token::Close | Token::End => return Ok(text),
            }
        }
    }
}

/// Where in the header each mapped column stands.
fn positions(rows: &Rows, header: &Line) -> Result<Vec<usize>, BadFile> {
    let width = header.keys().next_back().map_or(0, |last| last.saturating_add(1));
    let names: Vec<&str> = (0..width)
        .map(|column| match header.get(&column) {
            Some(Cell::Text(name)) => name.as_str(),
            Some(Cell::Fault(_)) | None => "",
        })
        .collect();
    rows.positions(&names)
}

/// The mapped cells of a row, in the order of the columns.
fn cells(mut line: Line, positions: &[usize], columns: &[String]) -> Result<Vec<String>, Wrong> {
    let mut cells = Vec::with_capacity(positions.len());
    for (position, column) in positions.iter().zip(columns) {
        cells.push(match line.remove(position) {
            Some(Cell::Text(text)) => text,
            Some(Cell::Fault(fault)) => {
                let fault = super::super::quoted(&fault);
                let reason = format!("the formula came to {fault}; correct it or leave it empty");
                return Err(Wrong::unreadable(column, reason));
            }
            None => String::new(),
        });
    }
    Ok(cells)
}

/// The column of a reference as `BC17`, from 0.
fn column(reference: &str) -> Option<usize> {
    let mut column = 0_usize;
    for letter in reference.bytes().take_while(u8::is_ascii_alphabetic) {
        let digit = usize::from(letter.to_ascii_uppercase().checked_sub(b'@')?);
        column = column.checked_mul(26)?.checked_add(digit)?;
    }
    column.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_letters() {
        for (reference, at) in [("A1", Some(0)), ("Z9", Some(25)), ("AA1", Some(26))] {
            assert_eq!(column(reference), at, "{reference}");
        }
        assert_eq!(column("XFD1"), Some(COLUMNS_MAX - 1));
        assert_eq!(column("17"), None);
        assert_eq!(column(&"Z".repeat(99)), None);
    }
}
