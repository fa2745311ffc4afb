//! What was sealed before a record that was acknowledged opens at every node that has the record.

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    let closed = &observed.closed;
    closed.first().map_or(Ok(()), |(number, node)| {
        let times = closed.len();
        Err(format!("node {node} does not open what came with record {number}; {times} so"))
    })
}
