//! How handshakes ended, counted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::reason::Reason;

/// The word for a handshake that let somebody in.
const ACCEPTED: &str = "accepted";

/// Counts by word, of a closed set; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Outcomes {
    /// One ended: refused for a reason, or not.
    pub(super) fn count(&self, refused: Option<Reason>) {
        let word = refused.map_or(ACCEPTED, Reason::word);
        let mut counts = self.lock();
        let count = counts.entry(word).or_default();
        *count = count.saturating_add(1);
    }

    /// How many ended so.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().clone()
    }

    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
