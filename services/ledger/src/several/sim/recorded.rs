//! Nothing was sent that is not recorded: of each view that left a node every node has a record of
//! its own in the end, of the same class, revision and digest, and where the receipt says.

use std::collections::{BTreeMap, BTreeSet};

use super::{observed::Observed, shown::Shown};

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    let mut sent: BTreeMap<&Shown, Vec<(u64, u64)>> = BTreeMap::new();
    for view in &observed.sent {
        for (shown, sequence) in view.shown.iter().zip(view.receipt..) {
            sent.entry(shown).or_default().push((view.node, sequence));
        }
    }
    for ended in &observed.ended {
        let node = ended.node;
        let recorded = |shown| ended.shown.get(shown).map_or(&[][..], Vec::as_slice);
        for (shown, at) in &sent {
            let records = recorded(shown);
            if records.len() < at.len() {
                return Err(format!(
                    "{shown:?} was sent at nodes and places {at:?}; node {node} has it at \
                     {records:?}"
                ));
            }
        }
        for (shown, at) in &sent {
            let told: BTreeSet<u64> = at.iter().map(|(_, place)| *place).collect();
            let records = recorded(shown);
            if told.len() < at.len() || !told.iter().all(|place| records.contains(place)) {
                return Err(format!(
                    "receipts of {shown:?} say nodes and places {at:?}; node {node} has it at \
                     {records:?}"
                ));
            }
        }
    }
    Ok(())
}
