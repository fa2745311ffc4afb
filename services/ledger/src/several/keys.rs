//! What is sealed at one node opens at all.

use futures::stream;
use openraft::async_runtime::watch::WatchReceiver as _;
use samsyn_domain::{Coordinates, Secret, UnitKey};
use samsyn_proto::raft::{
    self, InstallSnapshotRequest, SnapshotHeader, install_snapshot_request::Part,
};

use super::*;
use crate::{
    entry::StoredMembership,
    format::{encode_stored_membership, encode_vote},
};

fn secret() -> Secret {
    Secret { note: Some("glas".to_owned()), coordinates: Coordinates::on_globe(1, 2) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_at_every_node_that_acknowledged_what_came_after_it() {
    let nodes = Several::start().await;
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
    let nodes = Several::start().await;
    let leader = nodes.leader().await;
    let unit = UnitKey::named("stad|skarholmen|2025-10");
    let follower = nodes.running().find(|ledger| ledger.place() != Place::Here).unwrap();
    let lost = follower.inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    let kept = leader.inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    assert_ne!(lost, kept, "two keys");
    record(leader, 1).await.unwrap();
    nodes.alike().await;
    assert_eq!(follower.inner.keys.open_secret(&kept), Some(secret()));
    let keys = &follower.inner.keys;
    assert_eq!(keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap(), kept);
    assert_eq!((keys.is_of_now(&kept), keys.is_of_now(&lost)), (true, false));
    assert_eq!(keys.open_secret(&lost), Some(secret()), "it may have been taken into a log");
    assert_eq!(keys.replaced(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_one_that_leads_no_more_brings_no_keys() {
    let nodes = Several::start().await;
    let old = nodes.leader().await;
    let vote = old.inner.consensus.raft().metrics().borrow_watched().vote;
    let (from, next) = (old.cluster().node, if old.cluster().node == 1 { 2 } else { 1 });
    old.transfer(next).await.unwrap();
    within("the next leads", || nodes.at(next).place() == Place::Here).await;
    let unit = UnitKey::named("stad|skarholmen|2025-10");
    let sealed = nodes.at(next).inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    record(nodes.leader().await, 1).await.unwrap();
    nodes.alike().await;
    let late = SnapshotHeader {
        vote: Some(encode_vote(&vote)),
        membership: Some(encode_stored_membership(&StoredMembership::default())),
        keys: vec![raft::UnitKey { unit: unit.as_str().to_owned(), key: vec![7; 32] }],
        ..SnapshotHeader::default()
    };
    let late = InstallSnapshotRequest { part: Some(Part::Header(late)) };
    let follower = (1..=3).find(|id| ![from, next].contains(id)).unwrap();
    let peer = nodes.at(follower).peer();
    let answer = peer.install_snapshot(from, stream::iter([Ok(late)])).await.unwrap();
    assert_ne!(answer.vote, Some(encode_vote(&vote)), "another leads");
    let keys = &nodes.at(follower).inner.keys;
    assert_eq!((keys.is_of_now(&sealed), keys.replaced()), (true, 0));
    assert_eq!(keys.open_secret(&sealed), Some(secret()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_could_not_replace_a_key_takes_nothing_from_the_others() {
    let mut nodes = Several::start().await;
    let leader = nodes.leader().await;
    let id = leader.cluster().node;
    let unit = UnitKey::named("stad|skarholmen|2025-10");
    let next = if id == 1 { 2 } else { 1 };
    let other = (1..=3).find(|other| ![id, next].contains(other)).unwrap();
    nodes.at(next).inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    let sealed = leader.inner.keys.seal_secret(&unit, "o", &secret()).unwrap().unwrap();
    // What comes with entries is taken as far as before they are in the log, and no further: where
    // the new key file would be written stands a directory.
    nodes.at(next).inner.keys.take(&leader.inner.keys.since(0).0, false).unwrap();
    let blocked = nodes.folder(next).join("keys.new");
    fs::create_dir(&blocked).unwrap();
    // The third does not get the record, and so cannot come to lead before the next.
    nodes.alike().await;
    nodes.wire.isolate(other);
    let before = nodes.at(next).peer().health().last_log;
    let leader = leader.clone();
    let asked = tokio::spawn(async move { record(&leader, 1).await });
    let has_it = || nodes.at(next).peer().health().last_log > before;
    within("the record is in its log", has_it).await;
    nodes.crash([next]).await;
    nodes.wire.heal();
    nodes.wire.isolate(id);
    nodes.opened(next).await;
    within("it comes to lead", || nodes.at(next).place() == Place::Here).await;
    asked.abort();
    fs::remove_dir(&blocked).unwrap();
    nodes.wire.heal();
    record(nodes.leader().await, 2).await.unwrap();
    nodes.alike().await;
    for ledger in nodes.running() {
        let node = ledger.cluster().node;
        assert_eq!(ledger.inner.keys.open_secret(&sealed), Some(secret()), "node {node}");
    }
}
