//! What types of police notices are in the category list: a table from a file.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{CategoryId, Coordinates, SourceId, registry::Registry};
use serde::Deserialize;

use super::{BadFile, bad_file::config, degrees};

/// The table as shipped.
pub(crate) const SHIPPED_TYPES: &str = include_str!("../../../../config/import/polisen-types.toml");

const FILE: &str = "table of types";

/// The table of notice types.
#[derive(Debug, Clone)]
pub(crate) struct TypeTable {
    source: SourceId,
    blank_points: BTreeSet<Coordinates>,
    types: BTreeMap<String, Entry>,
}

/// What becomes of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An observation of a category.
    Category(CategoryId),
    /// Left out, for a reason.
    Skip(String),
}

#[derive(Debug, Clone)]
struct Entry {
    cases: Vec<(Vec<Pattern>, Outcome)>,
    otherwise: Outcome,
}

/// A word, with `*` at either end for any letters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    open_start: bool,
    text: String,
    open_end: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of notice types")]
struct File {
    source: SourceId,
    blank_points: Vec<String>,
    #[serde(rename = "type")]
    types: Vec<FileType>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a type with `names` and `category` or `skip`")]
struct FileType {
    names: Vec<String>,
    #[serde(default)]
    cases: Vec<FileCase>,
    category: Option<CategoryId>,
    skip: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a case with `words` and `category` or `skip`")]
struct FileCase {
    words: Vec<String>,
    category: Option<CategoryId>,
    skip: Option<String>,
}

impl TypeTable {
    /// Parses a table.
    ///
    /// # Errors
    /// When it does not parse, a type stands twice, or an outcome is missing or double.
    pub(crate) fn parse(text: &str) -> Result<Self, BadFile> {
        let File { source, blank_points, types } = config(FILE, text)?;
        let blank_points = blank_points.iter().map(|text| {
            let point = coordinates(text);
            point.ok_or_else(|| contradiction(format!("`{text}` is no point; write `59.3,18.1`")))
        });
        let blank_points = blank_points.collect::<Result<_, _>>()?;
        let mut table = Self { source, blank_points, types: BTreeMap::new() };
        for FileType { names, cases, category, skip } in types {
            let of = names.first().map_or("", String::as_str);
            let otherwise = outcome(of, category, skip)?;
            let case = |case: FileCase| {
                let words = case.words.iter().map(|word| Pattern::parse(word)).collect();
                Ok((words, outcome(of, case.category, case.skip)?))
            };
            let cases = cases.into_iter().map(case).collect::<Result<Vec<_>, BadFile>>()?;
            for name in &names {
                let entry = Entry { cases: cases.clone(), otherwise: otherwise.clone() };
                if table.types.insert(name.clone(), entry).is_some() {
                    return Err(contradiction(format!("type `{name}` stands twice; keep one")));
                }
            }
        }
        Ok(table)
    }

    /// The categories that notices may become, by id.
    #[cfg(test)]
    pub(crate) fn categories(&self) -> impl Iterator<Item = &CategoryId> {
        let outcomes = self.types.values().flat_map(|entry| {
            entry.cases.iter().map(|(_, outcome)| outcome).chain([&entry.otherwise])
        });
        let categories = outcomes.filter_map(|outcome| match outcome {
            Outcome::Category(category) => Some(category),
            Outcome::Skip(_) => None,
        });
        categories.collect::<BTreeSet<_>>().into_iter()
    }

    /// Holds the table against a registry.
    ///
    /// # Errors
    /// When the registry has not the source of the notices.
    pub(super) fn fits(&self, registry: &Registry) -> Result<(), BadFile> {
        if registry.lists().has_source(&self.source) {
            return Ok(());
        }
        let source = &self.source;
        Err(contradiction(format!("source `{source}` is not registered; give a registered one")))
    }

    /// The source code of the notices.
    pub(super) const fn source(&self) -> &SourceId {
        &self.source
    }

    /// Whether a point says no more than the municipality or the county.
    pub(super) fn is_blank(&self, at: Coordinates) -> bool {
        self.blank_points.contains(&at)
    }

