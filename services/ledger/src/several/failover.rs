//! Leaders come and go; what was acknowledged stays.

use std::thread;

use tokio::runtime::Builder;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_end_of_its_leader() {
    let mut nodes = Several::start().await;
    let mut acknowledged = Vec::new();
    let mut number = 0;
    for _ in 0..3 {
        let leader = nodes.leader().await.cluster().node;
        for _ in 0..20 {
            record(nodes.at(leader), number).await.unwrap();
            acknowledged.push(number);
            number += 1;
        }
        nodes.stop(leader).await;
        let next = nodes.leader().await.clone();
        record(&next, number).await.unwrap();
        acknowledged.push(number);
        number += 1;
        nodes.open(leader).await;
        nodes.alike().await;
    }
    for ledger in nodes.running() {
        assert_eq!(recorded(ledger), acknowledged, "node {}", ledger.cluster().node);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_has_its_records_ordered_by_the_leader_and_sees_them_itself() {
    let nodes = Several::start().await;
    let leader = nodes.leader().await.cluster().node;
    for (number, follower) in (1..=3).filter(|id| *id != leader).enumerate() {
        let number = u64::try_from(number).unwrap();
        record(nodes.at(follower), number).await.unwrap();
        assert!(recorded(nodes.at(follower)).contains(&number), "it reads what it wrote");
    }
    nodes.alike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_acknowledges_nothing_and_shows_nothing() {
    let nodes = Several::start().await;
    let old = nodes.leader().await.clone();
    record(&old, 1).await.unwrap();
    within("it serves", || old.serves()).await;
    nodes.wire.isolate(old.cluster().node);
    let late = tokio::spawn({
        let old = old.clone();
        async move { record(&old, 2).await }
    });
    let new = nodes.leader_but(old.cluster().node).await;
    record(new, 3).await.unwrap();
    within("it knows that it is cut off", || !old.serves()).await;
    nodes.wire.heal();
    nodes.alike().await;
    assert!(late.await.unwrap().is_err(), "nobody but it had it");
    assert_eq!(recorded(&old), [1, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_leader_leaves_open_is_not_told_as_not_ordered() {
    let nodes = Several::start().await;
    let leader = nodes.leader().await;
    let id = leader.cluster().node;
    let others: Vec<u64> = (1..=3).filter(|other| *other != id).collect();
    others.iter().for_each(|other| nodes.wire.cut(id, *other));
    let follower = nodes.at(others[0]).clone();
    let asked = tokio::spawn(async move { record(&follower, 1).await });
    within("it waits at the leader", || leader.inner.consensus.waiting() > 0).await;
    // Now the others get it, and the leader does not hear so.
    nodes.wire.heal();
    others.iter().for_each(|other| nodes.wire.cut(*other, id));
    leader.close().await;
    let answer = asked.await.unwrap();
    assert!(matches!(answer, Err(Error::OutcomeUnknown)), "{answer:?}");
}

/// Its words arrive, so nobody misses it; it makes way all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hears_nothing_makes_way() {
    let nodes = Several::start().await;
    let deaf = nodes.leader().await.cluster().node;
    for other in (1..=3).filter(|other| *other != deaf) {
        nodes.wire.cut(other, deaf);
    }
    record(nodes.leader_but(deaf).await, 1).await.unwrap();
    nodes.wire.heal();
    nodes.alike().await;
    assert_ne!(nodes.leader().await.cluster().node, deaf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t23_a_leader_whose_calls_take_all_threads_goes_on_leading() {
    const BUSY: Duration = Duration::from_secs(3);
    let own = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let nodes = Several::talking_on(|_| own.handle().clone()).await;
    let before = nodes.leader().await.inner.consensus.led();
    for _ in 0..2 {
        tokio::spawn(async { thread::sleep(BUSY) });
    }
    thread::sleep(BUSY);
    let leader = nodes.leader().await;
    assert_eq!(leader.inner.consensus.led(), before);
    own.shutdown_background();
}
