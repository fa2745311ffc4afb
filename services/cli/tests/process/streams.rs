use prost::Message as _;
use samsyn_client::{Client, wire};

use crate::harness::{Domain, PARTY, delta, observation};

async fn polled(client: &Client, limit: u32) -> Vec<Vec<u8>> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = wire::ListEventsRequest {
            context: Some(client.profile().read_context()),
            scope: None,
            cursor,
            limit,
            wait_seconds: 0,
        };
        let answer = client.joint.clone().list_events(request).await.unwrap().into_inner();
        if answer.events.is_empty() {
            return events;
        }
        events.extend(answer.events.iter().map(wire::Event::encode_to_vec));
        cursor = answer.next_cursor;
    }
}

/// Stream and poll carry the same events, in the same order, under the same cursors, byte for
/// byte; whatever the size of a poll; and a cursor from one goes on in the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poll_and_stream_carry_the_same_bytes() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client("lpo-skarholmen").await;
    for (version, id) in ["A", "B", "C"].into_iter().enumerate() {
        let request = delta(PARTY, version as u64, observation(id, 2));
        city.publish(request).await.unwrap();
    }
    let request = wire::WatchEventsRequest {
        context: Some(police.profile().read_context()),
        scope: None,
        cursor: String::new(),
    };
    let mut stream = police.joint.clone().watch_events(request).await.unwrap().into_inner();
    let mut streamed = Vec::new();
    let mut next = async || {
        let event = stream.message().await.unwrap().and_then(|message| message.entry);
        event.expect("an event")
    };
    let poll = polled(&police, 500).await;
    while streamed.len() < poll.len() {
        streamed.push(next().await.encode_to_vec());
    }
    assert!(!poll.is_empty());
    assert_eq!(streamed, poll);
    assert_eq!(polled(&police, 1).await, poll);

    // What comes later is the same as well, from a cursor of the stream.
    let last = wire::Event::decode(streamed.last().unwrap().as_slice()).unwrap();
    city.publish(delta(PARTY, 3, observation("A", 4))).await.unwrap();
    let live = next().await;
    let request = wire::ListEventsRequest {
        context: Some(police.profile().read_context()),
        scope: None,
        cursor: last.cursor,
        limit: 1,
        wait_seconds: 5,
    };
    let later = police.joint.clone().list_events(request).await.unwrap().into_inner();
    assert_eq!(later.events.first().map(wire::Event::encode_to_vec), Some(live.encode_to_vec()));
}

/// A forged cursor, and a cursor of another caller, are refused alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_serves_its_own_caller_alone() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client("lpo-skarholmen").await;
    city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let request = |client: &Client, cursor: String| wire::ListEventsRequest {
        context: Some(client.profile().read_context()),
        scope: None,
        cursor,
        limit: 1,
        wait_seconds: 0,
    };
    let first = city.joint.clone().list_events(request(&city, String::new())).await.unwrap();
    let cursor = first.into_inner().next_cursor;
    let other = police.joint.clone().list_events(request(&police, cursor.clone())).await;
    let other = samsyn_client::Refused::from(other.unwrap_err());
    let mut forged = cursor.into_bytes();
    forged[20] ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    let forged = city.joint.clone().list_events(request(&city, forged)).await;
    let forged = samsyn_client::Refused::from(forged.unwrap_err());
    let told = |refused: &samsyn_client::Refused| {
        (refused.reason.map(|r| r.id()), refused.status.message().to_owned())
    };
    assert_eq!(told(&other), told(&forged));
    assert_eq!(told(&other).0, Some("CURSOR_INVALID"));
}
