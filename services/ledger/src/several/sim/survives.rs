//! What was acknowledged is at every node, once, where it was said to be; what was said not to be
//! ordered is nowhere; and no node gave up.

use std::collections::BTreeMap;

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    if let Some((node, why)) = observed.gave_up.first() {
        return Err(format!("node {node} gave up: {why}"));
    }
    for ended in &observed.ended {
        let node = ended.node;
        let mut places: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (number, row) in ended.rows.iter().filter_map(|row| Some((row.number?, row))) {
            places.entry(number).or_default().push(row.sequence);
        }
        let mut doubled = places.iter().filter(|(_, places)| places.len() > 1);
        if let Some((number, places)) = doubled.next() {
            return Err(format!("record {number} is at {places:?} on node {node}"));
        }
        if let Some((number, why)) = observed.refused.iter().find(|(n, _)| places.contains_key(n)) {
            return Err(format!("record {number} is on node {node}, which was refused: {why}"));
        }
        for (party, told) in &observed.published {
            let has = ended.versions.get(party);
            if has < Some(told) {
                return Err(format!("version {told} of {party} is {has:?} on node {node}"));
            }
        }
        for record in &observed.acknowledged {
            let place = places.get(&record.number);
            if place != Some(&vec![record.at.sequence]) {
                return Err(format!("{record:?} is at {place:?} on node {node}"));
            }
        }
    }
    Ok(())
}
