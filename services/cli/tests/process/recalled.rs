//! Who had what was withdrawn, and who has confirmed that it is gone: asked of a running gateway.

use samsyn_client::{Client, Refused, wire, write_context};

use crate::harness::{AREA, Domain, PARTY, delta, observation, samsyn};

/// Those who may have had an observation of the district, page by page.
async fn holders(client: &Client, id: &str) -> Result<Vec<wire::Holder>, Refused> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListHoldersRequest {
            context: Some(client.profile().read_context()),
            area: AREA.to_owned(),
            party: PARTY.to_owned(),
            observation_id: id.to_owned(),
            page: Some(wire::Page { size: 1, token }),
        };
        let page = client.access.clone().list_holders(request).await?.into_inner();
        assert!(page.holders.len() <= 1);
        all.extend(page.holders);
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// Through which service, on which way, and what became of it.
fn told(holders: &[wire::Holder]) -> Vec<(&str, &str, &str)> {
    let all = holders.iter();
    all.map(|one| (one.service.as_str(), one.way.as_str(), one.state.as_str())).collect()
}

/// What is new since a cursor, taken in; where to go on from.
async fn polls(client: &Client, cursor: &str) -> String {
    let request = wire::ListEventsRequest {
        context: Some(client.profile().read_context()),
        scope: None,
        cursor: cursor.to_owned(),
        limit: 500,
        wait_seconds: 0,
    };
    client.joint.clone().list_events(request).await.unwrap().into_inner().next_cursor
}

async fn stores(client: &Client, cursor: String) {
    let context = Some(write_context("publisher"));
    let request = wire::AcknowledgeEventsRequest { context, cursor };
    client.joint.clone().acknowledge_events(request).await.unwrap();
}

/// What was and what is, beside each other.
async fn compares(client: &Client, from_revision: u64, to_revision: u64) {
    let request = wire::CompareRevisionsRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-09".to_owned() }),
        from_revision,
        to_revision,
        page: None,
    };
    client.joint.clone().compare_revisions(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_had_what_was_withdrawn_is_told_with_who_has_confirmed_it() {
    const POLICE: &str = "polismyndigheten/lpo-skarholmen";
    const TRAFFIC: &str = "stockholms-stad/sthlm-trafikkontoret";
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client("lpo-skarholmen").await;
    let traffic = domain.client("sthlm-trafikkontoret").await;
    let first = city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let cursor = polls(&police, "").await;
    stores(&police, cursor.clone()).await;
    assert_eq!(told(&holders(&city, "A").await.unwrap()), [(POLICE, "followed", "has")]);

    let mut withdrawal = delta(PARTY, 1, observation("B", 3));
    if let Some(wire::publish_picture_request::Change::Delta(change)) = &mut withdrawal.change {
        change.withdrawn_ids.push("A".to_owned());
    }
    let second = city.publish(withdrawal).await.unwrap();
    // Polled and never acknowledged, it is not known whether it has stored that.
    let cursor = polls(&police, &cursor).await;
    let unconfirmed = [(POLICE, "followed", "removal_unconfirmed")];
    assert_eq!(told(&holders(&city, "A").await.unwrap()), unconfirmed);
    // Who looks back at what was, is shown it.
    compares(&traffic, first.revision, second.revision).await;
    stores(&police, cursor).await;
    let all = holders(&city, "A").await.unwrap();
    let expected =
        [(TRAFFIC, "call", "removal_unconfirmed"), (POLICE, "followed", "removal_confirmed")];
    assert_eq!(told(&all), expected);
    let [unconfirmed, confirmed] = all.as_slice() else { panic!("{all:?}") };
    assert!(unconfirmed.confirmed_at.is_none() && confirmed.confirmed_at.is_some());
    assert!(confirmed.first_at.is_some() && confirmed.last_at.is_some());

    // An auditor is told the same; whoever else asks, as of what never was.
    let auditor = domain.client("auditor").await;
    assert_eq!(told(&holders(&auditor, "A").await.unwrap()), expected);
    let refused = |asked: Result<Vec<wire::Holder>, Refused>| {
        let refused = asked.unwrap_err();
        (refused.reason.map(|reason| reason.id()), refused.status.message().to_owned())
    };
    let there = refused(holders(&police, "A").await);
    assert_eq!(there, refused(holders(&police, "never").await));
    assert_eq!(there.0, Some("NOT_FOUND"));

    domain.profile(PARTY).save(&domain.path().join("profiles").join(PARTY)).unwrap();
    let output = samsyn()
        .args(["disclosures", "holders", AREA, "A", "--as", PARTY, "--profiles"])
        .arg(domain.path().join("profiles"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let counted = "2 may have had it: 0 have it, 1 not confirmed, 1 confirmed";
    assert!(text.contains(counted) && text.contains("removal_confirmed"), "{text}");
}
