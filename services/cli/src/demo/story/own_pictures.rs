//! 2: every party hands in its own pictures; what must not come in does not.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use samsyn_client::{Client, Refused, wire, write_context};
use samsyn_domain::{AreaId, PartyId};

use super::{Broken, Story, calls, notices};
use crate::{
    demo::{
        cluster::Killed,
        print::{Section, count, number},
    },
    world::{self, Publication},
};

/// The newest version of an own picture, by party and area.
pub(super) type Versions = BTreeMap<(PartyId, AreaId), u64>;

/// How closely it is watched how far it is.
const LOOK: Duration = Duration::from_millis(5);
/// How many pictures are handed in at a time.
const AT_A_TIME: usize = 8;
/// A sub-area that another local police area answers for.
const DIVIDED_AREA: &str = "sthlm-enskede-arsta-vantor";
const OTHERS_SUB_AREA: &str = "sthlm-enskede-arsta-vantor/hogdalen";
const OUTSIDER: &str = "lpo-globen";
const ANSWERING: &str = "lpo-farsta";

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let seed = story.stage.seed();
    let drawn = world::publications(seed, &world::demo_weeks(), world::RNG);
    let identifiers = world::sodermalm_with_identifiers(seed, world::RNG);
    let identifiers = identifiers.ok_or(Broken::Missing("Södermalm's picture"))?;
    let (refused, mended) = (identifiers.refused, identifiers.mended);
    // The publication with an identifier comes later, by hand.
    let (held_back, handed_in): (Vec<_>, Vec<_>) =
        drawn.into_iter().partition(|p| p.party == mended.party && p.period == mended.period);
    let killed = hand_in(story, &handed_in).await?;
    story.publications = handed_in;
    refuse_others_part(story, section).await?;
    refuse_identifier(story, section, &refused, &mended).await?;
    let all = story.publications.len().saturating_add(held_back.len());
    let observations: usize = story.publications.iter().map(|p| p.observations.len()).sum();
    let observations = observations.saturating_add(mended.observations.len());
    story.publications.push(mended);
    taken(story, section, all, observations);
    if let Some(killed) = killed {
        came_back(story, section, killed).await?;
    }
    signed(story, section).await?;
    notices::tell(story, section).await
}

/// Everyone hands in week after week; pictures do not wait for each other. Where there are several
/// nodes, the one that leads is killed in the middle of it.
async fn hand_in(
    story: &mut Story<'_>,
    publications: &[Publication],
) -> Result<Option<Killed>, Broken> {
    let mut desks: BTreeMap<(PartyId, AreaId), Vec<&Publication>> = BTreeMap::new();
    for publication in publications {
        let picture = (publication.party.clone(), publication.area.clone());
        desks.entry(picture).or_default().push(publication);
    }
    let mut work = Vec::new();
    for (picture, weeks) in desks {
        work.push((picture.clone(), weeks, story.client(picture.0.as_str()).await?));
    }
    let total: usize = publications.iter().map(|p| p.observations.len()).sum();
    // It is drawn on a terminal only.
    let progress = ProgressBar::new(u64::try_from(total).unwrap_or(0));
    let handing_in = stream::iter(work)
        .map(|(picture, weeks, client)| desk(picture, weeks, client, &progress))
        .buffer_unordered(AT_A_TIME)
        .try_collect::<Vec<_>>();
    let killing = async {
        let Some(nodes) = story.nodes else { return Ok(None) };
        while progress.position() < progress.length().unwrap_or(0) / 3 {
            tokio::time::sleep(LOOK).await;
        }
        Ok::<_, Broken>(Some(nodes.kill_leader().await?))
    };
    let (versions, killed) = tokio::try_join!(handing_in, killing)?;
    progress.finish_and_clear();
    story.versions.extend(versions);
    Ok(killed)
}

