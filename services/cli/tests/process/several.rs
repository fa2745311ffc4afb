//! Three nodes, each a process: leaders are killed, calls are passed on, impostors are not let in.

use std::{
    fs,
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, Refused, admin::TransferLeaderRequest, wire};
use samsyn_tests::cluster::{Cluster, OPERATOR, PATIENCE, Plan};

use crate::harness::{AREA, PARTY, cluster, delta, observation, own_picture, published};

/// So many voters, directly connected.
const COUNT: u64 = 3;

async fn three() -> Cluster {
    cluster(Plan { nodes: COUNT, ..Plan::default() }).await
}

/// The ids that a delta sends.
fn sent(request: &wire::PublishPictureRequest) -> Vec<String> {
    let Some(wire::publish_picture_request::Change::Delta(delta)) = &request.change else {
        panic!("a delta was sent");
    };
    delta.upserts.iter().map(|observation| observation.id.clone()).collect()
}

/// Leaders are killed in the middle of writing, one after the other, and come back. The writer
/// knows all nodes, and repeats what was under way under its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_leaders_lose_nothing_acknowledged_and_double_nothing() {
    const ROUNDS: usize = 5;
    let mut cluster = three().await;
    let client = Client::connect(&cluster.whole(1, PARTY).unwrap()).await.unwrap();
    let (mut acknowledged, mut version, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for round in 0..ROUNDS {
        let leader = cluster.leader(&cluster.nodes()).await.unwrap();
        let until = Instant::now() + Duration::from_secs(4);
        let mut killed = None;
        let mut number = 0;
        while Instant::now() < until {
            if number == 5 && killed.is_none() {
                cluster.kill(leader).unwrap();
                killed = Some(leader);
            }
            let request = delta(PARTY, version, observation(&format!("K-{round}-{number}"), 2));
            number += 1;
            let began = Instant::now();
            let answer = published(&client, &request).await;
            longest = longest.max(began.elapsed());
            assert_eq!(answer.version, version + 1, "doubled or lost in round {round}");
            version = answer.version;
            acknowledged.extend(sent(&request));
        }
        cluster.run(killed.expect("a leader was killed")).unwrap();
        cluster.alike().await.unwrap();
    }
    for node in 1..=COUNT {
        let client = cluster.client(node, PARTY).await.unwrap();
        let (stored, found) = own_picture(&client, PARTY).await;
        let lost = acknowledged.iter().filter(|id| !found.contains(id)).count();
        let doubled = found.len() - acknowledged.len();
        println!(
            "node {node}: {ROUNDS} rounds, acknowledged {}, lost {lost}, doubled {doubled}, \
             longest answer {} ms",
            acknowledged.len(),
            longest.as_millis()
        );
        assert_eq!((lost, doubled, stored), (0, 0, version));
    }
    assert!(acknowledged.len() > 10 * ROUNDS, "too little was written to tell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_takes_any_call_and_reads_what_it_passed_on() {
    let cluster = three().await;
    let leader = cluster.leader(&cluster.nodes()).await.unwrap();
    let mut version = 0;
    for node in cluster.besides(leader) {
        let client = cluster.client(node, PARTY).await.unwrap();
        let request = delta(PARTY, version, observation(&format!("F-{node}"), 2));
        let first = client.publish(request.clone()).await.unwrap();
        version += 1;
        assert_eq!(first.version, version);
        let (stored, found) = own_picture(&client, PARTY).await;
        assert_eq!(stored, version, "it reads what it wrote");
        assert!(found.contains(&format!("F-{node}")));
        // The same under its key, at the leader: the answer that was given.
        let again = cluster.client(leader, PARTY).await.unwrap().publish(request).await.unwrap();
        assert_eq!(again.version, first.version);
    }
}

/// Whose right it is not is told so by the leader, whichever node was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_row52_a_node_lends_a_caller_nothing() {
    let cluster = three().await;
    let leader = cluster.leader(&cluster.nodes()).await.unwrap();
    let follower = if leader == 1 { 2 } else { 1 };
    let partner = cluster.client(follower, "raddningstjansten").await.unwrap();
    let request = delta(PARTY, 0, observation("T13", 2));
    let refused =
        Refused::from(partner.pictures.clone().publish_picture(request).await.unwrap_err());
    assert_eq!(refused.reason.map(|reason| reason.id()), Some("NOT_YOUR_PARTY"), "{refused}");
    let request = TransferLeaderRequest { node: follower };
    let refused = partner.cluster.clone().transfer_leader(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{refused}");
    // A call at the port of the nodes, by a node's own certificate but without a caller's.
    let profile = cluster.whole(1, PARTY).unwrap();
    let read = |name: &str| fs::read_to_string(cluster.path().join(name)).unwrap();
    let node = Profile {
        endpoint: format!("https://{}", cluster.address(leader).unwrap()),
        others: Vec::new(),
        ca_pem: read("nodes/ca.pem"),
        certificate_pem: read(&format!("nodes/{follower}.pem")),
        key_pem: read(&format!("nodes/{follower}.key")),
        ..profile
    };
    let client = Client::connect(&node).await.expect("a node is let in");
    let request = delta(PARTY, 0, observation("T13", 2));
    let refused =
        Refused::from(client.pictures.clone().publish_picture(request).await.unwrap_err());
    assert_eq!(refused.reason.map(|reason| reason.id()), Some("NO_CERTIFICATE"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t34_a_service_is_not_let_in_at_the_port_of_the_nodes() {
    let cluster = three().await;
    let at = cluster.address(1).unwrap();
    let read = |name: &str| fs::read_to_string(cluster.path().join(name)).unwrap();
    for name in [PARTY, OPERATOR] {
        let service = Profile {
            endpoint: format!("https://{at}"),
            others: Vec::new(),
            ca_pem: read("nodes/ca.pem"),
            ..cluster.whole(1, name).unwrap()
        };
        let asked = async {
            let client = Client::connect(&service).await.ok()?;
            let request = delta(PARTY, 0, observation("T34", 2));
            client.pictures.clone().publish_picture(request).await.err()
        };
        // In TLS 1.3 the client may learn only at its first call that it was not let in.
        let refused = asked.await;
        assert!(
            refused.as_ref().is_none_or(|status| std::error::Error::source(status).is_some()),
            "the transport refuses, and no service answers: {refused:?}"
        );
    }
    assert!(cluster.log(1).contains("nobody was let in"), "{}", cluster.log(1));
}

/// A node that has lost the others ends its streams within seconds, and shows nothing; a subscriber
/// that knows all nodes goes on with another, and misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_the_others_shows_nothing_and_its_streams_move() {
    const CUT_OFF_MAX: Duration = Duration::from_secs(6);
    let cluster = three().await;
    let leader = cluster.leader(&cluster.nodes()).await.unwrap();
    let writer = Client::connect(&cluster.whole(1, PARTY).unwrap()).await.unwrap();
    writer.publish(delta(PARTY, 0, observation("C-1", 2))).await.unwrap();

    let reader = cluster.profile(leader, PARTY).unwrap();
    let client = Client::connect(&reader).await.unwrap();
    let request = wire::WatchEventsRequest {
        context: Some(reader.read_context()),
        scope: Some(wire::Scope { areas: vec![AREA.to_owned()], ..wire::Scope::default() }),
        cursor: String::new(),
    };
    let mut stream = client.joint.clone().watch_events(request).await.unwrap().into_inner();
    let others = cluster.besides(leader);
    for node in &others {
        cluster.hold(*node).unwrap();
    }
    let since = Instant::now();
    let closing = loop {
        let message = tokio::time::timeout(CUT_OFF_MAX, stream.message()).await;
        let message = message.expect("the stream ends in time").unwrap().expect("a last word");
        if let Some(wire::event::What::Closing(closing)) = message.entry.and_then(|e| e.what) {
            break closing;
        }
    };
    println!("the stream of the node that was cut off ended after {:?}", since.elapsed());
    assert!(since.elapsed() < CUT_OFF_MAX, "{:?}", since.elapsed());
    assert_eq!(closing.reason, "DRAINING");
    let request = wire::GetPictureRequest {
        context: Some(reader.read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        ..wire::GetPictureRequest::default()
    };
    let client = cluster.client(leader, PARTY).await.unwrap();
    let refused = client.pictures.clone().get_picture(request).await.unwrap_err();
    assert!(Refused::from(refused).is_retryable());

    // The others go on; this one stands still.
    for node in &others {
        cluster.release(*node).unwrap();
    }
    cluster.hold(leader).unwrap();
    let mut watch = samsyn_client::Watch::new(
        &cluster.whole(1, PARTY).unwrap(),
        wire::Scope { areas: vec![AREA.to_owned()], ..wire::Scope::default() },
        String::new(),
    );
    let mut version = 1;
    let published = async {
        // What was under way at the node that stands still is repeated at another.
        let writer = Client::connect(&cluster.whole(1, PARTY).unwrap()).await.unwrap();
        let request = delta(PARTY, version, observation("C-2", 2));
        version = published(&writer, &request).await.version;
    };
    let seen = async {
        loop {
            let event = watch.next().await.unwrap();
            if event.revision >= 2 {
                return;
            }
        }
    };
    let both = Box::pin(async { tokio::join!(published, seen) });
    tokio::time::timeout(PATIENCE, both).await.expect("in time");
    cluster.release(leader).unwrap();
    cluster.alike().await.unwrap();
    assert_eq!(version, 2);
}
