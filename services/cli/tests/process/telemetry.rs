//! What a process tells those who run it: all of it is documented, and none of it is content.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use samsyn_client::{Client, wire};
use samsyn_tests::raw::{Raw, frame};

use crate::harness::{AREA, Domain, PARTY, delta, observation};

const CANARY: &str = "kanariefågel";
const CANARY_ASCII: &str = "canary-7f3a";
const PUBLISH: &str = "/samsyn.v1.PictureService/PublishPicture";

/// A domain whose process has an operations listener, and where that is.
fn written() -> (Domain, SocketAddr) {
    let domain = Domain::written();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = free.local_addr().unwrap();
    let mut config = OpenOptions::new().append(true).open(domain.config()).unwrap();
    writeln!(config, "\n[operations]\nlisten = \"{at}\"").unwrap();
    (domain, at)
}

/// What a request is answered, with its status line.
fn asked(at: SocketAddr, request: &str) -> String {
    let mut connection = TcpStream::connect(at).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn get(at: SocketAddr, path: &str) -> String {
    asked(at, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
}

fn families(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The names in the first column of the page of metrics.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    let (table, _) = page.split_once("| label |").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

/// A partner that follows, while a party publishes.
async fn story(domain: &Domain) -> Client {
    let city = domain.client(PARTY).await;
    let police = domain.client("lpo-skarholmen").await;
    let request = wire::WatchEventsRequest {
        context: Some(police.profile().read_context()),
        scope: None,
        cursor: String::new(),
    };
    let mut stream = police.joint.clone().watch_events(request).await.unwrap().into_inner();
    city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    loop {
        let event = stream.message().await.unwrap().and_then(|message| message.entry).unwrap();
        if matches!(event.what, Some(wire::event::What::Finding(_))) {
            return city;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_documented_and_every_documented_one_is_told() {
    let (mut domain, at) = written();
    domain.start();
    story(&domain).await;
    let answer = get(at, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Those of links are told where there is one: `linked` looks at them.
    let here = documented().into_iter().filter(|name| !name.starts_with("samsyn_links"));
    assert_eq!(families(&answer), here.collect());
    let has = |start: &str, end: &str| {
        answer.lines().any(|line| line.starts_with(start) && line.contains(end))
    };
    assert!(has("samsyn_handshakes_total{outcome=\"accepted\"}", " 2"), "{answer}");
    assert!(has("samsyn_changes_total", "verb=\"publish\"} 1"), "{answer}");
    assert!(has("samsyn_calls_total", "PublishPicture"), "{answer}");
    assert!(has("samsyn_revocation_list_left_seconds{anchor=\"stockholms-stad.example\"}", ""));
    assert!(has("samsyn_feed_lag_seconds_count", " 1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operations_listener_answers_little_and_waits_for_nobody() {
    let (mut domain, at) = written();
    domain.start();
    let client = domain.client(PARTY).await;
    assert!(get(at, "/livez").starts_with("HTTP/1.1 200 "));
    assert!(get(at, "/readyz").starts_with("HTTP/1.1 200 "));
    assert!(get(at, "/").starts_with("HTTP/1.1 404 "));
    let post = asked(at, "POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    let long = "a".repeat(64 * 1024);
    let mut large = TcpStream::connect(at).unwrap();
    // It may be cut off while it is still sending.
    let _ = large.write_all(format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes());
    let mut answer = String::new();
    let _ = large.read_to_string(&mut answer);
    assert!(!answer.contains(" 200 "), "{answer}");
    let started = Instant::now();
    let slow: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(at).unwrap()).collect();
    assert!(get(at, "/livez").starts_with("HTTP/1.1 200 "), "after those that say nothing");
    assert!(started.elapsed() < Duration::from_secs(18), "{:?}", started.elapsed());
    drop(slow);
    assert!(client.access.clone().get_access(wire::GetAccessRequest {}).await.is_ok());
}

/// A publication with canaries wherever a caller can write something.
fn canaries() -> Vec<wire::PublishPictureRequest> {
    let mut noted = observation(CANARY_ASCII, 2);
    noted.note = format!("{CANARY} vid torget\r\nfake line \u{1b}[2J");
    let mut elsewhere = observation("B", 2);
    elsewhere.location = Some(wire::observation::Location::PlaceId(CANARY.to_owned()));
    let mut other = observation("C", 2);
    other.category = CANARY_ASCII.to_owned();
    other.source_kind = CANARY.to_owned();
    let mut whole = observation(CANARY_ASCII, 2);
    whole.note = format!("{CANARY} vid torget");
    let mut named = delta(CANARY_ASCII, 0, observation("D", 2));
    named.area = CANARY.to_owned();
    if let Some(context) = &mut named.context {
        context.idempotency_key = CANARY.to_owned();
        context.actor_pseudonym = CANARY_ASCII.to_owned();
    }
    let mut all: Vec<_> = [noted, elsewhere, other, whole].map(|one| delta(PARTY, 1, one)).into();
    all.push(named);
    all
}

async fn sing(domain: &Domain) {
    let city = domain.client(PARTY).await;
    let mut accepted = 0;
    for request in canaries() {
        accepted += usize::from(city.pictures.clone().publish_picture(request).await.is_ok());
    }
    assert_eq!(accepted, 1, "the observation whose id is a canary");
    let stale = delta(PARTY, 0, observation("E", 2));
    assert!(city.pictures.clone().publish_picture(stale).await.is_err(), "what the log tells of");
    let mut context = city.profile().read_context();
    context.purpose = CANARY.to_owned();
    context.weighing_ref = CANARY.to_owned();
    let asked = wire::GetJointPictureRequest {
        context: Some(context),
        area: AREA.to_owned(),
        ..wire::GetJointPictureRequest::default()
    };
    assert!(city.joint.clone().get_joint_picture(asked).await.is_err());
    let events = wire::ListEventsRequest {
        context: Some(city.profile().read_context()),
        cursor: CANARY.to_owned(),
        limit: 1,
        ..wire::ListEventsRequest::default()
    };
    assert!(city.joint.clone().list_events(events).await.is_err());
    let edition = wire::GetEditionRequest {
        context: Some(city.profile().read_context()),
        edition_id: CANARY.to_owned(),
        ..wire::GetEditionRequest::default()
    };
    assert!(city.editions.clone().get_edition(edition).await.is_err());
    let headers = [
        ("traceparent", CANARY_ASCII.as_bytes()),
        ("tracestate", b"canary-7f3a=canary-7f3a".as_slice()),
        ("user-agent", CANARY_ASCII.as_bytes()),
        ("x-note", CANARY_ASCII.as_bytes()),
        ("grpc-timeout", CANARY_ASCII.as_bytes()),
    ];
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    for (path, headers, body) in
        [(PUBLISH, headers.as_slice(), CANARY.as_bytes()), ("/canary-7f3a/canary-7f3a", &[], b"")]
    {
        let request = Raw::request(path, headers).unwrap();
        raw.call(request, frame(0, None, body)).await.unwrap();
    }
}

/// Whatever `RUST_LOG` asks for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t26_t27_nothing_that_a_caller_wrote_is_in_log_or_metrics() {
    for format in ["text", "json"] {
        let (mut domain, at) = written();
        domain.start_with(&["--log-format", format], &[("RUST_LOG", "trace")]);
        story(&domain).await;
        sing(&domain).await;
        let metrics = get(at, "/metrics");
        let log = fs::read_to_string(domain.path().join("serve.log")).unwrap();
        for canary in [CANARY, CANARY_ASCII, "vid torget"] {
            assert!(!metrics.contains(canary), "{canary} in the metrics");
            let line = log.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary} in the log");
        }
        for library in ["h2::", "rustls::", "hyper::", "tower::", "tonic::"] {
            let talks = |line: &&str| line.contains(library) && line.contains("TRACE");
            assert_eq!(log.lines().find(talks), None);
        }
        assert!(log.contains("refused"), "it was asked to say all it may");
        assert!(!log.contains(|c: char| c.is_control() && c != '\n'));
        if format == "json" {
            for line in log.lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        }
    }
}
