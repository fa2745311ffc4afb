//! A running cluster is upgraded, one node after the other, and then its level is raised.

use openraft::async_runtime::watch::WatchReceiver as _;
use samsyn_domain::{
    FeatureLevel, Reason, ServiceId,
    command::{Command, Denials, RaiseLevel},
    disclosure::Denied,
};
use samsyn_proto::raft::GetKeysRequest;
use tokio::sync::watch;

use super::*;
use crate::{NotRaised, Rejection, tests::caller};

const OPERATOR: &str = "stockholms-stad/drift";

fn level(number: u32) -> FeatureLevel {
    FeatureLevel::of(number).unwrap()
}

/// A program that knows the log up to a level. To it, records of refusals are what the second level
/// brought.
fn program(knows: u32) -> Levels {
    let needs = |command: &Command| {
        if matches!(command, Command::Denials(_)) { level(2) } else { command.level() }
    };
    Levels { knows: level(knows), needs }
}

/// What a node makes of something that only the second level has.
async fn of_second_level(ledger: &Ledger) -> Result<Reply, Error> {
    let denied = Denied {
        at: NOW,
        service: ServiceId::parse("stad/sdf").unwrap(),
        reason: "NOT_ALLOWED".to_owned(),
        rule: String::new(),
        requests: 1,
    };
    ledger.own_under(ledger.epoch(), Command::Denials(Denials { denials: vec![denied] })).await
}

async fn is_refused(ledger: &Ledger) {
    let position = ledger.inner.consensus.applied();
    let reply = of_second_level(ledger).await.unwrap();
    let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
    assert_eq!((refusal.reason, refusal.current), (Reason::FeatureLevelTooLow, 1));
    assert!(ledger.read(|state| state.evidence().denials().is_empty()), "at {position}");
}

async fn raised(nodes: &Several, to: u32) -> Result<FeatureLevel, String> {
    let raised = nodes.leader().await.raise_level(&caller(OPERATOR), FeatureLevel::of(to)).await;
    raised.map_err(|refused| refused.to_string())
}

/// Puts the raising into the log, whatever the members know; its position, or one behind it.
async fn raised_unasked(nodes: &Several) -> u64 {
    let raise = Command::RaiseLevel(RaiseLevel { level: level(2) });
    let leader = nodes.leader().await;
    leader.own(raise).await.unwrap();
    leader.inner.consensus.applied()
}

impl Several {
    /// Hands leadership on where a node has it, and starts it anew by another program.
    async fn upgrade(&mut self, id: u64, to: Levels) {
        self.leave(id).await;
        self.levels.insert(id, to);
        self.open(id).await;
        let all = self.leader().await.inner.consensus.applied();
        within("it has what the leader has", || self.at(id).inner.consensus.applied() >= all).await;
    }

    async fn leave(&mut self, id: u64) {
        if self.leader().await.cluster().node == id {
            let next = (1..=3).find(|other| *other != id).unwrap();
            self.at(id).transfer(next).await.unwrap();
            within("it leads no more", || self.at(id).place() != Place::Here).await;
        }
        self.stop(id).await;
    }

    /// Waits until a node has ended by itself; says why it did.
    async fn ends(&self, id: u64) -> String {
        let ended = tokio::time::timeout(PATIENCE, self.at(id).failed());
        ended.await.expect("it ends")
    }
}

