//! The district and the police each publish at home; the city's domain, which is the area's home,
//! merges both.

use samsyn_client::{Client, Refused, wire, write_context};
use samsyn_domain::{Period, PeriodKind, Timestamp};

use super::{
    acts::{Broken, changes, confirmed, held, holders, labels, says, until},
    area::{AREA, homes},
    domains::{CITY, Domain, POLICE, PRISON, Who},
};
use crate::demo::{
    clock,
    print::{Section, cell},
};

/// The place that both look at.
const SQUARE: &str = "sthlm-skarholmen/skarholmen-centrum/p1";
/// How many of the police's observations go to the city's domain.
const SHARED: usize = 2;

pub(super) async fn tell(
    section: &mut Section,
    city: &Domain,
    police: &Domain,
) -> Result<(), Broken> {
    for domain in [city, police] {
        let registry = domain.registrar.export_registry().await?.registry;
        changes(domain, &homes(domain.who, &registry)?).await?;
    }
    section.say(
        "Both registrars sign that Skärholmen's joint picture is ordered in the city's domain, and \
         that each party keeps its own picture at home.",
    );
    let now = clock::now();
    let benches = observation("sdf-1", ("vandalism", 4), "Sönderslagna bänkar vid torget.", now);
    let own = vec![addressed(benches, &["signatories", PRISON.organisation], 1)];
    publish(&city.desk, CITY, 0, delta(own, &[])).await?;
    let square = observation("lpo-1", ("vandalism", 2), "Två anmälningar om skadegörelse.", now);
    let other = observation("lpo-2", ("open_drug_dealing", 3), "Vid gångtunneln.", now);
    let alone = addressed(observation("lpo-3", ("vandalism", 1), "Eget underlag.", now), &[], 1);
    let secret = addressed(
        observation("lpo-4", ("open_drug_dealing", 1), "Pågående ärende.", now),
        &["signatories"],
        3,
    );
    publish(&police.desk, POLICE, 0, delta(vec![square, other, alone, secret], &[])).await?;
    let stands = in_step(police).await?;
    section.line(&format!(
        "police: {} observations at home, {} of them in {}; one is kept, one above level 2",
        stands.own, stands.held, stands.home
    ));
    let joint = joint(&city.desk, now).await?;
    for finding in &joint {
        section.line(&format!("{}  {}", cell(what(finding), 20), by_whom(finding)));
    }
    let vandalism = of_vandalism(&joint);
    let corroborated = |finding: &&wire::Finding| {
        finding.finding_class() == wire::FindingClass::Corroborated
            && finding.contributions.len() == 2
    };
    section.holds(
        "the city's joint picture: vandalism at Skärholmstorget is seen by both, each in its own \
         domain",
        vandalism.len() == 1 && vandalism.iter().all(corroborated),
        || format!("{} findings", vandalism.len()),
    );
    let texts = notes(&joint);
    section.holds(
        "what the police keep, or is above the level of the link, never left their domain",
        stands.held as usize == SHARED
            && texts.iter().any(|note| note.contains("gångtunneln"))
            && !texts.iter().any(|note| note.contains("Eget") || note.contains("ärende")),
        || format!("{} held, {} notes", stands.held, texts.len()),
    );
    let refused = joint_of(&police.desk, now).await.map(|_| String::new());
    says(section, "the police's own domain shows no half of it", &refused, "HOME_ELSEWHERE");
    withdraw(section, city, police, now).await
}

/// The police withdraw one, and ask who still has it.
async fn withdraw(
    section: &mut Section,
    city: &Domain,
    police: &Domain,
    now: Timestamp,
) -> Result<(), Broken> {
    publish(&police.desk, POLICE, 1, delta(Vec::new(), &["lpo-1"])).await?;
    let stands = in_step(police).await?;
    let joint = joint(&city.desk, now).await?;
    let vandalism = of_vandalism(&joint);
    let is_one_sided =
        |finding: &&wire::Finding| finding.finding_class() == wire::FindingClass::OneSided;
    section.holds(
        "the police withdraw one: it is gone from the joint picture, and the city's domain has \
         said so",
        stands.held as usize == SHARED - 1
            && vandalism.len() == 1
            && vandalism.iter().all(is_one_sided),
        || format!("{} held", stands.held),
    );
    let holders = holders(police, "lpo-1").await?;
    section.line("police ask: who still has it?");
    holders.iter().for_each(|holder| section.line(&format!("  {}", held(holder))));
    section.holds(
        "their record names the city's domain alone, and the time at which that confirmed it",
        holders.len() == 1 && confirmed(&holders) == [CITY.domain].into(),
        || format!("{} may have had it", holders.len()),
    );
    Ok(())
}

