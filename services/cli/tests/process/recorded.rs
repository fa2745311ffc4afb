//! The record of disclosures holds what was given, whatever breaks.

use std::collections::BTreeMap;

use samsyn_client::{Client, Refused, wire};

use crate::harness::{AREA, Domain, PARTY, delta, observation};

/// Larger than what a founded domain has on disk, and reached after some hundred reads.
const FILES_OF: u64 = 768 * 1024;
/// So many reads fill the log for certain.
const READS_MAX: usize = 20_000;

fn joint(client: &Client, purpose: &str) -> wire::GetJointPictureRequest {
    let context =
        wire::ReadContext { purpose: purpose.to_owned(), ..client.profile().read_context() };
    wire::GetJointPictureRequest {
        context: Some(context),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-09".to_owned() }),
        ..wire::GetJointPictureRequest::default()
    }
}

/// Every disclosure to a receiver, as an auditor lists it.
async fn disclosed(domain: &Domain, receiver: &str) -> Vec<wire::Disclosure> {
    let auditor = domain.client("auditor").await;
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListDisclosuresRequest {
            context: Some(auditor.profile().read_context()),
            receiver: receiver.to_owned(),
            page: Some(wire::Page { size: 500, token }),
            ..wire::ListDisclosuresRequest::default()
        };
        let page = auditor.access.clone().list_disclosures(request).await.unwrap().into_inner();
        all.extend(page.disclosures);
        token = page.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

/// The disk is full in the middle of reads: the read whose record cannot be written gives nothing,
/// the process ends, and what was given before is in the record after the restart.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t17_a_read_whose_record_cannot_be_written_gives_nothing() {
    let mut domain = Domain::limited("requests_per_second = 100000\nrequests_burst = 100000");
    domain.start();
    let city = domain.client(PARTY).await;
    let first = samsyn_client::write_context("publisher");
    city.publish(wire::PublishPictureRequest {
        context: Some(first),
        ..delta(PARTY, 0, observation("A", 2))
    })
    .await
    .unwrap();
    drop(city);
    domain.kill();
    domain.start_with_files_of(FILES_OF);
    let police = domain.client("lpo-skarholmen").await;
    let mut given = 0;
    let refused = loop {
        assert!(given < READS_MAX, "the disk was never full");
        match police.joint.clone().get_joint_picture(joint(&police, "joint_picture")).await {
            Ok(answer) => {
                assert!(!answer.into_inner().findings.is_empty());
                given += 1;
            }
            Err(status) => break status,
        }
    };
    assert!(given > 0, "{refused:?}");
    // The process ends: its word may come too late for the connection.
    let refused = Refused::from(refused);
    assert!(refused.is_retryable(), "{refused:?}");
    assert!(domain.has_ended().await, "{}", domain.log());
    domain.kill();
    domain.start();
    let record = disclosed(&domain, "polismyndigheten").await;
    let of = record.iter().filter(|row| row.object_ref.starts_with("joint ")).count();
    println!("{given} reads were given, {of} are in the record, then {refused}");
    assert!(of == given || of == given + 1, "{of} of {given} are in the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t29_the_record_by_purpose_is_the_calls_that_were_made() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let partner = domain.client("raddningstjansten").await;
    let made = BTreeMap::from([
        ("action_plan_execution", 2_usize),
        ("joint_picture", 3),
        ("local_crime_prevention_planning", 1),
    ]);
    for (purpose, calls) in &made {
        for _ in 0..*calls {
            partner.joint.clone().get_joint_picture(joint(&partner, purpose)).await.unwrap();
        }
    }
    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    for row in disclosed(&domain, "raddningstjansten").await {
        *recorded.entry(row.ground.unwrap().purpose).or_default() += 1;
    }
    let made: BTreeMap<String, usize> =
        made.into_iter().map(|(purpose, calls)| (purpose.to_owned(), calls)).collect();
    assert_eq!(recorded, made);
}
