//! A term has one leader at most.

use std::collections::BTreeMap;

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    let mut leaders = BTreeMap::new();
    for (term, leader) in &observed.leaders {
        if let Some(other) = leaders.insert(term, leader) {
            return Err(format!("nodes {other} and {leader} both lead in term {term}"));
        }
    }
    Ok(())
}
