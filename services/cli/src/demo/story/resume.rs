//! 6, continued: a stream that breaks goes on where it was.

use std::time::Duration;

use samsyn_client::{Client, Watch, wire};
use tokio::time::timeout;

use super::{AREA, Broken, DISTRICT, PRISON_SERVICE, Story, calls, dispute::DISPUTED};
use crate::demo::print::Section;

/// After how many events the stream is cut.
const CUT_AFTER: usize = 14;
const EVENT_MAX: Duration = Duration::from_secs(10);
/// How long nothing more must come.
const QUIET: Duration = Duration::from_millis(300);
const POLL_EVENTS: u32 = 500;

/// What polling gave, and where to go on.
#[derive(Debug, Default)]
pub(super) struct Polled {
    pub(super) events: Vec<wire::Event>,
    pub(super) cursor: String,
}

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let profile = story.stage.profile(PRISON_SERVICE)?;
    let subscribe = |cursor| Watch::new(&profile, calls::area_scope(AREA), cursor);
    let (mut whole, mut cut) = (subscribe(String::new()), subscribe(String::new()));
    let before = take(&mut cut, CUT_AFTER).await?;
    let mut steady = take(&mut whole, CUT_AFTER).await?;
    let cursor = cut.cursor().to_owned();
    // The subscriber is gone with all that it remembered, but for its cursor.
    drop(cut);
    change_meanwhile(story).await?;
    let prison = story.client(PRISON_SERVICE).await?;
    let expected = to_the_end(&prison, cursor.clone()).await?.events;
    let mut resumed = subscribe(cursor);
    let after = take(&mut resumed, expected.len()).await?;
    steady.extend(take(&mut whole, expected.len()).await?);
    let more = [is_quiet(&mut whole).await, is_quiet(&mut resumed).await];
    let both: Vec<wire::Event> = before.iter().chain(&after).cloned().collect();
    let lost = steady.iter().filter(|event| !both.contains(event)).count();
    let ids: std::collections::BTreeSet<&str> = both.iter().map(|e| e.id.as_str()).collect();
    let doubled = both.len().saturating_sub(ids.len());
    section.holds(
        &format!(
            "Kriminalvården's stream cut after event {CUT_AFTER}, resumed by a new client while \
             the city published on: {} + {} events, {lost} lost, {doubled} doubled, the same as \
             its unbroken stream and as polling",
            before.len(),
            after.len()
        ),
        lost == 0
            && doubled == 0
            && !after.is_empty()
            && both == steady
            && after == expected
            && more == [true, true],
        || {
            let (same, polled) = (both == steady, after == expected);
            format!("same as the unbroken: {same}, as polled: {polled}, quiet after: {more:?}")
        },
    );
    Ok(())
}

/// The district grades a gathering otherwise than before.
async fn change_meanwhile(story: &mut Story<'_>) -> Result<(), Broken> {
    let own = story.publications.iter().filter(|p| p.party.as_str() == DISTRICT);
    let mut gatherings = own.flat_map(|p| &p.observations).filter(|o| {
        let place = match &o.location {
            Some(wire::observation::Location::PlaceId(id)) => id.as_str(),
            _ => "",
        };
        o.category == "youth_gathering" && !DISPUTED.starts_with(place)
    });
    let last = gatherings.next_back().ok_or(Broken::Missing("a gathering"))?;
    let severity = last.severity.map(|grade| if grade == 3 { 4 } else { 3 });
    let regraded = wire::Observation { severity, ..last.clone() };
    story.change(DISTRICT, AREA, vec![regraded]).await.map(drop)
}

/// The next events of a stream.
async fn take(watch: &mut Watch, many: usize) -> Result<Vec<wire::Event>, Broken> {
    let mut events = Vec::new();
    for _ in 0..many {
        let event = timeout(EVENT_MAX, watch.next()).await;
        events.push(event.map_err(|_| Broken::TooLate("an event"))??);
    }
    Ok(events)
}

/// Whether nothing more comes for a while.
async fn is_quiet(watch: &mut Watch) -> bool {
    timeout(QUIET, watch.next()).await.is_err()
}

/// Polls one area's events until there are none.
pub(super) async fn to_the_end(client: &Client, cursor: String) -> Result<Polled, Broken> {
    let mut polled = Polled { cursor, ..Polled::default() };
    loop {
        let request = wire::ListEventsRequest {
            context: calls::reads(client),
            scope: Some(calls::area_scope(AREA)),
            cursor: polled.cursor.clone(),
            limit: POLL_EVENTS,
            wait_seconds: 0,
        };
        let answer = client.joint.clone().list_events(request).await?.into_inner();
        polled.cursor = answer.next_cursor;
        if answer.events.is_empty() {
            return Ok(polled);
        }
        polled.events.extend(answer.events);
    }
}
