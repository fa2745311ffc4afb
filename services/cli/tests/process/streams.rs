use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use prost::Message as _;
use samsyn_client::{Client, admin, wire};
use tokio::{task::JoinHandle, time::sleep};

use crate::harness::{AREA, Domain, PARTY, delta, observation};

/// How many changes come while streams are read.
const CHANGES: u32 = 60;
const STREAMS: usize = 4;

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
async fn row40_a_cursor_serves_its_own_caller_alone() {
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

/// A disclosure counts as stored when its own view was acknowledged as far as it reaches: a read
/// that nobody follows never is, nor is what came after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_covers_what_was_followed_up_to_its_cursor() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client("lpo-skarholmen").await;
    let context = || Some(police.profile().read_context());
    let poll = async |cursor: String| {
        let (scope, limit, wait_seconds) = (None, 500, 0);
        let context = context();
        let request = wire::ListEventsRequest { context, scope, cursor, limit, wait_seconds };
        police.joint.clone().list_events(request).await.unwrap().into_inner().next_cursor
    };
    let picture = async || {
        let request = wire::GetJointPictureRequest {
            context: context(),
            area: AREA.into(),
            period: Some(wire::Period { code: "2025-09".into() }),
            ..wire::GetJointPictureRequest::default()
        };
        police.joint.clone().get_joint_picture(request).await.unwrap();
    };
    // The object of each disclosure of one's own, oldest first, and whether it counts as stored.
    let listed = async || {
        let request = wire::ListDisclosuresRequest { context: context(), ..Default::default() };
        let answer = police.access.clone().list_disclosures(request).await.unwrap().into_inner();
        let told = answer.disclosures.into_iter().filter(|row| row.receiver == "polismyndigheten");
        let told = told.filter(|row| !row.object_ref.starts_with("disclosures"));
        let told = told.map(|row| (row.object_ref, row.acknowledged_at.is_some()));
        told.rev().collect::<Vec<_>>()
    };
    city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    picture().await;
    let first = poll(String::new()).await;
    city.publish(delta(PARTY, 1, observation("B", 3))).await.unwrap();
    poll(first.clone()).await;
    let before = listed().await;
    assert!(before.iter().all(|(_, stored)| !stored), "{before:?}");
    let request = wire::AcknowledgeEventsRequest {
        context: Some(samsyn_client::write_context("publisher")),
        cursor: first,
    };
    police.joint.clone().acknowledge_events(request).await.unwrap();
    let view = format!("view {AREA}");
    let mut expected =
        vec![(format!("joint {AREA} 2025-09"), false), (view.clone(), true), (view, false)];
    assert_eq!(listed().await, expected);
    picture().await;
    expected.push((format!("joint {AREA} 2025-09"), false));
    assert_eq!(listed().await, expected);
}

/// Every finding of the week and month that a stream has brought, as it stands last.
type Held = BTreeMap<(String, String), Vec<u8>>;

fn take(held: &mut Held, what: wire::event::What) {
    use wire::event::What;
    let code = |period: Option<wire::Period>| period.unwrap_or_default().code;
    match what {
        What::Finding(finding) => {
            let key = (finding.id.clone(), code(finding.period.clone()));
            held.insert(key, finding.encode_to_vec());
        }
        What::RemovedFinding(removed) => {
            held.remove(&(removed.finding_id, code(removed.period)));
        }
        What::SnapshotBegins(_)
        | What::SnapshotEnds(_)
        | What::Edition(_)
        | What::Recall(_)
        | What::Heartbeat(_)
        | What::Closing(_) => {}
    }
}

