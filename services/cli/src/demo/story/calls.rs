//! Calls that several sections make, all pages of them.

use std::future::Future;

use samsyn_client::{Client, wire, write_context};
use tonic::{Response, Status};

use super::Broken;

/// As many rows as a page has.
const PAGE_ROWS: u32 = 500;

/// A change of an own picture.
pub(super) fn delta(
    party: &str,
    area: &str,
    base_version: u64,
    change: wire::PictureDelta,
) -> wire::PublishPictureRequest {
    use wire::publish_picture_request::Change;
    wire::PublishPictureRequest {
        context: Some(write_context("publisher")),
        party: party.to_owned(),
        area: area.to_owned(),
        base_version,
        manifest: None,
        change: Some(Change::Delta(change)),
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

/// All pages of a list: `next` asks for one, `token` says what the next one is asked with.
pub(super) async fn pages<A, F>(
    next: impl Fn(Option<wire::Page>) -> F,
    token: fn(&A) -> &str,
) -> Result<Vec<A>, Broken>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut answers = Vec::new();
    let mut after = String::new();
    loop {
        let answer = next(page(after)).await?.into_inner();
        after = token(&answer).to_owned();
        answers.push(answer);
        if after.is_empty() {
            return Ok(answers);
        }
    }
}

/// All that waits for a client's functions.
pub(super) async fn duties(client: &Client) -> Result<Vec<wire::Duty>, Broken> {
    let next = |page| {
        let mut access = client.access.clone();
        let request = wire::ListDutiesRequest { context: reads(client), page };
        async move { access.list_duties(request).await }
    };
    let answers = pages(next, |answer| &answer.next_page_token).await?;
    Ok(answers.into_iter().flat_map(|answer| answer.duties).collect())
}

/// A client's whole view of a joint picture, now.
pub(super) async fn joint(
    client: &Client,
    area: &str,
    code: &str,
) -> Result<wire::GetJointPictureResponse, Broken> {
    let next = |page| {
        let mut joint = client.joint.clone();
        let request = wire::GetJointPictureRequest {
            context: reads(client),
            area: area.to_owned(),
            period: period(code),
            page,
            ..wire::GetJointPictureRequest::default()
        };
        async move { joint.get_joint_picture(request).await }
    };
    let mut whole = wire::GetJointPictureResponse::default();
    for answer in pages(next, |answer| &answer.next_page_token).await? {
        whole.findings.extend(answer.findings);
        (whole.revision, whole.cursor) = (answer.revision, answer.cursor);
    }
    Ok(whole)
}

/// A client's whole view of an edition, with its proof where there is one.
pub(super) async fn edition(client: &Client, id: &str) -> Result<wire::Edition, Broken> {
    let next = |page| {
        let mut editions = client.editions.clone();
        let request =
            wire::GetEditionRequest { context: reads(client), edition_id: id.to_owned(), page };
        async move { editions.get_edition(request).await }
    };
    let mut whole = wire::Edition::default();
    for answer in pages(next, |answer| &answer.next_page_token).await? {
        let part = answer.edition.unwrap_or_default();
        whole.findings.extend(part.findings);
        whole.header = part.header;
        if whole.analysis.is_empty() {
            whole.analysis = part.analysis;
        }
        whole.proof.extend(part.proof);
    }
    Ok(whole)
}

/// An edition without its content, as a client sees it now.
pub(super) async fn header(
    client: &Client,
    area: &str,
    id: &str,
) -> Result<wire::EditionHeader, Broken> {
    let next = |page| {
        let mut editions = client.editions.clone();
        let (context, area) = (reads(client), area.to_owned());
        let request = wire::ListEditionsRequest { context, area, page };
        async move { editions.list_editions(request).await }
    };
    let answers = pages(next, |answer| &answer.next_page_token).await?;
    let mut editions = answers.into_iter().flat_map(|answer| answer.editions);
    editions.find(|edition| edition.id == id).ok_or(Broken::Missing("the edition"))
}

/// On what ground a client reads.
pub(super) fn reads(client: &Client) -> Option<wire::ReadContext> {
    Some(client.profile().read_context())
}

/// What a subscription of one area asks for.
pub(super) fn area_scope(area: &str) -> wire::Scope {
    wire::Scope { areas: vec![area.to_owned()], ..wire::Scope::default() }
}
