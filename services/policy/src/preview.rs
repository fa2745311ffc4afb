//! Who would see a publication.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{LabelClass, OrganisationId, State, Timestamp, registry::Variant};

use crate::{
    Denial, Policy, Preview, Projection, Reader, Rights, ValidationView, content::Problem,
};

impl Policy {
    /// Who would get which field groups of observations with these classes of labels, counted:
    /// the other signatories of their area and the organisations with release rows.
    ///
    /// # Errors
    /// When policy cannot decide.
    pub fn previews(
        &self,
        state: &State,
        now: Timestamp,
        problems: Vec<Problem>,
        labels: &BTreeMap<LabelClass, u32>,
    ) -> Result<Projection<ValidationView>, Denial> {
        let registry = state.registry();
        let mut told: BTreeMap<(String, Vec<String>, String), u32> = BTreeMap::new();
        for (label, observations) in labels {
            let agreement = registry.agreement_of(&label.area);
            let signatories = agreement.into_iter().flat_map(|a| &a.signatories);
            let signatories = signatories.filter(|s| s.party != label.owner).filter_map(|s| {
                let organisation = registry.party(&s.party)?.organisation.clone();
                let parties = BTreeSet::from([s.party.clone()]);
                let rights = Rights { organisation, parties, rows: BTreeSet::new(), ceiling: None };
                Some((s.party.to_string(), rights))
            });
            let receivers: BTreeSet<&OrganisationId> =
                registry.release_rows().map(|row| &row.receiver).collect();
            let partners = receivers.into_iter().map(|receiver| {
                let rows = Reader::rows_in_force(registry, receiver, now);
                let rows = rows.map(|row| row.id.clone()).collect();
                let organisation = receiver.clone();
                let rights = Rights { organisation, parties: BTreeSet::new(), rows, ceiling: None };
                (receiver.to_string(), rights)
            });
            for (reader, rights) in signatories.chain(partners) {
                let grant = self.decide(state, &rights, label)?;
                let Some(shown) = grant.shown else { continue };
                let groups = shown.iter().map(|(group, variant)| match variant {
                    Variant::Exact => group.as_str().to_owned(),
                    Variant::SubArea | Variant::District => {
                        format!("{}:{}", group.as_str(), variant.as_str())
                    }
                });
                let rules: Vec<String> = grant.rules.into_iter().collect();
                let key = (reader, groups.collect(), rules.join(" "));
                *told.entry(key).or_default() += observations;
            }
        }
        let readers = told.into_iter().map(|((reader, groups, rule), observations)| Preview {
            reader,
            groups,
            rule,
            observations,
        });
        let view = ValidationView { problems, readers: readers.collect() };
        // It shows the caller what the caller sent, and public rules: nothing is disclosed.
        Ok(Projection::new(view, Vec::new()))
    }
}
