//! Streams go from node to node.

use openraft::async_runtime::watch::WatchReceiver as _;
use samsyn_domain::{ServiceId, row::Event};
use samsyn_policy::Scope;
use samsyn_proto::inbound::{Context, SuspendAsked};

use super::{
    dice::Dice,
    trade::{Party, Reads, key},
    *,
};
use crate::{Feed, tests::caller};

const SHUT_OUT: &str = "stockholms-stad/sdf-bromma";

/// A reader's stream at a node: from a cursor, or from nothing.
async fn stream(ledger: &Ledger, cursor: &str) -> Feed {
    let caller = Reads::Signatory.caller("1");
    let open = ledger.subscribe(&caller, Reads::Signatory.ground(), Scope::default(), cursor);
    open.await.unwrap()
}

/// Publishes at the node that leads.
async fn publish(ledger: &Ledger, party: &mut Party) {
    let asked = party.next(&mut Dice::of(1, 1));
    let caller = party.caller();
    let reader = ledger.own_reader(&caller).unwrap();
    let view = ledger.publish(&caller, &reader, &asked).await.unwrap();
    party.published(view.content().version);
}

async fn shut_out(ledger: &Ledger) {
    let context = Context { key: key(9 << 32), role: None, pseudonym: None };
    let service = ServiceId::parse(SHUT_OUT).unwrap();
    let asked = SuspendAsked { context, service, reason: None };
    ledger.suspend(&caller("stockholms-stad/registrar"), &asked).await.unwrap();
}

/// A node that follows.
async fn follower(nodes: &Several) -> u64 {
    nodes.leader().await.cluster().node % 3 + 1
}

/// Has a node that built a snapshot drop the log up to where its state is.
async fn cut_log(ledger: &Ledger) {
    let raft = ledger.inner.consensus.raft();
    let applied = ledger.inner.consensus.applied();
    let deadline = Instant::now() + PATIENCE;
    while raft.metrics().borrow_watched().purged.is_none_or(|last| last.index < applied) {
        assert!(Instant::now() < deadline, "its log is not cut");
        raft.trigger().purge_log(applied).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_at_a_node_that_is_behind_once_that_has_caught_up() {
    let nodes = Several::start().await;
    let mut party = Party::of("sdf-skarholmen", 1);
    let (leader, behind) = (nodes.leader().await.clone(), follower(&nodes).await);
    nodes.wire.isolate(behind);
    publish(&leader, &mut party).await;
    let mut feed = stream(&leader, "").await;
    let given = feed.next(100).await.unwrap().expect("a snapshot");
    let at = nodes.at(behind).clone();
    let cursor = given.content().next.clone();
    let goes_on = tokio::spawn(async move { stream(&at, &cursor).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    nodes.wire.heal();
    let mut feed = goes_on.await.expect("it holds");
    publish(&leader, &mut party).await;
    nodes.alike().await;
    let given = feed.next(100).await.unwrap().expect("what came since");
    assert!(!given.content().events.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_at_a_node_that_gets_a_snapshot_wakes() {
    let nodes = Several::start().await;
    let mut party = Party::of("sdf-skarholmen", 1);
    let (leader, behind) = (nodes.leader().await.clone(), follower(&nodes).await);
    nodes.alike().await;
    let mut feed = stream(nodes.at(behind), "").await;
    assert!(feed.next(100).await.unwrap().is_none(), "nothing was published yet");
    nodes.wire.isolate(behind);
    publish(&leader, &mut party).await;
    publish(&leader, &mut party).await;
    shut_out(&leader).await;
    leader.snapshot().await.unwrap();
    cut_log(&leader).await;
    let mut told = nodes.at(behind).events();
    nodes.wire.heal();
    tokio::time::timeout(PATIENCE, feed.wait(2 * PATIENCE)).await.expect("it wakes");
    nodes.alike().await;
    assert!(nodes.folder(behind).join("snapshot").exists(), "it did not come by a snapshot");
    // They are told one by one, after what they tell of is there.
    let mut came = Vec::new();
    while came.len() < 3 {
        let next = tokio::time::timeout(PATIENCE, told.recv()).await;
        came.push(next.expect("it is told").unwrap().event);
    }
    assert!(told.is_empty(), "{came:?}, and more");
    let [Event::Epoch(_), Event::Suspended(service), Event::Revised { revision: 2, .. }] = &*came
    else {
        panic!("{came:?}")
    };
    assert_eq!(service.as_str(), SHUT_OUT);
    assert!(feed.next(100).await.unwrap().is_some());
}
