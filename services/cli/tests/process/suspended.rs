use std::time::{Duration, Instant};

use samsyn_client::{admin, wire};
use samsyn_tests::cluster::Plan;

use crate::harness::{Domain, cluster};

const STREAMS: usize = 20;
const BOUND: Duration = Duration::from_secs(5);

/// A suspended service is told, its stream ends, and no later call goes through: twenty of twenty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t3_a_suspension_ends_a_stream_within_five_seconds() {
    let mut domain = Domain::written();
    domain.start();
    let registrar = domain.client("registrar").await;
    let registry = registrar
        .registry
        .clone()
        .get_registry(admin::GetRegistryRequest { part: "services".to_owned() })
        .await
        .unwrap()
        .into_inner();
    let mut ended = 0;
    for service in registry.services.iter().filter(|s| !s.parties.is_empty()).take(STREAMS) {
        let name = service.id.split('/').next_back().unwrap_or_default();
        let client = domain.client(name).await;
        let request = wire::WatchEventsRequest {
            context: Some(client.profile().read_context()),
            scope: None,
            cursor: String::new(),
        };
        let stream = client.joint.clone().watch_events(request.clone()).await;
        let mut stream = stream.unwrap().into_inner();
        let suspended = Instant::now();
        registrar
            .registry
            .clone()
            .suspend_service(admin::SuspendServiceRequest {
                context: Some(samsyn_client::write_context("registrar")),
                service: service.id.clone(),
                reason: "drill".to_owned(),
            })
            .await
            .unwrap();
        let end = async { while let Ok(Some(_)) = stream.message().await {} };
        tokio::time::timeout(BOUND, end).await.unwrap_or_else(|_| panic!("{name} still streams"));
        println!("{name}: ended after {} ms", suspended.elapsed().as_millis());
        let again = client.joint.clone().watch_events(request).await;
        assert!(again.is_err(), "{name} is served after its suspension");
        ended += 1;
    }
    println!("{ended} of {STREAMS} streams ended within {} s", BOUND.as_secs());
    assert_eq!(ended, STREAMS);
}

/// Whichever node the registrar asks, the streams of all nodes end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t3_a_suspension_at_one_node_ends_streams_at_every_node() {
    const PARTNER: &str = "raddningstjansten";
    let cluster = cluster(Plan::default()).await;
    let leader = cluster.leader(&cluster.nodes()).await.unwrap();
    let mut streams = Vec::new();
    for node in cluster.nodes() {
        let client = cluster.client(node, PARTNER).await.unwrap();
        let request = wire::WatchEventsRequest {
            context: Some(client.profile().read_context()),
            scope: None,
            cursor: String::new(),
        };
        let stream = client.joint.clone().watch_events(request.clone()).await.unwrap();
        streams.push((node, client, request, stream.into_inner()));
    }
    let asked = cluster.besides(leader)[0];
    let suspended = Instant::now();
    let registrar = cluster.client(asked, "registrar").await.unwrap();
    let request = admin::SuspendServiceRequest {
        context: Some(samsyn_client::write_context("registrar")),
        service: format!("{PARTNER}/{PARTNER}"),
        reason: "drill".to_owned(),
    };
    registrar.registry.clone().suspend_service(request).await.unwrap();
    for (node, client, request, mut stream) in streams {
        let end = async { while let Ok(Some(_)) = stream.message().await {} };
        tokio::time::timeout_at((suspended + BOUND).into(), end)
            .await
            .unwrap_or_else(|_| panic!("node {node} still streams"));
        println!("node {node}: ended after {} ms", suspended.elapsed().as_millis());
        let again = client.joint.clone().watch_events(request).await;
        assert!(again.is_err(), "node {node} serves it after its suspension");
    }
}
