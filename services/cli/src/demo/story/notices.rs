//! 2, continued: notices that the police publishes on its web pages, imported by the local police
//! areas concerned.

use std::{cmp::Reverse, collections::BTreeMap};

use samsyn_client::wire;
use samsyn_domain::{
    AreaId, PartyId, SubAreaId, Timestamp,
    registry::{PartyKind, Registry},
};

use super::{Broken, Story, own_pictures::notices};
use crate::{
    demo::print::{Section, count},
    import::{self, Cause, Defaults, Gazetteer, Imported, Reading, TypeTable},
};

/// Invented notices in the form of the police's.
const NOTICES: &str = include_str!("../../../../../config/demo/polisen-events.json");

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let imported = read(story)?;
    let (placed, listed) = (imported.rows.len(), imported.faults.len());
    let mut desks: BTreeMap<(PartyId, AreaId), Vec<wire::Observation>> = BTreeMap::new();
    for row in imported.rows {
        let party = answering(story.stage.registry(), &row.area, &row.observation);
        let party = party.ok_or(Broken::Missing("a local police area for a notice"))?;
        desks.entry((party, row.area)).or_default().push(row.observation);
    }
    let pictures = desks.len();
    let mut stale = Vec::new();
    for ((party, area), upserts) in desks {
        let before = story.version(party.as_str(), area.as_str());
        let answer = story.change(party.as_str(), area.as_str(), upserts).await?;
        if answer.version != before.saturating_add(1) {
            stale.push(format!("{party} of {area} stayed at version {before}"));
        }
    }
    section.holds(
        &format!(
            "{}: {placed} placed by their text and published in {}, {listed} listed with the \
             reason",
            notices(placed.saturating_add(listed)),
            count(pictures, "own picture of the police", "own pictures of the police"),
        ),
        stale.is_empty() && placed > 0,
        || stale.join("; "),
    );
    let unplaced = imported.faults.iter().find(|fault| fault.cause == Cause::NotPlaced);
    if let Some(fault) = unplaced {
        section.say(&format!("for instance row {}: {}", fault.row, fault.reason));
    }
    Ok(())
}

fn read(story: &Story<'_>) -> Result<Imported, Broken> {
    let bad = |file: &str, why: &dyn std::fmt::Display| Broken::File(format!("{file}: {why}"));
    let table = TypeTable::parse(import::SHIPPED_TYPES)
        .map_err(|why| bad("config/import/polisen-types.toml", &why))?;
    let gazetteer = Gazetteer::build(story.stage.registry(), import::SHIPPED_GAZETTEER)
        .map_err(|why| bad("config/import/gazetteer.toml", &why))?;
    let defaults = defaults(story).ok_or(Broken::Missing("labels of the police"))?;
    let reading = Reading { gazetteer: &gazetteer, defaults: &defaults, areas: &[], samples: 0 };
    import::polisen_events(NOTICES, &table, reading, &mut |_, _| {})
        .map_err(|why| bad("config/demo/polisen-events.json", &why))
}

/// What the police labels the mildest of what it hands in.
fn defaults(story: &Story<'_>) -> Option<Defaults> {
    use samsyn_domain::{Basis, SourceId};
    let police = story.publications.iter().filter(|p| p.party.as_str().starts_with("lpo-"));
    let labelled = police.flat_map(|p| &p.observations).filter_map(|o| o.labels.as_ref());
    let labels = labelled.max_by_key(|labels| {
        let kept = labels.retain_until.as_ref().map(|until| until.seconds);
        (Reverse(labels.level), labels.regime == "crime_data", Reverse(kept))
    });
    Some(Defaults {
        labels: wire::Labels { audience: vec!["signatories".to_owned()], ..labels?.clone() },
        source_kind: SourceId::parse("police_report").ok()?,
        reliability: None,
        credibility: None,
        basis: Basis::Fact,
    })
}

/// The local police area that answers for where something happened; for what is of the whole
/// area, the first that has signed its agreement.
fn answering(
    registry: &Registry,
    area: &AreaId,
    observation: &wire::Observation,
) -> Option<PartyId> {
    use wire::observation::Location;
    let sub_area = match observation.location.as_ref()? {
        Location::PlaceId(id) => {
            id.rsplit_once('/').and_then(|(part, _)| SubAreaId::parse(part).ok())
        }
        Location::SubAreaId(id) => SubAreaId::parse(id).ok(),
        Location::AreaId(_) | Location::Coordinates(_) => None,
    };
    let starts = observation.starts_at.as_ref()?.seconds;
    let starts = Timestamp::ZERO.after_seconds(starts);
    let signatories = registry.agreement_of(area)?.signatories.iter().map(|s| &s.party);
    let police = |id: &&PartyId| registry.party(id).is_some_and(|p| p.kind == PartyKind::Police);
    let answers = |id: &&PartyId| {
        sub_area.as_ref().is_none_or(|sub_area| registry.answers_for(id, sub_area, starts))
    };
    signatories.filter(police).find(answers).cloned()
}
