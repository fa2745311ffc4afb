//! Any revision and any past moment can be read again, and a dry run says what a publication would
//! come to.

use std::time::Duration;

use prost_types::Timestamp;
use samsyn_client::{Client, wire};
use tokio::time::sleep;

use crate::harness::{AREA, Domain, PARTY, delta, observation};

async fn joint(
    client: &Client,
    revision: u64,
    recorded_at: Option<Timestamp>,
) -> wire::GetJointPictureResponse {
    let request = wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-09".to_owned() }),
        revision,
        recorded_at,
        ..wire::GetJointPictureRequest::default()
    };
    client.joint.clone().get_joint_picture(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_revision_and_every_moment_reads_again_as_it_was() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client("lpo-skarholmen").await;
    let mut then = Vec::new();
    for version in 0..4_u64 {
        let severity = u32::try_from(version).unwrap() + 1;
        city.publish(delta(PARTY, version, observation("A", severity))).await.unwrap();
        then.push(joint(&police, 0, None).await.findings);
        sleep(Duration::from_millis(5)).await;
    }
    let request = wire::ListRevisionsRequest {
        context: Some(police.profile().read_context()),
        area: AREA.to_owned(),
        page: None,
    };
    let listed = police.joint.clone().list_revisions(request).await.unwrap().into_inner();
    let told: Vec<_> = listed.revisions.iter().map(|r| (r.revision, r.what.as_str())).collect();
    let publication = |revision| (revision, "publication");
    assert_eq!(told, [4, 3, 2, 1].map(publication));
    for (revision, findings) in (1..).zip(&then) {
        assert_eq!(joint(&police, revision, None).await.findings, *findings, "revision {revision}");
        let row = listed.revisions.iter().find(|row| row.revision == revision).unwrap();
        let told = joint(&police, 0, row.recorded_at).await;
        assert_eq!((told.revision, &told.findings), (revision, findings), "{:?}", row.recorded_at);
    }
    let before = Some(Timestamp { seconds: 0, nanos: 0 });
    assert!(joint(&police, 0, before).await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_refused_and_who_would_see_the_rest() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let tried = |publication| {
        let request = wire::ValidatePictureRequest { publication: Some(publication) };
        let mut service = city.pictures.clone();
        async move { service.validate_picture(request).await.unwrap().into_inner() }
    };
    let mut shared = observation("A", 2);
    shared.labels.as_mut().unwrap().audience.push("raddningstjansten".to_owned());
    let good = tried(delta(PARTY, 0, shared.clone())).await;
    assert_eq!(good.problems, []);
    let groups = |reader: &str| {
        let row = good.readers.iter().find(|row| row.reader == reader);
        row.map(|row| row.field_groups.clone()).unwrap_or_default()
    };
    assert!(groups("lpo-skarholmen").contains(&"text".to_owned()), "{:?}", good.readers);
    assert_eq!(groups("raddningstjansten"), ["identity", "place", "time"]);
    assert_eq!(groups("kriminalvarden"), [""; 0]);
    let refused = |publication| {
        let tried = tried(publication);
        async move {
            let answer = tried.await;
            assert_eq!(answer.readers, [], "who may not publish it learns of no reader");
            answer.problems.into_iter().map(|p| (p.reason, p.field)).collect::<Vec<_>>()
        }
    };
    let problem = |reason: &str, field: &str| [(reason.to_owned(), field.to_owned())];
    let stale = refused(delta(PARTY, 7, shared.clone())).await;
    assert_eq!(stale, problem("VERSION_CONFLICT", "base_version"));
    let other = refused(delta("lpo-skarholmen", 0, shared)).await;
    assert_eq!(other, problem("NOT_YOUR_PARTY", "party"));
    // Nothing of it has any effect.
    let first = city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    assert_eq!(first.version, 1);
}
