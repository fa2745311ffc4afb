//! What one caller takes too much of, and what there is no room for.

use std::time::{Duration, Instant};

use bytes::Bytes;
use samsyn_client::{Client, Refused, wire};
use samsyn_tests::raw::{Raw, connect, framed, handshake, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::{Domain, PARTY, delta, observation};

const POLICE: &str = "lpo-skarholmen";
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);

async fn asks(client: &Client) -> Result<(), tonic::Status> {
    client.access.clone().get_access(wire::GetAccessRequest::default()).await.map(drop)
}

fn watch(client: &Client) -> wire::WatchEventsRequest {
    let context = Some(client.profile().read_context());
    wire::WatchEventsRequest { context, ..wire::WatchEventsRequest::default() }
}

/// The code and reason of a refusal, and when to come again.
fn told(status: tonic::Status) -> (Code, Option<&'static str>, Duration) {
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let refused = Refused::from(status);
    let reason = refused.reason.map(|reason| reason.id());
    (refused.status.code(), reason, wait.expect("it says when to come again"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row44_who_has_used_its_share_is_told_when_to_come_again() {
    let mut domain = Domain::limited("requests_per_second = 1\nrequests_burst = 5");
    domain.start();
    let client = domain.client(PARTY).await;
    let police = domain.client(POLICE).await;
    let mut served = 0;
    let refused = loop {
        match asks(&client).await {
            Ok(()) => served += 1,
            Err(status) => break told(status),
        }
        assert!(served < 50, "nobody was refused");
    };
    assert!(served >= 5, "{served} were served");
    let (code, reason, wait) = refused;
    assert_eq!((code, reason), (Code::ResourceExhausted, Some("QUOTA_EXCEEDED")));
    assert!(!wait.is_zero() && wait <= Duration::from_secs(1), "{wait:?}");
    asks(&police).await.expect("another has a share of its own");
    tokio::time::sleep(wait).await;
    asks(&client).await.expect("who waited as it was told is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row45_what_finds_no_room_is_to_come_again() {
    let mut domain = Domain::limited("streams = 1");
    domain.start();
    let client = domain.client(PARTY).await;
    let police = domain.client(POLICE).await;
    let first = client.joint.clone().watch_events(watch(&client)).await.unwrap();
    let refused = police.joint.clone().watch_events(watch(&police)).await.map(drop).unwrap_err();
    let (code, reason, wait) = told(refused);
    assert_eq!((code, reason), (Code::Unavailable, Some("OVERLOADED")));
    assert!(!wait.is_zero(), "{wait:?}");
    asks(&police).await.expect("calls have room of their own");
    drop(first);
    let started = Instant::now();
    while police.joint.clone().watch_events(watch(&police)).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "the room does not come free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t23_connections_of_one_address_are_bounded_and_come_free() {
    let mut domain = Domain::limited("connections_per_source = 2");
    domain.start();
    let first = domain.client(PARTY).await;
    let second = domain.client(POLICE).await;
    asks(&first).await.unwrap();
    let third = domain.profile("raddningstjansten");
    for _ in 0..5 {
        assert!(Client::connect(&third).await.is_err(), "one more than may be");
    }
    asks(&second).await.expect("those who are in go on");
    drop(first);
    drop(domain.client("raddningstjansten").await);
}

/// A receiver that takes nothing: its connection is cut, and others notice nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t21_a_reader_that_does_not_read_is_cut_off() {
    let mut domain = Domain::limited("lag_seconds = 1\nstall_seconds = 2");
    domain.start();
    let city = domain.client(PARTY).await;
    city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let police = domain.client(POLICE).await;
    let mut other = police.joint.clone().watch_events(watch(&police)).await.unwrap().into_inner();
    assert!(other.message().await.unwrap().is_some());
    let slow = domain.profile(PARTY);
    let context = Some(slow.read_context());
    let request = wire::WatchEventsRequest { context, ..wire::WatchEventsRequest::default() };
    let watch = Raw::request("/samsyn.v1.JointPictureService/WatchEvents", &[]).unwrap();
    let unread = Raw::unread(&slow, watch, framed(&request));
    let took = tokio::time::timeout(PATIENCE, unread).await.expect("it is cut off").unwrap();
    assert!(took >= Duration::from_secs(1), "cut off after {took:?}");
    asks(&police).await.expect("others are served");
    let still = tokio::time::timeout(Duration::from_millis(100), other.message()).await;
    assert!(!matches!(still, Ok(Ok(None) | Err(_))), "another's stream goes on");
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The error codes of all GOAWAY frames.
fn goodbyes(mut bytes: &[u8]) -> Vec<u32> {
    let mut codes = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        if head[3] == 7 {
            codes.push(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = rest;
    }
    codes
}

/// CVE-2023-44487: calls that are reset as soon as they are begun.
/// Says something over a connection of its own, and hears all that is said back until it ends.
async fn say(domain: &Domain, frames: &[u8]) -> Vec<u8> {
    let profile = domain.profile(PARTY);
    let tcp = connect(&profile, None).await.unwrap();
    let stream = handshake(tls(&profile).unwrap(), tcp).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let said = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*frame(4, 0, 0, &[]), frames].concat();
    let mut heard = Vec::new();
    let hearing = async {
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut part).await {
            heard.extend_from_slice(&part[..read]);
        }
    };
    let saying = async {
        // The connection may end before all was said.
        let _ = writer.write_all(&said).await;
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(hearing, saying) })
        .await
        .expect("the connection ends");
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t24_calls_that_are_reset_at_once_end_their_connection() {
    const ENHANCE_YOUR_CALM: u32 = 0xb;
    const CALLS: u32 = 500;
    let mut domain = Domain::written();
    domain.start();
    let police = domain.client(POLICE).await;
    let mut said = Vec::new();
    for number in 0..CALLS {
        // POST, https, a path: a whole header block without a table (RFC 7541).
        let block = [0x83, 0x87, 0x04, 0x05, b'/', b'a', b'b', b'c', b'd', 0x01, 0x01, b'x'];
        said.extend(frame(1, 4, 2 * number + 1, &block));
        said.extend(frame(3, 0, 2 * number + 1, &8_u32.to_be_bytes()));
    }
    let heard = say(&domain, &said).await;
    assert!(goodbyes(&heard).contains(&ENHANCE_YOUR_CALM), "{:?}", goodbyes(&heard));
    asks(&police).await.expect("others are served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t24_pings_without_end_end_their_connection() {
    const PINGS: u64 = 20_000;
    let mut domain = Domain::written();
    domain.start();
    let police = domain.client(POLICE).await;
    let said: Vec<_> =
        (0..PINGS).flat_map(|number| frame(6, 0, 0, &number.to_be_bytes())).collect();
    let started = Instant::now();
    let heard = say(&domain, &said).await;
    // Without a call it would end by itself, after ten seconds.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(heard.len() < 100_000, "{} bytes of answers", heard.len());
    asks(&police).await.expect("others are served");
}

/// A megabyte of zeros in a thousand bytes is never unpacked, whether it is said to be packed or
/// not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t19_rows7_and_8_what_is_compressed_is_refused_unread() {
    const PUBLISH: &str = "/samsyn.v1.PictureService/PublishPicture";
    let mut domain = Domain::written();
    domain.start();
    drop(domain.client(PARTY).await);
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0xec, 0xc1, 1, 1];
    packed.extend([0; 1_000]);
    let body: Bytes = samsyn_tests::raw::frame(1, None, &packed);
    for encoding in ["gzip", "deflate", "zstd", "br", "identity, gzip"] {
        let headers: [(&str, &[u8]); 1] = [("grpc-encoding", encoding.as_bytes())];
        let request = Raw::request(PUBLISH, &headers).unwrap();
        let refused = raw.call(request, body.clone()).await.unwrap().refused().unwrap();
        let told = (refused.status.code(), refused.reason.map(|reason| reason.id()));
        assert_eq!(told, (Code::Unimplemented, Some("UNSUPPORTED_ENCODING")), "{encoding}");
    }
    let unsaid = raw.call(Raw::request(PUBLISH, &[]).unwrap(), body).await.unwrap();
    let refused = unsaid.refused().unwrap();
    let told = (refused.status.code(), refused.reason.map(|reason| reason.id()));
    assert_eq!(told, (Code::Internal, Some("MALFORMED")));
}

/// A connection is ended when nothing is asked on it for long; its client goes on by another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_ended_before_its_first_call_is_made_anew() {
    let mut domain = Domain::limited("first_call_seconds = 1");
    domain.start();
    drop(domain.client(PARTY).await);
    let late = domain.client(PARTY).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let answer = late.publish(delta(PARTY, 0, observation("A", 2))).await;
    assert_eq!(answer.map(|answer| answer.version).map_err(|refused| refused.to_string()), Ok(1));
}
