//! 3: statistics and an assessment of the month, beside what was seen in it.

use samsyn_client::wire::{self, observation::Location};

use super::{AREA, Broken, DISTRICT, PERIOD, POLICE, Story, calls, table};
use crate::demo::print::Section;

/// Where the district counts what residents report, and of what.
const COUNTED: (&str, &str) = ("skarholmen-centrum/p2", "lighting_fault");
/// What it counted, by month; by residents' reports, of which its observations are some.
const MONTHS: [(&str, u32); 2] = [("2025-08", 46), (PERIOD, 61)];
/// What the police assesses, and how.
const ASSESSED: (&str, &str) = ("satra/p1", "assault_outdoor");
const SEVERITY: u32 = 3;

/// The district hands in a series of statistics, the police an assessment.
pub(super) async fn hand_in(story: &mut Story<'_>) -> Result<(), Broken> {
    let (place, category) = COUNTED;
    let like = labelled(story, DISTRICT, category)?;
    let point = |(code, count): (&str, u32)| wire::SeriesPoint {
        period: calls::period(code),
        count: Some(count),
    };
    let series = wire::Series {
        id: "statistik-belysning".to_owned(),
        category: category.to_owned(),
        location: Some(wire::series::Location::PlaceId(format!("{AREA}/{place}"))),
        source_kind: like.source_kind,
        points: MONTHS.map(point).into(),
        note: "Felanmälningar efter den dag då de kom in.".to_owned(),
        labels: like.labels,
    };
    let counted = wire::PictureDelta { series: vec![series], ..wire::PictureDelta::default() };
    story.publish(DISTRICT, AREA, counted).await?;
    let (place, category) = ASSESSED;
    let like = labelled(story, POLICE, category)?;
    let assessment = wire::Assessment {
        id: "bedomning-september".to_owned(),
        category: category.to_owned(),
        location: Some(wire::assessment::Location::PlaceId(format!("{AREA}/{place}"))),
        period: calls::period(PERIOD),
        severity: Some(SEVERITY),
        trend: wire::Trend::Down.into(),
        reliability: "B".to_owned(),
        credibility: 2,
        text: "Minskningen bedöms hålla i sig när torget är bemannat kvällstid.".to_owned(),
        labels: like.labels,
    };
    let said =
        wire::PictureDelta { assessments: vec![assessment], ..wire::PictureDelta::default() };
    story.publish(POLICE, AREA, said).await.map(drop)
}

/// What a party handed in first of a category here: what comes now has the same labels and source.
fn labelled(story: &Story<'_>, party: &str, category: &str) -> Result<wire::Observation, Broken> {
    let here = |o: &&wire::Observation| {
        o.category == category && matches!(&o.location, Some(Location::PlaceId(_)))
    };
    let own = story.publications.iter().filter(|p| p.party.as_str() == party);
    let mut own = own.filter(|p| p.area.as_str() == AREA).flat_map(|p| &p.observations);
    own.find(here).cloned().ok_or(Broken::Missing("an observation to take labels from"))
}

/// Statistics stand beside what was seen, an assessment among it.
pub(super) fn told(section: &mut Section, findings: &[wire::Finding]) -> Result<(), Broken> {
    let of = |(place, category): (&str, &str)| {
        let id = format!("{AREA}/{place}/{category}");
        findings.iter().find(move |finding| finding.id == id)
    };
    let missing = || Broken::Missing("a finding that is set by hand");
    let (counted, assessed) = (of(COUNTED).ok_or_else(missing)?, of(ASSESSED).ok_or_else(missing)?);
    let [_, (_, count)] = MONTHS;
    let seen = observed(counted);
    section.check(
        &format!(
            "the district's statistics of September, {count}, stand beside the {seen} of its \
             observations and are added to nothing; the police's assessment of the month counts \
             as its word"
        ),
        apart(counted, count).and_then(|()| takes_part(assessed)),
    );
    Ok(())
}

/// What the district's observations count.
fn observed(finding: &wire::Finding) -> u32 {
    let own = finding.contributions.iter().filter(|c| c.form() == wire::Form::Observation);
    let own = own.filter(|c| c.party == DISTRICT).filter_map(|c| c.observation.as_ref()?.count);
    own.fold(0, u32::saturating_add)
}

fn apart(finding: &wire::Finding, count: u32) -> Result<(), String> {
    use wire::count_series::Amount;
    let of = |statistics| {
        let own = finding.counts.iter().filter(|series| series.party == DISTRICT);
        let series = own.filter(move |series| series.statistics == statistics);
        series.map(|series| series.amount).collect::<Vec<_>>()
    };
    let (statistics, sums) = (of(true), of(false));
    if statistics != [Some(Amount::Exact(count))] {
        return Err(format!("the statistics are {statistics:?}"));
    }
    if sums != [Some(Amount::Exact(observed(finding)))] {
        return Err(format!("beside the statistics there is {sums:?}"));
    }
    if finding.seen_by != ["municipal"] || finding.severity.is_none() {
        return Err(format!("{} comes to {}", finding.id, table::joint(finding)));
    }
    Ok(())
}

fn takes_part(finding: &wire::Finding) -> Result<(), String> {
    let mut said = finding.contributions.iter().filter(|c| c.form() == wire::Form::Assessment);
    let said = said.next().and_then(|c| c.observation.as_ref());
    let said = said.ok_or_else(|| format!("{} has no assessment", finding.id))?;
    if said.severity != Some(SEVERITY) || said.note.is_empty() || said.count.is_some() {
        return Err(format!("the assessment in {} is another", finding.id));
    }
    Ok(())
}
