//! Answers to an edition over real sockets: forged, by other keys, and of an earlier round.

use prost_types::Timestamp;
use samsyn_client::{
    Client, Intent, Refused, Signer, admin, answer,
    verify::{Pinned, Reviewed},
    wire, write_context,
};
use samsyn_domain::{edition::Verdict, registry::Role};
use tonic::{Code, Code::InvalidArgument};

use crate::{
    harness::{AREA, Domain, PARTY, delta, observation},
    refused::told,
};

const POLICE: &str = "lpo-skarholmen";

/// Locks an edition on a revision, with an analysis for these.
pub(crate) async fn lock(
    city: &Client,
    edition: &wire::EditionHeader,
    revision: u64,
    analysis_labels: Option<wire::Labels>,
) -> wire::EditionHeader {
    let request = wire::LockEditionRequest {
        context: Some(write_context("coordinator")),
        edition_id: edition.id.clone(),
        revision,
        analysis: "Klotter vid torget.".to_owned(),
        analysis_labels,
        party: PARTY.to_owned(),
    };
    let locked = city.editions.clone().lock_edition(request).await.map_err(Refused::from);
    locked.unwrap().into_inner().edition.unwrap()
}

/// An edition in review, on what both sides have published.
async fn in_review(city: &Client, police: &Client) -> wire::EditionHeader {
    city.publish(delta(PARTY, 0, observation("A", 2))).await.unwrap();
    police.publish(delta(POLICE, 0, observation("B", 2))).await.unwrap();
    let request = wire::OpenEditionRequest {
        context: Some(write_context("coordinator")),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-09".to_owned() }),
        track: "strategic".to_owned(),
        due: Some(Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        party: PARTY.to_owned(),
    };
    let opened = city.editions.clone().open_edition(request).await.unwrap().into_inner();
    lock(city, &opened.edition.unwrap(), 2, observation("any", 1).labels).await
}

/// Everything in the round that is in review, rebuilt.
pub(crate) async fn reviewed(client: &Client, header: &wire::EditionHeader) -> Reviewed {
    let digest = hex::decode(&client.profile().descriptor).unwrap();
    let pinned = Pinned { descriptor: digest.try_into().unwrap() };
    client.review(header, &pinned).await.unwrap()
}

/// A signed answer of the caller's party in one of its functions.
pub(crate) async fn signed(
    client: &Client,
    header: &wire::EditionHeader,
    role: Role,
) -> wire::AnswerEditionRequest {
    let profile = client.profile();
    let reviewed = reviewed(client, header).await;
    let intent =
        Intent {
            party: &profile.party, role, verdict: Verdict::Reserved, text: "Med förbehåll."
        };
    let key_id = format!("{}/{}", profile.party, role.as_str());
    let seed = &profile.endorsement_keys[&role];
    let signer = Signer { seed, key_id: &key_id, salt: [7; 32] };
    wire::AnswerEditionRequest {
        context: Some(write_context(role.as_str())),
        edition_id: header.id.clone(),
        answer: Some(answer(header, &reviewed, intent, signer).unwrap()),
    }
}

/// Opens an edition of the operative track.
pub(crate) async fn open(city: &Client, code: &str) -> wire::EditionHeader {
    let opened = city.editions.clone().open_edition(opening(code)).await.map_err(Refused::from);
    opened.unwrap().into_inner().edition.unwrap()
}

pub(crate) fn opening(code: &str) -> wire::OpenEditionRequest {
    wire::OpenEditionRequest {
        context: Some(write_context("coordinator")),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: code.to_owned() }),
        track: "operative".to_owned(),
        due: Some(Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        party: PARTY.to_owned(),
    }
}

