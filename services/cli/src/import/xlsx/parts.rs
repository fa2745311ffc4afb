//! What a workbook says besides its sheets: which there are, what texts cells share, how they show
//! numbers.

use std::collections::BTreeMap;

use super::{
    super::{
        BadFile, quoted,
        xml::{Element, Token},
    },
    ENTRIES_MAX, broken,
    number::Format,
    package::{Package, Part, path},
};

/// Where the parts of a table are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Workbook {
    pub(super) sheet: String,
    pub(super) texts: Option<String>,
    pub(super) formats: Option<String>,
    /// Days are counted from 1904, not from 1900.
    pub(super) from_1904: bool,
}

/// That one part belongs to another.
struct Relationship {
    id: String,
    kind: String,
    path: String,
}

impl Package<'_> {
    /// Finds the parts of a sheet.
    pub(super) fn workbook(&mut self, wanted: Option<&str>) -> Result<Workbook, BadFile> {
        let root = self.relationships("")?;
        let at = find(&root, "officeDocument").ok_or(BadFile::NoWorkbook)?;
        let related = self.relationships(&at)?;
        let mut found = Workbook {
            texts: find(&related, "sharedStrings"),
            formats: find(&related, "styles"),
            ..Workbook::default()
        };
        let mut sheets = Vec::new();
        self.elements(&at, "workbook", |element| {
            match element.name.as_str() {
                "workbookPr" => {
                    found.from_1904 = matches!(element.attribute("date1904"), Some("1" | "true"));
                }
                "sheet" => {
                    let hidden = element.attribute("state").is_some_and(|s| s != "visible");
                    let name = element.attribute("name").unwrap_or_default().to_owned();
                    let id = element.attribute("id").unwrap_or_default().to_owned();
                    sheets.push((name, id, hidden));
                }
                _ => {}
            }
            sheets.len() <= ENTRIES_MAX
        })?;
        // Of two with one id, the first.
        let by_id: BTreeMap<_, _> =
            related.iter().rev().map(|one| (one.id.as_str(), one)).collect();
        let part = |id: &str| {
            let part = by_id.get(id).filter(|part| part.kind.ends_with("/worksheet"));
            part.map(|part| part.path.clone())
        };
        let mut tables = sheets.iter().filter(|(_, id, _)| part(id).is_some());
        let sheet = match wanted {
            Some(name) => tables.find(|(own, ..)| own == name),
            None => tables.find(|(.., hidden)| !hidden),
        };
        let sheet = sheet.and_then(|(_, id, _)| part(id));
        found.sheet = sheet.ok_or_else(|| BadFile::NoSheet {
            wanted: wanted.map_or_else(|| "that is shown".into(), quoted),
            sheets: sheets.iter().map(|(name, ..)| quoted(name)).collect::<Vec<_>>().join(", "),
        })?;
        Ok(found)
    }

    /// The texts that cells share, by number.
    pub(super) fn texts(&mut self, at: Option<&str>) -> Result<Vec<String>, BadFile> {
        let Some(at) = at else { return Ok(Vec::new()) };
        let bad = |_| broken("table of texts");
        let texts_max = self.limits.texts;
        let mut part = self.part(at, self.limits.part_bytes)?;
        let mut texts = Vec::new();
        loop {
            match part.next().map_err(bad)? {
                Token::Open(element) if element.name == "si" => {
                    if texts.len() == texts_max {
                        return Err(broken("table of texts"));
                    }
                    texts.push(text(&mut part).ok_or_else(|| broken("table of texts"))?);
                }
                Token::Open(_) | Token::Close | Token::Text(_) => {}
                Token::End => return Ok(texts),
            }
        }
    }

    /// How cells show numbers, by style.
    pub(super) fn formats(&mut self, at: Option<&str>) -> Result<Vec<Format>, BadFile> {
        let Some(at) = at else { return Ok(Vec::new()) };
        let (mut own, mut formats) = (BTreeMap::new(), Vec::new());
        let mut of_cells = false;
        self.elements(at, "styles", |element| {
            let number = |name| element.attribute(name).and_then(|n| n.parse::<u32>().ok());
            match element.name.as_str() {
                "numFmt" => {
                    let code = element.attribute("formatCode").unwrap_or_default();
                    if let Some(id) = number("numFmtId") {
                        own.entry(id).or_insert_with(|| Format::of_code(code));
                    }
                }
                "cellXfs" => of_cells = true,
                "cellStyleXfs" | "cellStyles" | "dxfs" => of_cells = false,
                "xf" if of_cells => {
                    let id = number("numFmtId").unwrap_or_default();
                    let own = own.get(&id).copied();
                    formats.push(own.unwrap_or_else(|| Format::built_in(id)));
                }
                _ => {}
            }
            own.len() <= ENTRIES_MAX && formats.len() <= ENTRIES_MAX
        })?;
        Ok(formats)
    }

    fn relationships(&mut self, of: &str) -> Result<Vec<Relationship>, BadFile> {
        let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
        let at = path(&format!("{folder}/"), &format!("_rels/{name}.rels"));
        let mut all = Vec::new();
        self.elements(&at, "relationships", |element| {
            if element.name == "Relationship" {
                let value = |name| element.attribute(name).unwrap_or_default();
                all.push(Relationship {
                    id: value("Id").to_owned(),
                    kind: value("Type").to_owned(),
                    path: path(of, value("Target")),
                });
            }
            all.len() <= ENTRIES_MAX
        })?;
        Ok(all)
    }

    /// Shows every element of a part, as long as the answer is `true`.
    fn elements(
        &mut self,
        at: &str,
        name: &'static str,
        mut each: impl FnMut(&Element) -> bool,
    ) -> Result<(), BadFile> {
        let mut part = self.part(at, self.limits.part_bytes)?;
        loop {
            match part.next().map_err(|_| broken(name))? {
                Token::Open(element) if !each(&element) => return Err(broken(name)),
                Token::Open(_) | Token::Close | Token::Text(_) => {}
                Token::End => return Ok(()),
            }
        }
    }
}

fn find(all: &[Relationship], kind: &str) -> Option<String> {
    let of_kind = |one: &&Relationship| one.kind.rsplit('/').next() == Some(kind);
    all.iter().find(of_kind).map(|one| one.path.clone())
}

/// The text of an element that has just begun: of its `t`s, without how they are pronounced.
pub(super) fn text(part: &mut Part<'_, '_>) -> Option<String> {
    let (mut text, mut depth, mut shown) = (String::new(), 1_usize, false);
    loop {
        match part.next().ok()? {
            Token::Open(element) if element.name == "rPh" => part.skip().ok()?,
            Token::Open(element) => {
                depth = depth.saturating_add(1);
                shown = element.name == "t";
            }
            Token::Text(more) if shown => text.push_str(&more),
            Token::Text(_) => {}
            Token::Close => {
                depth = depth.saturating_sub(1);
                shown = false;
                if depth == 0 {
                    return Some(text);
                }
            }
            Token::End => return None,
        }
    }
}
