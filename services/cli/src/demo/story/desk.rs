//! 12: what waits for one office in all districts, and where one person is wanted at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use samsyn_client::{Client, wire};
use samsyn_domain::registry::{Date, midnight};

use super::{Broken, DISTRICT, Story, TRAFFIC, calls, edition};
use crate::demo::{
    clock,
    print::{Section, count},
};

/// The function that the same few people hold.
const FUNCTION: &str = "trafikkontoret_public_space";
/// Four weeks of October, from a Monday to a Monday.
const FROM: Date = jiff::civil::date(2025, 10, 6);
const UNTIL: Date = jiff::civil::date(2025, 11, 3);
/// The next edition, and when its answers are wanted.
const NEXT_PERIOD: &str = "2025-W40";
const NEXT_DUE_SECONDS: i64 = 7 * 24 * 60 * 60;

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let coordinator = story.client(DISTRICT).await?;
    let next = edition::open(&coordinator, NEXT_PERIOD, NEXT_DUE_SECONDS).await?;
    let next = edition::lock(&coordinator, &next).await?;
    let office = story.client(TRAFFIC).await?;
    duties(&office, section, &next).await?;
    collisions(&office, section).await
}

async fn duties(
    office: &Client,
    section: &mut Section,
    edition: &wire::EditionHeader,
) -> Result<(), Broken> {
    let duties = calls::duties(office).await?;
    let of = |kind: &'static str| duties.iter().filter(move |duty| duty.kind == kind);
    let answers: Vec<&str> = of("answer_edition").map(|duty| duty.object_id.as_str()).collect();
    let conflicts = of("settle_conflict").count();
    let areas: BTreeSet<&str> = duties.iter().map(|duty| duty.area.as_str()).collect();
    section.holds(
        &format!(
            "one list for all districts: {} to answer, due in seven days, and {} to settle",
            match answers.len() {
                1 => "one edition".to_owned(),
                many => format!("{many} editions"),
            },
            match conflicts {
                0 => "no conflict".to_owned(),
                many => count(many, "conflict", "conflicts"),
            }
        ),
        answers == [edition.id.as_str()]
            && duties.iter().all(|d| d.party == TRAFFIC && d.due == edition.due),
        || format!("editions {answers:?} in {areas:?}"),
    );
    Ok(())
}

async fn collisions(office: &Client, section: &mut Section) -> Result<(), Broken> {
    let request = wire::ListMeetingCollisionsRequest {
        context: calls::reads(office),
        role: FUNCTION.to_owned(),
        starts_at: Some(clock::wire(midnight(FROM))),
        ends_at: Some(clock::wire(midnight(UNTIL))),
    };
    let answer = office.access.clone().list_meeting_collisions(request).await?.into_inner();
    let mut hours: BTreeMap<(i8, i8), Hour> = BTreeMap::new();
    for collision in answer.collisions.iter().filter(|collision| collision.same_start) {
        let Some((hour, name)) = hour(collision) else { continue };
        let at = hours.entry(hour).or_default();
        at.name = name;
        at.times = at.times.saturating_add(1);
        at.groups.extend(collision.meeting_ids.iter().cloned());
    }
    let groups: BTreeSet<&String> = hours.values().flat_map(|hour| &hour.groups).collect();
    let told = hours.values().map(|h| format!("{} ×{}", h.name, h.groups.len()));
    let told: Vec<_> = told.collect();
    section.holds(
        &format!(
            "in four weeks of October one person is wanted in {} groups at {} hours: {}",
            groups.len(),
            hours.len(),
            told.join(", ")
        ),
        hours.values().any(|hour| hour.groups.len() > 1)
            && answer.collisions.iter().all(is_of_office),
        || format!("{} collisions were listed", answer.collisions.len()),
    );
    Ok(())
}

/// An hour of the week at which meetings start together.
#[derive(Debug, Default)]
struct Hour {
    name: String,
    times: u32,
    groups: BTreeSet<String>,
}

fn is_of_office(collision: &wire::MeetingCollision) -> bool {
    collision.role == FUNCTION && collision.meeting_ids.len() > 1
}

/// Weekday and hour at which a collision starts, in Europe/Stockholm.
fn hour(collision: &wire::MeetingCollision) -> Option<((i8, i8), String)> {
    let start = Timestamp::from_second(collision.starts_at.as_ref()?.seconds).ok()?;
    let start = TimeZone::get("Europe/Stockholm").ok()?.to_datetime(start);
    let day = start.weekday().to_monday_one_offset();
    Some(((day, start.hour()), start.strftime("%a %H").to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_told_in_swedish_time() {
        let at = midnight(FROM).after_seconds(9 * 60 * 60);
        let collision = wire::MeetingCollision {
            starts_at: Some(clock::wire(at)),
            ..wire::MeetingCollision::default()
        };
        assert_eq!(hour(&collision), Some(((1, 9), "Mon 09".to_owned())));
    }
}
