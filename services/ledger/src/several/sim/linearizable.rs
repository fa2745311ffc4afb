//! A read shows what was acknowledged before it: at a node, what that node acknowledged; behind
//! the leader's barrier, all.

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    let stale = observed.reads.iter().find(|read| !read.missing.is_empty());
    stale.map_or(Ok(()), |read| Err(format!("{read:?}")))
}
