//! Areas, their parts, places; and how coordinates become one of them.

use serde::{Deserialize, Serialize};

use super::Registry;
use crate::{AreaId, Coordinates, Geography, PartyId, PlaceId, SubAreaId, Timestamp};

/// A registered place takes in what lies this near.
const PLACE_METRES: f64 = 100.0;
/// A sub-area without geometry takes in what lies this near its centre.
const CENTRE_METRES: f64 = 2_000.0;

/// An area with a joint picture (stadsdelsområde).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its id.
    pub id: AreaId,
    /// Its name.
    pub name: String,
}

/// A part of an area (stadsdel).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubArea {
    /// Its id.
    pub id: SubAreaId,
    /// The area it is a part of.
    pub area: AreaId,
    /// Its name.
    pub name: String,
    /// Its centre.
    pub centre: Coordinates,
    /// Its outline, a simple polygon of at most 1,000 corners, when it is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outline: Vec<Coordinates>,
}

/// A registered place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// The sub-area it lies in.
    pub sub_area: SubAreaId,
    /// Its name.
    pub name: String,
    /// Where exactly, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre: Option<Coordinates>,
}

/// Which party answers for a sub-area, and when; never changed, only added to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Responsibility {
    /// The party.
    pub party: PartyId,
    /// The sub-area.
    pub sub_area: SubAreaId,
    /// From which day on, `YYYY-MM-DD` in Europe/Stockholm.
    pub valid_from: jiff::civil::Date,
    /// Until the day before this one; open when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<jiff::civil::Date>,
}

impl Responsibility {
    /// What it is known by: party, sub-area and first day.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}@{}@{}", self.party, self.sub_area, self.valid_from)
    }
}

/// How coordinates became a geography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// A registered place within 100 m.
    Place,
    /// The outline of a sub-area holds them.
    Outline,
    /// The nearest centre of a sub-area, within 2 km.
    Centre,
}

/// Coordinates that no registered geography takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lies in no registered part of the area; give a place or sub-area id")]
pub struct NotPlaced;

impl Registry {
    /// The geography of a registered place.
    #[must_use]
    pub fn geography_of_place(&self, id: &PlaceId) -> Option<Geography> {
        let place = self.place(id)?;
        let within = self.geography_of_sub_area(&place.sub_area)?;
        Some(Geography { place: Some(place.id.clone()), ..within })
    }

    /// The geography of a sub-area.
    #[must_use]
    pub fn geography_of_sub_area(&self, id: &SubAreaId) -> Option<Geography> {
        let sub_area = self.sub_area(id)?;
        let (area, sub_area) = (sub_area.area.clone(), Some(sub_area.id.clone()));
        Some(Geography { area, sub_area, place: None })
    }

    /// The geography of an area.
    #[must_use]
    pub fn geography_of_area(&self, id: &AreaId) -> Option<Geography> {
        self.area(id).map(|area| Geography { area: area.id.clone(), sub_area: None, place: None })
    }

    /// What registered geography within an area takes in coordinates: a place within 100 m, else
    /// the sub-area whose outline holds them, else the nearest centre within 2 km.
    ///
    /// # Errors
    /// When none does.
    pub fn resolve(
        &self,
        area: &AreaId,
        at: Coordinates,
    ) -> Result<(Geography, Resolution), NotPlaced> {
        let near = self
            .places()
            .filter(|place| self.sub_area(&place.sub_area).is_some_and(|sub| sub.area == *area))
            .filter_map(|place| Some((place.centre?.metres_to(at), &place.id)))
            .filter(|(metres, _)| *metres <= PLACE_METRES)
            .min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        if let Some(geography) = near.and_then(|(_, id)| self.geography_of_place(id)) {
            return Ok((geography, Resolution::Place));
        }
        let holds = self.sub_areas_of(area).find(|sub_area| holds(&sub_area.outline, at));
        let (sub_area, how) = match holds {
            Some(sub_area) => (sub_area, Resolution::Outline),
            None => self
                .sub_areas_of(area)
                .map(|sub_area| (sub_area.centre.metres_to(at), sub_area))
                .filter(|(metres, _)| *metres <= CENTRE_METRES)
                .min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)))
                .map(|(_, sub_area)| (sub_area, Resolution::Centre))
                .ok_or(NotPlaced)?,
        };
        self.geography_of_sub_area(&sub_area.id).map(|g| (g, how)).ok_or(NotPlaced)
    }

    /// Whether a party answers for a sub-area at a time.
    #[must_use]
    pub fn answers_for(&self, party: &PartyId, sub_area: &SubAreaId, at: Timestamp) -> bool {
        let Some(day) = day_of(at) else { return false };
        self.responsibilities.values().any(|row| {
            row.party == *party
                && row.sub_area == *sub_area
                && row.valid_from <= day
                && row.valid_to.is_none_or(|end| day < end)
        })
    }

    /// Whether a sub-area is divided among parties by registered responsibility at all.
    #[must_use]
    pub fn is_divided(&self, party: &PartyId) -> bool {
        self.responsibilities.values().any(|row| row.party == *party)
    }
}

/// The first instant of a day in Europe/Stockholm.
#[must_use]
pub fn midnight(day: jiff::civil::Date) -> Timestamp {
    let zone = jiff::tz::TimeZone::get("Europe/Stockholm").ok();
    let time = zone.and_then(|zone| day.to_zoned(zone).ok());
    time.map_or(Timestamp::ZERO, |time| Timestamp::from_micros(time.timestamp().as_microsecond()))
}

fn day_of(at: Timestamp) -> Option<jiff::civil::Date> {
    let zone = jiff::tz::TimeZone::get("Europe/Stockholm").ok()?;
    let time = jiff::Timestamp::from_microsecond(at.micros()).ok()?;
    Some(zone.to_datetime(time).date())
}

/// Even-odd rule, in whole numbers: on the border counts as inside on the south and west sides.
fn holds(outline: &[Coordinates], at: Coordinates) -> bool {
    let wide = |c: Coordinates| (i128::from(c.lat_e7), i128::from(c.lon_e7));
    let (y, x) = wide(at);
    let next = outline.iter().cycle().skip(1);
    outline.iter().zip(next).fold(false, |inside, (a, b)| {
        let ((ay, ax), (by, bx)) = (wide(*a), wide(*b));
        if (ay <= y) == (by <= y) {
            return inside;
        }
        let side = (x - ax) * (by - ay) - (y - ay) * (bx - ax);
        inside ^ if by > ay { side < 0 } else { side > 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_holds_what_lies_in_it() {
        let corner = |lat_e7, lon_e7| Coordinates { lat_e7, lon_e7 };
        let hook = [
            corner(0, 0),
            corner(0, 40),
            corner(40, 40),
            corner(40, 30),
            corner(10, 30),
            corner(10, 0),
        ];
        assert!(holds(&hook, corner(5, 5)));
        assert!(holds(&hook, corner(35, 35)));
        assert!(!holds(&hook, corner(30, 10)));
        assert!(!holds(&hook, corner(50, 35)));
        assert!(!holds(&[], corner(0, 0)));
    }
}
