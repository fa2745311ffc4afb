//! Names for people in place of ids, from a registry document. What it does not know keeps its id.

use std::path::Path;

use samsyn_domain::{
    CategoryId, Coordinates, Kind, OrganisationId, PartyId, PlaceId,
    registry::{Document, Registry},
};

use crate::failure::Failure;

/// The registry of Stockholm, as shipped.
const SHIPPED: &str = include_str!("../../../config/registry/stockholm-demo.toml");

/// Names of a registry.
#[derive(Debug)]
pub(crate) struct Names {
    registry: Registry,
}

impl Names {
    /// Of the registry that is shipped.
    pub(crate) fn shipped() -> Self {
        Self { registry: shipped_registry().unwrap_or_default() }
    }

    /// Of the registry of a file, else of the one that is shipped.
    ///
    /// # Errors
    /// When the file cannot be read or does not hold.
    pub(crate) fn of(file: Option<&Path>) -> Result<Self, Failure> {
        registry(file).map(|registry| Self { registry })
    }

    /// The point of a registered place that has one; a sub-area or area has none.
    pub(crate) fn centre(&self, id: &str) -> Option<Coordinates> {
        self.registry.place(&PlaceId::parse(id).ok()?)?.centre
    }

    /// A place, sub-area or area.
    pub(crate) fn geography(&self, id: &str) -> String {
        self.registry.geography_name(id).unwrap_or(id).to_owned()
    }

    /// A category, in English.
    pub(crate) fn category(&self, id: &str) -> String {
        let id_of = CategoryId::parse(id).ok();
        let category = id_of.and_then(|id| self.registry.category(&id));
        category.map_or(id, |category| &category.en).to_owned()
    }

    /// Of what a category's observations are.
    pub(crate) fn kind(&self, category: &str) -> Option<Kind> {
        let id = CategoryId::parse(category).ok()?;
        self.registry.category(&id).map(|category| category.kind)
    }

    /// A party.
    pub(crate) fn party(&self, id: &str) -> String {
        let id_of = PartyId::parse(id).ok();
        let party = id_of.and_then(|id| self.registry.party(&id));
        party.map_or(id, |party| &party.name).to_owned()
    }

    /// An organisation.
    pub(crate) fn organisation(&self, id: &str) -> String {
        let id_of = OrganisationId::parse(id).ok();
        let organisation = id_of.and_then(|id| self.registry.organisation(&id));
        organisation.map_or(id, |organisation| &organisation.name).to_owned()
    }
}

/// The registry of a file, else the one that is shipped.
///
/// # Errors
/// When the file cannot be read or does not hold.
pub(crate) fn registry(file: Option<&Path>) -> Result<Registry, Failure> {
    let Some(file) = file else { return shipped_registry() };
    let text = std::fs::read_to_string(file).map_err(|why| Failure::file("read", file, &why))?;
    built(&text).map_err(|why| Failure::Local(format!("`{}` does not hold: {why}", file.display())))
}

fn shipped_registry() -> Result<Registry, Failure> {
    built(SHIPPED).map_err(|why| Failure::Local(format!("the shipped registry: {why}")))
}

fn built(text: &str) -> Result<Registry, String> {
    let document: Document = toml::from_str(text).map_err(|why| why.to_string())?;
    Registry::build(&document).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_registry_gives_names_and_unknown_ids_stay() {
        let names = Names::shipped();
        assert_eq!(names.geography("sthlm-skarholmen"), "Skärholmen");
        assert_eq!(names.category("lighting_fault"), "Deficient lighting");
        assert_eq!(names.kind("lighting_fault"), Some(Kind::Environment));
        assert_eq!(names.geography("elsewhere"), "elsewhere");
        assert_eq!(names.party("Å"), "Å");
    }
}