/// Records numbers at whichever node takes them, until it is told to stop; those acknowledged.
async fn writes(wire: Arc<Wire>, stop: watch::Receiver<()>) -> Vec<u64> {
    let (mut number, mut acknowledged) = (0, Vec::new());
    while !stop.has_changed().unwrap() {
        number += 1;
        for node in wire.nodes() {
            match record(&node.ledger, number).await {
                Ok(_) => {
                    acknowledged.push(number);
                    break;
                }
                // It may be there: the next number is another record.
                Err(Error::OutcomeUnknown) => break,
                Err(_) => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_upgraded_node_by_node_under_a_writer_and_half_way_back_and_then_raised() {
    let mut nodes = Several::knowing(3, program(1)).await;
    let (stop, stopped) = watch::channel(());
    let writer = tokio::spawn(writes(Arc::clone(&nodes.wire), stopped));
    for id in [1, 2] {
        nodes.upgrade(id, program(2)).await;
        is_refused(nodes.at(id)).await;
    }
    let refused = raised(&nodes, 2).await.unwrap_err();
    let of_three = "the domain is not raised to level 2; node 3";
    // Whichever leads, and whatever that one knows itself.
    assert_eq!(refused, format!("{of_three} knows the log up to level 1"));
    // Not raised, so that there is a way back.
    nodes.upgrade(2, program(1)).await;
    for id in [2, 3] {
        nodes.upgrade(id, program(2)).await;
    }
    nodes.leave(3).await;
    assert_eq!(raised(&nodes, 2).await.unwrap_err(), format!("{of_three} does not answer"));
    nodes.open(3).await;
    is_refused(nodes.leader().await).await;
    assert_eq!(raised(&nodes, 2).await, Ok(level(2)));
    assert_eq!(raised(&nodes, 1).await, Ok(level(2)), "it never falls");
    for id in [1, 2, 3] {
        let refused = of_second_level(nodes.at(id)).await.unwrap();
        assert!(!matches!(refused, Reply::Refused(_)), "node {id}: {refused:?}");
    }
    stop.send(()).unwrap();
    let acknowledged = writer.await.unwrap();
    nodes.alike().await;
    let first = nodes.at(1).read(Clone::clone);
    assert_eq!((first.level(), first.evidence().denials().len()), (level(2), 3));
    for ledger in nodes.running() {
        assert!(ledger.read(|state| *state == first), "node {}", ledger.cluster().node);
        let recorded = recorded(ledger);
        let lost = acknowledged.iter().filter(|number| !recorded.contains(number)).count();
        assert_eq!(lost, 0, "of {}", acknowledged.len());
    }
    assert!(acknowledged.len() > 50, "{} is too little to tell", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_raise_an_earlier_program_starts_no_more_and_changes_nothing() {
    let mut nodes = Several::knowing(3, program(1)).await;
    for id in [1, 2, 3] {
        nodes.upgrade(id, program(2)).await;
    }
    raised(&nodes, 2).await.unwrap();
    nodes.alike().await;
    // What it has applied last is in its log alone when it is killed, and in its state when it is
    // stopped in good order.
    for (id, killed) in [(2, true), (3, false)] {
        if killed {
            nodes.crash([id]).await;
        } else {
            nodes.stop(id).await;
        }
        nodes.levels.insert(id, program(1));
        let refused = nodes.start_node(id).await.unwrap_err();
        let Error::LevelUnknown { needs, knows } = refused else { panic!("{refused}") };
        assert_eq!((needs, knows), (level(2), level(1)));
        nodes.levels.insert(id, program(2));
        nodes.open(id).await;
    }
    nodes.alike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_sent_what_it_does_not_know_ends_and_goes_on_by_a_newer_program() {
    for by_snapshot in [false, true] {
        let mut nodes = Several::knowing(3, program(1)).await;
        for id in [1, 2] {
            nodes.upgrade(id, program(2)).await;
        }
        record(nodes.leader().await, 1).await.unwrap();
        nodes.alike().await;
        nodes.leave(3).await;
        let raise = raised_unasked(&nodes).await;
        if by_snapshot {
            let leader = nodes.leader().await;
            let (id, consensus) = (leader.cluster().node, &leader.inner.consensus);
            leader.snapshot().await.unwrap();
            within("a snapshot is built", || nodes.folder(id).join("snapshot").exists()).await;
            let (raft, upto) = (consensus.raft(), consensus.applied());
            raft.trigger().purge_log(upto).await.unwrap();
            let purged = || raft.metrics().borrow_watched().purged.map(|id| id.index);
            within("its log begins behind the raise", || purged() >= Some(raise)).await;
        }
        nodes.opened(3).await;
        let why = nodes.ends(3).await;
        assert_eq!(
            why,
            "this version knows the log up to level 1, and the domain is at level 2; install a \
             version that knows level 2"
        );
        let kept = nodes.at(3).read(|state| (state.level(), state.evidence().disclosures().len()));
        assert_eq!(kept, (level(1), 1), "it has taken nothing of it");
        assert!(!nodes.folder(3).join("snapshot").exists());
        nodes.stop(3).await;
        nodes.levels.insert(3, program(2));
        nodes.open(3).await;
        record(nodes.leader().await, 2).await.unwrap();
        nodes.alike().await;
        assert_eq!(nodes.at(3).level(), level(2), "by a snapshot: {by_snapshot}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_begins_at_what_its_first_node_knows_and_takes_in_nobody_who_knows_less() {
    let mut nodes = Several::knowing(1, program(2)).await;
    assert_eq!(nodes.at(1).level(), level(2));
    nodes.at(1).add_learner(node(2)).await.unwrap();
    nodes.levels.insert(2, program(1));
    let refused = nodes.start_node(2).await.unwrap_err();
    assert!(matches!(refused, Error::LevelUnknown { .. }), "{refused}");
    assert!(!nodes.folder(2).join("keys.json").exists(), "it keeps no keys");
    let given = nodes.at(1).peer().get_keys(2, GetKeysRequest { level: 1 }).unwrap();
    assert_eq!((given.file.as_str(), given.level), ("", 2), "it is given none");
    nodes.levels.insert(2, program(3));
    nodes.open(2).await;
    nodes.alike().await;
    assert_eq!(nodes.at(2).level(), level(2));
    // Higher than the first node knows, and a node that does not run.
    let refused = nodes.at(1).raise_level(&caller(OPERATOR), Some(level(3))).await.unwrap_err();
    let Rejection::Level(NotRaised { level: to, nodes: below }) = refused else {
        panic!("{refused}");
    };
    assert_eq!((to, below), (level(3), vec![(1, Some(level(2)))]));
    nodes.stop(2).await;
    let refused = nodes.at(1).raise_level(&caller("polismyndigheten/lpo-skarholmen"), None).await;
    assert!(matches!(refused, Err(Rejection::Denied(_))), "{refused:?}");
}
