//! What a view that is followed had of an observation, step by step.

use samsyn_domain::{AreaState, Timestamp, View, row::Stage};

use super::ObservationRef;

/// The steps that an observation's area made a view take.
#[derive(Debug, Default)]
pub(super) struct Steps<'a> {
    steps: Vec<Step<'a>>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// The revision of the view.
    pub(super) revision: u64,
    /// When.
    pub(super) at: Timestamp,
    /// What the observation was there; none: it was not published yet.
    pub(super) stage: Option<&'a Stage>,
}

impl<'a> Steps<'a> {
    pub(super) fn of(view: &View, index: &'a AreaState, of: &ObservationRef) -> Self {
        let steps = view.steps_of(&of.area).map(|(revision, of_area, at)| Step {
            revision,
            at,
            stage: index.at(&of.party, &of.observation, of_area),
        });
        Self { steps: steps.collect() }
    }

    /// Those after one revision of the view, up to another.
    pub(super) fn within(&self, after: u64, through: u64) -> &[Step<'a>] {
        let from = self.steps.partition_point(|step| step.revision <= after);
        let to = self.steps.partition_point(|step| step.revision <= through);
        self.steps.get(from..to).unwrap_or_default()
    }

    /// What the view stands at, at a revision.
    pub(super) fn standing(&self, revision: u64) -> Option<&Step<'a>> {
        self.within(0, revision).last()
    }

    /// From which revision of the view on nothing of it has been shown; none: it may be shown.
    pub(super) fn gone_from(&self, shows: impl Fn(&Step<'a>) -> bool) -> Option<u64> {
        let gone = self.steps.iter().rev().take_while(|step| !shows(step));
        match gone.last() {
            Some(step) => Some(step.revision),
            None if self.steps.is_empty() => Some(0),
            None => None,
        }
    }
}
