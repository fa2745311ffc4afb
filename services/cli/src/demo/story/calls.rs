//! Calls that several sections make, all pages of them.

use samsyn_client::{Client, wire, write_context};

use super::Broken;

/// As many rows as a page has.
const PAGE_ROWS: u32 = 500;
/// Nothing in the story has more pages.
const PAGES_MAX: usize = 1_000;

/// A change of some observations.
pub(super) fn delta(
    party: &str,
    area: &str,
    base_version: u64,
    upserts: Vec<wire::Observation>,
) -> wire::PublishPictureRequest {
    use wire::publish_picture_request::Change;
    let delta = wire::PictureDelta { upserts, withdrawn_ids: Vec::new(), reason: String::new() };
    wire::PublishPictureRequest {
        context: Some(write_context("publisher")),
        party: party.to_owned(),
        area: area.to_owned(),
        base_version,
        change: Some(Change::Delta(delta)),
    }
}

/// A period.
pub(super) fn period(code: &str) -> Option<wire::Period> {
    Some(wire::Period { code: code.to_owned() })
}

/// The page after a token.
pub(super) const fn page(token: String) -> Option<wire::Page> {
    Some(wire::Page { size: PAGE_ROWS, token })
}

/// Reads pages until there is no next one.
macro_rules! pages {
    (|$page:ident| $call:expr, |$answer:ident| $take:expr) => {{
        let mut token = String::new();
        for _ in 0..$crate::demo::story::calls::pages_max() {
            let $page = $crate::demo::story::calls::page(token);
            let $answer = $call.await?.into_inner();
            token = $answer.next_page_token.clone();
            $take;
            if token.is_empty() {
                break;
            }
        }
    }};
}
pub(super) use pages;

/// The most pages that are read.
pub(super) const fn pages_max() -> usize {
    PAGES_MAX
}

/// A client's whole view of a joint picture, now.
pub(super) async fn joint(
    client: &Client,
    area: &str,
    code: &str,
) -> Result<wire::GetJointPictureResponse, Broken> {
    let context = client.profile().read_context();
    let mut whole = wire::GetJointPictureResponse::default();
    pages!(
        |page| {
            client.joint.clone().get_joint_picture(wire::GetJointPictureRequest {
                context: Some(context.clone()),
                area: area.to_owned(),
                period: period(code),
                page,
                ..wire::GetJointPictureRequest::default()
            })
        },
        |answer| {
            whole.findings.extend(answer.findings);
            (whole.revision, whole.cursor) = (answer.revision, answer.cursor);
        }
    );
    Ok(whole)
}

/// A client's whole view of an edition, with its proof where there is one.
pub(super) async fn edition(client: &Client, id: &str) -> Result<wire::Edition, Broken> {
    let context = client.profile().read_context();
    let mut whole = wire::Edition::default();
    pages!(
        |page| {
            client.editions.clone().get_edition(wire::GetEditionRequest {
                context: Some(context.clone()),
                edition_id: id.to_owned(),
                page,
            })
        },
        |answer| {
            let part = answer.edition.unwrap_or_default();
            let findings = std::mem::take(&mut whole.findings);
            whole = wire::Edition {
                findings: findings.into_iter().chain(part.findings).collect(),
                header: part.header,
                analysis: if whole.analysis.is_empty() { part.analysis } else { whole.analysis },
                proof: if part.proof.is_empty() { whole.proof } else { part.proof },
            };
        }
    );
    Ok(whole)
}

/// An edition without its content, as a client sees it now.
pub(super) async fn header(
    client: &Client,
    area: &str,
    id: &str,
) -> Result<wire::EditionHeader, Broken> {
    let context = client.profile().read_context();
    let mut found = None;
    pages!(
        |page| {
            client.editions.clone().list_editions(wire::ListEditionsRequest {
                context: Some(context.clone()),
                area: area.to_owned(),
                page,
            })
        },
        |answer| {
            found = found.or_else(|| answer.editions.into_iter().find(|edition| edition.id == id));
        }
    );
    found.ok_or(Broken::Missing("the edition"))
}

/// What a subscription of one area asks for.
pub(super) fn area_scope(area: &str) -> wire::Scope {
    wire::Scope { areas: vec![area.to_owned()], ..wire::Scope::default() }
}
