//! What is sealed at one node opens at all.

use samsyn_domain::{Coordinates, Secret, UnitKey};

use super::*;

fn secret() -> Secret {
    Secret { note: Some("glas".to_owned()), coordinates: Coordinates::on_globe(1, 2) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_at_every_node_that_acknowledged_what_came_after_it() {
    let nodes = Nodes3::start().await;
    let leader = nodes.leader().await;
    let unit = UnitKey::named("stad|skarholmen|2025-10");
    let sealed = leader.inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    record(leader, 1).await.unwrap();
    nodes.alike().await;
    for ledger in nodes.running() {
        assert_eq!(ledger.inner.keys.open_secret(&sealed), Some(secret()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_two_made_a_key_the_leader_s_counts() {
    let nodes = Nodes3::start().await;
    let leader = nodes.leader().await;
    let unit = UnitKey::named("stad|skarholmen|2025-10");
    let follower = nodes.running().find(|ledger| ledger.place() != Place::Here).unwrap();
    let lost = follower.inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    let kept = leader.inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    assert_ne!(lost, kept, "two keys");
    record(leader, 1).await.unwrap();
    nodes.alike().await;
    assert_eq!(follower.inner.keys.open_secret(&kept), Some(secret()));
    assert_eq!(follower.inner.keys.open_secret(&lost), None);
    assert_eq!(follower.inner.keys.replaced(), 1);
}
