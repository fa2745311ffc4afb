use std::time::Duration;

use samsyn_client::wire;

use crate::harness::{Domain, PARTY, delta, observation, own_picture};

const ROUNDS: usize = 20;

/// SIGKILL in the middle of writes, twenty times. What was under way when the process died is
/// repeated under its key after the restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_acknowledged_and_doubles_nothing() {
    let mut domain = Domain::written();
    let (mut acknowledged, mut version) = (Vec::new(), 0);
    let mut under_way: Option<wire::PublishPictureRequest> = None;
    for round in 0..ROUNDS {
        domain.start();
        let client = domain.client(PARTY).await;
        let until = tokio::time::Instant::now() + Duration::from_millis(200 + 20 * round as u64);
        let writing = async {
            loop {
                let request = under_way.clone().unwrap_or_else(|| {
                    let id = format!("K-{round}-{}", acknowledged.len());
                    delta(PARTY, version, observation(&id, 2))
                });
                under_way = Some(request.clone());
                let Ok(answer) = client.pictures.clone().publish_picture(request).await else {
                    return;
                };
                let answer = answer.into_inner();
                assert_eq!(answer.version, version + 1, "doubled or lost in round {round}");
                version = answer.version;
                let sent = under_way.take().and_then(|r| r.change);
                let Some(wire::publish_picture_request::Change::Delta(sent)) = sent else {
                    panic!("a delta was sent");
                };
                acknowledged.extend(sent.upserts.into_iter().map(|o| o.id));
            }
        };
        // Cut in the middle of whatever is under way.
        let _ = tokio::time::timeout_at(until, writing).await;
        domain.kill();
    }
    domain.start();
    let client = domain.client(PARTY).await;
    let (stored, found) = own_picture(&client, PARTY).await;
    let lost = acknowledged.iter().filter(|id| !found.contains(id)).count();
    let mut unique = found.clone();
    unique.sort();
    unique.dedup();
    let doubled = found.len() - unique.len();
    println!(
        "{ROUNDS} rounds: acknowledged {}, lost {lost}, doubled {doubled}",
        acknowledged.len()
    );
    assert!(acknowledged.len() > ROUNDS, "too little was written to tell");
    assert_eq!((lost, doubled), (0, 0));
    // What was under way at the last kill may or may not have been ordered.
    assert!(stored == version || stored == version + 1, "{stored} after {version}");
    assert_eq!(u64::try_from(found.len()).unwrap(), stored);
}
