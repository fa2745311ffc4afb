//! Who leads rises: by term, and within one by number, as openraft lets a node of a higher number
//! take over. No node goes back to one that it has seen followed.

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    let back = observed.went_back.first();
    back.map_or(Ok(()), |(node, after, before)| {
        Err(format!("node {node} follows {after:?} after {before:?}, by term and number"))
    })
}
