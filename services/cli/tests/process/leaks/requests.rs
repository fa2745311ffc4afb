//! The requests of every call.

use prost::Message;
use prost_types::Timestamp;
use samsyn_client::{Profile, admin, wire, write_context};

use super::{PERIOD, finding, period, whole};
use crate::{
    endorsed::opening,
    harness::{AREA, PARTY, delta, observation},
};

/// What is there to be asked for.
pub(super) struct There {
    /// A released edition and one that is being collected.
    pub(super) editions: [String; 2],
    /// A message from a function to another, which has declined it.
    pub(super) message: String,
}

/// The function that has sent it, and the one that got it.
const FROM: &str = "2120000142/samordnare-skarholmen";
const TO: &str = "2021000076/kommunpolis-skarholmen";

pub(super) type Requests = Vec<(&'static str, Vec<u8>)>;

/// The requests of a call. What changes something is asked so that it is refused at last, by who
/// may do it: nothing changes by asking.
pub(super) fn asked(call: &str, profile: &Profile, there: &There) -> Requests {
    let (service, method) = call.split_once('/').unwrap();
    match service {
        "PictureService" => of_pictures(method, profile),
        "JointPictureService" => of_joint(method, profile),
        "EditionService" => of_editions(method, profile, &there.editions),
        "MessageService" => of_messages(method, profile, &there.message),
        "AccessService" => of_access(method, profile),
        "RegistryService" => of_registry(method),
        "ClusterService" => of_cluster(method),
        "LinkService" => of_links(method),
        "BackupService" => match method {
            "CreateBackup" => plain(&admin::CreateBackupRequest {}),
            other => nobody_asks(other),
        },
        other => nobody_asks(other),
    }
}

fn nobody_asks(what: &str) -> ! {
    panic!("nobody asks `{what}`; write its request here");
}

fn plain(message: &impl Message) -> Requests {
    vec![("", message.encode_to_vec())]
}

fn of_pictures(method: &str, profile: &Profile) -> Requests {
    match method {
        "PublishPicture" => plain(&delta(PARTY, 99, observation("X", 2))),
        "UploadPicture" => plain(&wire::UploadPictureRequest {
            part: Some(wire::upload_picture_request::Part::Begin(wire::UploadBegin {
                publication: Some(delta(PARTY, 99, observation("X", 2))),
                changes: 1,
            })),
        }),
        "ValidatePicture" => plain(&wire::ValidatePictureRequest {
            publication: Some(delta(PARTY, 1, whole("graffiti", 3, "Mer.", &["signatories"]))),
        }),
        "GetPicture" => plain(&wire::GetPictureRequest {
            context: Some(profile.read_context()),
            party: PARTY.to_owned(),
            area: AREA.to_owned(),
            ..wire::GetPictureRequest::default()
        }),
        "ListVersions" => plain(&wire::ListVersionsRequest {
            context: Some(profile.read_context()),
            party: PARTY.to_owned(),
            area: AREA.to_owned(),
            page: None,
        }),
        other => nobody_asks(other),
    }
}

fn of_joint(method: &str, profile: &Profile) -> Requests {
    let context = Some(profile.read_context());
    let area = AREA.to_owned();
    match method {
        "GetJointPicture" => plain(&wire::GetJointPictureRequest {
            context,
            area,
            period: period(PERIOD),
            ..wire::GetJointPictureRequest::default()
        }),
        "CompareRevisions" => plain(&wire::CompareRevisionsRequest {
            context,
            area,
            period: period(PERIOD),
            ..wire::CompareRevisionsRequest::default()
        }),
        "ExplainFinding" => {
            let (finding_id, revision, period) = (finding(), 0, period(PERIOD));
            plain(&wire::ExplainFindingRequest { context, area, finding_id, revision, period })
        }
        "WatchEvents" => {
            plain(&wire::WatchEventsRequest { context, ..wire::WatchEventsRequest::default() })
        }
        "ListEvents" => plain(&wire::ListEventsRequest {
            context,
            limit: 500,
            ..wire::ListEventsRequest::default()
        }),
        "AcknowledgeEvents" => plain(&wire::AcknowledgeEventsRequest {
            context: Some(write_context("reader")),
            cursor: "forged".to_owned(),
        }),
        "ResolveConflict" => plain(&wire::ResolveConflictRequest {
            context: Some(write_context("coordinator")),
            conflict_id: format!("{PERIOD}:{}:severity", finding()),
            revision: 1,
            outcome: Some(wire::resolve_conflict_request::Outcome::Severity(4)),
            party: PARTY.to_owned(),
            ..wire::ResolveConflictRequest::default()
        }),
        "RecordDissent" => plain(&wire::RecordDissentRequest {
            context: Some(write_context("coordinator")),
            area,
            period: period(PERIOD),
            finding_id: format!("{AREA}/satra/graffiti"),
            field_name: "severity".to_owned(),
            reason: "Nej.".to_owned(),
            party: PARTY.to_owned(),
        }),
        "ListRevisions" => plain(&wire::ListRevisionsRequest { context, area, page: None }),
        other => nobody_asks(other),
    }
}

fn of_editions(method: &str, profile: &Profile, editions: &[String; 2]) -> Requests {
    let context = Some(profile.read_context());
    let write = || Some(write_context("coordinator"));
    let [released, collecting] = editions;
    let party = PARTY.to_owned();
    match method {
        "OpenEdition" => plain(&opening("2025-08")),
        "LockEdition" => plain(&wire::LockEditionRequest {
            context: write(),
            edition_id: collecting.clone(),
            revision: 1,
            analysis: "Nej.".to_owned(),
            analysis_labels: observation("any", 1).labels,
            party,
        }),
        "AnswerEdition" => plain(&wire::AnswerEditionRequest {
            context: write(),
            edition_id: released.clone(),
            answer: Some(wire::Answer {
                party,
                verdict: wire::Verdict::Endorsed.into(),
                statement: vec![0; 8],
                signature: vec![0; 64],
                key_id: format!("{PARTY}/coordinator"),
                actor_role: "coordinator".to_owned(),
                text_salt: vec![0; 32],
                ..wire::Answer::default()
            }),
        }),
        "ReleaseEdition" => plain(&wire::ReleaseEditionRequest {
            context: write(),
            edition_id: released.clone(),
            content_root: vec![0; 32],
            party,
        }),
        "GetEdition" => [(" released", released), (" collecting", collecting)]
            .map(|(what, id)| {
                let (context, edition_id) = (context.clone(), id.clone());
                let request = wire::GetEditionRequest { context, edition_id, page: None };
                (what, request.encode_to_vec())
            })
            .into(),
        "ListEditions" => {
            plain(&wire::ListEditionsRequest { context, area: AREA.to_owned(), page: None })
        }
        "GetEditionReview" => {
            let edition_id = released.clone();
            plain(&wire::GetEditionReviewRequest { context, edition_id, page: None })
        }
        other => nobody_asks(other),
    }
}

fn of_messages(method: &str, profile: &Profile, message: &str) -> Requests {
    let context = Some(profile.read_context());
    let message_id = message.to_owned();
    let as_both = |asked: &dyn Fn(String) -> Vec<u8>| -> Requests {
        [(" as sender", FROM), (" as recipient", TO)]
            .map(|(what, function)| (what, asked(function.to_owned())))
            .into()
    };
    match method {
        "SendMessage" => plain(&wire::SendMessageRequest {
            context: Some(write_context("")),
            ground: context,
            from_function: FROM.to_owned(),
            to_functions: vec!["2021000076/ingen".to_owned()],
            kind: "notice".to_owned(),
            subject: "Nej.".to_owned(),
            labels: observation("any", 1)
                .labels
                .map(|labels| wire::Labels { audience: Vec::new(), ..labels }),
            ..wire::SendMessageRequest::default()
        }),
        "ListInbox" => plain(&wire::ListInboxRequest {
            context,
            function_address: TO.to_owned(),
            ..wire::ListInboxRequest::default()
        }),
        "WatchInbox" => {
            let function_address = TO.to_owned();
            plain(&wire::WatchInboxRequest { context, function_address, after_number: 0 })
        }
        "GetMessage" => as_both(&|function_address| {
            let (context, message_id) = (context.clone(), message_id.clone());
            wire::GetMessageRequest { context, function_address, message_id }.encode_to_vec()
        }),
        "UploadAttachment" => plain(&wire::UploadAttachmentRequest {
            context,
            function_address: FROM.to_owned(),
            name: "lista.csv".to_owned(),
            chunk: b"plats;antal\n".to_vec(),
        }),
        "GetAttachment" => as_both(&|function_address| {
            let (context, message_id) = (context.clone(), message_id.clone());
            let request =
                wire::GetAttachmentRequest { context, function_address, message_id, number: 1 };
            request.encode_to_vec()
        }),
        "ListThread" => as_both(&|function_address| {
            let (context, message_id) = (context.clone(), message_id.clone());
            wire::ListThreadRequest { context, function_address, message_id }.encode_to_vec()
        }),
        "MarkMessage" => plain(&wire::MarkMessageRequest {
            context: Some(write_context("")),
            function_address: TO.to_owned(),
            message_id,
            step: wire::MessageStep::Acted.into(),
        }),
        "TrackMessages" => plain(&wire::TrackMessagesRequest {
            context,
            function_address: FROM.to_owned(),
            ..wire::TrackMessagesRequest::default()
        }),
        other => nobody_asks(other),
    }
}

fn of_access(method: &str, profile: &Profile) -> Requests {
    let context = Some(profile.read_context());
    match method {
        "GetAccess" => plain(&wire::GetAccessRequest {}),
        "ExplainAccess" => {
            let (areas, field_group) = (vec![AREA.to_owned()], "text".to_owned());
            let scope = Some(wire::Scope { areas, ..wire::Scope::default() });
            plain(&wire::ExplainAccessRequest { context, scope, field_group })
        }
        "ListDisclosures" => plain(&wire::ListDisclosuresRequest {
            context,
            ..wire::ListDisclosuresRequest::default()
        }),
        "ListHolders" => {
            // What many may have had, what nobody but its owner knows of, and what is not there.
            let ids = [("", "graffiti"), (" hidden", "HIDDEN-17"), (" nowhere", "nowhere")];
            let asked = ids.map(|(what, id)| {
                let (area, party) = (AREA.to_owned(), PARTY.to_owned());
                let (context, observation_id) = (context.clone(), id.to_owned());
                let asked =
                    wire::ListHoldersRequest { context, area, party, observation_id, page: None };
                (what, asked.encode_to_vec())
            });
            asked.into()
        }
        "ListDuties" => plain(&wire::ListDutiesRequest { context, page: None }),
        "ListMeetingCollisions" => plain(&wire::ListMeetingCollisionsRequest {
            context,
            role: "kommunpolis".to_owned(),
            starts_at: Some(Timestamp { seconds: 1_757_491_200, nanos: 0 }),
            ends_at: Some(Timestamp { seconds: 1_759_900_000, nanos: 0 }),
        }),
        other => nobody_asks(other),
    }
}

fn of_registry(method: &str) -> Requests {
    match method {
        "GetRegistry" => [" services", " agreements", " release_rows"]
            .map(|what| {
                let part = what.trim_start().to_owned();
                (what, admin::GetRegistryRequest { part }.encode_to_vec())
            })
            .into(),
        "SuspendService" => plain(&admin::SuspendServiceRequest {
            context: Some(write_context("registrar")),
            service: "tullverket/nowhere".to_owned(),
            reason: "drill".to_owned(),
        }),
        "ExportRegistry" => plain(&admin::ExportRegistryRequest {}),
        "ListRegistryChanges" => plain(&admin::ListRegistryChangesRequest::default()),
        other => plain_change(other),
    }
}

/// Requests to change the nodes, about one that never was.
fn of_cluster(method: &str) -> Requests {
    let node = 9;
    match method {
        "GetCluster" => plain(&admin::GetClusterRequest {}),
        "AddLearner" => plain(&admin::AddLearnerRequest { node, address: String::new() }),
        "PromoteNode" => plain(&admin::PromoteNodeRequest { node }),
        "DemoteNode" => plain(&admin::DemoteNodeRequest { node }),
        "RemoveNode" => plain(&admin::RemoveNodeRequest { node }),
        "TransferLeader" => plain(&admin::TransferLeaderRequest { node }),
        "BuildSnapshot" => plain(&admin::BuildSnapshotRequest {}),
        "RaiseLevel" => plain(&admin::RaiseLevelRequest { level: u32::MAX }),
        other => nobody_asks(other),
    }
}

/// Requests about the link with a domain that never was.
fn of_links(method: &str) -> Requests {
    let (context, peer) = (Some(write_context("operator")), "nowhere.example".to_owned());
    match method {
        "ListLinks" => plain(&admin::ListLinksRequest {}),
        "PauseLink" => plain(&admin::PauseLinkRequest { context, peer }),
        "ResumeLink" => plain(&admin::ResumeLinkRequest { context, peer }),
        "RenewLink" => plain(&admin::RenewLinkRequest { context, peer }),
        "ReleaseQuarantined" => {
            plain(&admin::ReleaseQuarantinedRequest { context, peer, epoch: 1, sequence: 7 })
        }
        "DiscardQuarantined" => {
            plain(&admin::DiscardQuarantinedRequest { context, peer, epoch: 1, sequence: 7 })
        }
        "ListQuarantine" => plain(&admin::ListQuarantineRequest { peer }),
        "CreateInvitation" => plain(&admin::CreateInvitationRequest::default()),
        other => nobody_asks(other),
    }
}

/// Requests to change the registry, against one that never was.
fn plain_change(method: &str) -> Requests {
    let context = Some(write_context("registrar"));
    let against = Some(admin::RegistryBase { epoch: 1, digest: vec![0; 32] });
    let removed = admin::RegistryOperation {
        table: "release_rows".to_owned(),
        id: "none".to_owned(),
        json: None,
    };
    let operations = vec![removed];
    let signature = Some(admin::RegistrySignature {
        key_id: "none".to_owned(),
        statement: vec![0; 8],
        signature: vec![0; 64],
    });
    let proposal = 1;
    match method {
        "PreviewRegistryChange" => {
            plain(&admin::PreviewRegistryChangeRequest { against, operations })
        }
        "ProposeRegistryChange" => plain(&admin::ProposeRegistryChangeRequest {
            context,
            against,
            operations,
            signature,
            reason: "drill".to_owned(),
        }),
        "ApproveRegistryChange" => {
            plain(&admin::ApproveRegistryChangeRequest { context, proposal, signature })
        }
        "WithdrawRegistryChange" => {
            plain(&admin::WithdrawRegistryChangeRequest { context, proposal })
        }
        other => nobody_asks(other),
    }
}