/// The node that was killed comes back and has what the others have.
async fn came_back(
    story: &mut Story<'_>,
    section: &mut Section,
    killed: Killed,
) -> Result<(), Broken> {
    let Some(nodes) = story.nodes else { return Ok(()) };
    let Killed { node, next, leaderless } = killed;
    let (mut lost, mut doubled) = (0, 0);
    for ((party, area), acknowledged) in story.versions.clone() {
        let version = version(story, &party, &area).await?;
        lost += acknowledged.saturating_sub(version);
        doubled += version.saturating_sub(acknowledged);
    }
    section.holds(
        &format!(
            "node {node} led and was killed in the middle; node {next} took over, nobody led for \
             {} ms; lost {lost} of what was acknowledged, doubled {doubled}",
            leaderless.as_millis()
        ),
        next != node && lost == 0 && doubled == 0,
        || "each own picture should be at the version that was acknowledged last".to_owned(),
    );
    let (root, position) = nodes.bring_back(node).await?;
    section.holds(
        &format!("node {node} is back; all nodes have the same state: {root}… at {position}"),
        !root.is_empty(),
        || "their states cannot be compared".to_owned(),
    );
    Ok(())
}

/// The version of an own picture, as it is served.
async fn version(story: &mut Story<'_>, party: &PartyId, area: &AreaId) -> Result<u64, Broken> {
    let client = story.client(party.as_str()).await?;
    let request = wire::GetPictureRequest {
        context: Some(client.profile().read_context()),
        party: party.to_string(),
        area: area.to_string(),
        version: 0,
        page: Some(wire::Page { size: 1, ..wire::Page::default() }),
    };
    Ok(client.pictures.clone().get_picture(request).await?.into_inner().version)
}

async fn desk(
    picture: (PartyId, AreaId),
    weeks: Vec<&Publication>,
    client: Client,
    progress: &ProgressBar,
) -> Result<((PartyId, AreaId), u64), Broken> {
    let mut version = 0;
    for publication in weeks {
        version = client.publish(full(publication, version)).await?.version;
        progress.inc(u64::try_from(publication.observations.len()).unwrap_or(0));
    }
    Ok((picture, version))
}

fn full(publication: &Publication, base_version: u64) -> wire::PublishPictureRequest {
    use wire::publish_picture_request::Change;
    wire::PublishPictureRequest {
        context: Some(write_context("publisher")),
        party: publication.party.to_string(),
        area: publication.area.to_string(),
        base_version,
        manifest: None,
        change: Some(Change::Full(wire::FullPicture {
            period: calls::period(&publication.period.to_string()),
            observations: publication.observations.clone(),
            ..wire::FullPicture::default()
        })),
    }
}

fn taken(story: &Story<'_>, section: &mut Section, all: usize, observations: usize) {
    let weeks = world::demo_weeks().len();
    let short: Vec<_> = story
        .versions
        .iter()
        .filter(|(_, version)| usize::try_from(**version).unwrap_or(0) != weeks)
        .map(|((party, area), version)| format!("{party} of {area} is at version {version}"))
        .collect();
    section.holds(
        &format!(
            "{all} publications with {} observations taken; every own picture is at version \
             {weeks}",
            number(observations)
        ),
        short.is_empty() && all == story.versions.len().saturating_mul(weeks),
        || short.join("; "),
    );
}

/// What came is what its party signed: kept with the version, and nothing else is taken.
async fn signed(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let (mut made, mut kept) = (0, 0);
    for (party, area) in story.versions.keys().cloned().collect::<Vec<_>>() {
        let client = story.client(party.as_str()).await?;
        let request = wire::ListVersionsRequest {
            context: Some(client.profile().read_context()),
            party: party.to_string(),
            area: area.to_string(),
            page: None,
        };
        let versions = client.pictures.clone().list_versions(request).await?.into_inner().versions;
        let key = client.profile().publisher_key.as_ref().ok_or(Broken::Missing("a key"))?;
        let signed = versions.iter().filter_map(|version| version.manifest.as_ref());
        kept += signed.filter(|manifest| manifest.key_id == key.id()).count();
        made += versions.len();
    }
    let last = story.publications.last().ok_or(Broken::Missing("a publication"))?;
    let (party, area) = (last.party.to_string(), last.area.to_string());
    let mut changed = full(last, story.version(&party, &area));
    let client = story.client(&party).await?;
    let key = client.profile().publisher_key.as_ref().ok_or(Broken::Missing("a key"))?;
    let access = client.access.clone().get_access(wire::GetAccessRequest {}).await?.into_inner();
    changed.manifest = key.manifest(&access.domain, &changed).ok();
    if let Some(wire::publish_picture_request::Change::Full(full)) = &mut changed.change {
        // As somebody would who holds the party's certificate, and not its key.
        full.observations.pop();
    }
    let refused = client.publish(changed).await.err().and_then(|refused| refused.reason);
    let reason = refused.map_or("nothing", |reason| reason.id());
    section.holds(
        &format!(
            "all {made} are signed, each with its party's own key of P-256; one that was changed \
             after that is refused ({reason})"
        ),
        kept == made && reason == "MANIFEST_MISMATCH",
        || format!("{kept} of {made} versions are signed, and the changed one: {reason}"),
    );
    Ok(())
}

