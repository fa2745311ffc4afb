//! Which registered geography a text speaks of: names of the registry with their Swedish forms,
//! and further names from a file.

mod forms;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use samsyn_domain::{
    AreaId, Coordinates, Geography, Level, PlaceId, SubAreaId,
    registry::{Registry, Resolution},
};
use serde::Deserialize;

use super::{BadFile, bad_file::config};
use words::Word;

/// Further names, as shipped: for the parts of Stockholm.
pub(crate) const SHIPPED_GAZETTEER: &str =
    include_str!("../../../../../config/import/gazetteer.toml");

const FILE: &str = "gazetteer";
/// The name after this word is where something heads for, not where it is.
const TOWARDS: &str = "mot";

/// Names of registered geography (ortregister).
#[derive(Debug, Clone)]
pub(crate) struct Gazetteer {
    registry: Registry,
    home: BTreeSet<String>,
    names: BTreeMap<String, Named>,
    words_max: usize,
}

/// Why a text has no geography.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotPlaced {
    /// It holds no name that is known.
    NoName,
    /// Its names lie in different areas.
    Several {
        /// The names, as the gazetteer writes them.
        names: Vec<String>,
    },
    /// It names what is known to lie outside of all areas.
    Elsewhere {
        /// The name.
        name: String,
    },
    /// The gazetteer knows the name, but the registry has not what it stands for.
    Unregistered {
        /// The name.
        name: String,
        /// The id that is missing.
        id: String,
    },
}

impl fmt::Display for NotPlaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str(
                "no known place is named; add the name to the gazetteer or enter the row by hand",
            ),
            Self::Several { names } => {
                let names = names.join("`, `");
                write!(f, "`{names}` may mean different areas; enter the row by hand")
            }
            Self::Elsewhere { name } => {
                write!(f, "`{name}` lies outside the registered areas; leave the row out")
            }
            Self::Unregistered { name, id } => {
                write!(f, "`{name}` is `{id}`, which is not registered; register it")
            }
        }
    }
}

/// The gazetteer's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Names of the whole: they place nothing, but nor do they lie elsewhere.
    home: Vec<String>,
    /// Names that lie outside of all areas.
    elsewhere: Vec<String>,
    /// Names that hold the name of a place, and are none.
    nowhere: Vec<String>,
    /// Further names, by the id of a registered place, sub-area or area.
    names: BTreeMap<String, Vec<String>>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Here(Geography),
    Elsewhere,
    Nowhere,
    Unregistered(String),
}

/// How good a name is; a better one hides a worse one that is written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// From the gazetteer's file.
    Given,
    /// A registered name.
    Own,
    /// What a registered name has in parentheses.
    Aside,
    /// Another way to write one of these.
    Form,
}

#[derive(Debug, Clone)]
struct Named {
    shown: String,
    rank: Rank,
    targets: BTreeSet<Target>,
}

/// Whether a name must begin with a capital letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Capitals {
    Needed,
    Ignored,
}

impl Gazetteer {
    /// Builds the gazetteer from a registry and a file of further names.
    ///
    /// # Errors
    /// When the file does not parse.
    pub(crate) fn build(registry: &Registry, file: &str) -> Result<Self, BadFile> {
        let File { home, elsewhere, nowhere, names } = config(FILE, file)?;
        let home = home.iter().map(|name| words::key(name)).collect();
        let registry = registry.clone();
        let mut built = Self { registry, home, names: BTreeMap::new(), words_max: 0 };
        for name in &elsewhere {
            built.add(name, Rank::Given, &Target::Elsewhere);
        }
        for name in &nowhere {
            built.add(name, Rank::Given, &Target::Nowhere);
        }
        for (id, names) in &names {
            let here = built.geography(id).map(Target::Here);
            let target = here.unwrap_or_else(|| Target::Unregistered(id.clone()));
            for name in names {
                built.add(name, Rank::Given, &target);
            }
        }
        for (name, geography) in built.registered() {
            built.add_registered(&name, &Target::Here(geography));
        }
        Ok(built)
    }

