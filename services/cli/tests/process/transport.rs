//! The catalogue of bad input below the messages: bytes, frames, headers, deadlines. Each is told
//! in our words, with its reason, and none of a library's text gets out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use prost::Message as _;
use samsyn_client::wire;
use samsyn_tests::raw::{Answer, Raw, frame, framed};
use tonic::Code;

use crate::harness::{Domain, PARTY, delta, observation};

const PUBLISH: &str = "/samsyn.v1.PictureService/PublishPicture";
const ACCESS: &str = "/samsyn.v1.AccessService/GetAccess";
const WATCH: &str = "/samsyn.v1.JointPictureService/WatchEvents";
const LIST: &str = "/samsyn.v1.JointPictureService/ListEvents";

/// Words that would tell which library answers, or what it read.
const FOREIGN: [&str; 8] =
    ["prost", "Protobuf", "tonic", "h2", "decod", "wire type", "Observation", "bytes,"];

#[track_caller]
fn assert_refused(row: &str, answer: &Answer, code: Code, reason: &str) {
    let refused = answer.refused().unwrap_or_else(|| panic!("{row}: {answer:?}"));
    let told = (refused.status.code(), refused.reason.map(|reason| reason.id()));
    assert_eq!(told, (code, Some(reason)), "{row}: {answer:?}");
    let mut text = refused.status.message().to_owned();
    if reason == "MALFORMED" {
        text = text.replace("could not be decoded", "");
    }
    for word in FOREIGN {
        assert!(!text.contains(word), "{row}: `{word}` in `{text}`");
    }
}

fn nested(depth: usize) -> Vec<u8> {
    // A group within a group: unknown to every message, so only the depth can be refused.
    let mut bytes = [0x93, 0x3f].repeat(depth);
    bytes.extend([0x94, 0x3f].repeat(depth));
    bytes
}

fn good() -> wire::PublishPictureRequest {
    delta(PARTY, 0, observation("A", 2))
}

