//! Every request of the interface, from its bytes through the parsing of what comes in. The first
//! byte says which request.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use samsyn_domain::{Timestamp, registry::Registry};
use samsyn_proto::{admin::v1 as admin, inbound, v1};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let text = include_str!("../../../config/registry/stockholm-demo.toml");
    Registry::build(&toml::from_str(text).expect("the sample reads")).expect("the sample holds")
});

/// 2025-10-01T06:26:40Z.
const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);

fn decoded<M: Message + Default>(bytes: &[u8], parse: impl FnOnce(M)) {
    if let Ok(message) = M::decode(bytes) {
        parse(message);
    }
}

fn publication(request: v1::PublishPictureRequest) {
    let checked = inbound::publication(request, &REGISTRY, NOW);
    let errors = checked.faults.iter().filter(|fault| !fault.warning).count();
    assert!(checked.value.is_some() != (errors > 0), "taken and refused, or neither");
    assert!(checked.faults.len() <= inbound::FAULTS_MAX);
}

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    macro_rules! parse {
        ($request:ty, $parse:expr) => {
            decoded::<$request>(bytes, |request| drop($parse(request)))
        };
    }
    match which % 27 {
        0 => decoded(bytes, publication),
        1 => parse!(v1::ValidatePictureRequest, |r| inbound::trial(r, &REGISTRY, NOW)),
        2 => parse!(v1::GetPictureRequest, inbound::PictureAsked::parse),
        3 => parse!(v1::GetJointPictureRequest, inbound::JointAsked::parse),
        4 => parse!(v1::ExplainFindingRequest, inbound::ExplainAsked::parse),
        5 => parse!(v1::WatchEventsRequest, inbound::WatchAsked::parse),
        6 => parse!(v1::ListEventsRequest, inbound::EventsAsked::parse),
        7 => parse!(v1::AcknowledgeEventsRequest, inbound::AcknowledgeAsked::parse),
        8 => parse!(v1::ListRevisionsRequest, inbound::RevisionsAsked::parse),
        9 => parse!(v1::ResolveConflictRequest, |r| inbound::Resolve::parse(r, &REGISTRY)),
        10 => parse!(v1::RecordDissentRequest, |r| inbound::DissentAsked::parse(r, &REGISTRY)),
        11 => parse!(v1::OpenEditionRequest, |r| inbound::OpenAsked::parse(r, &REGISTRY)),
        12 => parse!(v1::LockEditionRequest, |r| inbound::LockAsked::parse(r, &REGISTRY, NOW)),
        13 => parse!(v1::AnswerEditionRequest, inbound::AnswerAsked::parse),
        14 => parse!(v1::ReleaseEditionRequest, inbound::ReleaseAsked::parse),
        15 => parse!(v1::GetEditionRequest, inbound::EditionAsked::parse),
        16 => parse!(v1::GetEditionReviewRequest, inbound::EditionAsked::review),
        17 => parse!(v1::ListEditionsRequest, inbound::EditionsAsked::parse),
        18 => parse!(v1::ExplainAccessRequest, inbound::ExplainAccessAsked::parse),
        19 => parse!(v1::ListDisclosuresRequest, inbound::DisclosuresAsked::parse),
        20 => parse!(v1::ListMeetingCollisionsRequest, inbound::CollisionsAsked::parse),
        21 => parse!(admin::SuspendServiceRequest, inbound::SuspendAsked::parse),
        22 => parse!(v1::ReadContext, |r| inbound::ground(Some(r))),
        23 => parse!(v1::Page, |r| inbound::page(Some(r))),
        24 => parse!(v1::ListHoldersRequest, inbound::HoldersAsked::parse),
        25 => parse!(v1::UploadAttachmentRequest, |r| inbound::FileAsked::parse(Some(&r))),
        _ => parse!(v1::UploadPictureRequest, |r| {
            inbound::Upload::begin(Some(r)).map(|upload| upload.end(&REGISTRY, NOW))
        }),
    }
});
