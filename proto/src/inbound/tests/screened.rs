//! Every field that the model marks as screened is screened in every request that can carry it.
//!
//! The marks are read from the proto files and the ways to the fields from the descriptors; the
//! text is then put in on the wire, behind a request in which nothing is wrong.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};

use super::{changes, named, requests};
use crate::{
    DESCRIPTORS, Reason, admin,
    inbound::{self, Fault, fixture},
    v1,
};

/// Tolvan's number in the register, valid since 1912.
const IDENTIFIER: &str = "19121212-1212";

const FILES: [&str; 9] = [
    include_str!("../../../samsyn/v1/common.proto"),
    include_str!("../../../samsyn/v1/picture.proto"),
    include_str!("../../../samsyn/v1/finding.proto"),
    include_str!("../../../samsyn/v1/joint_picture.proto"),
    include_str!("../../../samsyn/v1/edition.proto"),
    include_str!("../../../samsyn/v1/access.proto"),
    include_str!("../../../samsyn/v1/event.proto"),
    include_str!("../../../samsyn/v1/message.proto"),
    include_str!("../../../samsyn/admin/v1/registry.proto"),
];

/// A way from a request to a field: field numbers, and names for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    numbers: Vec<u32>,
    names: Vec<String>,
}

#[test]
fn every_screened_field_of_every_request_is_refused_when_it_identifies() {
    let marked = marked();
    let messages = messages();
    let mut reached = BTreeSet::new();
    for (name, message) in messages.iter().filter(|(name, _)| name.ends_with("Request")) {
        for (way, field) in ways(message, &messages, &marked) {
            let shown = format!("{name}.{}", way.names.join("."));
            let faults = refused(name, &injection(&way)).unwrap_or_else(|| {
                panic!("{shown}: no request without fault to put it in; write one here")
            });
            let found = faults.iter().any(|fault| {
                let last = way.names.last().unwrap();
                fault.reason == Reason::IdentifierFound
                    && fault.field.ends_with(last.as_str())
                    && !fault.warning
            });
            assert!(found, "{shown}: {:?}", named(&faults));
            reached.insert(field);
        }
    }
    // What is left stands in answers alone.
    let left: Vec<String> = marked.difference(&reached).cloned().collect();
    let answers = ["Conflict.reason", "Dissent.reason", "Edition.analysis", "Recall.reason"];
    assert_eq!(left, answers);
}

#[test]
fn the_requests_that_the_identifier_is_put_into_are_good_ones() {
    for name in messages().keys().filter(|name| name.ends_with("Request")) {
        if let Some(faults) = refused(name, &[]) {
            assert_eq!(faults, [], "{name}");
        }
    }
}

/// `<message>.<field>` of every field with `screened: true`.
fn marked() -> BTreeSet<String> {
    let mut marked = BTreeSet::new();
    for file in FILES {
        let mut message = String::new();
        let mut statement = String::new();
        for line in file.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
            if let Some(name) = line.strip_prefix("message ") {
                message = name.split(' ').next().unwrap_or_default().to_owned();
                statement.clear();
                continue;
            }
            statement.push_str(line);
            statement.push(' ');
            if !line.ends_with(';') && !line.ends_with("oneof location {") {
                continue;
            }
            let mut words = statement.split_whitespace().skip_while(|w| *w != "string").skip(1);
            let field = words.next().unwrap_or_default();
            if statement.contains("screened: true") || statement.contains("screened = true") {
                marked.insert(format!("{message}.{field}"));
            }
            statement.clear();
        }
    }
    let marks = FILES.iter().flat_map(|file| file.lines()).filter(|line| {
        let code = line.split("//").next().unwrap_or_default();
        code.contains("screened: true") || code.contains("screened = true")
    });
    assert_eq!(marked.len(), marks.count(), "a mark was not understood: {marked:?}");
    marked
}

fn messages() -> BTreeMap<String, DescriptorProto> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let ours = set.file.into_iter().filter(|file| file.package().starts_with("samsyn."));
    ours.flat_map(|file| file.message_type).map(|m| (m.name().to_owned(), m)).collect()
}

