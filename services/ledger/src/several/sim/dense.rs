//! Disclosures are numbered without a gap, and their stamps rise.

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
                && before.at >= after.at
            {
                return Err(format!("node {node} has {before:?} before {after:?}"));
            }
        }
    }
    Ok(())
}
