//! Three nodes, each a process: leaders are killed, calls are passed on, impostors are not let in.

use std::{
    fs,
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, Refused, admin::TransferLeaderRequest, wire};

use crate::{
    cluster::{COUNT, Cluster, OPERATOR, PATIENCE, published, sent},
    harness::{AREA, PARTY, delta, observation, own_picture},
};

/// Leaders are killed in the middle of writing, one after the other, and come back. The writer
/// knows all nodes, and repeats what was under way under its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_leaders_lose_nothing_acknowledged_and_double_nothing() {
    const ROUNDS: usize = 5;
    let mut cluster = Cluster::start().await;
    let client = Client::connect(&cluster.whole(PARTY)).await.unwrap();
    let (mut acknowledged, mut version, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for round in 0..ROUNDS {
        let leader = cluster.leader(None).await;
        let until = Instant::now() + Duration::from_secs(4);
        let mut killed = None;
        let mut number = 0;
        while Instant::now() < until {
            if number == 5 && killed.is_none() {
                cluster.kill(leader);
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
        cluster.run(killed.expect("a leader was killed"));
        cluster.alike().await;
    }
    for node in 1..=COUNT {
        let client = cluster.client(node, PARTY).await;
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
    let cluster = Cluster::start().await;
    let leader = cluster.leader(None).await;
    let mut version = 0;
    for node in (1..=COUNT).filter(|node| *node != leader) {
        let client = cluster.client(node, PARTY).await;
        let request = delta(PARTY, version, observation(&format!("F-{node}"), 2));
        let first = client.publish(request.clone()).await.unwrap();
        version += 1;
        assert_eq!(first.version, version);
        let (stored, found) = own_picture(&client, PARTY).await;
        assert_eq!(stored, version, "it reads what it wrote");
        assert!(found.contains(&format!("F-{node}")));
        // The same under its key, at the leader: the answer that was given.
        let again = cluster.client(leader, PARTY).await.publish(request).await.unwrap();
        assert_eq!(again.version, first.version);
    }
}

/// Whose right it is not is told so by the leader, whichever node was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_row52_a_node_lends_a_caller_nothing() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(None).await;
    let follower = if leader == 1 { 2 } else { 1 };
    let partner = cluster.client(follower, "raddningstjansten").await;
    let request = delta(PARTY, 0, observation("T13", 2));
    let refused =
        Refused::from(partner.pictures.clone().publish_picture(request).await.unwrap_err());
    assert_eq!(refused.reason.map(|reason| reason.id()), Some("NOT_YOUR_PARTY"), "{refused}");
    let request = TransferLeaderRequest { node: follower };
    let refused = partner.cluster.clone().transfer_leader(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{refused}");
    // A call at the port of the nodes, by a node's own certificate but without a caller's.
    let profile = cluster.whole(PARTY);
    let read = |name: &str| fs::read_to_string(cluster.path().join(name)).unwrap();
    let node = Profile {
        endpoint: format!("https://{}", cluster.setting(leader, "cluster", "listen")),
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
    let cluster = Cluster::start().await;
    let at = cluster.setting(1, "cluster", "listen");
    let read = |name: &str| fs::read_to_string(cluster.path().join(name)).unwrap();
    for name in [PARTY, OPERATOR] {
        let service = Profile {
            endpoint: format!("https://{at}"),
            others: Vec::new(),
            ca_pem: read("nodes/ca.pem"),
            ..cluster.whole(name)
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
    assert!(cluster.log(1).contains("no node was let in"), "{}", cluster.log(1));
}

/// A node that has lost the others ends its streams within seconds, and shows nothing; a subscriber
/// that knows all nodes goes on with another, and misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_the_others_shows_nothing_and_its_streams_move() {
    const CUT_OFF_MAX: Duration = Duration::from_secs(6);
    let cluster = Cluster::start().await;
    let leader = cluster.leader(None).await;
    let writer = Client::connect(&cluster.whole(PARTY)).await.unwrap();
    writer.publish(delta(PARTY, 0, observation("C-1", 2))).await.unwrap();

    let reader = cluster.profile(leader, PARTY);
    let client = Client::connect(&reader).await.unwrap();
    let request = wire::WatchEventsRequest {
        context: Some(reader.read_context()),
        scope: Some(wire::Scope { areas: vec![AREA.to_owned()], ..wire::Scope::default() }),
        cursor: String::new(),
    };
    let mut stream = client.joint.clone().watch_events(request).await.unwrap().into_inner();
    let others: Vec<u64> = (1..=COUNT).filter(|node| *node != leader).collect();
    for node in &others {
        cluster.signal(*node, "-STOP");
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
    let client = cluster.client(leader, PARTY).await;
    let refused = client.pictures.clone().get_picture(request).await.unwrap_err();
    assert!(Refused::from(refused).is_retryable());

    // The others go on; this one stands still.
    for node in &others {
        cluster.signal(*node, "-CONT");
    }
    cluster.signal(leader, "-STOP");
    let mut watch = samsyn_client::Watch::new(
        &cluster.whole(PARTY),
        wire::Scope { areas: vec![AREA.to_owned()], ..wire::Scope::default() },
        String::new(),
    );
    let mut version = 1;
    let published = async {
        // What was under way at the node that stands still is repeated at another.
        let writer = Client::connect(&cluster.whole(PARTY)).await.unwrap();
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
    cluster.signal(leader, "-CONT");
    cluster.alike().await;
    assert_eq!(version, 2);
}

/// One node after the other is restarted while a party writes: no call fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_fails_no_call() {
    let mut cluster = Cluster::start().await;
    let client = Client::connect(&cluster.whole(PARTY)).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(async move {
        let (mut version, mut longest) = (0, Duration::ZERO);
        while !*stopped.borrow() {
            let request = delta(PARTY, version, observation(&format!("R-{version}"), 2));
            let began = Instant::now();
            let answer = published(&client, &request).await;
            longest = longest.max(began.elapsed());
            if answer.version != version + 1 {
                return Err(format!("version {} after {version}", answer.version));
            }
            version = answer.version;
        }
        Ok((version, longest))
    });
    for node in 1..=COUNT {
        cluster.terminate(node).await;
        cluster.run(node);
        cluster.alike().await;
    }
    // A writer that has ended says why below.
    let _ = stop.send(true);
    let (version, longest) = writing.await.unwrap().unwrap();
    println!("{version} publications, longest answer {} ms", longest.as_millis());
    let (stored, found) = own_picture(&cluster.client(2, PARTY).await, PARTY).await;
    assert_eq!((stored, u64::try_from(found.len()).unwrap()), (version, version));
}
