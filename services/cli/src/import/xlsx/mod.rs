//! Workbooks (Office Open XML, ISO/IEC 29500: `.xlsx`) as rows of cells: one sheet, values as they
//! are cached, formulas never computed. Only the parts that a table needs are unpacked, each to a
//! limit of its own whatever the archive says of itself, and the sheet is read as it is unpacked.

mod number;
mod package;
mod parts;
mod sheet;

use super::{BadFile, Mapping, Rows};
use package::Package;
use sheet::Sheet;

/// How much of a workbook is unpacked.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The largest sheet, in bytes.
    sheet_bytes: u64,
    /// The largest other part, in bytes.
    part_bytes: u64,
    /// The most texts that cells share.
    texts: usize,
}

/// What an import takes.
const LIMITS: Limits =
    Limits { sheet_bytes: 128 * 1024 * 1024, part_bytes: 32 * 1024 * 1024, texts: 2_000_000 };
/// The most parts in an archive, sheets in a workbook, and formats of cells.
const ENTRIES_MAX: usize = 65_536;

impl Rows {
    /// The rows of a sheet: that of a name, else the first that is not hidden. The first row that
    /// holds anything is the header; rows are counted from it.
    ///
    /// # Errors
    /// When the file is too large, is no workbook, has not the sheet, or its header has not the
    /// columns that the mapping names.
    pub(crate) fn of_xlsx(
        file: &[u8],
        sheet: Option<&str>,
        mapping: &Mapping,
    ) -> Result<Self, BadFile> {
        read(file, sheet, mapping, LIMITS)
    }
}

fn read(
    file: &[u8],
    sheet: Option<&str>,
    mapping: &Mapping,
    limits: Limits,
) -> Result<Rows, BadFile> {
    let mut package = Package::open(file, limits)?;
    let workbook = package.workbook(sheet)?;
    let texts = package.texts(workbook.texts.as_deref())?;
    let formats = package.formats(workbook.formats.as_deref())?;
    let xml = package.part(&workbook.sheet, limits.sheet_bytes)?;
    Sheet::new(xml, &texts, &formats, workbook.from_1904).rows(Rows::new(mapping))
}

/// The fault of a workbook that does not keep to its form.
const fn broken(part: &'static str) -> BadFile {
    BadFile::Workbook { part }
}

#[cfg(test)]
mod tests;
