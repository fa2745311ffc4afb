//! Reads without a ground, wider than the rights, of what is hidden, with pages that do not hold.

use samsyn_client::{Client, Refused, wire};
use tonic::{
    Code::{FailedPrecondition, InvalidArgument, NotFound, PermissionDenied},
    Status,
};

use crate::{
    harness::{AREA, Domain, PARTY, delta, observation},
    refused::{publish, told},
};

const PERIOD: &str = "2025-09";

fn period(code: &str) -> Option<wire::Period> {
    Some(wire::Period { code: code.to_owned() })
}

fn joint(client: &Client) -> wire::GetJointPictureRequest {
    wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: period(PERIOD),
        ..wire::GetJointPictureRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows36_to_41_reads_are_refused_as_the_catalogue_says() {
    let mut domain = Domain::written();
    domain.start();
    let partner = domain.client("raddningstjansten").await;
    let joint = |edit: fn(&mut wire::GetJointPictureRequest)| {
        let mut request = joint(&partner);
        edit(&mut request);
        let mut service = partner.joint.clone();
        async move { Refused::from(service.get_joint_picture(request).await.unwrap_err()) }
    };
    let no_purpose = joint(|r| r.context.as_mut().unwrap().purpose.clear()).await;
    assert_eq!(told(&no_purpose), (InvalidArgument, "PURPOSE_MISSING", vec!["context.purpose"]));
    let other = joint(|r| r.context.as_mut().unwrap().purpose = "follow_up".into()).await;
    let purpose = vec!["context.purpose"];
    assert_eq!(told(&other), (PermissionDenied, "PURPOSE_NOT_COVERED", purpose));
    let page = joint(|r| r.page = Some(wire::Page { size: 1, token: "forged".into() })).await;
    assert_eq!(told(&page), (InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page.token"]));
    let period = joint(|r| r.period = Some(wire::Period { code: "2025-13".into() })).await;
    assert_eq!(told(&period), (InvalidArgument, "BAD_PERIOD", vec!["period"]));
    let nowhere = joint(|r| r.area = "sthlm-nowhere".into()).await;
    assert_eq!(told(&nowhere), (NotFound, "NOT_FOUND", vec!["area"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row37_a_basis_that_asks_for_a_weighing_is_not_read_on_without_one() {
    let mut domain = Domain::written();
    domain.start();
    let partner = domain.client("kriminalvarden").await;
    let asked = |weighing: &str| {
        let mut request = joint(&partner);
        let context = request.context.as_mut().unwrap();
        context.legal_basis = "osl_10_15_a".to_owned();
        context.weighing_ref = weighing.to_owned();
        let mut service = partner.joint.clone();
        async move { service.get_joint_picture(request).await.map_err(Refused::from) }
    };
    let refused = asked("").await.unwrap_err();
    let field = vec!["context.weighing_ref"];
    assert_eq!(told(&refused), (FailedPrecondition, "WEIGHING_REQUIRED", field));
    let other = asked("dnr 2025-17").await.err();
    assert_ne!(other.and_then(|r| r.reason), refused.reason, "with one it is another matter");
}

/// A subscription that is wider than the rights is refused as a whole, whichever part of it is too
/// wide, and nothing is named that the caller did not name itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_row38_a_subscription_wider_than_the_rights_is_refused_as_a_whole() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    publish(&city, delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let partner = domain.client("raddningstjansten").await;
    let farsta = domain.client("sdf-farsta").await;
    let scope = |areas: &[&str], priorities: &[&str], period_kinds: &[&str]| {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        wire::Scope {
            areas: owned(areas),
            priorities: owned(priorities),
            period_kinds: owned(period_kinds),
        }
    };
    let rows = [
        (&partner, scope(&["sthlm"], &[], &[]), "SCOPE_TOO_WIDE", "scope.areas"),
        (&partner, scope(&[AREA, "sthlm-nowhere"], &[], &[]), "SCOPE_TOO_WIDE", "scope.areas"),
        (&partner, scope(&[AREA], &[], &["quarter"]), "SCOPE_TOO_WIDE", "scope.period_kinds"),
        (&partner, scope(&[], &["youth_at_risk"], &[]), "NO_RELEASE_ROW", "scope.priorities"),
        (&farsta, scope(&["sthlm-farsta", AREA], &[], &[]), "SCOPE_TOO_WIDE", "scope.areas"),
        (&farsta, scope(&["sthlm-nowhere"], &[], &[]), "SCOPE_TOO_WIDE", "scope.areas"),
    ];
    for (client, scope, reason, field) in rows {
        let context = Some(client.profile().read_context());
        let list = wire::ListEventsRequest {
            context: context.clone(),
            scope: Some(scope.clone()),
            ..wire::ListEventsRequest::default()
        };
        let watch =
            wire::WatchEventsRequest { context, scope: Some(scope.clone()), cursor: String::new() };
        let listed = Refused::from(client.joint.clone().list_events(list).await.unwrap_err());
        let watched = Refused::from(client.joint.clone().watch_events(watch).await.unwrap_err());
        for refused in [listed, watched] {
            assert_eq!(told(&refused), (PermissionDenied, reason, vec![field]), "{scope:?}");
            let text = format!("{refused}");
            for unnamed in ["farsta-centrum", "graffiti", "sdf-skarholmen", "sthlm-jarva"] {
                assert!(!text.contains(unnamed), "{text}");
            }
        }
    }
}

/// What a caller can tell of a refusal.
fn whole(refused: Status) -> (tonic::Code, String, Vec<(String, String)>, usize) {
    let refused = Refused::from(refused);
    let length = refused.status.details().len();
    (refused.status.code(), refused.status.message().to_owned(), refused.fields, length)
}

/// A partner and a party of another area, who ask for what they may not know of.
struct Outside {
    partner: Client,
    farsta: Client,
}

impl Outside {
    async fn finding(&self, place: &str) -> Status {
        let request = wire::ExplainFindingRequest {
            context: Some(self.partner.profile().read_context()),
            area: AREA.to_owned(),
            finding_id: format!("{AREA}/{place}/graffiti"),
            revision: 0,
            period: period(PERIOD),
        };
        self.partner.joint.clone().explain_finding(request).await.map(drop).unwrap_err()
    }

    async fn edition(&self, id: &str) -> Status {
        let (context, edition_id) = (Some(self.partner.profile().read_context()), id.to_owned());
        let request = wire::GetEditionRequest { context, edition_id, page: None };
        self.partner.editions.clone().get_edition(request).await.map(drop).unwrap_err()
    }

    async fn review(&self, id: &str) -> Status {
        let (context, edition_id) = (Some(self.farsta.profile().read_context()), id.to_owned());
        let request = wire::GetEditionReviewRequest { context, edition_id, page: None };
        self.farsta.editions.clone().get_edition_review(request).await.map(drop).unwrap_err()
    }

    async fn release(&self, id: &str) -> Status {
        let request = wire::ReleaseEditionRequest {
            context: Some(samsyn_client::write_context("coordinator")),
            edition_id: id.to_owned(),
            content_root: vec![0; 32],
            party: "sdf-farsta".to_owned(),
        };
        self.farsta.editions.clone().release_edition(request).await.map(drop).unwrap_err()
    }

    async fn picture(&self, party: &str) -> Status {
        let request = wire::GetPictureRequest {
            context: Some(self.farsta.profile().read_context()),
            party: party.to_owned(),
            area: AREA.to_owned(),
            ..wire::GetPictureRequest::default()
        };
        self.farsta.pictures.clone().get_picture(request).await.map(drop).unwrap_err()
    }
}

async fn opened(city: &Client) -> String {
    let request = wire::OpenEditionRequest {
        context: Some(samsyn_client::write_context("coordinator")),
        area: AREA.to_owned(),
        period: period(PERIOD),
        track: "operative".to_owned(),
        due: Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        party: PARTY.to_owned(),
    };
    let opened = city.editions.clone().open_edition(request).await.unwrap().into_inner();
    opened.edition.unwrap().id
}

/// What is there and hidden is refused in the same words as what is not there, by every call that
/// takes the name of something. A party's picture is its own, whether there is such a party or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t28_row39_what_is_hidden_is_refused_like_what_is_not_there() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    publish(&city, delta(PARTY, 0, observation("A", 2))).await.unwrap();
    let edition = opened(&city).await;
    let absent = edition.replace(":1", ":2");
    assert_ne!(edition, absent);
    let partner = domain.client("raddningstjansten").await;
    let outside = Outside { partner, farsta: domain.client("sdf-farsta").await };
    let there = outside.finding("skarholmen-centrum/p1").await;
    let pairs = [
        (NotFound, there, outside.finding("satra/p1").await),
        (NotFound, outside.edition(&edition).await, outside.edition(&absent).await),
        (NotFound, outside.review(&edition).await, outside.review(&absent).await),
        (NotFound, outside.release(&edition).await, outside.release(&absent).await),
        (PermissionDenied, outside.picture(PARTY).await, outside.picture("sdf-nowhere").await),
    ];
    for (code, hidden, absent) in pairs {
        let hidden = whole(hidden);
        assert_eq!(hidden.0, code, "{hidden:?}");
        assert_eq!(hidden, whole(absent), "existence shows");
    }
}
