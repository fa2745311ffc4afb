//! The past beside the present: versions of an own picture, two revisions of a view, and what held
//! at a moment.

use samsyn_client::{Client, Refused, wire};

use crate::harness::{AREA, Domain, PARTY, delta, observation};

/// The hour in which the harness's observations lie: from 10:00 to 11:00 in Stockholm.
const STARTS: i64 = 1_757_491_200;
const ENDS: i64 = 1_757_494_800;

fn september() -> Option<wire::Period> {
    Some(wire::Period { code: "2025-09".to_owned() })
}

async fn compared(client: &Client, from: u64, to: u64) -> wire::CompareRevisionsResponse {
    let (mut whole, mut token) = (wire::CompareRevisionsResponse::default(), String::new());
    loop {
        let request = wire::CompareRevisionsRequest {
            context: Some(client.profile().read_context()),
            area: AREA.to_owned(),
            period: september(),
            from_revision: from,
            to_revision: to,
            page: Some(wire::Page { size: 1, token }),
        };
        let page = client.joint.clone().compare_revisions(request).await.unwrap().into_inner();
        whole.changes.extend(page.changes);
        (whole.from_revision, whole.to_revision) = (page.from_revision, page.to_revision);
        token = page.next_page_token;
        if token.is_empty() {
            return whole;
        }
    }
}

async fn valid_at(client: &Client, seconds: i64) -> usize {
    let request = wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: september(),
        valid_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..wire::GetJointPictureRequest::default()
    };
    client.joint.clone().get_joint_picture(request).await.unwrap().into_inner().findings.len()
}

fn elsewhere(id: &str) -> wire::Observation {
    wire::Observation { category: "youth_gathering".to_owned(), ..observation(id, 3) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_stands_beside_the_present() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let first = city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let second = city.publish(delta(PARTY, 1, elsewhere("B"))).await.unwrap();
    let mut withdrawal = delta(PARTY, 2, observation("A", 4));
    if let Some(wire::publish_picture_request::Change::Delta(change)) = &mut withdrawal.change {
        change.withdrawn_ids.push("B".to_owned());
        change.reason = "Dubbelt rapporterad.".to_owned();
    }
    let third = city.publish(withdrawal).await.unwrap();

    let request = wire::ListVersionsRequest {
        context: Some(city.profile().read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        page: None,
    };
    let listed = city.pictures.clone().list_versions(request).await.unwrap().into_inner();
    let told = listed.versions.iter();
    let told: Vec<_> = told.map(|v| (v.version, v.published, v.withdrawn, v.revision)).collect();
    let revisions = [first.revision, second.revision, third.revision];
    assert_eq!(told, [(3, 1, 1, revisions[2]), (2, 1, 0, revisions[1]), (1, 1, 0, revisions[0])]);
    assert_eq!(listed.versions[0].reason, "Dubbelt rapporterad.");
    let police = domain.client("lpo-skarholmen").await;
    let request = wire::ListVersionsRequest {
        context: Some(police.profile().read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        page: None,
    };
    let refused = police.pictures.clone().list_versions(request).await.unwrap_err();
    let refused = Refused::from(refused).reason.map(|reason| reason.id());
    assert_eq!(refused, Some("NOT_YOUR_PARTY"), "an own picture is its owner's");

    // From the second to the newest: A is another, B is gone. From nothing: A alone.
    let changes = compared(&police, revisions[1], 0).await.changes;
    assert_eq!(changes.len(), 2);
    let severity = |one: &Option<wire::Finding>| one.as_ref().and_then(|finding| finding.severity);
    let graffiti = changes.iter().find(|c| c.after.is_some()).unwrap();
    assert_eq!((severity(&graffiti.before), severity(&graffiti.after)), (Some(2), Some(4)));
    assert!(changes.iter().any(|c| c.after.is_none() && severity(&c.before) == Some(3)));
    let new = compared(&police, 0, 0).await;
    assert_eq!((new.changes.len(), new.to_revision), (1, revisions[2]));
    assert!(new.changes[0].before.is_none());
    assert_eq!(compared(&police, revisions[2], 0).await.changes, []);

    // What held when: the hour is open at its end.
    for (at, holds) in [(STARTS - 1, 0), (STARTS, 1), (ENDS - 1, 1), (ENDS, 0)] {
        assert_eq!(valid_at(&police, at).await, holds, "at {at}");
    }
}
