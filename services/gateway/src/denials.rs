//! Requests that policy refused, counted by service and rule until they are recorded.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use samsyn_domain::{ServiceId, Timestamp, disclosure::Denied};
use samsyn_policy::Denial;

/// So many different counts are kept between two records; what is beyond them is not told apart
/// from the log's own lines.
const COUNTS_MAX: usize = 10_000;

type Key = (ServiceId, &'static str, String);

/// Counts of refused requests; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Denials(Arc<Mutex<BTreeMap<Key, u32>>>);

impl Denials {
    /// Counts a refused request.
    pub(crate) fn count(&self, service: &ServiceId, denial: &Denial) {
        let Ok(mut counts) = self.0.lock() else { return };
        let key = (service.clone(), denial.why.id(), denial.rule.clone());
        if counts.len() < COUNTS_MAX || counts.contains_key(&key) {
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Takes what was counted since the last time.
    pub(crate) fn take(&self) -> Vec<Denied> {
        let Ok(mut counts) = self.0.lock() else { return Vec::new() };
        let taken = std::mem::take(&mut *counts).into_iter();
        let denied = |((service, reason, rule), requests)| Denied {
            at: Timestamp::ZERO,
            service,
            reason: String::from(reason),
            rule,
            requests,
        };
        taken.map(denied).collect()
    }
}

#[cfg(test)]
mod tests {
    use samsyn_policy::Why;

    use super::*;

    #[test]
    fn equal_refusals_are_counted_together_and_taken_once() {
        let denials = Denials::default();
        let service = ServiceId::parse("a/b").unwrap();
        let denial = Denial::of(Why::NoReleaseRow).by("POL-12");
        denials.count(&service, &denial);
        denials.count(&service, &denial);
        denials.count(&service, &Denial::of(Why::NotFound));
        let counts: Vec<u32> = denials.take().iter().map(|denied| denied.requests).collect();
        assert_eq!(counts, [1, 2]);
        assert!(denials.take().is_empty());
    }
}
