//! What of joint pictures is delivered to another domain, without being asked for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Registry;
use crate::{
    AreaId, LegalBasisId, OrganisationId, PartyId, PurposeId, RowId, commit::canonical::Message,
    disclosure::Ground, link::DELIVERIES_MAX,
};

/// A standing disclosure (stående utlämnande) over a link: an organisation that is at home in the
/// peer gets what it may see of joint pictures here, as if a system of it read them on this ground.
/// What that is, agreements and release rows say; no more is given by this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Its id.
    pub id: RowId,
    /// Who receives; at home in the peer.
    pub organisation: OrganisationId,
    /// For which of its parties: those that have signed see what signatories see; none: for itself,
    /// by its release rows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub parties: BTreeSet<PartyId>,
    /// Of which areas, one at least.
    pub areas: BTreeSet<AreaId>,
    /// For which purpose.
    pub purpose: PurposeId,
    /// On which legal basis.
    pub legal_basis: LegalBasisId,
    /// The recorded weighing of interests, where the basis asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighing: Option<String>,
}

impl Delivery {
    /// On what ground it is given.
    #[must_use]
    pub fn ground(&self) -> Ground {
        Ground {
            purpose: self.purpose.clone(),
            legal_basis: self.legal_basis.clone(),
            weighing: self.weighing.clone(),
        }
    }

    /// Whether another one gives nothing that this one does not, on no other ground.
    pub(super) fn narrowed_to(&self, after: &Self) -> bool {
        let Self { id, organisation, parties, areas, purpose, legal_basis, weighing } = after;
        (id, organisation, purpose) == (&self.id, &self.organisation, &self.purpose)
            && (legal_basis, weighing) == (&self.legal_basis, &self.weighing)
            && parties.is_subset(&self.parties)
            && areas.is_subset(&self.areas)
    }
}

/// How many areas and parties a delivery names at most, of each.
const IDS_MAX: usize = 64;
/// How long the reference of a weighing is at most.
const WEIGHING_CHARACTERS_MAX: usize = 128;

/// Deliveries are to organisations that are at home in the peer, and of areas that are known.
pub(super) fn whole(registry: &Registry, faults: &mut Vec<String>) {
    for peer in registry.peers.values() {
        let of = &peer.id;
        for area in &peer.areas {
            let others = registry.peers.values().filter(|other| other.id != *of);
            if others.filter(|other| other.areas.contains(area)).count() > 0 {
                faults.push(format!("peers: `{of}` is not the only one that delivers `{area}`"));
            }
        }
        if peer.deliveries.len() > DELIVERIES_MAX {
            faults.push(format!("peers: `{of}` has more than {DELIVERIES_MAX} deliveries"));
        }
        for delivery in &peer.deliveries {
            let id = &delivery.id;
            let mut fault = |what: &str| {
                faults.push(format!("peers: delivery `{id}` to `{of}` {what}"));
            };
            if peer.deliveries.iter().filter(|other| other.id == *id).count() > 1 {
                fault("stands there twice; give each an id of its own");
            }
            let organisation = registry.organisation(&delivery.organisation);
            if organisation.is_none_or(|organisation| !peer.has(&organisation.orgnr)) {
                fault("is to an organisation that is not at home there; add it to the peer first");
            }
            for party in &delivery.parties {
                let party = registry.party(party);
                if party.is_none_or(|party| party.organisation != delivery.organisation) {
                    fault("is for a party that is not of its organisation");
                }
            }
            if delivery.areas.is_empty() {
                fault("is of no area; name one at least");
            }
            if delivery.areas.len().max(delivery.parties.len()) > IDS_MAX {
                fault("is of more than 64 areas or for more than 64 parties; make two of it");
            }
            let weighing = delivery.weighing.as_deref().unwrap_or_default();
            let is_text = Message::new().with(1, weighing).encode().is_ok();
            let is_line = !weighing.chars().any(char::is_control);
            if !is_text || !is_line || weighing.chars().count() > WEIGHING_CHARACTERS_MAX {
                fault("has a weighing that is no reference of at most 128 characters on one line");
            }
            if delivery.areas.iter().any(|area| registry.area(area).is_none()) {
                fault("is of an area that is not registered");
            }
            let lists = registry.lists();
            let basis = lists.legal_basis(&delivery.legal_basis);
            if !lists.has_purpose(&delivery.purpose) || basis.is_none() {
                fault("has a purpose or legal basis that is not registered");
            }
            if basis.is_some_and(|basis| basis.needs_weighing) && delivery.weighing.is_none() {
                fault("needs a weighing: its legal basis asks for one");
            }
        }
    }
}
