//! What another domain sends: headers, payloads of each kind with what they carry, positions and
//! invitations. The first byte says which.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use samsyn_domain::{
    Timestamp,
    link::{Header, Invitation, Kind, Payload, Position},
    registry::{Document, Registry},
};
use samsyn_proto::{
    inbound::{Contributed, ReceivedEvent, message_is_fit},
    v1::{Finding, Labels},
};

/// Up to which level of secrecy something may cross.
const CEILING: u8 = 1;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let text = include_str!("../../../config/registry/stockholm-demo.toml");
    let document: Document = toml::from_str(text).expect("the file is a registry");
    Registry::build(&document).expect("the registry holds")
});

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    macro_rules! read {
        ($form:ty) => {
            if let Ok(value) = <$form>::decode(bytes) {
                let again = value.encode().expect("what was read can be written");
                assert!(again == bytes, "another encoding of the same");
            }
        };
    }
    match which % 8 {
        0 => header(bytes),
        1 => read!(Position),
        2 => read!(Invitation),
        number => {
            let kind = Kind::from_number(i64::from(number) - 2).expect("kinds are 1 to 5");
            payload(kind, bytes);
        }
    }
});

/// Fields that are not known are passed over: what is written again is what was known of it.
fn header(bytes: &[u8]) {
    let Ok((header, _)) = Header::decode(bytes) else { return };
    let again = header.encode().expect("what was read can be written");
    assert!(Header::decode(&again) == Ok((header, None)));
}

fn payload(kind: Kind, bytes: &[u8]) {
    let Ok(payload) = Payload::decode(kind, bytes) else { return };
    let again = payload.encode().expect("what was read can be written");
    assert!(again == bytes, "another encoding of the same");
    match payload {
        Payload::Message(sent) => {
            let _ = message_is_fit(&sent.text.subject, &sent.text.body);
        }
        Payload::Contribution(contribution) => {
            let at = Timestamp::from_micros(1_759_300_000_000_000);
            let area = &contribution.area;
            let _ = Contributed::parse(&contribution.delta, area, &REGISTRY, at);
        }
        Payload::View(delivered) => {
            let events = ReceivedEvent::parse(&delivered.events, CEILING).unwrap_or_default();
            events.iter().for_each(received);
        }
        Payload::Receipt { .. } | Payload::Answer { .. } => {}
    }
}

/// What is kept of a finding is one, is the one that it says, and is not above the level.
fn received(event: &ReceivedEvent) {
    let Some(bytes) = &event.finding else { return };
    let finding = Finding::decode(bytes.as_slice()).expect("what is kept can be read");
    assert!(finding.id == *event.key.id && finding.area == event.key.area.as_str());
    assert!(finding.period.is_some_and(|period| period.code == event.key.period.to_string()));
    let observations = finding.contributions.iter().filter_map(|one| one.observation.as_ref());
    let is_above = |labels: &Labels| labels.level > CEILING.into();
    assert!(!observations.filter_map(|one| one.labels.as_ref()).any(is_above));
}
