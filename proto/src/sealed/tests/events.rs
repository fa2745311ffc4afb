//! Streams and polls.

use std::collections::BTreeMap;

use prost::Message as _;
use samsyn_domain::{Timestamp, merge::Finding};
use samsyn_policy::{EventBatch, Masked, Scope, View, ViewChange, ViewEvent};

use super::{
    holds, read,
    world::{NOTE, PARTNER, SIGNATORY, World, area, month},
};
use crate::{
    sealed::{Close, Encoded},
    v1::{self, event::What},
};

/// Past a whole minute.
const AT: Timestamp = Timestamp::from_micros(1_760_529_612_345_678);

/// A snapshot, and the removal of a finding behind it.
fn batch(service: &str, masked: Masked) -> View<EventBatch> {
    World::new().view(service, |egress| {
        let priorities = [samsyn_domain::PriorityId::parse("unsafe_places").unwrap()];
        let scope = Scope {
            areas: [area()].into(),
            priorities: priorities.into(),
            periods: [month().kind()].into(),
        };
        let shown = egress.snapshot(&scope, &BTreeMap::from([(area(), 3)]), 1);
        let id = "a-south/graffiti".to_owned();
        let removed = ViewChange::Removed { id, period: month() };
        let changes = shown.into_iter().map(|bare| bare.change).chain([removed]);
        let event = |(i, change)| ViewEvent {
            id: format!("event-{i}"),
            cursor: format!("cursor-{i}"),
            area: area(),
            masked,
            revision: 3,
            at: AT,
            change,
        };
        let events = changes.enumerate().map(event).collect();
        egress.batch(events, 1, "cursor-next".to_owned())
    })
}

/// The values of length-delimited fields with a number, as they stand on the wire.
fn values(bytes: &[u8], number: u8) -> Vec<Vec<u8>> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some((key, after)) = rest.split_first() {
        assert_eq!(key & 7, 2, "only length-delimited fields are expected");
        rest = after;
        let length = usize::try_from(prost::encoding::decode_varint(&mut rest).unwrap()).unwrap();
        let (value, after) = rest.split_at(length);
        if key >> 3 == number {
            found.push(value.to_vec());
        }
        rest = after;
    }
    found
}

#[test]
fn stream_and_poll_bring_the_same_bytes_in_the_same_order() {
    let view = batch(SIGNATORY, Masked::Signatory);
    let streamed: Vec<Vec<u8>> = Encoded::<v1::WatchEventsResponse>::events(&view)
        .iter()
        .flat_map(|message| values(&message.encode_to_vec(), 1))
        .collect();
    assert_eq!(streamed.len(), 4);
    let polled = Encoded::<v1::ListEventsResponse>::from(view);
    assert_eq!(values(&polled.encode_to_vec(), 1), streamed);
    let list = read(&polled);
    assert_eq!((list.events.len(), list.next_cursor.as_str()), (4, "cursor-next"));
    let again: Vec<Vec<u8>> = list.events.iter().map(prost::Message::encode_to_vec).collect();
    assert_eq!(again, streamed, "what a client writes down again is the same");
}

#[test]
fn a_snapshot_is_framed_and_told_with_what_may_be_read() {
    let view = batch(SIGNATORY, Masked::Signatory);
    let events: Vec<v1::Event> = Encoded::<v1::WatchEventsResponse>::events(&view)
        .iter()
        .map(|message| read(message).entry.unwrap())
        .collect();
    assert_eq!(events[0].id, "event-0");
    assert_eq!((events[0].cursor.as_str(), events[0].revision), ("cursor-0", 3));
    assert_eq!(events[0].recorded_at.unwrap().nanos, 345_678_000);
    let all: Vec<What> = events.into_iter().filter_map(|event| event.what).collect();
    let [begins, finding, ends, removed] = all.try_into().unwrap();
    let period = Some(v1::Period { code: "2025-10".to_owned() });
    let snapshot = v1::Snapshot { period: period.clone(), findings: 1, reset: false };
    assert_eq!(begins, What::SnapshotBegins(snapshot.clone()));
    assert_eq!(ends, What::SnapshotEnds(snapshot));
    let finding_id = "a-south/graffiti".to_owned();
    assert_eq!(removed, What::RemovedFinding(v1::RemovedFinding { finding_id, period }));
    let What::Finding(finding) = finding else { panic!() };
    let notes: Vec<_> = finding
        .contributions
        .iter()
        .map(|c| c.observation.as_ref().unwrap().note.as_str())
        .collect();
    assert_eq!(notes, [NOTE, NOTE]);
}

#[test]
fn a_partner_gets_whole_minutes_and_no_versions() {
    let view = batch(PARTNER, Masked::Partner);
    let events = Encoded::<v1::WatchEventsResponse>::events(&view);
    for message in &events {
        assert!(!holds(&message.encode_to_vec(), NOTE));
        let event = read(message).entry.unwrap();
        let at = event.recorded_at.unwrap();
        assert_eq!((at.seconds, at.nanos), (1_760_529_600, 0));
        if let Some(What::Finding(finding)) = event.what {
            assert!(finding.contributions.iter().all(|c| c.version == 0));
        }
    }
}

#[test]
fn a_version_is_masked_for_a_partner_even_when_it_came_this_far() {
    let view = batch(SIGNATORY, Masked::Partner);
    let versions: Vec<u64> = Encoded::<v1::WatchEventsResponse>::events(&view)
        .iter()
        .filter_map(|message| found(read(message)))
        .flat_map(|finding| finding.contributions.into_iter().map(|c| c.version))
        .collect();
    assert_eq!(versions, [0, 0]);
    let findings = view.content().events.iter().filter_map(|event| {
        if let ViewChange::Finding(finding) = &event.change { Some(finding.as_ref()) } else { None }
    });
    let held = findings.flat_map(|finding: &Finding| &finding.contributions);
    assert!(held.map(|seen| seen.version).all(|version| version == Some(1)));
}

fn found(message: v1::WatchEventsResponse) -> Option<v1::Finding> {
    if let What::Finding(finding) = message.entry?.what? { Some(finding) } else { None }
}

#[test]
fn an_empty_poll_brings_its_cursor() {
    let view = World::new().view(SIGNATORY, |egress| egress.batch(Vec::new(), 0, "c".to_owned()));
    let list = read(&Encoded::<v1::ListEventsResponse>::from(view));
    assert_eq!((list.events.len(), list.next_cursor.as_str()), (0, "c"));
}

#[test]
fn streams_beat_and_close_without_content_and_keep_the_cursor() {
    let beat = read(&Encoded::<v1::WatchEventsResponse>::heartbeat("c")).entry.unwrap();
    let what = Some(What::Heartbeat(v1::Heartbeat {}));
    assert_eq!(beat, v1::Event { cursor: "c".to_owned(), what, ..v1::Event::default() });
    let codes = Close::ALL.map(|close| {
        let last = read(&Encoded::<v1::WatchEventsResponse>::closing("c", close, 7));
        let Some(What::Closing(closing)) = last.entry.unwrap().what else { panic!() };
        assert_eq!(closing.retry_after_seconds, 7);
        closing.reason
    });
    assert_eq!(codes, ["MAX_AGE", "DRAINING", "LAGGED", "ACCESS_ENDED"]);
}
