//! To whom something may have been shown, whatever the policy of the time said.
//!
//! What policy decided for an earlier epoch is not kept. What every policy must refuse is known
//! (`probes`), and so what may have been shown is never less than what was.

use std::collections::BTreeSet;

use samsyn_domain::{
    DomainId, LabelClass, OrganisationId, PartyId, RowId,
    disclosure::Disclosure,
    registry::{Registry, ReleaseRow},
};

/// The rules that give a signatory, and a receiver by a row, what they see.
const SIGNED: &str = "POL-31";
const BY_ROW: &str = "POL-12/";

/// Somebody with the rights that it had when it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient<'a> {
    pub(super) organisation: &'a OrganisationId,
    /// The parties that it may have spoken for.
    pub(super) parties: BTreeSet<PartyId>,
    /// Its release rows.
    pub(super) rows: BTreeSet<RowId>,
    /// The domain that it has it delivered in.
    pub(super) peer: Option<&'a DomainId>,
}

impl<'a> Recipient<'a> {
    /// Who a record is of, by the rules that it names.
    pub(super) fn of(
        record: &'a Disclosure,
        spoken_for: &BTreeSet<PartyId>,
        peer: Option<&'a DomainId>,
    ) -> Self {
        let signs = record.rules.contains(SIGNED);
        let rows = record.rules.iter().filter_map(|rule| rule.strip_prefix(BY_ROW));
        Self {
            organisation: &record.receiver,
            parties: if signs { spoken_for.clone() } else { BTreeSet::new() },
            rows: rows.filter_map(|row| RowId::parse(row).ok()).collect(),
            peer,
        }
    }

    /// Whether what has these labels may have been shown to it under a registry, live or in an
    /// edition.
    pub(super) fn may_see(&self, registry: &Registry, label: &LabelClass, live: bool) -> bool {
        let level = label.labels.level.level();
        let ceiling = self.peer.and_then(|peer| registry.peer(peer)).map(|peer| peer.ceiling);
        if ceiling.is_some_and(|ceiling| level > ceiling) {
            return false;
        }
        if self.parties.contains(&label.owner) {
            return true;
        }
        let agreement = registry.agreement_of(&label.area);
        let is_elsewhere = agreement.is_some_and(|agreement| agreement.home.is_some());
        let organisation = registry.organisation(self.organisation);
        let is_cleared = organisation.is_none_or(|one| level <= one.clearance);
        if label.embargoed || is_elsewhere || !is_cleared {
            return false;
        }
        let audience = &label.labels.audience;
        let names = |id: &str| audience.iter().any(|token| token.as_str() == id);
        let is_named = names(self.organisation.as_str());
        let signs = agreement.is_some_and(|one| self.parties.iter().any(|p| one.signed_by(p)));
        let is_shared = label.labels.for_signatories()
            || is_named
            || self.parties.iter().any(|party| names(party.as_str()));
        let mut groups = registry.groups_of(self.organisation);
        let is_given = is_named || groups.any(|group| names(group.id.as_str()));
        let mut rows = self.rows.iter().filter_map(|id| registry.release_row(id));
        signs && is_shared || is_given && rows.any(|row| covers(row, label, live))
    }
}

fn covers(row: &ReleaseRow, label: &LabelClass, live: bool) -> bool {
    (row.live || !live)
        && row.areas.contains(&label.area)
        && row.priorities.contains(&label.priority)
        && row.kinds.contains(&label.kind)
        && row.purposes.iter().any(|purpose| label.labels.purposes.contains(purpose))
}
