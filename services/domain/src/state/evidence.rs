//! Grants, views, disclosures, acknowledgements, denials.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    AreaId, EditionId, LabelClass, ServiceId, Timestamp,
    disclosure::{Acknowledged, Change, ClassId, Denied, Disclosure, Grant, Step},
};

/// How far the view of a release class has come, step by step.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct View {
    steps: Vec<Arc<Step>>,
    areas: BTreeMap<AreaId, u64>,
    editions: std::collections::BTreeSet<EditionId>,
}

impl View {
    /// The view's revision; 0 before the first step.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.advance.revision)
    }

    /// The steps after a revision of the view, in order.
    pub fn after(&self, revision: u64) -> impl Iterator<Item = &Arc<Step>> {
        let from = self.steps.partition_point(|step| step.advance.revision <= revision);
        self.steps.get(from..).unwrap_or_default().iter()
    }

    /// A step, by the revision it made.
    #[must_use]
    pub fn step(&self, revision: u64) -> Option<&Arc<Step>> {
        self.after(revision.checked_sub(1)?).next().filter(|s| s.advance.revision == revision)
    }

    /// Up to which revision of an area it has come.
    #[must_use]
    pub fn area(&self, area: &AreaId) -> u64 {
        self.areas.get(area).copied().unwrap_or(0)
    }

    /// The steps that an area made it take, in order: its revision, the area's, and when.
    pub fn steps_of<'a>(
        &'a self,
        area: &'a AreaId,
    ) -> impl Iterator<Item = (u64, u64, Timestamp)> + use<'a> {
        self.steps.iter().filter_map(move |step| match &step.advance.change {
            Change::Area { area: of, to, .. } if of == area => {
                Some((step.advance.revision, *to, step.at))
            }
            Change::Area { .. } | Change::Edition(_) => None,
        })
    }

    /// Up to which revision of an area it had come at a revision of the view.
    #[must_use]
    pub fn area_at(&self, area: &AreaId, revision: u64) -> u64 {
        let before = self.steps.iter().take_while(|step| step.advance.revision <= revision);
        before
            .filter_map(|step| match &step.advance.change {
                Change::Area { area: of, to, .. } if of == area => Some(*to),
                Change::Area { .. } | Change::Edition(_) => None,
            })
            .last()
            .unwrap_or(0)
    }

    /// Whether an edition has been brought.
    #[must_use]
    pub fn has_edition(&self, edition: &EditionId) -> bool {
        self.editions.contains(edition)
    }
}

/// What is recorded of who may receive and who received what.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Evidence {
    grants: BTreeMap<ClassId, BTreeMap<LabelClass, Arc<Grant>>>,
    views: BTreeMap<ClassId, View>,
    disclosures: Vec<Arc<Disclosure>>,
    acknowledged: BTreeMap<(ClassId, ServiceId), BTreeMap<u64, Timestamp>>,
    denials: Vec<Denied>,
    ticked: Timestamp,
}

impl Evidence {
    /// What policy decided for a release class and a class of labels under an epoch.
    #[must_use]
    pub fn grant(&self, epoch: u64, class: &ClassId, label: &LabelClass) -> Option<&Arc<Grant>> {
        self.grants.get(class)?.get(label).filter(|grant| grant.epoch == epoch)
    }

    /// How far a view has come.
    #[must_use]
    pub fn view(&self, class: &ClassId) -> Option<&View> {
        self.views.get(class)
    }

    /// All disclosures, by sequence.
    #[must_use]
    pub fn disclosures(&self) -> &[Arc<Disclosure>] {
        &self.disclosures
    }

    /// All refused requests, in the order they were recorded.
    #[must_use]
    pub fn denials(&self) -> &[Denied] {
        &self.denials
    }

    /// Up to which revision a service has acknowledged a view.
    #[must_use]
    pub fn acknowledged(&self, class: &ClassId, service: &ServiceId) -> Option<u64> {
        let all = self.acknowledged.get(&(*class, service.clone()))?;
        all.last_key_value().map(|(revision, _)| *revision)
    }

    /// When a service first said, no earlier than a time, that it has stored a view up to a
    /// revision or further.
    #[must_use]
    pub fn acknowledged_since(
        &self,
        class: &ClassId,
        service: &ServiceId,
        (revision, since): (u64, Timestamp),
    ) -> Option<Timestamp> {
        let all = self.acknowledged.get(&(*class, service.clone()))?;
        all.range(revision..).map(|(_, at)| *at).find(|at| *at >= since)
    }

    /// When the receiver first said, after a disclosure, that it has stored it; none for what is
    /// not followed, and for what came again after it had been acknowledged.
    #[must_use]
    pub fn stored(&self, disclosure: &Disclosure) -> Option<Timestamp> {
        let part = disclosure.view?;
        let since = (part.revision, disclosure.at);
        self.acknowledged_since(&part.class, &disclosure.service, since)
    }

    /// Until when time has acted.
    #[must_use]
    pub const fn ticked_until(&self) -> Timestamp {
        self.ticked
    }

    pub(super) const fn recorded(&self) -> u64 {
        self.disclosures.len() as u64
    }

    pub(super) const fn ticked(&mut self, at: Timestamp) {
        self.ticked = at;
    }

    pub(super) fn granted(&mut self, grant: Arc<Grant>) {
        self.grants.entry(grant.class).or_default().insert(grant.label.clone(), grant);
    }

    pub(super) fn disclosed(&mut self, disclosure: Arc<Disclosure>) {
        self.disclosures.push(disclosure);
    }

    pub(super) fn advanced(&mut self, step: Arc<Step>) {
        let view = self.views.entry(step.advance.class).or_default();
        match &step.advance.change {
            Change::Area { area, to, .. } => {
                view.areas.insert(area.clone(), *to);
            }
            Change::Edition(edition) => {
                view.editions.insert(edition.clone());
            }
        }
        view.steps.push(step);
    }

    pub(super) fn acknowledge(&mut self, row: Acknowledged) {
        let of_view = self.acknowledged.entry((row.class, row.service)).or_default();
        of_view.insert(row.revision, row.at);
    }

    pub(super) fn denied(&mut self, row: Denied) {
        self.denials.push(row);
    }
}
