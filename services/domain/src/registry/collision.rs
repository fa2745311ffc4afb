//! Where one function is wanted in several meetings at once: a pure read over the series.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use super::{Cadence, Meeting, Parity, Registry, Weekday};
use crate::{MeetingId, Timestamp};

/// One function, several meetings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collision {
    /// When the first of them starts.
    pub starts_at: Timestamp,
    /// When the last of them ends.
    pub ends_at: Timestamp,
    /// They start at the same minute; otherwise they overlap.
    pub same_start: bool,
    /// The series.
    pub meetings: Vec<MeetingId>,
}

/// One meeting of a series.
#[derive(Debug, Clone)]
struct Sitting {
    starts_at: Timestamp,
    ends_at: Timestamp,
    meeting: MeetingId,
}

impl Registry {
    /// Where a function is wanted in several meetings at once within a span: first by equal
    /// starts, then by overlap of meetings that start at different times; by time.
    #[must_use]
    pub fn collisions(&self, role: &str, from: Timestamp, to: Timestamp) -> Vec<Collision> {
        let wanted = self.meetings().filter(|meeting| meeting.roles.contains(role));
        let mut sittings: Vec<Sitting> =
            wanted.flat_map(|meeting| sittings(meeting, from, to)).collect();
        sittings.sort_by(|a, b| (a.starts_at, &a.meeting).cmp(&(b.starts_at, &b.meeting)));
        let mut collisions = same_starts(&sittings);
        collisions.extend(overlaps(&sittings));
        collisions.sort();
        collisions
    }
}

fn same_starts(sittings: &[Sitting]) -> Vec<Collision> {
    let mut starts: BTreeMap<Timestamp, Vec<&Sitting>> = BTreeMap::new();
    for sitting in sittings {
        starts.entry(sitting.starts_at).or_default().push(sitting);
    }
    starts.values().filter(|all| all.len() > 1).map(|all| collision(all, true)).collect()
}

/// Runs of meetings each of which begins before an earlier one of the run has ended, with more
/// than one start among them.
fn overlaps(sittings: &[Sitting]) -> Vec<Collision> {
    let mut collisions = Vec::new();
    let mut run: Vec<&Sitting> = Vec::new();
    let close = |run: &mut Vec<&Sitting>, collisions: &mut Vec<Collision>| {
        let first = run.first().map(|sitting| sitting.starts_at);
        if run.iter().any(|sitting| Some(sitting.starts_at) != first) {
            collisions.push(collision(run, false));
        }
        run.clear();
    };
    for sitting in sittings {
        let ended = run.iter().map(|s| s.ends_at).max().is_none_or(|end| end <= sitting.starts_at);
        if ended {
            close(&mut run, &mut collisions);
        }
        run.push(sitting);
    }
    close(&mut run, &mut collisions);
    collisions
}

fn collision(all: &[&Sitting], same_start: bool) -> Collision {
    Collision {
        starts_at: all.iter().map(|s| s.starts_at).min().unwrap_or_default(),
        ends_at: all.iter().map(|s| s.ends_at).max().unwrap_or_default(),
        same_start,
        meetings: all.iter().map(|sitting| sitting.meeting.clone()).collect(),
    }
}

fn sittings(meeting: &Meeting, from: Timestamp, to: Timestamp) -> Vec<Sitting> {
    let Ok(zone) = TimeZone::get("Europe/Stockholm") else { return Vec::new() };
    let Ok(first) = jiff::Timestamp::from_microsecond(from.micros()) else { return Vec::new() };
    let mut day = zone.to_datetime(first).date();
    let mut found = Vec::new();
    loop {
        let Ok(starts) = zone.to_timestamp(day.to_datetime(meeting.starts)) else { break };
        let starts_at = Timestamp::from_micros(starts.as_microsecond());
        if starts_at >= to {
            break;
        }
        if starts_at >= from && sits_on(meeting, day) {
            let ends_at = starts_at.after_seconds(i64::from(meeting.minutes) * 60);
            found.push(Sitting { starts_at, ends_at, meeting: meeting.id.clone() });
        }
        let Ok(next) = day.checked_add(1.day()) else { break };
        day = next;
    }
    found
}

fn sits_on(meeting: &Meeting, day: Date) -> bool {
    let weekday = match meeting.weekday {
        Weekday::Mon => jiff::civil::Weekday::Monday,
        Weekday::Tue => jiff::civil::Weekday::Tuesday,
        Weekday::Wed => jiff::civil::Weekday::Wednesday,
        Weekday::Thu => jiff::civil::Weekday::Thursday,
        Weekday::Fri => jiff::civil::Weekday::Friday,
    };
    let even = day.iso_week_date().week() % 2 == 0;
    let cadence = match meeting.cadence {
        Cadence::EveryWeek => true,
        Cadence::EveryTwoWeeks => meeting.parity.is_none_or(|parity| match parity {
            Parity::Even => even,
            Parity::Odd => !even,
        }),
        Cadence::Monthly => day.day() <= 7,
    };
    day.weekday() == weekday && cadence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Document;

    fn registry() -> Registry {
        let meeting =
            |id: &str, weekday: &str, starts: &str, cadence: &str, parity: Option<&str>| {
                serde_json::json!({
                    "id": id, "group": id, "area": "a", "cadence": cadence, "parity": parity,
                    "weekday": weekday, "starts": starts, "minutes": 90, "roles": ["traffic"],
                })
            };
        let document: Document = serde_json::from_value(serde_json::json!({
            "areas": [{"id": "a", "name": "A"}],
            "meetings": [
                meeting("m1", "TUE", "09:00:00", "every_2_weeks", Some("even")),
                meeting("m2", "TUE", "09:00:00", "every_2_weeks", Some("even")),
                meeting("m3", "TUE", "09:00:00", "every_2_weeks", Some("odd")),
                meeting("m4", "TUE", "10:00:00", "monthly", None),
            ],
        }))
        .unwrap();
        Registry::build(&document).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn equal_starts_collide_and_so_do_overlaps() {
        let all = registry().collisions(
            "traffic",
            at("2025-09-28T22:00:00Z"),
            at("2025-10-12T22:00:00Z"),
        );
        // Tuesday of the even week 40: m1 and m2 at nine. Tuesday of week 41, the first of its
        // month: m3 at nine runs into m4 at ten.
        let told: Vec<_> = all.iter().map(|c| (c.same_start, c.meetings.len())).collect();
        assert_eq!(told, [(true, 2), (false, 2)]);
        assert_eq!(all[0].starts_at, at("2025-09-30T07:00:00Z"));
        assert_eq!(all[1].ends_at, at("2025-10-07T09:30:00Z"));
    }

    #[test]
    fn a_function_that_is_not_wanted_does_not_collide() {
        let span = (at("2025-09-28T22:00:00Z"), at("2025-10-12T22:00:00Z"));
        assert!(registry().collisions("school", span.0, span.1).is_empty());
    }
}
