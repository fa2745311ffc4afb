//! Records what policy decided, what is disclosed, and what was refused.

use std::collections::BTreeMap;

use super::{Decided, Moment, Reply};
use crate::{
    Reason, Refusal, View,
    disclosure::{Advance, Denied, Disclosure, Grant, Step},
    row::Row,
};

/// What policy decided for classes of labels and receivers, recorded before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The decisions.
    pub grants: Vec<Grant>,
}

impl Grants {
    pub(super) fn decide(&self) -> Decided {
        let rows = self.grants.iter().map(|grant| Row::Grant(grant.clone().into())).collect();
        Decided::new(Reply::Done, rows)
    }
}

/// Disclosures (utlämnanden), recorded before the first byte leaves; with them the views that they
/// advance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclose {
    /// Who receives what, on what ground.
    pub disclosures: Vec<Disclosure>,
    /// Which views go one revision on.
    pub advances: Vec<Advance>,
}

impl Disclose {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let first = moment.state.disclosures_recorded() + 1;
        let mut rows = Vec::new();
        let mut reached = BTreeMap::new();
        for advance in &self.advances {
            let before = || moment.state.view(&advance.class).map_or(0, View::revision);
            let reached = reached.entry(advance.class).or_insert_with(before);
            if advance.revision != *reached + 1 {
                return Err(Refusal::of(Reason::ViewStale).now(*reached));
            }
            *reached += 1;
            rows.push(Row::Step(Step { at: moment.at, advance: advance.clone() }.into()));
        }
        for (sequence, disclosure) in (first..).zip(&self.disclosures) {
            let recorded = Disclosure { sequence, at: moment.at, ..disclosure.clone() };
            rows.push(Row::Disclosure(recorded.into()));
        }
        Ok(Decided::new(Reply::Recorded { first }, rows))
    }
}

/// Requests that were refused, counted by service and rule; no digest of what was asked is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denials {
    /// The counts.
    pub denials: Vec<Denied>,
}

impl Denials {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Decided {
        let mut counts: BTreeMap<_, u32> = BTreeMap::new();
        for denied in &self.denials {
            let key = (&denied.service, &denied.reason, &denied.rule);
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(denied.requests);
        }
        let rows = counts.into_iter().map(|((service, reason, rule), requests)| {
            Row::Denied(Denied {
                at: moment.at,
                service: service.clone(),
                reason: reason.clone(),
                rule: rule.clone(),
                requests,
            })
        });
        Decided::new(Reply::Done, rows.collect())
    }
}
