//! 11: the auditor asks who received what.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_client::{Client, wire};
use samsyn_domain::OrganisationId;

use super::{
    AREA, Broken, FIRE_SERVICE, INSURANCE_AGENCY, PERIOD, PRISON_SERVICE, REGION, Story, calls,
};
use crate::demo::print::{Section, cell};

const AUDITOR: &str = "auditor";

/// What one organisation received.
#[derive(Debug, Default)]
struct Received {
    objects: BTreeSet<String>,
    grounds: BTreeSet<String>,
    rules: BTreeSet<String>,
}

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let rows = disclosures(story).await?;
    let mut received: BTreeMap<&str, Received> = BTreeMap::new();
    for row in &rows {
        let of = received.entry(row.receiver.as_str()).or_default();
        of.objects.insert(row.object_ref.clone());
        let ground = row.ground.clone().unwrap_or_default();
        of.grounds.insert(format!("{}, {}", ground.purpose, ground.legal_basis));
        of.rules.extend(row.rule_ids.iter().cloned());
    }
    for partner in [PRISON_SERVICE, REGION, FIRE_SERVICE] {
        let Some(of) = received.get(partner) else { continue };
        let all = |of: &BTreeSet<String>| of.iter().cloned().collect::<Vec<_>>().join(" · ");
        let objects = of.objects.iter().map(|object| shown(object)).collect();
        section.line(&format!("{} {}", cell(&name(story, partner), 27), all(&objects)));
        section.line(&format!("{} {} by {}", cell("", 27), all(&of.grounds), all(&of.rules)));
    }
    let parties = received.len();
    let whole = rows.iter().all(|row| {
        let ground = row.ground.as_ref();
        let grounded = ground.is_some_and(|g| !g.purpose.is_empty() && !g.legal_basis.is_empty());
        grounded && row.at.is_some() && !row.service.is_empty()
    });
    let expected = expected(story).len();
    section.holds(
        &format!(
            "{expected} reads told above looked up: each has its row, and every row its service, \
             time, purpose and legal basis; {parties} organisations received, and \
             Försäkringskassan, refused, is not among them"
        ),
        whole && missing(story, &received).is_empty() && !received.contains_key(INSURANCE_AGENCY),
        || {
            let missing = missing(story, &received).join(", ");
            format!("rows with their ground: {whole}; missing: {missing}")
        },
    );
    let region = story.client(REGION).await?;
    let told = disclosures_to(&region).await?;
    let foreign = told.iter().filter(|row| row.receiver != REGION).count();
    section.holds(
        "Region Stockholm asks the same and is told of its own alone",
        foreign == 0 && !told.is_empty(),
        || format!("it was told of {} rows, {foreign} of them of others", told.len()),
    );
    Ok(())
}

/// An object as it fits on a line: of the id of a message, its beginning.
fn shown(object: &str) -> String {
    match object.split_once(' ') {
        Some(("message", id)) => format!("message {}", cell(id, 9)),
        Some(_) | None => object.to_owned(),
    }
}

/// What the story has shown, and to whom.
fn expected(story: &Story<'_>) -> [(&'static str, String); 8] {
    let edition = story.edition.as_ref().map_or("", |edition| edition.id.as_str());
    let joint = format!("joint {AREA} {PERIOD}");
    let view = format!("view {AREA}");
    [
        ("stockholms-stad", joint.clone()),
        ("stockholms-stad", format!("review {edition}")),
        ("polismyndigheten", format!("edition {edition}")),
        (PRISON_SERVICE, joint.clone()),
        (PRISON_SERVICE, view.clone()),
        (REGION, format!("edition {edition}")),
        (FIRE_SERVICE, joint),
        (FIRE_SERVICE, view),
    ]
}

/// What of it the record does not have.
fn missing(story: &Story<'_>, received: &BTreeMap<&str, Received>) -> Vec<String> {
    let has =
        |who: &str, what: &String| received.get(who).is_some_and(|r| r.objects.contains(what));
    let missing = expected(story).into_iter().filter(|(who, what)| !has(who, what));
    missing.map(|(who, what)| format!("{what} for {who}")).collect()
}

async fn disclosures(story: &mut Story<'_>) -> Result<Vec<wire::Disclosure>, Broken> {
    disclosures_to(&story.client(AUDITOR).await?).await
}

/// All disclosures that a client may know of.
async fn disclosures_to(client: &Client) -> Result<Vec<wire::Disclosure>, Broken> {
    let next = |page| {
        let mut access = client.access.clone();
        let context = calls::reads(client);
        let request = wire::ListDisclosuresRequest {
            context,
            page,
            ..wire::ListDisclosuresRequest::default()
        };
        async move { access.list_disclosures(request).await }
    };
    let answers = calls::pages(next, |answer| &answer.next_page_token).await?;
    Ok(answers.into_iter().flat_map(|answer| answer.disclosures).collect())
}

fn name(story: &Story<'_>, id: &str) -> String {
    let organisation = OrganisationId::parse(id).ok();
    let organisation = organisation.and_then(|id| story.stage.registry().organisation(&id));
    organisation.map_or(id, |organisation| organisation.name.as_str()).to_owned()
}
