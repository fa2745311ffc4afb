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
    inbound::{Contributed, ReceivedDocument, ReceivedEvent, answer_fits, message_is_fit},
    v1::{Edition, Finding, GetEditionReviewResponse, Labels},
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
    match which % 11 {
        0 => header(bytes),
        1 => read!(Position),
        2 => read!(Invitation),
        number => {
            let kind = Kind::from_number(i64::from(number) - 2).expect("kinds are 1 to 8");
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
            let _ = message_is_fit(&sent.text);
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
        Payload::Edition(delivered) => {
            let read = ReceivedDocument::parse(&delivered.content, &delivered.edition, CEILING);
            if let Some(document) = read {
                edition(&document);
            }
        }
        Payload::EditionAnswer(sent) => {
            let _ = answer_fits(&sent);
        }
        Payload::Receipt { .. } | Payload::Answer { .. } | Payload::EditionAnswered(_) => {}
    }
}

/// What is kept of an edition is one, has as many rows as it says, and is not above the level.
fn edition(document: &ReceivedDocument) {
    let edition = Edition::decode(document.edition.as_slice()).expect("what is kept can be read");
    let header = edition.header.expect("it has a header");
    assert!(header.area == document.area.as_str() && header.given.is_empty());
    assert!(edition.findings.len() == document.findings as usize);
    assert!(!edition.findings.iter().any(is_above));
    let review = document.review.as_ref().map(|review| {
        GetEditionReviewResponse::decode(review.as_slice()).expect("what is kept can be read")
    });
    let openings = review.map_or(0, |review| review.openings.len());
    assert!(openings == document.openings as usize);
}

/// What is kept of a finding is one, is the one that it says, and is not above the level.
fn received(event: &ReceivedEvent) {
    let Some(bytes) = &event.finding else { return };
    let finding = Finding::decode(bytes.as_slice()).expect("what is kept can be read");
    assert!(finding.id == *event.key.id && finding.area == event.key.area.as_str());
    let period = finding.period.as_ref();
    assert!(period.is_some_and(|period| period.code == event.key.period.to_string()));
    assert!(!is_above(&finding));
}

fn is_above(finding: &Finding) -> bool {
    let observations = finding.contributions.iter().filter_map(|one| one.observation.as_ref());
    let is_above = |labels: &Labels| labels.level > CEILING.into();
    observations.filter_map(|one| one.labels.as_ref()).any(is_above)
}