/// Globen tries to publish of a sub-area that Farsta answers for.
async fn refuse_others_part(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    use wire::observation::Location;
    let here = |o: &&wire::Observation| match &o.location {
        Some(Location::PlaceId(id) | Location::SubAreaId(id)) => id.starts_with(OTHERS_SUB_AREA),
        Some(Location::AreaId(_) | Location::Coordinates(_)) | None => false,
    };
    let answering = story.publications.iter().filter(|p| p.party.as_str() == ANSWERING);
    let observation = answering.flat_map(|p| &p.observations).find(here).cloned();
    let observation = observation.ok_or(Broken::Missing("an observation from Högdalen"))?;
    let base_version = story.version(OUTSIDER, DIVIDED_AREA);
    let client = story.client(OUTSIDER).await?;
    let change = wire::PictureDelta { upserts: vec![observation], ..wire::PictureDelta::default() };
    let request = calls::delta(OUTSIDER, DIVIDED_AREA, base_version, change);
    let claim = |how: &str| {
        format!(
            "Globen and Farsta share Enskede-Årsta-Vantör by sub-area: Globen's word of Högdalen \
             is refused{how}"
        )
    };
    match client.publish(request).await {
        Ok(_) => section.check(&claim(""), Err("it was taken".to_owned())),
        Err(refused) => {
            let reason = refused.reason.map_or("", |reason| reason.id());
            let how = format!(" ({reason}, rule {})", refused.rule);
            let wrong = || format!("the reason was {refused}");
            section.holds(&claim(&how), reason == "NOT_YOUR_AREA", wrong);
        }
    }
    Ok(())
}

/// Södermalm's picture with an identity number in a note, and the same without it.
async fn refuse_identifier(
    story: &mut Story<'_>,
    section: &mut Section,
    refused: &Publication,
    mended: &Publication,
) -> Result<(), Broken> {
    let picture = (refused.party.clone(), refused.area.clone());
    let base_version = story.versions.get(&picture).copied().unwrap_or(0);
    let client = story.client(refused.party.as_str()).await?;
    let request = full(refused, base_version);
    let checked = client
        .pictures
        .clone()
        .validate_picture(wire::ValidatePictureRequest { publication: Some(request.clone()) })
        .await?
        .into_inner();
    let problem = checked.problems.into_iter().find(|problem| !problem.warning);
    let problem = problem.ok_or(Broken::Missing("what is wrong with Södermalm's picture"))?;
    let last = problem.end_character.saturating_sub(1);
    let published = client.publish(request).await;
    let field = problem.field.clone();
    let claim = format!(
        "Södermalm refused: {field}, characters {}–{last}, where a personal identity number seems \
         to stand",
        problem.first_character
    );
    section.check(&claim, refused_there(published, &problem));
    let rule = [("sv", &problem.text_sv), ("en", &problem.text_en)];
    for (language, text) in rule {
        section.say(&format!("{language}  {text}"));
    }
    let answer = client.publish(full(mended, base_version)).await?;
    section.holds(
        &format!("mended by its publisher: version {} accepted", answer.version),
        answer.version == base_version.saturating_add(1) && !answer.unchanged,
        || format!("the version before was {base_version}"),
    );
    story.versions.insert(picture, answer.version);
    Ok(())
}

fn refused_there(
    published: Result<wire::PublishPictureResponse, Refused>,
    problem: &wire::Problem,
) -> Result<(), String> {
    let characters = format!("characters {}–{}", problem.first_character, problem.end_character);
    let there =
        |(path, text): &(String, String)| *path == problem.field && text.starts_with(&characters);
    match published {
        Ok(answer) => Err(format!("it was taken as version {}", answer.version)),
        Err(refused)
            if refused.reason.map(|reason| reason.id()) == Some("IDENTIFIER_FOUND")
                && refused.fields.iter().any(there) =>
        {
            Ok(())
        }
        Err(refused) => Err(format!("publishing was refused otherwise: {refused}")),
    }
}

/// How many notices, as they are told.
pub(super) fn notices(many: usize) -> String {
    count(many, "police notice", "police notices")
}
