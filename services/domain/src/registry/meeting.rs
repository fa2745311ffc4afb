//! Series of meetings, and where one function is wanted twice at once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AreaId, MeetingId, PriorityId};

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Every week.
    EveryWeek,
    /// Every other week, in even or odd ISO weeks.
    #[serde(rename = "every_2_weeks")]
    EveryTwoWeeks,
    /// In the first week of a month that holds the weekday.
    Monthly,
}

/// Which ISO weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// Even weeks.
    Even,
    /// Odd weeks.
    Odd,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
}

/// A series of meetings of a local group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meeting {
    /// Its id.
    pub id: MeetingId,
    /// The group's name.
    pub group: String,
    /// The area.
    pub area: AreaId,
    /// The priority area it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<PriorityId>,
    /// How often.
    pub cadence: Cadence,
    /// In which weeks, when every other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<Parity>,
    /// On which day.
    pub weekday: Weekday,
    /// At what time, `HH:MM` in Europe/Stockholm.
    pub starts: jiff::civil::Time,
    /// How long, in minutes.
    pub minutes: u16,
    /// Which functions must be there.
    pub roles: BTreeSet<String>,
}
