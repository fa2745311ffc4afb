//! The archive and its parts.

use std::io::{BufReader, Cursor};

use zip::{ZipArchive, read::ZipFile};

use super::{
    super::{BadFile, FILE_BYTES_MAX, xml::Xml},
    ENTRIES_MAX, Limits, broken,
};

/// A workbook's archive.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    pub(super) limits: Limits,
}

/// One part, unpacked as it is read.
pub(super) type Part<'p, 'a> = Xml<BufReader<ZipFile<'p, Cursor<&'a [u8]>>>>;

impl<'a> Package<'a> {
    pub(super) fn open(file: &'a [u8], limits: Limits) -> Result<Self, BadFile> {
        if file.len() > FILE_BYTES_MAX {
            return Err(BadFile::TooLarge);
        }
        let archive = ZipArchive::new(Cursor::new(file)).map_err(|_| BadFile::NoWorkbook)?;
        if archive.len() > ENTRIES_MAX {
            return Err(broken("archive"));
        }
        Ok(Self { archive, limits })
    }

    /// A part of at most so many bytes. One that is missing, encrypted or packed in another way
    /// than a workbook's is refused.
    pub(super) fn part(&mut self, path: &str, bytes_max: u64) -> Result<Part<'_, 'a>, BadFile> {
        let part = self.archive.by_name(path).map_err(|_| broken("archive"))?;
        Ok(Xml::new(BufReader::new(part), bytes_max))
    }
}

/// The path of a part that another part at `from` names.
pub(super) fn path(from: &str, target: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from_root = target.starts_with('/');
    let mut steps: Vec<&str> = if from_root { Vec::new() } else { folder.split('/').collect() };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.retain(|step| !step.is_empty());
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_from_the_root_or_from_where_they_are_named() {
        for (from, target, wanted) in [
            ("xl/workbook.xml", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl/workbook.xml", "/xl/styles.xml", "xl/styles.xml"),
            ("", "xl/workbook.xml", "xl/workbook.xml"),
            ("xl/workbook.xml", "../a/./b.xml", "a/b.xml"),
            ("xl/workbook.xml", "../../../a.xml", "a.xml"),
        ] {
            assert_eq!(path(from, target), wanted, "{from} {target}");
        }
    }
}
