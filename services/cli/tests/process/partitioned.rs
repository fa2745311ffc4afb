//! Three nodes, each a process, with a proxy between them: what is cut, held, late or narrow.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use samsyn_client::{Client, Refused, wire};
use samsyn_tests::{
    cluster::{Cluster, Plan, Way, leader},
    rounds::{Fault, Options, run},
};
use tokio::time::timeout;

use crate::{
    harness::{AREA, PARTY, cluster, delta, observation, own_picture, published},
    writing::Writing,
};

/// So long nothing may be acknowledged while a leader is lost, on a machine that does other work.
const LEADERLESS_MAX: Duration = Duration::from_secs(12);
/// A node shows nothing more so long after it was cut off; it looks every second.
const CUT_OFF_MAX: Duration = Duration::from_secs(6);
/// How long a party publishes before and after.
const CALM: Duration = Duration::from_secs(1);

fn picture(client: &Client) -> wire::GetPictureRequest {
    wire::GetPictureRequest {
        context: Some(client.profile().read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        ..wire::GetPictureRequest::default()
    }
}

/// The leader alone on one side: the others go on, and it shows nothing from three seconds on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_is_replaced_and_shows_nothing() {
    let cluster = cluster(Plan { proxy: Some(1), ..Plan::default() }).await;
    let before = cluster.leader(&cluster.nodes()).await.unwrap();
    let others = cluster.besides(before);
    let reader = cluster.client(before, PARTY).await.unwrap();
    let request = wire::WatchEventsRequest {
        context: Some(reader.profile().read_context()),
        ..wire::WatchEventsRequest::default()
    };
    let mut stream = reader.joint.clone().watch_events(request).await.unwrap().into_inner();
    let writing = Writing::start(&cluster).await;
    tokio::time::sleep(CALM).await;

    cluster.proxy().unwrap().set_from(before, Way::Cut);
    let since = Instant::now();
    let end = async { while let Ok(Some(_)) = stream.message().await {} };
    timeout(CUT_OFF_MAX, end).await.expect("its stream ends in time");
    println!("the stream of the node that was cut off ended after {:?}", since.elapsed());
    cluster.leader(&others).await.unwrap();
    let client = cluster.client(before, PARTY).await.unwrap();
    let refused = client.pictures.clone().get_picture(picture(&client)).await.unwrap_err();
    assert!(Refused::from(refused).is_retryable(), "it is refused, for now");

    cluster.proxy().unwrap().set_all(Way::Open);
    cluster.alike().await.unwrap();
    own_picture(&client, PARTY).await;
    tokio::time::sleep(CALM).await;
    let longest = writing.end(&cluster).await;
    assert!(longest < LEADERLESS_MAX, "{longest:?}");
}

/// In one direction alone: a leader that is not heard, and then one that hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_not_heard_or_hears_nothing_is_replaced() {
    let cluster = cluster(Plan { proxy: Some(2), ..Plan::default() }).await;
    let writing = Writing::start(&cluster).await;
    for one_way in ["is not heard", "hears nothing"] {
        let before = cluster.leader(&cluster.nodes()).await.unwrap();
        let proxy = cluster.proxy().unwrap();
        if one_way == "is not heard" {
            proxy.set_from(before, Way::Silent);
        } else {
            proxy.set_to(before, Way::Silent);
        }
        let next = cluster.elected(Some(before), &cluster.besides(before), Instant::now()).await;
        let (next, took) = next.unwrap();
        println!("node {before} {one_way}: node {next} leads after {took:?}");
        assert!(took < LEADERLESS_MAX, "{took:?}");
        // Long enough for what is under way to find the new leader.
        tokio::time::sleep(CUT_OFF_MAX).await;
        proxy.set_all(Way::Open);
        cluster.alike().await.unwrap();
    }
    let longest = writing.end(&cluster).await;
    assert!(longest < LEADERLESS_MAX, "{longest:?}");
}

/// Sites that are 30 ms apart keep their leader, and find another when it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_at_sites_that_are_far_apart_keep_their_leader() {
    const APART: Way =
        Way::Late { least: Duration::from_millis(30), spread: Duration::from_millis(5) };
    let mut cluster = cluster(Plan { sites: true, proxy: Some(3), ..Plan::default() }).await;
    cluster.proxy().unwrap().set_all(APART);
    let writing = Writing::start(&cluster).await;
    let before = cluster.leader(&cluster.nodes()).await.unwrap();
    let term = Box::pin(cluster.status(before)).await.unwrap().term;
    tokio::time::sleep(CUT_OFF_MAX).await;
    let status = Box::pin(cluster.status(before)).await.unwrap();
    assert_eq!((leader(&status), status.term), (Some(before), term), "it was given up");
    cluster.kill(before).unwrap();
    let next = cluster.elected(Some(before), &cluster.besides(before), Instant::now()).await;
    let (_, took) = next.unwrap();
    println!("another leads after {took:?}");
    assert!(took < LEADERLESS_MAX, "{took:?}");
    cluster.run(before).unwrap();
    let longest = writing.end(&cluster).await;
    assert!(longest < LEADERLESS_MAX, "{longest:?}");
}