    /// The registry it was built from.
    #[must_use]
    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The geography of a registered id of any level.
    #[must_use]
    pub(crate) fn geography(&self, id: &str) -> Option<Geography> {
        let place = PlaceId::parse(id).ok().and_then(|id| self.registry.geography_of_place(&id));
        let part = SubAreaId::parse(id).ok();
        let part = part.and_then(|id| self.registry.geography_of_sub_area(&id));
        let area = AreaId::parse(id).ok().and_then(|id| self.registry.geography_of_area(&id));
        place.or(part).or(area)
    }

    /// Which geography running text speaks of. Names begin with a capital letter there.
    ///
    /// # Errors
    /// When no known name stands in it, or names of different areas do.
    pub(crate) fn in_text(&self, text: &str) -> Result<Geography, NotPlaced> {
        self.agreed(&self.mentions(text, Capitals::Needed))
    }

    /// Which geography a cell names.
    ///
    /// # Errors
    /// When no known name stands in it, or names of different areas do.
    pub(crate) fn of_name(&self, cell: &str) -> Result<Geography, NotPlaced> {
        self.agreed(&self.mentions(cell, Capitals::Ignored))
    }

    /// Whether a name means all areas together: `Stockholm`.
    #[must_use]
    pub(crate) fn is_home(&self, name: &str) -> bool {
        self.home.contains(&words::key(name))
    }

    /// The registered geography that takes in coordinates, in whichever area.
    #[must_use]
    pub(crate) fn at(&self, at: Coordinates) -> Option<Geography> {
        let grade = |how| match how {
            Resolution::Place => 0,
            Resolution::Outline => 1,
            Resolution::Centre => 2,
        };
        let metres = |geography: &Geography| {
            let part = geography.sub_area.as_ref().and_then(|id| self.registry.sub_area(id));
            part.map_or(f64::MAX, |part| part.centre.metres_to(at))
        };
        let within = |area: AreaId| self.registry.resolve(&area, at).ok();
        let found = self.registry.areas().filter_map(|area| within(area.id.clone()));
        let best = found.min_by(|(a, how_a), (b, how_b)| {
            let finer = grade(*how_a).cmp(&grade(*how_b));
            finer.then_with(|| metres(a).total_cmp(&metres(b)))
        });
        best.map(|(geography, _)| geography)
    }

    fn registered(&self) -> Vec<(String, Geography)> {
        let registry = &self.registry;
        let areas = registry
            .areas()
            .filter_map(|area| Some((area.name.clone(), registry.geography_of_area(&area.id)?)));
        let parts = registry.areas().flat_map(|area| registry.sub_areas_of(&area.id));
        let parts = parts.filter_map(|part| {
            Some((part.name.clone(), registry.geography_of_sub_area(&part.id)?))
        });
        let places = registry.places().filter_map(|place| {
            Some((place.name.clone(), registry.geography_of_place(&place.id)?))
        });
        areas.chain(parts).chain(places).collect()
    }

    fn add_registered(&mut self, name: &str, target: &Target) {
        let (own, asides) = forms::split(name);
        for (names, rank) in [(own, Rank::Own), (asides, Rank::Aside)] {
            for name in names {
                self.add(&name, rank, target);
                for form in forms::of(&name) {
                    self.add_as(&form, &name, Rank::Form, target);
                }
            }
        }
    }

    fn add(&mut self, name: &str, rank: Rank, target: &Target) {
        self.add_as(&words::key(name), name, rank, target);
    }

    fn add_as(&mut self, key: &str, shown: &str, rank: Rank, target: &Target) {
        if key.is_empty() {
            return;
        }
        self.words_max = self.words_max.max(key.split(' ').count());
        let new = || Named { shown: shown.to_owned(), rank, targets: BTreeSet::new() };
        let named = self.names.entry(key.to_owned()).or_insert_with(new);
        if rank < named.rank {
            *named = new();
        }
        if rank == named.rank {
            named.targets.insert(target.clone());
        }
    }

