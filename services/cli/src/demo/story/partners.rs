//! 6: what each partner is shown, and what it is not.

use prost::Message as _;
use samsyn_client::wire;
use samsyn_domain::OrganisationId;

use super::{
    AREA, Broken, FIRE_SERVICE, PERIOD, POLICE, PRISON_SERVICE, REGION, Story, calls, resume, table,
};
use crate::demo::print::{Section, cell, count, number};

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let prison = story.client(PRISON_SERVICE).await?;
    let milieus = calls::joint(&prison, AREA, PERIOD).await?.findings;
    row(story, section, PRISON_SERVICE, &milieus, &places(&milieus));
    let edition = story.edition.clone().ok_or(Broken::Missing("the released edition"))?;
    let region = story.client(REGION).await?;
    let cells = calls::edition(&region, &edition.id).await?.findings;
    let small = cells.iter().flat_map(|f| &f.counts).filter(|s| is_small(s)).count();
    row(story, section, REGION, &cells, &format!("{} shown as <5", number(small)));
    let fire = story.client(FIRE_SERVICE).await?;
    let spots = calls::joint(&fire, AREA, PERIOD).await?.findings;
    row(story, section, FIRE_SERVICE, &spots, &places(&spots));
    section.check(
        "nobody was shown more than its row: no place or count for Kriminalvården, cells alone \
         for Region Stockholm, no count, severity or note for the fire service",
        within_rows(&milieus, &cells, &spots),
    );
    resume::tell(story, section).await?;
    hidden(story, section).await
}

fn row(story: &Story<'_>, section: &mut Section, id: &str, found: &[wire::Finding], more: &str) {
    let partners = story.stage.seed().partners().iter();
    let rights = partners.filter(|p| p.id.as_str() == id).map(|p| p.en.as_str()).next();
    let organisation = OrganisationId::parse(id).ok();
    let organisation = organisation.and_then(|id| story.stage.registry().organisation(&id));
    let findings = count(found.len(), "finding", "findings");
    section.line(&format!(
        "{} {} {findings:>11}  {more:>13}",
        cell(organisation.map_or(id, |o| &o.name), 27),
        cell(rights.unwrap_or_default(), 39),
    ));
}

fn places(findings: &[wire::Finding]) -> String {
    let placed =
        findings.iter().filter(|finding| observations(finding).any(|o| finest(o) == Finest::Place));
    count(placed.count(), "place", "places")
}

