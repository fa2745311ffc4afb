//! The links of a domain: what waits, what is under way, what came.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    DomainId, State, Timestamp,
    link::{Arrived, Item, Link, Numbered, Quarantined, Queued},
    message::Precedence,
    row::Row,
};

type Of<T> = BTreeMap<DomainId, BTreeMap<(u64, u64), T>>;

/// All links of a domain.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Links {
    links: BTreeMap<DomainId, Arc<Link>>,
    /// The most urgent first, then in the order in which they came.
    queues: BTreeMap<DomainId, BTreeMap<(Precedence, u64), Arc<Queued>>>,
    numbered: Of<Arc<Numbered>>,
    arrived: Of<Arrived>,
    quarantined: Of<Arc<Quarantined>>,
}

impl Links {
    /// A link as it stands.
    #[must_use]
    pub fn link(&self, peer: &DomainId) -> Link {
        self.links.get(peer).map_or_else(|| Link::new(peer.clone()), |link| Link::clone(link))
    }

    /// What waits to be numbered for a peer: the most urgent first, then as it came.
    pub fn queue(&self, peer: &DomainId) -> impl Iterator<Item = &Arc<Queued>> {
        self.queues.get(peer).into_iter().flat_map(BTreeMap::values)
    }

    /// A place in the queue of a peer.
    #[must_use]
    pub fn queued(&self, peer: &DomainId, number: u64) -> Option<&Arc<Queued>> {
        let queue = self.queues.get(peer)?;
        Precedence::ALL.iter().find_map(|precedence| queue.get(&(*precedence, number)))
    }

    /// How much waits to be numbered for a peer.
    #[must_use]
    pub fn waiting(&self, peer: &DomainId) -> usize {
        self.queues.get(peer).map_or(0, BTreeMap::len)
    }

    /// What is numbered for a peer and not taken in by it, after a number of a chain.
    pub fn numbered_after(
        &self,
        peer: &DomainId,
        epoch: u64,
        sequence: u64,
    ) -> impl Iterator<Item = &Arc<Numbered>> {
        let from = (epoch, sequence.saturating_add(1));
        let all = self.numbered.get(peer).into_iter();
        all.flat_map(move |of| of.range(from..=(epoch, u64::MAX)).map(|(_, envelope)| envelope))
    }

    /// What became of an envelope of a peer, as long as that is kept.
    #[must_use]
    pub fn arrived(&self, peer: &DomainId, epoch: u64, sequence: u64) -> Option<&Arrived> {
        self.arrived.get(peer)?.get(&(epoch, sequence))
    }

    pub(crate) fn arrived_before(
        &self,
        peer: &DomainId,
        epoch: u64,
        sequence: u64,
    ) -> impl Iterator<Item = &Arrived> {
        let all = self.arrived.get(peer).into_iter();
        all.flat_map(move |of| of.range(..(epoch, sequence)).map(|(_, arrived)| arrived))
    }

    /// What of a peer was set aside, in the order of its numbers.
    pub fn quarantined(&self, peer: &DomainId) -> impl Iterator<Item = &Arc<Quarantined>> {
        self.quarantined.get(peer).into_iter().flat_map(BTreeMap::values)
    }

    /// How much of a peer is set aside.
    #[must_use]
    pub fn quarantine_size(&self, peer: &DomainId) -> usize {
        self.quarantined.get(peer).map_or(0, BTreeMap::len)
    }

    /// What waits in queues and was only worth sending until now.
    pub(crate) fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Queued>> {
        let all = self.queues.values().flat_map(BTreeMap::values);
        all.filter(move |queued| queued.until.is_some_and(|until| until <= now))
    }

    pub(super) fn sealed(&self) -> impl Iterator<Item = &crate::Sealed> {
        let numbered = self.numbered.values().flat_map(BTreeMap::values);
        let aside = self.quarantined.values().flat_map(BTreeMap::values);
        numbered.map(|row| &row.payload).chain(aside.map(|row| &row.payload))
    }

    pub(super) fn stands(&mut self, link: Arc<Link>) {
        self.links.insert(link.peer.clone(), link);
    }

    pub(super) fn queue_up(&mut self, queued: Arc<Queued>) {
        let place = (queued.precedence, queued.number);
        self.queues.entry(queued.peer.clone()).or_default().insert(place, queued);
    }

    pub(super) fn unqueue(&mut self, peer: &DomainId, number: u64) {
        if let Some(queue) = self.queues.get_mut(peer) {
            for precedence in Precedence::ALL {
                queue.remove(&(*precedence, number));
            }
        }
    }

    pub(super) fn number(&mut self, row: Arc<Numbered>) {
        let at = (row.epoch, row.sequence);
        self.numbered.entry(row.peer.clone()).or_default().insert(at, row);
    }

    pub(super) fn settle(&mut self, peer: &DomainId, epoch: u64, sequence: u64) {
        if let Some(of) = self.numbered.get_mut(peer) {
            of.remove(&(epoch, sequence));
        }
    }

    pub(super) fn arrive(&mut self, row: Arrived) {
        self.arrived.entry(row.peer.clone()).or_default().insert((row.epoch, row.sequence), row);
    }

    pub(super) fn forget_arrived(&mut self, peer: &DomainId, epoch: u64, sequence: u64) {
        if let Some(of) = self.arrived.get_mut(peer) {
            of.remove(&(epoch, sequence));
        }
    }

    pub(super) fn quarantine(&mut self, row: Arc<Quarantined>) {
        let at = (row.epoch, row.sequence);
        self.quarantined.entry(row.peer.clone()).or_default().insert(at, row);
    }

    pub(super) fn release(&mut self, peer: &DomainId, epoch: u64, sequence: u64) {
        if let Some(of) = self.quarantined.get_mut(peer) {
            of.remove(&(epoch, sequence));
        }
    }
}

/// What one entry puts into outboxes: places are given one after the other.
pub(crate) struct Outbox<'a> {
    links: &'a Links,
    at: Timestamp,
    changed: BTreeMap<DomainId, Link>,
    rows: Vec<Row>,
}

impl<'a> Outbox<'a> {
    pub(crate) const fn new(state: &'a State, at: Timestamp) -> Self {
        Self { links: state.links(), at, changed: BTreeMap::new(), rows: Vec::new() }
    }

    /// A link as this entry leaves it so far.
    pub(crate) fn link(&self, peer: &DomainId) -> Link {
        self.changed.get(peer).cloned().unwrap_or_else(|| self.links.link(peer))
    }

    /// How much waits for a peer, with what this entry has added.
    pub(crate) fn waiting(&self, peer: &DomainId) -> usize {
        let added = self.link(peer).queued.saturating_sub(self.links.link(peer).queued);
        self.links.waiting(peer).saturating_add(usize::try_from(added).unwrap_or(usize::MAX))
    }

    /// Changes a link.
    pub(crate) fn stands(&mut self, link: Link) {
        self.changed.insert(link.peer.clone(), link);
    }

    /// Puts something at the end.
    pub(crate) fn put(
        &mut self,
        peer: &DomainId,
        precedence: Precedence,
        until: Option<Timestamp>,
        item: Item,
    ) {
        let link = self.link(peer);
        let number = link.queued.saturating_add(1);
        self.stands(Link { queued: number, ..link });
        let queued = Queued { peer: peer.clone(), number, at: self.at, precedence, until, item };
        self.rows.push(Row::Queued(queued.into()));
    }

    pub(crate) fn into_rows(self) -> Vec<Row> {
        let links = self.changed.into_values().map(|link| Row::Link(Arc::new(link)));
        self.rows.into_iter().chain(links).collect()
    }
}
