//! 3: the joint picture of one district and month.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_client::wire;

use super::{AREA, Broken, DISTRICT, PERIOD, Story, calls, merged, statements, table};
use crate::demo::print::{Section, number};

/// The findings that are shown: places of the district, a category each, and what the sides come
/// to together.
const SHOWN: [(&str, &str, &str); 5] = [
    ("skarholmen-centrum/p1", "open_drug_dealing", "both see it: 4 ↑"),
    ("skarholmen-centrum/p2", "lighting_fault", "only the city: 3 ↑"),
    ("varberg/p1", "perceived_unsafe_place", "only the city: 4 →"),
    ("satra/p1", "assault_outdoor", "only police: 3 ↓"),
    ("bredang/p1", "youth_gathering", "CONFLICT severity"),
];
/// In how many other orders the merge is made again.
const ORDERS: usize = 200;

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    statements::hand_in(story).await?;
    let client = story.client(DISTRICT).await?;
    let picture = calls::joint(&client, AREA, PERIOD).await?;
    let (revision, findings) = (picture.revision, picture.findings.len());
    section.heading(&format!(", revision {revision}: {findings} findings, five shown"));
    section.line(&table::heading());
    let registry = story.stage.registry();
    let mut otherwise = Vec::new();
    for (place, category, expected) in SHOWN {
        let id = format!("{AREA}/{place}/{category}");
        let finding = picture.findings.iter().find(|finding| finding.id == id);
        let finding = finding.ok_or(Broken::Missing("a finding that is set by hand"))?;
        section.line(&table::finding(registry, finding));
        let joint = table::joint(finding);
        if joint != expected {
            otherwise.push(format!("{id} comes to `{joint}`, not to `{expected}`"));
        }
    }
    section.holds(
        "what both see, what one side alone sees and what they disagree on are told apart",
        otherwise.is_empty(),
        || otherwise.join("; "),
    );
    let apart: Result<Vec<()>, String> = picture.findings.iter().map(stands_apart).collect();
    section.check(
        "reported, observed and perceived stand side by side: in every finding one kind; every \
         joint value is one that a party gave; no count adds two parties",
        apart.map(drop),
    );
    statements::told(section, &picture.findings)?;
    let again = merged::in_other_orders(registry, AREA, PERIOD, &picture.findings, ORDERS);
    let bytes = again.as_ref().map_or(0, |bytes| *bytes);
    section.check(
        &format!(
            "its contributions merged here again, in {ORDERS} other orders: each time the same {} \
             bytes, and those of the gateway's findings",
            number(bytes)
        ),
        again.map(drop),
    );
    Ok(())
}

/// Nothing in a finding is added up or averaged.
fn stands_apart(finding: &wire::Finding) -> Result<(), String> {
    let (_, category) = table::parts(finding);
    let said: Vec<_> = finding
        .contributions
        .iter()
        .filter_map(|c| Some((c.form(), c.party.as_str(), c.observation.as_ref()?)))
        .collect();
    if let Some((_, _, other)) = said.iter().find(|(_, _, o)| o.category != category) {
        return Err(format!("{} holds an observation of {}", finding.id, other.category));
    }
    let given: BTreeSet<u32> = said.iter().filter_map(|(_, _, o)| o.severity).collect();
    if let Some(severity) = finding.severity.filter(|severity| !given.contains(severity)) {
        return Err(format!("{} has severity {severity}, which nobody gave", finding.id));
    }
    let mut counted: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut points: BTreeSet<(&str, &str, u32)> = BTreeSet::new();
    for (form, party, observation) in &said {
        let Some(count) = observation.count else { continue };
        if *form == wire::Form::Series {
            points.insert((party, observation.source_kind.as_str(), count));
        } else {
            let sum = counted.entry((party, observation.source_kind.as_str())).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    for series in &finding.counts {
        use wire::count_series::Amount;
        let (party, source) = (series.party.as_str(), series.source_kind.as_str());
        let own = counted.get(&(party, source)).map(|count| Amount::Exact(*count));
        let is_own = match series.amount {
            Some(Amount::Exact(count)) if series.statistics => {
                points.contains(&(party, source, count))
            }
            amount => amount == own,
        };
        if !is_own {
            let (id, party) = (&finding.id, &series.party);
            return Err(format!("{id}: the count of {party} is not what {party} counted"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Option<u32>, count: u32) -> wire::Finding {
        let observation = |party: &str, severity, count| wire::Contribution {
            party: party.into(),
            version: 1,
            form: wire::Form::Observation.into(),
            observation: Some(wire::Observation {
                category: "graffiti".into(),
                severity: Some(severity),
                count: Some(count),
                source_kind: "inspection".into(),
                ..wire::Observation::default()
            }),
        };
        let series = |party: &str, count| wire::CountSeries {
            party: party.into(),
            source_kind: "inspection".into(),
            amount: Some(wire::count_series::Amount::Exact(count)),
            ..wire::CountSeries::default()
        };
        wire::Finding {
            id: "a/b/graffiti".into(),
            severity,
            contributions: vec![observation("x", 2, 3), observation("y", 4, 5)],
            counts: vec![series("x", 3), series("y", count)],
            ..wire::Finding::default()
        }
    }

    #[test]
    fn an_average_or_a_sum_over_parties_is_found() {
        assert_eq!(stands_apart(&finding(Some(4), 5)), Ok(()));
        assert_eq!(stands_apart(&finding(None, 5)), Ok(()));
        assert!(stands_apart(&finding(Some(3), 5)).unwrap_err().contains("nobody gave"));
        assert!(stands_apart(&finding(Some(4), 8)).unwrap_err().contains("not what y counted"));
    }

    #[test]
    fn statistics_that_are_added_to_something_are_found() {
        let counted = |count| {
            let mut finding = finding(Some(4), 5);
            let point = finding.contributions[0].clone();
            let form = wire::Form::Series.into();
            finding.contributions.push(wire::Contribution { form, ..point });
            let amount = Some(wire::count_series::Amount::Exact(count));
            let series = finding.counts[0].clone();
            finding.counts.push(wire::CountSeries { statistics: true, amount, ..series });
            stands_apart(&finding)
        };
        assert_eq!(counted(3), Ok(()));
        assert!(counted(6).unwrap_err().contains("not what x counted"));
    }
}