fn observations(finding: &wire::Finding) -> impl Iterator<Item = &wire::Observation> {
    finding.contributions.iter().filter_map(|c| c.observation.as_ref())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finest {
    Nothing,
    District,
    SubArea,
    Place,
}

const fn finest(observation: &wire::Observation) -> Finest {
    use wire::observation::Location;
    match &observation.location {
        None => Finest::Nothing,
        Some(Location::AreaId(_)) => Finest::District,
        Some(Location::SubAreaId(_)) => Finest::SubArea,
        Some(Location::PlaceId(_) | Location::Coordinates(_)) => Finest::Place,
    }
}

const fn is_small(series: &wire::CountSeries) -> bool {
    matches!(series.amount, Some(wire::count_series::Amount::Below(_)))
}

fn within_rows(
    milieus: &[wire::Finding],
    cells: &[wire::Finding],
    spots: &[wire::Finding],
) -> Result<(), String> {
    let over = |who: &str, id: &str, what: &str| Err(format!("{who}: {id} tells {what}"));
    for finding in milieus {
        let fine =
            observations(finding).any(|o| matches!(finest(o), Finest::Place | Finest::SubArea));
        if fine || table::parts(finding).0 != AREA {
            return over("Kriminalvården", &finding.id, "a place");
        }
        if !finding.counts.is_empty() || observations(finding).any(|o| o.count.is_some()) {
            return over("Kriminalvården", &finding.id, "a count");
        }
    }
    for finding in cells {
        use wire::count_series::Amount;
        let bare = |s: &wire::CountSeries| matches!(s.amount, Some(Amount::Exact(1..5)));
        if finding.severity.is_some() || finding.counts.iter().any(bare) {
            return over("Region Stockholm", &finding.id, "more than protected counts");
        }
        if !finding.contributions.is_empty() {
            return over("Region Stockholm", &finding.id, "an observation");
        }
    }
    for finding in spots {
        let more =
            |o: &wire::Observation| o.count.is_some() || o.severity.is_some() || !o.note.is_empty();
        let counted = !finding.counts.is_empty();
        if counted || finding.severity.is_some() || observations(finding).any(more) {
            return over("the fire service", &finding.id, "more than what, where and when");
        }
    }
    match [milieus.len(), cells.len(), spots.len()].contains(&0) {
        true => Err("one of them was shown nothing at all".to_owned()),
        false => Ok(()),
    }
}

/// The police changes what the fire service may not see, and then what it may.
async fn hidden(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let fire = story.client(FIRE_SERVICE).await?;
    let visible = calls::joint(&fire, AREA, PERIOD).await?;
    let cursor = resume::to_the_end(&fire, String::new()).await?.cursor;
    let observation = seen_by_both(story, &visible.findings);
    let observation =
        observation.ok_or(Broken::Missing("what police and fire service both see"))?;
    let severity = observation.severity.map(|grade| if grade > 3 { 2 } else { 5 });
    let unseen = wire::Observation {
        severity,
        note: "Ny bedömning efter platsbesök.".to_owned(),
        count: observation.count.map(|count| count.saturating_add(1)),
        ..observation.clone()
    };
    let changed = story.change(POLICE, AREA, vec![unseen.clone()]).await?;
    let (before, after) =
        (visible.encode_to_vec(), calls::joint(&fire, AREA, PERIOD).await?.encode_to_vec());
    let events = resume::to_the_end(&fire, cursor.clone()).await?.events.len();
    let seen = wire::Observation { ends_at: later(&unseen), ..unseen };
    story.change(POLICE, AREA, vec![seen]).await?;
    let control = resume::to_the_end(&fire, cursor).await?.events.len();
    section.holds(
        &format!(
            "police changed severity, note and count of what the fire service sees as a bare \
             place: its view stayed the same in all {} bytes and no event came; a changed time \
             came",
            number(before.len())
        ),
        !changed.unchanged && before == after && events == 0 && control > 0,
        || {
            let same = before == after;
            format!("same bytes: {same}, {events} events, {control} when it could see the change")
        },
    );
    Ok(())
}

/// An observation of the local police area that the fire service sees too.
fn seen_by_both(story: &Story<'_>, visible: &[wire::Finding]) -> Option<wire::Observation> {
    let shown: Vec<&str> = visible.iter().map(|finding| table::parts(finding).1).collect();
    let police = story.publications.iter().filter(|p| p.party.as_str() == POLICE);
    let here = police.filter(|p| p.area.as_str() == AREA);
    let mut all = here.flat_map(|p| &p.observations).filter(|o| in_september(o));
    all.find(|o| shown.contains(&o.category.as_str())).cloned()
}

fn in_september(observation: &wire::Observation) -> bool {
    let period: Option<samsyn_domain::Period> = PERIOD.parse().ok();
    let at = observation.starts_at.as_ref().map(|at| at.seconds);
    let at = at.map(|at| samsyn_domain::Timestamp::ZERO.after_seconds(at));
    period.zip(at).is_some_and(|(period, at)| period.contains(at))
}

/// One hour more.
fn later<T: From<std::time::SystemTime>>(observation: &wire::Observation) -> Option<T> {
    let ends = observation.ends_at.as_ref()?.seconds.saturating_add(60 * 60);
    Some(crate::demo::clock::wire(samsyn_domain::Timestamp::ZERO.after_seconds(ends)))
}
