//! Nodes come and go.

use samsyn_proto::raft::GetKeysRequest;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_all_comes_back_by_a_snapshot() {
    let mut nodes = Several::start().await;
    for number in 0..50 {
        record(nodes.leader().await, number).await.unwrap();
    }
    let leader = nodes.leader().await.cluster().node;
    let lost = (1..=3).find(|id| *id != leader).unwrap();
    nodes.stop(lost).await;
    let at = nodes.at(leader);
    at.demote(lost).await.unwrap();
    at.remove(lost).await.unwrap();
    nodes.wipe(lost);
    let at = nodes.at(leader);
    let consensus = &at.inner.consensus;
    let applied = consensus.applied();
    at.snapshot().await.unwrap();
    within("a snapshot is built", || nodes.folder(leader).join("snapshot").exists()).await;
    consensus.raft().trigger().purge_log(applied).await.unwrap();
    at.add_learner(node(lost)).await.unwrap();
    nodes.open(lost).await;
    nodes.alike().await;
    assert_eq!(recorded(nodes.at(lost)), (0..50).collect::<Vec<_>>());
    let promoted = nodes.at(leader).promote(lost).await;
    promoted.unwrap();
    assert_eq!(nodes.at(leader).cluster().members.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_lead_promotes_nobody_and_says_why() {
    let mut nodes = Several::start().await;
    nodes.join(4).await;
    nodes.alike().await;
    let follower = nodes.leader().await.cluster().node % 3 + 1;
    let refused = nodes.at(follower).promote(4).await;
    assert!(matches!(refused, Err(Error::NoLeader)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over() {
    let nodes = Several::start().await;
    let leader = nodes.leader().await;
    let next = if leader.cluster().node == 1 { 2 } else { 1 };
    leader.transfer(next).await.unwrap();
    within("the next leads", || nodes.at(next).place() == Place::Here).await;
    assert_eq!(nodes.leader().await.cluster().node, next);
    record(nodes.at(next), 1).await.unwrap();
    nodes.alike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_no_member_gets_no_keys() {
    let nodes = Several::start().await;
    let refused = nodes.at(1).peer().get_keys(4, GetKeysRequest::default()).unwrap_err();
    assert!(refused.to_string().contains("no member"), "{refused}");
}