pub(super) async fn publish(
    desk: &Client,
    who: Who,
    base_version: u64,
    change: wire::PictureDelta,
) -> Result<(), Broken> {
    use wire::publish_picture_request::Change;
    let request = wire::PublishPictureRequest {
        context: Some(write_context("publisher")),
        party: who.party.to_owned(),
        area: AREA.to_owned(),
        base_version,
        manifest: None,
        change: Some(Change::Delta(change)),
    };
    desk.publish(request).await?;
    Ok(())
}

pub(super) fn delta(upserts: Vec<wire::Observation>, withdrawn: &[&str]) -> wire::PictureDelta {
    let withdrawn_ids = withdrawn.iter().map(|id| (*id).to_owned()).collect();
    wire::PictureDelta { upserts, withdrawn_ids, ..wire::PictureDelta::default() }
}

/// An observation at the square, two hours ago, for the signatories.
pub(super) fn observation(
    id: &str,
    (category, count): (&str, u32),
    note: &str,
    now: Timestamp,
) -> wire::Observation {
    let observed = wire::Observation {
        id: id.to_owned(),
        category: category.to_owned(),
        location: Some(wire::observation::Location::PlaceId(SQUARE.to_owned())),
        starts_at: Some(clock::wire(now.after_seconds(-7_200))),
        ends_at: Some(clock::wire(now.after_seconds(-3_600))),
        count: Some(count),
        severity: Some(3),
        basis: wire::Basis::Fact.into(),
        source_kind: "field_observation".to_owned(),
        note: note.to_owned(),
        ..wire::Observation::default()
    };
    addressed(observed, &["signatories"], 1)
}

pub(super) fn addressed(
    observed: wire::Observation,
    audience: &[&str],
    level: u32,
) -> wire::Observation {
    let audience = audience.iter().map(|token| (*token).to_owned()).collect();
    let labels = wire::Labels { audience, level, ..labels() };
    wire::Observation { labels: Some(labels), ..observed }
}

/// How the police's picture stands with the home of the area, once that has answered all.
async fn in_step(police: &Domain) -> Result<wire::Contributed, Broken> {
    let stands = async || -> Result<wire::Contributed, Broken> {
        let request = wire::ListVersionsRequest {
            context: Some(police.desk.profile().read_context()),
            party: POLICE.party.to_owned(),
            area: AREA.to_owned(),
            page: None,
        };
        let listed = police.desk.pictures.clone().list_versions(request).await?.into_inner();
        listed.contributed.ok_or(Broken::Missing("how a picture stands with its home"))
    };
    until("what the home has", async || Ok(stands().await?.in_step)).await?;
    stands().await
}

async fn joint(desk: &Client, now: Timestamp) -> Result<Vec<wire::Finding>, Broken> {
    Ok(joint_of(desk, now).await?)
}

/// The joint picture of the month of what was observed; it has one page.
pub(super) async fn joint_of(desk: &Client, now: Timestamp) -> Result<Vec<wire::Finding>, Refused> {
    let month = Period::holding(PeriodKind::Month, now.after_seconds(-7_200));
    let request = wire::GetJointPictureRequest {
        context: Some(desk.profile().read_context()),
        area: AREA.to_owned(),
        period: month.map(|month| wire::Period { code: month.to_string() }),
        ..wire::GetJointPictureRequest::default()
    };
    let picture = desk.joint.clone().get_joint_picture(request).await?.into_inner();
    Ok(picture.findings)
}

fn of_vandalism(findings: &[wire::Finding]) -> Vec<&wire::Finding> {
    findings.iter().filter(|finding| what(finding) == "vandalism").collect()
}

/// The category of a finding, which its id ends with.
pub(super) fn what(finding: &wire::Finding) -> &str {
    finding.id.rsplit('/').next().unwrap_or_default()
}

/// Who contributed how many.
fn by_whom(finding: &wire::Finding) -> String {
    let of = |one: &wire::Contribution| {
        let count = one.observation.as_ref().and_then(|observation| observation.count);
        format!("{} {}", one.party, count.map_or_else(|| "–".to_owned(), |n| n.to_string()))
    };
    finding.contributions.iter().map(of).collect::<Vec<_>>().join(" · ")
}

pub(super) fn notes(findings: &[wire::Finding]) -> Vec<&str> {
    let contributions = findings.iter().flat_map(|finding| &finding.contributions);
    let observed = contributions.filter_map(|one| one.observation.as_ref());
    observed.map(|observation| observation.note.as_str()).collect()
}