    /// The names in a text, from left to right, each as long as possible.
    fn mentions(&self, text: &str, capitals: Capitals) -> Vec<&Named> {
        let words = words::of(text);
        let mut found = Vec::new();
        let mut rest = words.as_slice();
        let mut before = "";
        while !rest.is_empty() {
            let heads = before == TOWARDS && capitals == Capitals::Needed;
            let named = self.longest(rest, capitals);
            let len = named.map_or(1, |(_, len)| len);
            if let Some((named, _)) = named.filter(|_| !heads) {
                found.push(named);
            }
            before = rest.get(len.saturating_sub(1)).map_or("", |word| word.text.as_str());
            rest = rest.get(len..).unwrap_or_default();
        }
        found
    }

    /// The longest name that the words begin with, and how many words it takes.
    fn longest(&self, words: &[Word], capitals: Capitals) -> Option<(&Named, usize)> {
        let first = words.first()?;
        if capitals == Capitals::Needed && !first.capital {
            return None;
        }
        let most = self.words_max.min(words.len());
        let exact = (1..=most).rev().find_map(|len| {
            let texts: Vec<_> = words.iter().take(len).map(|word| word.text.as_str()).collect();
            let key = texts.join(" ");
            let base = || self.names.get(key.strip_suffix('s')?);
            self.names.get(&key).or_else(base).map(|named| (named, len))
        });
        exact.or_else(|| {
            let mut bases = forms::bases(&first.text);
            bases.find_map(|base| self.names.get(&base)).map(|named| (named, 1))
        })
    }

    /// The one geography that all mentions are about.
    fn agreed(&self, mentions: &[&Named]) -> Result<Geography, NotPlaced> {
        let meant = |named: &&&Named| named.targets.iter().any(|t| *t != Target::Nowhere);
        let mentions: Vec<&Named> = mentions.iter().filter(meant).copied().collect();
        let Some(first) = mentions.first() else { return Err(NotPlaced::NoName) };
        let several = || {
            let names: BTreeSet<_> = mentions.iter().map(|named| named.shown.clone()).collect();
            NotPlaced::Several { names: names.into_iter().collect() }
        };
        let here = |named: &Named| {
            let geographies = named.targets.iter().filter_map(|target| match target {
                Target::Here(geography) => Some(geography.clone()),
                Target::Elsewhere | Target::Nowhere | Target::Unregistered(_) => None,
            });
            geographies.collect::<Vec<_>>()
        };
        let unplaced = mentions.iter().filter(|named| here(named).is_empty()).count();
        if unplaced == mentions.len() {
            return Err(outside(first));
        }
        if unplaced > 0 {
            return Err(several());
        }
        let all: Vec<_> = mentions.iter().map(|named| here(named)).collect();
        let mut common = all.iter().map(|geographies| {
            geographies.iter().map(|g| g.area.clone()).collect::<BTreeSet<AreaId>>()
        });
        let areas = common.next().unwrap_or_default();
        let areas = common.fold(areas, |kept, areas| kept.intersection(&areas).cloned().collect());
        let mut areas = areas.into_iter();
        let (Some(area), None) = (areas.next(), areas.next()) else { return Err(several()) };
        let within: Vec<_> = all.into_iter().flatten().filter(|g| g.area == area).collect();
        Ok(meeting(area, &within))
    }
}

fn outside(named: &Named) -> NotPlaced {
    let name = named.shown.clone();
    let id = named.targets.iter().find_map(|target| match target {
        Target::Unregistered(id) => Some(id.clone()),
        Target::Here(_) | Target::Elsewhere | Target::Nowhere => None,
    });
    match id {
        Some(id) => NotPlaced::Unregistered { name, id },
        None => NotPlaced::Elsewhere { name },
    }
}

/// The finest of geographies that hold one another, else the finest that holds them all.
fn meeting(area: AreaId, all: &[Geography]) -> Geography {
    let one_branch = all.iter().all(|a| all.iter().all(|b| a.same_branch(b)));
    let finest = all.iter().min_by_key(|geography| geography.level()).filter(|_| one_branch);
    let same_part = all.iter().find(|g| all.iter().all(|other| other.sub_area == g.sub_area));
    let part = same_part.map(|geography| geography.coarsened(Level::SubArea));
    let whole = Geography { area, sub_area: None, place: None };
    finest.cloned().or(part).unwrap_or(whole)
}

#[cfg(test)]
mod tests;