    /// What becomes of a notice of a type, by the words of its summary.
    pub(super) fn outcome(&self, name: &str, summary: &str) -> Option<&Outcome> {
        let entry = self.types.get(name)?;
        let text = summary.to_lowercase();
        let words: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric() && c != '-')
            .filter(|word| !word.is_empty())
            .collect();
        let fits = |patterns: &[Pattern]| {
            patterns.iter().any(|pattern| words.iter().any(|word| pattern.fits(word)))
        };
        let case = entry.cases.iter().find(|(patterns, _)| fits(patterns));
        Some(case.map_or(&entry.otherwise, |(_, outcome)| outcome))
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let open_start = text.starts_with('*');
        let open_end = text.ends_with('*');
        Self { open_start, text: text.trim_matches('*').to_lowercase(), open_end }
    }

    fn fits(&self, word: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => word == self.text,
            (false, true) => word.starts_with(&self.text),
            (true, false) => word.ends_with(&self.text),
            (true, true) => word.contains(&self.text),
        }
    }
}

/// `59.329324,18.068581`.
pub(super) fn coordinates(text: &str) -> Option<Coordinates> {
    let (lat, lon) = text.split_once(',')?;
    degrees::point(lat, lon)
}

fn outcome(
    of: &str,
    category: Option<CategoryId>,
    skip: Option<String>,
) -> Result<Outcome, BadFile> {
    match (category, skip) {
        (Some(category), None) => Ok(Outcome::Category(category)),
        (None, Some(reason)) => Ok(Outcome::Skip(reason)),
        _ => Err(contradiction(format!(
            "type `{of}` needs either `category` or `skip` in each case"
        ))),
    }
}

fn contradiction(message: String) -> BadFile {
    BadFile::Contradiction { file: FILE, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::sample;

    fn shipped() -> TypeTable {
        TypeTable::parse(SHIPPED_TYPES).unwrap()
    }

    fn category(name: &str, summary: &str) -> String {
        match shipped().outcome(name, summary) {
            Some(Outcome::Category(id)) => id.to_string(),
            Some(Outcome::Skip(_)) => "skip".into(),
            None => "unknown".into(),
        }
    }

    #[test]
    fn the_first_case_that_fits_decides() {
        for (name, summary, expected) in [
            ("Stöld", "Stöld i matbutik.", "shoplifting"),
            ("Stöld", "Cykel stulen utanför butik.", "bicycle_theft"),
            ("Stöld", "Mobiltelefon stulen.", "theft_from_person"),
            ("Stöld", "Biljetter stulna.", "skip"),
            ("Misshandel", "Två män slåss på torget.", "assault_outdoor"),
            ("Misshandel", "Bråk i en flerfamiljslägenhet.", "skip"),
            ("Misshandel", "En man misstänks ha slagit sin sambo.", "domestic_violence"),
            ("Brand", "Lägenhetsbrand.", "skip"),
            ("Brand", "Det brinner i en container.", "arson_small"),
            ("Bedrägeri", "En kvinna i 80-årsåldern lurad.", "crime_against_elderly"),
            ("Trafikolycka", "", "skip"),
            ("Enhörning", "", "unknown"),
        ] {
            assert_eq!(category(name, summary), expected, "{name}: {summary}");
        }
    }

    #[test]
    fn the_shipped_table_keeps_to_the_category_list() {
        let registry = sample::registry();
        let missing: Vec<_> = shipped()
            .categories()
            .filter(|id| registry.category(id).is_none())
            .map(ToString::to_string)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(registry.lists().has_source(shipped().source()));
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let with = |types: &str| {
            let text = format!("source = \"police_report\"\nblank_points = []\n{types}");
            TypeTable::parse(&text).unwrap_err().to_string()
        };
        let twice = with("[[type]]\nnames = [\"A\", \"A\"]\nskip = \"no\"");
        assert_eq!(twice, "the table of types: type `A` stands twice; keep one");
        let both = with("[[type]]\nnames = [\"A\"]\nskip = \"no\"\ncategory = \"graffiti\"");
        assert!(both.contains("either `category` or `skip`"), "{both}");
        assert!(with("[[type]]\nnames = [\"A\"]").contains("either"));
        assert!(with("[[type]]\nname = \"A\"").contains("line 4"));
    }
}
