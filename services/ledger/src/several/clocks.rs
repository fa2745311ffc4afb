//! A node's clock jumps.

use super::*;

/// Long enough for all nodes to have compared their clocks.
const COMPARED: Duration = Duration::from_secs(5);

async fn one_is_off(off_millis: i64) {
    let nodes = Several::start().await;
    within("all serve", || nodes.running().all(Ledger::serves)).await;
    let off = nodes.leader().await.cluster().node % 3 + 1;
    nodes.set_clock(off, off_millis);
    within("it is not ready", || !nodes.at(off).serves()).await;
    tokio::time::sleep(COMPARED).await;
    let others = || nodes.running().filter(|ledger| ledger.cluster().node != off);
    within("the others serve", || others().all(Ledger::serves)).await;
    nodes.set_clock(off, 0);
    within("all serve again", || nodes.running().all(Ledger::serves)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t25_a_node_whose_clock_is_behind_is_not_ready_and_the_others_are() {
    one_is_off(-6_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t25_a_node_whose_clock_is_ahead_is_not_ready_and_the_others_are() {
    one_is_off(6_000).await;
}

async fn a_leader_is_off(off_millis: i64) {
    let nodes = Several::start().await;
    let leader = nodes.leader().await.cluster().node;
    nodes.set_clock(leader, off_millis);
    let other = || {
        let leads = nodes.running().filter(|ledger| ledger.place() == Place::Here);
        leads.map(|ledger| ledger.cluster().node).find(|id| *id != leader)
    };
    within("another leads", || other().is_some()).await;
    let mut number = 0;
    goes_on(&nodes, other().unwrap(), &mut number).await;
    nodes.alike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t25_a_leader_whose_clock_is_behind_hands_over() {
    a_leader_is_off(-60_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t25_a_leader_whose_clock_is_ahead_hands_over() {
    a_leader_is_off(6_000).await;
}
