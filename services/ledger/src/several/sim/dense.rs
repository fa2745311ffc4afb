//! Disclosures are numbered without a gap, and their stamps rise: those of one entry have the same.

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    for ended in &observed.ended {
        let node = ended.node;
        for (sequence, row) in (1..).zip(&ended.rows) {
            if row.sequence != sequence {
                return Err(format!("node {node} has {row:?} in place {sequence}"));
            }
        }
        for pair in ended.rows.windows(2) {
            if let [before, after] = pair
                && (before.at > after.at || before.at == after.at && after.number.is_some())
            {
                return Err(format!("node {node} has {before:?} before {after:?}"));
            }
        }
    }
    Ok(())
}
