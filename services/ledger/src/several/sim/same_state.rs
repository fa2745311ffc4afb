//! At one position all nodes have one digest, at any time.

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    let differs = observed.roots.iter().find(|(_, roots)| roots.len() > 1);
    differs.map_or(Ok(()), |(position, roots)| {
        let nodes: Vec<_> = roots.values().collect();
        Err(format!("at position {position} nodes differ: {nodes:?}"))
    })
}