/// All ways from a message to marked fields, with `<message>.<field>` of each.
fn ways(
    message: &DescriptorProto,
    messages: &BTreeMap<String, DescriptorProto>,
    marked: &BTreeSet<String>,
) -> Vec<(Way, String)> {
    let mut all = Vec::new();
    for field in &message.field {
        let number = u32::try_from(field.number()).unwrap();
        let step = |way: Way| Way {
            numbers: [vec![number], way.numbers].concat(),
            names: [vec![field.name().to_owned()], way.names].concat(),
        };
        let id = format!("{}.{}", message.name(), field.name());
        if marked.contains(&id) {
            all.push((step(Way::default()), id));
        }
        if field.r#type() == Type::Message {
            let name = field.type_name().rsplit('.').next().unwrap_or_default();
            let inside = messages.get(name).map(|inner| ways(inner, messages, marked));
            all.extend(inside.into_iter().flatten().map(|(way, id)| (step(way), id)));
        }
    }
    all
}

/// The identifier at the end of a way, in wire form: appended to a message it is merged into it.
fn injection(way: &Way) -> Vec<u8> {
    way.numbers.iter().rev().fold(IDENTIFIER.as_bytes().to_vec(), |inner, number| {
        let mut bytes = Vec::new();
        let delimited = prost::encoding::WireType::LengthDelimited;
        prost::encoding::encode_key(*number, delimited, &mut bytes);
        prost::encoding::encode_varint(inner.len().try_into().unwrap(), &mut bytes);
        bytes.extend(inner);
        bytes
    })
}

/// What is found in a request of an operator about a link.
fn refused_of_link(name: &str, injected: &[u8]) -> Option<Fault> {
    let (context, peer) = (Some(fixture::write_context()), "b.example".to_owned());
    let (epoch, sequence) = (1, 7);
    match name {
        "PauseLinkRequest" => {
            let good = admin::v1::PauseLinkRequest { context, peer };
            inbound::LinkAsked::pause(merged(&good, injected)).err()
        }
        "ResumeLinkRequest" => {
            let good = admin::v1::ResumeLinkRequest { context, peer };
            inbound::LinkAsked::resume(merged(&good, injected)).err()
        }
        "RenewLinkRequest" => {
            let good = admin::v1::RenewLinkRequest { context, peer };
            inbound::LinkAsked::renew(merged(&good, injected)).err()
        }
        "ReleaseQuarantinedRequest" => {
            let good = admin::v1::ReleaseQuarantinedRequest { context, peer, epoch, sequence };
            inbound::QuarantinedAsked::release(merged(&good, injected)).err()
        }
        "DiscardQuarantinedRequest" => {
            let good = admin::v1::DiscardQuarantinedRequest { context, peer, epoch, sequence };
            inbound::QuarantinedAsked::discard(merged(&good, injected)).err()
        }
        _ => panic!("{name}"),
    }
}

/// A good request of a type with some bytes appended, merged and parsed; none for types that carry
/// no screened field.
fn refused(name: &str, injected: &[u8]) -> Option<Vec<Fault>> {
    let registry = fixture::registry();
    let full = || fixture::full(vec![fixture::observation("obs-one")]);
    let fault = match name {
        "PublishPictureRequest" => {
            let request = merged(&full(), injected);
            return Some(inbound::publication(request, &registry, fixture::NOW).faults);
        }
        "UploadPictureRequest" => return Some(uploaded(full(), injected)),
        "ValidatePictureRequest" => {
            let good = v1::ValidatePictureRequest { publication: Some(full()) };
            let request = merged(&good, injected);
            return Some(inbound::trial(request, &registry, fixture::NOW).faults);
        }
        "ResolveConflictRequest" => {
            inbound::Resolve::parse(merged(&requests::resolve(), injected), &registry).err()
        }
        "RecordDissentRequest" => {
            inbound::DissentAsked::parse(merged(&requests::dissent(), injected), &registry).err()
        }
        "OpenEditionRequest" => {
            inbound::OpenAsked::parse(merged(&requests::open(), injected), &registry).err()
        }
        "LockEditionRequest" => {
            let request = merged(&requests::lock(), injected);
            inbound::LockAsked::parse(request, &registry, fixture::NOW).err()
        }
        "AnswerEditionRequest" => {
            inbound::AnswerAsked::parse(merged(&requests::answer(), injected)).err()
        }
        "ReleaseEditionRequest" => {
            inbound::ReleaseAsked::parse(merged(&requests::release(), injected)).err()
        }
        "AcknowledgeEventsRequest" => {
            let context = Some(fixture::write_context());
            let good = v1::AcknowledgeEventsRequest { context, cursor: "c".to_owned() };
            inbound::AcknowledgeAsked::parse(merged(&good, injected)).err()
        }
        "SendMessageRequest" => {
            let request = merged(&requests::send(), injected);
            return Some(inbound::SendAsked::parse(request, &registry, fixture::NOW).faults);
        }
        "UploadAttachmentRequest" => refused_file(injected),
        "MarkMessageRequest" => {
            inbound::MarkAsked::parse(merged(&requests::mark(), injected)).err()
        }
        "PauseLinkRequest"
        | "ResumeLinkRequest"
        | "RenewLinkRequest"
        | "ReleaseQuarantinedRequest"
        | "DiscardQuarantinedRequest" => refused_of_link(name, injected),
        "SuspendServiceRequest" => {
            let request: admin::v1::SuspendServiceRequest = merged(&requests::suspend(), injected);
            inbound::SuspendAsked::parse(request).err()
        }
        "ProposeRegistryChangeRequest" => {
            inbound::ProposeChangeAsked::parse(merged(&changes::propose(), injected)).err()
        }
        "ApproveRegistryChangeRequest" => {
            inbound::ApproveChangeAsked::parse(merged(&changes::approve(), injected)).err()
        }
        "WithdrawRegistryChangeRequest" => {
            inbound::WithdrawChangeAsked::parse(merged(&changes::withdraw(), injected)).err()
        }
        _ => return refused_read(name, injected),
    };
    Some(fault.into_iter().collect())
}

