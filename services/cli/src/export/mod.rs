//! A view as a file for other programs: GeoJSON and CSV. Nothing is in it that the view does not
//! hold, but names and points of the registry.

mod csv;
mod geojson;

use samsyn_client::wire::{Finding, observation::Location};
use samsyn_domain::Coordinates;
use serde_json::Value;

use crate::names::Names;

pub(crate) use csv::csv;
pub(crate) use geojson::geojson;

/// The field group of places.
const PLACE: &str = "place";

/// What is said once of a whole file: of which view it is, and on what ground it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Head(pub(crate) Vec<(&'static str, Value)>);

/// Where a finding is, as far as the view says it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place<'a> {
    /// The registered place, sub-area or area.
    geography: &'a str,
    /// The category.
    category: &'a str,
    /// Points, each once; none when the place is withheld or coarse.
    points: Vec<Coordinates>,
}

impl<'a> Place<'a> {
    /// The points that the view shows; where it shows none, that of the registered place.
    fn of(finding: &'a Finding, names: &Names) -> Self {
        let (geography, category) = finding.id.rsplit_once('/').unwrap_or(("", &finding.id));
        if finding.withheld.iter().any(|part| part.field_group == PLACE) {
            return Self { geography, category, points: Vec::new() };
        }
        let observations = finding.contributions.iter().filter_map(|one| one.observation.as_ref());
        let shown = observations.filter_map(|observation| match &observation.location {
            Some(Location::Coordinates(at)) => Coordinates::on_globe(at.lat_e7, at.lon_e7),
            Some(Location::PlaceId(_) | Location::SubAreaId(_) | Location::AreaId(_)) | None => {
                None
            }
        });
        let mut points: Vec<Coordinates> = shown.collect();
        points.sort_unstable();
        points.dedup();
        if points.is_empty() {
            points.extend(names.centre(geography));
        }
        Self { geography, category, points }
    }
}

#[cfg(test)]
mod tests;