/// Reads a stream until it has been silent for a while.
fn held_by(client: Client) -> JoinHandle<Held> {
    tokio::spawn(async move {
        let context = Some(client.profile().read_context());
        let request = wire::WatchEventsRequest { context, scope: None, cursor: String::new() };
        let mut stream = client.joint.clone().watch_events(request).await.unwrap().into_inner();
        let mut held = Held::new();
        let silence = Duration::from_secs(3);
        while let Ok(message) = tokio::time::timeout(silence, stream.message()).await {
            let event = message.unwrap().and_then(|message| message.entry).expect("an event");
            take(&mut held, event.what.expect("something happened"));
        }
        held
    })
}

/// Each publication brings a class of labels that policy has never decided, and in between services
/// are shut out, so that all that was decided is decided anew: no stream loses anything by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_policy_decides() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let registrar = domain.client("registrar").await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(held_by(domain.client("lpo-skarholmen").await));
    }
    for change in 0..CHANGES {
        let mut new = observation(&format!("O-{}", change % 7), 1 + change % 5);
        let labels = new.labels.as_mut().unwrap();
        labels.retain_until.as_mut().unwrap().seconds -= i64::from(change);
        city.publish(delta(PARTY, change.into(), new)).await.unwrap();
        if change % 10 == 9 {
            let partner = ["tullverket", "kronofogden", "aklagarmyndigheten"];
            let name = partner[usize::try_from(change).unwrap() / 10 % partner.len()];
            // The second time it is refused: it is shut out already.
            let _ = registrar
                .registry
                .clone()
                .suspend_service(admin::SuspendServiceRequest {
                    context: Some(samsyn_client::write_context("registrar")),
                    service: format!("{name}/{name}"),
                    reason: "drill".to_owned(),
                })
                .await;
        }
    }
    let police = domain.client("lpo-skarholmen").await;
    let mut whole = Held::new();
    for event in polled(&police, 500).await {
        take(&mut whole, wire::Event::decode(event.as_slice()).unwrap().what.unwrap());
    }
    assert!(!whole.is_empty());
    for stream in streams {
        assert_eq!(stream.await.unwrap(), whole);
    }
}

/// What a partner does not see must not show in how long its polls last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_change_does_not_end_a_poll() {
    const WAIT: Duration = Duration::from_secs(2);
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let partner = domain.client("raddningstjansten").await;
    let request = wire::ListEventsRequest {
        context: Some(partner.profile().read_context()),
        scope: None,
        cursor: String::new(),
        limit: 10,
        wait_seconds: u32::try_from(WAIT.as_secs()).unwrap(),
    };
    let publishing = async {
        for version in 0..4 {
            sleep(WAIT / 8).await;
            let hidden = observation(&format!("H-{version}"), 2);
            city.publish(delta(PARTY, version, hidden)).await.unwrap();
        }
    };
    let started = Instant::now();
    let mut polls = partner.joint.clone();
    let (answer, ()) = tokio::join!(polls.list_events(request), publishing);
    assert!(answer.unwrap().into_inner().events.is_empty(), "{AREA} is shown");
    assert!(started.elapsed() >= WAIT, "ended after {:?}", started.elapsed());
}

/// A partner whose rows are for editions alone: it is refused the live picture with the reason, and
/// its polls bring nothing of it, instead of failing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_receives_editions_alone_follows_them() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let mut shown = observation("A", 2);
    shown.labels.as_mut().unwrap().audience.push("partners".to_owned());
    city.publish(delta(PARTY, 0, shown)).await.unwrap();
    let partner = domain.client("region-stockholm").await;
    assert!(polled(&partner, 10).await.is_empty(), "nothing is live for it");
    let request = wire::GetJointPictureRequest {
        context: Some(partner.profile().read_context()),
        area: AREA.into(),
        period: Some(wire::Period { code: "2025-09".into() }),
        ..wire::GetJointPictureRequest::default()
    };
    let refused = partner.joint.clone().get_joint_picture(request).await.map(drop).unwrap_err();
    let reason = samsyn_client::Refused::from(refused).reason.map(|reason| reason.id());
    assert_eq!(reason, Some("NO_RELEASE_ROW"));
}