/// An edition of the operative track on a revision, endorsed by both sides and released.
pub(crate) async fn released(
    city: &Client,
    police: &Client,
    (code, revision): (&str, u64),
    analysis_labels: Option<wire::Labels>,
) -> String {
    let opened = open(city, code).await;
    let locked = lock(city, &opened, revision, analysis_labels).await;
    for (client, role) in [(city, Role::Coordinator), (police, Role::Kommunpolis)] {
        let answer = signed(client, &locked, role).await;
        let answered = client.editions.clone().answer_edition(answer).await;
        answered.map_err(Refused::from).unwrap();
    }
    let release = wire::ReleaseEditionRequest {
        context: Some(write_context("coordinator")),
        edition_id: locked.id.clone(),
        content_root: locked.content_root,
        party: PARTY.to_owned(),
    };
    city.editions.clone().release_edition(release).await.map_err(Refused::from).unwrap();
    locked.id
}

async fn send(client: &Client, request: wire::AnswerEditionRequest) -> Result<(), Refused> {
    client.editions.clone().answer_edition(request).await.map(drop).map_err(Refused::from)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows25_and_26_a_forged_answer_is_refused_and_the_true_one_is_taken() {
    type Forge = fn(&mut wire::Answer);
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client(POLICE).await;
    let header = in_review(&city, &police).await;
    let good = signed(&city, &header, Role::Endorser).await;
    let unknown = (Code::Unauthenticated, "KEY_UNKNOWN", "answer.key_id");
    let rows: [(Forge, (Code, &str, &str)); 8] = [
        (|a| a.signature[0] ^= 1, (InvalidArgument, "BAD_SIGNATURE", "answer.signature")),
        (|a| a.signature.truncate(63), (InvalidArgument, "BAD_SIGNATURE", "answer.signature")),
        (|a| a.statement.push(0), (InvalidArgument, "BAD_FIELD", "answer.statement")),
        (|a| a.text.push('!'), (InvalidArgument, "BAD_FIELD", "answer.text")),
        (|a| a.text_salt[0] ^= 1, (InvalidArgument, "BAD_FIELD", "answer.text")),
        (|a| a.key_id = "sdf-skarholmen/retired".into(), unknown),
        (|a| a.key_id = "sdf-skarholmen/coordinator".into(), unknown),
        (|a| a.key_id = "lpo-skarholmen/endorser".into(), unknown),
    ];
    for (forge, (code, reason, field)) in rows {
        let mut forged = good.clone();
        forged.context = Some(write_context("endorser"));
        forge(forged.answer.as_mut().unwrap());
        let refused = send(&city, forged).await.unwrap_err();
        assert_eq!(told(&refused), (code, reason, vec![field]));
    }
    send(&city, good.clone()).await.unwrap();
    send(&city, good.clone()).await.expect("the same under its key is answered as before");

    lock(&city, &header, 2, observation("any", 1).labels).await;
    let stale = wire::AnswerEditionRequest { context: Some(write_context("endorser")), ..good };
    let refused = send(&city, stale).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Aborted, "EDITION_ROUND_STALE", vec!["answer.statement"]));
}

/// One leaf of what rebuilds the root, and where the next begins.
async fn leaf(
    client: &Client,
    header: &wire::EditionHeader,
    token: &str,
) -> Result<String, Refused> {
    let request = wire::GetEditionReviewRequest {
        context: Some(client.profile().read_context()),
        edition_id: header.id.clone(),
        page: Some(wire::Page { size: 1, token: token.to_owned() }),
    };
    let page = client.editions.clone().get_edition_review(request).await;
    Ok(page.map_err(Refused::from)?.into_inner().next_page_token)
}

/// What was made for one page is kept for the next, and for other readers: not for one that was
/// shut out in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_shut_out_between_two_pages_gets_no_other() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let police = domain.client(POLICE).await;
    let header = in_review(&city, &police).await;
    let second = leaf(&police, &header, "").await.unwrap();
    leaf(&city, &header, &second).await.unwrap();
    let third = leaf(&police, &header, &second).await.unwrap();
    let registrar = domain.client("registrar").await;
    let suspend = admin::SuspendServiceRequest {
        context: Some(write_context("registrar")),
        service: "polismyndigheten/lpo-skarholmen".to_owned(),
        reason: "drill".to_owned(),
    };
    registrar.registry.clone().suspend_service(suspend).await.unwrap();
    // It may be cut off before it is told so.
    leaf(&police, &header, &third).await.unwrap_err();
    leaf(&city, &header, &third).await.expect("the others go on");
}
