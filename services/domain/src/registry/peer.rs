//! Function addresses of this domain, and the domains that it is linked with.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Delivery, Registry};
use crate::{
    AreaId, DomainId, FunctionId, KeyId, OrganisationId, RowId, ServiceId, message::MessageKind,
};

/// How many endpoints, authorities and keys a peer has at most, of each.
pub const PEER_PARTS_MAX: usize = 8;

/// A function (funktion) that messages are addressed to; persons have no addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Its address: the number of its organisation, `/`, and its name.
    pub id: FunctionId,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// Its name, for people.
    pub name: String,
    /// The services that read and send for it, all of its organisation.
    pub services: BTreeSet<ServiceId>,
}

/// A key with which a peer signs what it sends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerKey {
    /// Its id.
    pub id: KeyId,
    /// The Ed25519 public key, 64 hexadecimal digits.
    pub public_key: String,
}

/// An organisation at home in a peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerOrganisation {
    /// Its organisation number, ten digits.
    pub orgnr: String,
    /// Its name.
    pub name: String,
}

/// Another domain, and what may cross the link with it. What is not named may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its name, which its link certificates carry: `spiffe://<id>/link/<name>`.
    pub id: DomainId,
    /// Its name, for people.
    pub name: String,
    /// The federation that both are in; a test's is never that of production.
    pub federation: String,
    /// Where it listens for links, `host:port`; none: it connects to us.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// The authorities that issue its link certificates, in PEM.
    pub authorities: Vec<String>,
    /// The keys with which it signs, one at least.
    pub keys: BTreeSet<PeerKey>,
    /// The organisations that are at home there.
    pub organisations: BTreeSet<PeerOrganisation>,
    /// The highest level of secrecy that may cross, either way, 0–3.
    pub ceiling: u8,
    /// The kinds of messages that may cross, either way.
    pub message_kinds: BTreeSet<MessageKind>,
    /// How many envelopes it may send in a minute.
    pub envelopes_per_minute: u32,
    /// The areas whose joint picture it may deliver here, where no agreement says that it is their
    /// home.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub areas: BTreeSet<AreaId>,
    /// What is delivered to it of joint pictures that are at home here, by id.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deliveries: BTreeSet<Delivery>,
}

impl Registry {
    /// A function of this domain.
    #[must_use]
    pub fn function(&self, id: &FunctionId) -> Option<&Function> {
        self.functions.get(id)
    }

    /// All functions of this domain, by address.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values()
    }

    /// A peer.
    #[must_use]
    pub fn peer(&self, id: &DomainId) -> Option<&Peer> {
        self.peers.get(id)
    }

    /// All peers, by name.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    /// Whether the joint picture of an area is ordered in a peer: as its agreement says, or where
    /// there is none, as the peer's row does.
    #[must_use]
    pub fn speaks_for(&self, peer: &Peer, area: &AreaId) -> bool {
        match self.agreement_of(area) {
            Some(agreement) => agreement.home.as_ref() == Some(&peer.id),
            None => peer.areas.contains(area),
        }
    }

    /// The peer where an organisation is at home.
    #[must_use]
    pub fn peer_of(&self, orgnr: &str) -> Option<&Peer> {
        self.peers.values().find(|peer| peer.has(orgnr))
    }
}

impl Peer {
    /// Whether a text can be an endpoint: `host:port`.
    #[must_use]
    pub fn is_endpoint(text: &str) -> bool {
        let parts = text.rsplit_once(':');
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        parts.is_some_and(|(host, port)| !host.is_empty() && is_port(port))
    }

    /// Whether an organisation is at home there.
    #[must_use]
    pub fn has(&self, orgnr: &str) -> bool {
        self.organisations.iter().any(|organisation| organisation.orgnr == orgnr)
    }

    /// A delivery to it.
    #[must_use]
    pub fn delivery(&self, id: &RowId) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.id == *id)
    }

    /// Whether all that a delivery gives is given by the one with its id.
    fn delivers(&self, after: &Delivery) -> bool {
        self.delivery(&after.id).is_some_and(|before| before.narrowed_to(after))
    }

    /// Whether another row lets nothing across that this one did not, over no other way.
    #[must_use]
    pub(super) fn narrowed_to(&self, after: &Self) -> bool {
        let Self {
            id,
            name: _,
            federation,
            endpoints,
            authorities,
            keys,
            organisations,
            ceiling,
            message_kinds,
            envelopes_per_minute,
            areas,
            deliveries,
        } = after;
        *id == self.id
            && *federation == self.federation
            && *endpoints == self.endpoints
            && authorities.iter().all(|authority| self.authorities.contains(authority))
            && keys.is_subset(&self.keys)
            && organisations.is_subset(&self.organisations)
            && *ceiling <= self.ceiling
            && message_kinds.is_subset(&self.message_kinds)
            && *envelopes_per_minute <= self.envelopes_per_minute
            && areas.is_subset(&self.areas)
            && deliveries.iter().all(|after| self.delivers(after))
    }
}