/// The same of the first message of a file.
fn refused_file(injected: &[u8]) -> Option<Fault> {
    let good = v1::UploadAttachmentRequest {
        context: Some(fixture::read_context()),
        function_address: "2120000142/trygghet".to_owned(),
        name: "lista.csv".to_owned(),
        chunk: Vec::new(),
    };
    inbound::FileAsked::parse(Some(&merged(&good, injected))).err()
}

/// The same of an upload: what is put into more of it comes after its beginning.
fn uploaded(publication: v1::PublishPictureRequest, injected: &[u8]) -> Vec<Fault> {
    use v1::upload_picture_request::Part;
    let begin = v1::UploadBegin { publication: Some(publication), changes: 0 };
    let first = v1::UploadPictureRequest { part: Some(Part::Begin(begin)) };
    let mut messages = match merged(&first, injected).part {
        Some(more @ Part::More(_)) => vec![first.part.unwrap(), more],
        begin => vec![begin.unwrap()],
    };
    let count = |part: &Part| match part {
        Part::More(more) => {
            let points: usize = more.series.iter().map(|series| series.points.len()).sum();
            more.observations.len() + points + more.assessments.len() + more.withdrawn_ids.len()
        }
        Part::Begin(begin) => begin.publication.as_ref().unwrap().changes(),
    };
    let changes = u32::try_from(messages.iter().map(count).sum::<usize>()).unwrap();
    if let Part::Begin(begin) = &mut messages[0] {
        begin.changes = changes;
    }
    let mut messages =
        messages.into_iter().map(|part| v1::UploadPictureRequest { part: Some(part) });
    let mut upload = inbound::Upload::begin(messages.next()).unwrap();
    for more in messages {
        upload.more(more).unwrap();
    }
    upload.end(&fixture::registry(), fixture::NOW).faults
}

/// The same of a read: what is screened of it stands in its context.
fn refused_read(name: &str, injected: &[u8]) -> Option<Vec<Fault>> {
    macro_rules! reads {
        ($($request:ident)*) => {
            match name {
                $(stringify!($request) => {
                    let context = Some(fixture::read_context());
                    let good = v1::$request { context, ..Default::default() };
                    inbound::ground(merged(&good, injected).context).err()
                })*
                _ => return None,
            }
        };
    }
    let fault = reads! {
        GetPictureRequest
        GetJointPictureRequest
        ExplainFindingRequest
        WatchEventsRequest
        ListEventsRequest
        ListRevisionsRequest
        GetEditionRequest
        ListEditionsRequest
        GetEditionReviewRequest
        ExplainAccessRequest
        ListDisclosuresRequest
        ListHoldersRequest
        ListDutiesRequest
        ListMeetingCollisionsRequest
        CompareRevisionsRequest
        ListVersionsRequest
        ListInboxRequest
        WatchInboxRequest
        GetMessageRequest
        GetAttachmentRequest
        ListThreadRequest
        TrackMessagesRequest
    };
    Some(fault.into_iter().collect())
}

fn merged<M: prost::Message + Default>(good: &M, injected: &[u8]) -> M {
    M::decode([good.encode_to_vec().as_slice(), injected].concat().as_slice()).unwrap()
}