/// What is under way through a follower is told as open as soon as another leads, and not when the
/// connection to the old leader is noticed to be dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_does_not_wait_for_a_leader_that_was_replaced() {
    /// A connection is found to be dead after 4 s.
    const AFTER_ELECTION_MAX: Duration = Duration::from_secs(2);
    let cluster = cluster(Plan { proxy: Some(5), ..Plan::default() }).await;
    let before = cluster.leader(&cluster.nodes()).await.unwrap();
    let others = cluster.besides(before);
    let client = cluster.client(others[0], PARTY).await.unwrap();
    published(&client, &delta(PARTY, 0, observation("W-1", 2))).await;
    cluster.proxy().unwrap().set_from(before, Way::Silent);
    cluster.proxy().unwrap().set_to(before, Way::Silent);
    let publishing = tokio::spawn(async move {
        published(&client, &delta(PARTY, 1, observation("W-2", 2))).await;
        Instant::now()
    });
    let since = Instant::now();
    let (_, elected) = cluster.elected(Some(before), &others, since).await.unwrap();
    let took = publishing.await.unwrap().saturating_duration_since(since + elected);
    println!("another led after {elected:?}, and the call was answered {took:?} after that");
    assert!(took < AFTER_ELECTION_MAX, "{took:?}");
}

/// What it is published through takes longer than a connection may be silent.
const LINK: Way = Way::Narrow { bytes_per_second: 80_000 };
const LINK_SECONDS_MIN: Duration = Duration::from_secs(6);

/// Publishes more than half a megabyte in one version.
async fn publish_much(client: &Client, base: u64) {
    const OBSERVATIONS: usize = 1_000;
    const NOTE: &str = "Nedskräpning och klotter vid torget, anmält av driften. ";
    let severity = u32::try_from(base).unwrap() + 1;
    let much = (0..OBSERVATIONS).map(|number| wire::Observation {
        note: NOTE.repeat(8),
        ..observation(&format!("M-{number}"), severity)
    });
    let request = samsyn_tests::observed::delta(PARTY, base, much.collect());
    assert_eq!(published(client, &request).await.version, base + 1);
}

/// Large entries get through to a new node and to one that votes; the others go on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_entries_get_through_a_narrow_link() {
    let program = Path::new(env!("CARGO_BIN_EXE_samsyn"));
    let plan = Plan { proxy: Some(4), ..Plan::default() };
    let mut cluster = Cluster::written(program, plan).await.unwrap();
    cluster.run(1).unwrap();
    cluster.join(2).await.unwrap();
    let client = cluster.client(1, PARTY).await.unwrap();
    publish_much(&client, 0).await;
    cluster.proxy().unwrap().set_to(3, LINK);
    for (whom, base) in [("a new node", 1), ("one that votes", 2)] {
        let since = Instant::now();
        if base == 1 {
            cluster.join(3).await.unwrap();
            let request = delta(PARTY, base, observation("L-1", 2));
            assert_eq!(published(&client, &request).await.version, 2, "the others go on");
        } else {
            publish_much(&client, base).await;
        }
        cluster.alike().await.unwrap();
        println!("to {whom}: {:?}", since.elapsed());
        assert!(since.elapsed() > LINK_SECONDS_MIN, "the link was not narrow enough to tell");
    }
}

/// A large call that is passed on to the leader gets through to it, and meanwhile neither holds the
/// other for lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_call_gets_through_a_narrow_link_to_the_leader() {
    let cluster = cluster(Plan { proxy: Some(6), ..Plan::default() }).await;
    cluster.lead(3).await.unwrap();
    let term = Box::pin(cluster.status(3)).await.unwrap().term;
    let client = cluster.client(1, PARTY).await.unwrap();
    cluster.proxy().unwrap().set_to(3, LINK);
    let since = Instant::now();
    publish_much(&client, 0).await;
    println!("to the leader: {:?}", since.elapsed());
    assert!(since.elapsed() > LINK_SECONDS_MIN, "the link was not narrow enough to tell");
    let status = Box::pin(cluster.status(3)).await.unwrap();
    assert_eq!((leader(&status), status.term), (Some(3), term), "it was given up");
    assert!(!cluster.log(1).contains("has lost the others"), "its clients were sent away");
}

/// The rounds that `rounds` does by the hundred, a few of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rounds_of_faults_lose_nothing_acknowledged_and_double_nothing() {
    let faults = vec![Fault::HoldLeader, Fault::KillAll, Fault::NarrowFollower];
    let options = Options { faults, seed: 7, writers: 3 };
    let program = Path::new(env!("CARGO_BIN_EXE_samsyn"));
    let told = |round: &samsyn_tests::rounds::Round| println!("{round}");
    let report = Box::pin(run(program, &options, told)).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let acknowledged: usize = report.rounds().iter().map(|round| round.acknowledged).sum();
    assert!(acknowledged > 30, "too little was written to tell\n{report}");
}
