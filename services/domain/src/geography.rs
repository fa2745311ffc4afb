//! Where something is: the chain from a district down to a place, and coordinates.

use serde::{Deserialize, Serialize};

use crate::{AreaId, PlaceId, SubAreaId};

/// How fine a geography is; ordered from fine to coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A registered place.
    Place,
    /// A sub-area (stadsdel).
    SubArea,
    /// The whole area (stadsdelsområde).
    District,
}

/// A registered geography with all that holds it, as resolved on entry and recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Geography {
    /// The area.
    pub area: AreaId,
    /// The sub-area, when it is known.
    pub sub_area: Option<SubAreaId>,
    /// The place, when it is known; only within a sub-area.
    pub place: Option<PlaceId>,
}

impl Geography {
    /// How fine it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match (&self.place, &self.sub_area) {
            (Some(_), _) => Level::Place,
            (None, Some(_)) => Level::SubArea,
            (None, None) => Level::District,
        }
    }

    /// The same, no finer than a level.
    #[must_use]
    pub fn coarsened(&self, level: Level) -> Self {
        Self {
            area: self.area.clone(),
            sub_area: self.sub_area.clone().filter(|_| level <= Level::SubArea),
            place: self.place.clone().filter(|_| level == Level::Place),
        }
    }

    /// The id of its finest part: what stands in a finding's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match (&self.place, &self.sub_area) {
            (Some(place), _) => place.as_str(),
            (None, Some(sub_area)) => sub_area.as_str(),
            (None, None) => self.area.as_str(),
        }
    }

    /// Whether one of the two holds the other.
    #[must_use]
    pub fn same_branch(&self, other: &Self) -> bool {
        let level = self.level().max(other.level());
        self.coarsened(level) == other.coarsened(level)
    }
}

/// WGS 84, in 1e-7 degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinates {
    /// Latitude.
    pub lat_e7: i32,
    /// Longitude.
    pub lon_e7: i32,
}

impl Coordinates {
    /// Checks the bounds of the globe.
    #[must_use]
    pub fn on_globe(lat_e7: i32, lon_e7: i32) -> Option<Self> {
        let on = (-900_000_000..=900_000_000).contains(&lat_e7)
            && (-1_800_000_000..=1_800_000_000).contains(&lon_e7);
        on.then_some(Self { lat_e7, lon_e7 })
    }

    /// Distance in metres on a plane that touches the globe between the two: good to 0.1 % within
    /// 10 km. Used on entry only, where its outcome is recorded.
    #[must_use]
    pub fn metres_to(self, other: Self) -> f64 {
        const METRES_PER_E7: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0 / 1e7;
        let middle = (f64::from(self.lat_e7) + f64::from(other.lat_e7)) / 2e7;
        let north = f64::from(self.lat_e7) - f64::from(other.lat_e7);
        let east = (f64::from(self.lon_e7) - f64::from(other.lon_e7)) * middle.to_radians().cos();
        north.hypot(east) * METRES_PER_E7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn torget() -> Geography {
        Geography {
            area: AreaId::parse("a").unwrap(),
            sub_area: Some(SubAreaId::parse("a/s").unwrap()),
            place: Some(PlaceId::parse("a/s/p").unwrap()),
        }
    }

    #[test]
    fn coarsening_goes_up_the_chain_and_never_down() {
        assert_eq!(torget().coarsened(Level::SubArea).id(), "a/s");
        assert_eq!(torget().coarsened(Level::District).id(), "a");
        let district = torget().coarsened(Level::District);
        assert_eq!(district.coarsened(Level::Place), district);
        assert!(torget().same_branch(&district));
    }

    #[test]
    fn distances_are_metres() {
        let here = Coordinates::on_globe(592_771_000, 179_070_000).unwrap();
        let there = Coordinates::on_globe(592_757_000, 178_902_000).unwrap();
        let metres = here.metres_to(there);
        assert!((960.0..980.0).contains(&metres), "{metres}");
    }
}