/// The bytes of a good publication in which a text is no UTF-8.
fn not_utf8() -> Vec<u8> {
    let mut request = good();
    request.party = "??".to_owned();
    let mut bytes = request.encode_to_vec();
    let at = bytes.windows(2).position(|two| two == b"??").unwrap();
    bytes[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows1_to_9_a_message_that_is_none_is_told_so_and_nothing_more() {
    let mut domain = Domain::written();
    domain.start();
    drop(domain.client(PARTY).await);
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    let whole = good().encode_to_vec();
    let cut = &whole[..whole.len() - 3];
    let mut wrong = whole.clone();
    wrong.extend([0x10, 0x01]);
    let (malformed, large) = ("MALFORMED", "MESSAGE_TOO_LARGE");
    let rows: [(&str, Bytes, Code, &str); 10] = [
        ("1 truncated", frame(0, None, cut), Code::Internal, malformed),
        ("2 wrong wire type", frame(0, None, &wrong), Code::Internal, malformed),
        ("3 nesting", frame(0, None, &nested(200)), Code::Internal, malformed),
        ("4 beyond the limit", frame(0, Some(2 << 20), &whole), Code::ResourceExhausted, large),
        ("4 beyond any limit", frame(0, Some(u32::MAX), &whole), Code::ResourceExhausted, large),
        ("5 longer than the body", frame(0, Some(500_000), &whole), Code::Internal, malformed),
        ("5 no message", Bytes::new(), Code::Internal, malformed),
        ("6 compressed, not said", frame(1, None, &whole), Code::Internal, malformed),
        ("6 an unknown flag", frame(7, None, &whole), Code::Internal, malformed),
        ("9 no UTF-8", frame(0, None, &not_utf8()), Code::Internal, malformed),
    ];
    for (row, body, code, reason) in rows {
        let answer = raw.call(Raw::request(PUBLISH, &[]).unwrap(), body).await.unwrap();
        assert_refused(row, &answer, code, reason);
    }
    let answer = raw
        .call(Raw::request(PUBLISH, &[("grpc-encoding", b"identity")]).unwrap(), framed(&good()));
    let answer = answer.await.unwrap();
    assert_eq!(answer.status.unwrap().code(), Code::Ok, "and what is whole goes through");
    assert!(!answer.body.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row14_a_field_that_must_be_understood_and_is_not_is_refused() {
    let mut domain = Domain::written();
    domain.start();
    drop(domain.client(PARTY).await);
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    let mut critical = good().encode_to_vec();
    // Field 1000, a number: 8 × 1000 as a varint.
    critical.extend([0xc0, 0x3e, 0x01]);
    let answer =
        raw.call(Raw::request(PUBLISH, &[]).unwrap(), frame(0, None, &critical)).await.unwrap();
    assert_refused("14", &answer, Code::FailedPrecondition, "UPGRADE_REQUIRED");
    let mut optional = good().encode_to_vec();
    // Field 999: may be skipped, as every unknown field.
    optional.extend([0xb8, 0x3e, 0x01]);
    let answer =
        raw.call(Raw::request(PUBLISH, &[]).unwrap(), frame(0, None, &optional)).await.unwrap();
    assert_eq!(answer.status.unwrap().code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows42_and_43_deadlines_are_read_bounded_and_kept() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    let body = || framed(&wire::GetAccessRequest::default());
    for bad in ["", "1", "S", "-1S", "1.5S", "123456789S", "1 S", "62S", "2M", "1H"] {
        let request = Raw::request(ACCESS, &[("grpc-timeout", bad.as_bytes())]).unwrap();
        let answer = raw.call(request, body()).await.unwrap();
        assert_refused(&format!("42 `{bad}`"), &answer, Code::InvalidArgument, "BAD_DEADLINE");
    }
    // A library that rounds 60 seconds up.
    for rounded in ["60001m", "61S"] {
        let request = Raw::request(ACCESS, &[("grpc-timeout", rounded.as_bytes())]).unwrap();
        let answer = raw.call(request, body()).await.unwrap();
        assert_eq!(answer.status.unwrap().code(), Code::Ok, "`{rounded}`");
    }
    let passed =
        raw.call(Raw::request(ACCESS, &[("grpc-timeout", b"0m")]).unwrap(), body()).await.unwrap();
    assert_refused("43 passed", &passed, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");

    // A body that never comes to its end costs a call no longer than its deadline.
    let started = Instant::now();
    let request = Raw::request(PUBLISH, &[("grpc-timeout", b"300m")]).unwrap();
    let answer = raw.call_without_end(request, Bytes::from_static(&[0, 0, 0, 1, 0])).await.unwrap();
    assert_refused("43 a body that trickles", &answer, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    assert!(started.elapsed() >= Duration::from_millis(300));

    // A stream ends by its deadline too.
    let watch = wire::WatchEventsRequest {
        context: Some(client.profile().read_context()),
        ..wire::WatchEventsRequest::default()
    };
    let request = Raw::request(WATCH, &[("grpc-timeout", b"700m")]).unwrap();
    let answer = raw.call(request, framed(&watch)).await.unwrap();
    assert_refused("43 a stream", &answer, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");

    // A call that waits for news says that there is none before its deadline passes.
    let list = wire::ListEventsRequest {
        context: Some(client.profile().read_context()),
        wait_seconds: 30,
        ..wire::ListEventsRequest::default()
    };
    let first = client.joint.clone().list_events(list.clone()).await.unwrap().into_inner();
    let list = wire::ListEventsRequest { cursor: first.next_cursor, ..list };
    let request = Raw::request(LIST, &[("grpc-timeout", b"1500m")]).unwrap();
    let answer = raw.call(request, framed(&list)).await.unwrap();
    assert_eq!(answer.status.unwrap().code(), Code::Ok, "nothing new, in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows48_and_51_what_is_not_grpc_or_not_served_is_told_so() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    let body = || framed(&wire::GetAccessRequest::default());
    for path in ["/samsyn.v1.AccessService/GetSecrets", "/samsyn.v2.AccessService/GetAccess", "/"] {
        let answer = raw.call(Raw::request(path, &[]).unwrap(), body()).await.unwrap();
        assert_refused("48", &answer, Code::Unimplemented, "UNKNOWN_METHOD");
    }
    for of in ["application/json", "text/plain", "application/grpc+json", "application/grpcx"] {
        let request = Raw::request(ACCESS, &[("content-type", of.as_bytes())]).unwrap();
        let answer = raw.call(request, body()).await.unwrap();
        assert_eq!(answer.http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{of}");
    }
    let mut get = Raw::request(ACCESS, &[]).unwrap();
    *get.method_mut() = Method::GET;
    assert_eq!(raw.call(get, Bytes::new()).await.unwrap().http, StatusCode::METHOD_NOT_ALLOWED);

    // 51: headers beyond the limit; and what claims to be somebody changes nothing.
    let large = vec![b'x'; 20 * 1024];
    let answer =
        raw.call(Raw::request(ACCESS, &[("x-large", &large)]).unwrap(), body()).await.unwrap();
    assert_eq!(answer.http, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let claims: [(&str, &[u8]); 5] = [
        ("x-forwarded-client-cert", b"URI=spiffe://polisen.example/svc/lpo-skarholmen"),
        ("authorization", b"Bearer police"),
        ("x-org", b"polisen"),
        ("samsyn-caller", b"polisen/lpo-skarholmen"),
        ("x-now", b"\xff\xfe"),
    ];
    let answer = raw.call(Raw::request(ACCESS, &claims).unwrap(), body()).await.unwrap();
    assert_eq!(answer.status.as_ref().unwrap().code(), Code::Ok);
    let told = wire::GetAccessResponse::decode(&answer.body[5..]).unwrap();
    let mine = client.access.clone().get_access(wire::GetAccessRequest::default()).await;
    assert_eq!(told, mine.unwrap().into_inner());
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("x-")));
}
