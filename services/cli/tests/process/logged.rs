//! What callers send does not come into the log, whatever field or header it stands in.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use samsyn_proto::DESCRIPTORS;
use samsyn_tests::raw::{Raw, frame};

use crate::harness::{Domain, PARTY, delta, observation};

/// A line of its own, colours, and text that runs backwards.
const HOSTILE: &str =
    "x\r\n2026-01-01T00:00:00Z ERROR samsyn: forgedline\u{1b}[31m\u{9b}1m\u{202e}\u{2066}\0";
/// An ordinary word that nothing else says.
const WORD: &str = "kanariefageln";

/// A way to a text: field numbers from the request on.
type Way = Vec<u32>;

/// Every way from a message to a field of text or bytes.
fn ways(message: &DescriptorProto, all: &BTreeMap<String, DescriptorProto>) -> Vec<Way> {
    let mut found = Vec::new();
    for field in &message.field {
        let number = field.number().unsigned_abs();
        let kind = field.r#type();
        if matches!(kind, Type::String | Type::Bytes) {
            found.push(vec![number]);
        } else if kind == Type::Message {
            let inner = all.get(field.type_name()).into_iter();
            let inner = inner.flat_map(|message| ways(message, all));
            found.extend(inner.map(|way| [vec![number], way].concat()));
        }
    }
    found
}

fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    into.push(u8::try_from(number).unwrap());
}

/// A message with one text in it. Behind another message's bytes it goes into that.
fn put(way: &[u32], text: &str) -> Vec<u8> {
    let Some((number, rest)) = way.split_first() else { return text.as_bytes().to_vec() };
    let inner = put(rest, text);
    let mut bytes = Vec::new();
    varint(u64::from(*number) << 3 | 2, &mut bytes);
    varint(u64::try_from(inner.len()).unwrap(), &mut bytes);
    bytes.extend(inner);
    bytes
}

/// The calls with one request, and the type of the request.
fn calls(set: &FileDescriptorSet) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                calls.push((path, method.input_type().to_owned()));
            }
        }
    }
    calls
}

fn messages(set: &FileDescriptorSet) -> BTreeMap<String, DescriptorProto> {
    let mut all = BTreeMap::new();
    for file in &set.file {
        for message in &file.message_type {
            all.insert(format!(".{}.{}", file.package(), message.name()), message.clone());
            assert!(
                message.field.iter().all(|f| f.label() != Label::Required),
                "requests can be sent in parts"
            );
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t26_t27_no_text_that_is_sent_comes_into_the_log() {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let messages = messages(&set);
    let mut domain = Domain::limited("requests_per_second = 100000\nrequests_burst = 100000");
    domain.start_with(&[], &[("RUST_LOG", "samsyn=trace,info")]);
    let client = domain.client(PARTY).await;
    let raw = Raw::open(&domain.profile(PARTY)).await.unwrap();
    let good = delta(PARTY, 0, observation("A", 2)).encode_to_vec();
    let mut sent = 0;
    for (path, input) in calls(&set) {
        let base = if path.ends_with("PublishPicture") { good.as_slice() } else { &[] };
        for way in ways(&messages[&input], &messages) {
            for text in [HOSTILE, WORD] {
                let body: Bytes = frame(0, None, &[base, &put(&way, text)].concat());
                let timeout: [(&str, &[u8]); 1] = [("grpc-timeout", b"300m")];
                // Whatever comes of it: this is about the log.
                let _ = raw.call(Raw::request(&path, &timeout).unwrap(), body).await;
                sent += 1;
            }
        }
    }
    for name in ["user-agent", "traceparent", "tracestate", "x-request-id", "grpc-encoding"] {
        let headers: [(&str, &[u8]); 1] = [(name, WORD.as_bytes())];
        let request = Raw::request("/samsyn.v1.AccessService/GetAccess", &headers).unwrap();
        let _ = raw.call(request, frame(0, None, &[])).await;
    }
    let unknown = Raw::request(&format!("/{WORD}.v1/{WORD}"), &[]).unwrap();
    let _ = raw.call(unknown, frame(0, None, &[])).await;
    let mut noted = observation("B", 2);
    noted.note = WORD.to_owned();
    // Some of what was sent was taken.
    let current = client.publish(delta(PARTY, 0, noted.clone())).await.unwrap_err().current;
    client.publish(delta(PARTY, current, noted)).await.expect("an ordinary note is taken");

    let log = domain.log();
    println!("{sent} texts were sent, {} lines were logged", log.lines().count());
    assert!(sent > 200, "{sent} texts are not all there are");
    assert!(log.contains("refused"), "the log tells of no refusal");
    for said in ["forgedline", WORD] {
        let line = log.lines().find(|line| line.contains(said));
        assert_eq!(line, None, "what was sent is in the log");
    }
    let controls = |c: &char| c.is_control() && *c != '\n';
    let turns = |c: &char| {
        matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    assert_eq!(log.chars().find(|c| controls(c) || turns(c)), None);
}
