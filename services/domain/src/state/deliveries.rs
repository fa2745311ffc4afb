//! Views that are delivered over links: how far those of ours have gone, and what came of others'.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    AreaId, DomainId, Sealed, Timestamp,
    link::{
        DELIVERIES_MAX, DeliveryRef, FindingRef, GONE_SECONDS, Outlet, Received, ReceivedFinding,
        STEP_PIECE_SECONDS, StepPiece,
    },
    registry::Registry,
};

/// All deliveries of a domain, both ways.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Deliveries {
    outlets: BTreeMap<DeliveryRef, Arc<Outlet>>,
    received: BTreeMap<DeliveryRef, Arc<Received>>,
    found: BTreeMap<DeliveryRef, Findings>,
    pieces: BTreeMap<DeliveryRef, BTreeMap<u32, Arc<StepPiece>>>,
    /// What may be kept until a time.
    ends: BTreeSet<(Timestamp, DeliveryRef, FindingRef)>,
}

/// The findings of a view that came, by what they are and by when they were changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Findings {
    by_key: BTreeMap<FindingRef, Arc<ReceivedFinding>>,
    by_number: BTreeMap<u64, FindingRef>,
    gone: BTreeSet<u64>,
    /// How long all that is there is, under seal.
    bytes: usize,
}

impl Findings {
    fn take_out(&mut self, key: &FindingRef) -> Option<Arc<ReceivedFinding>> {
        let before = self.by_key.remove(key)?;
        self.by_number.remove(&before.number);
        self.gone.remove(&before.number);
        self.bytes = self.bytes.saturating_sub(length(&before));
        Some(before)
    }

    fn put(&mut self, found: Arc<ReceivedFinding>) {
        if found.content.is_none() {
            self.gone.insert(found.number);
        }
        self.bytes = self.bytes.saturating_add(length(&found));
        self.by_number.insert(found.number, found.key.clone());
        self.by_key.insert(found.key.clone(), found);
    }
}

fn length(found: &ReceivedFinding) -> usize {
    found.content.as_ref().map_or(0, |content| content.bytes.len())
}

impl Deliveries {
    /// How a delivery to a peer stands.
    #[must_use]
    pub fn outlet(&self, of: &DeliveryRef) -> Outlet {
        self.outlets.get(of).map_or_else(|| Outlet::new(of.clone()), |one| Outlet::clone(one))
    }

    /// All deliveries to a peer of which anything has gone.
    pub fn outlets(&self, peer: &DomainId) -> impl Iterator<Item = &Arc<Outlet>> {
        self.outlets.values().filter(move |outlet| outlet.of.peer == *peer)
    }

    /// A view of a peer, as it has come so far.
    #[must_use]
    pub fn received(&self, of: &DeliveryRef) -> Option<&Arc<Received>> {
        self.received.get(of)
    }

    /// All views of peers.
    pub fn all_received(&self) -> impl Iterator<Item = &Arc<Received>> {
        self.received.values()
    }

    /// What there is of a view in an area, by period and id; what has gone is left out.
    pub fn found<'a>(
        &'a self,
        of: &DeliveryRef,
        area: &'a AreaId,
    ) -> impl Iterator<Item = &'a Arc<ReceivedFinding>> + use<'a> {
        let all = self.found.get(of).into_iter().flat_map(|findings| findings.by_key.values());
        all.filter(move |found| found.key.area == *area && found.content.is_some())
    }

    /// What came and went of a view after a number, in that order: each finding once, as it is now.
    pub fn found_after<'a>(
        &'a self,
        of: &DeliveryRef,
        number: u64,
    ) -> impl Iterator<Item = &'a Arc<ReceivedFinding>> + use<'a> {
        let findings = self.found.get(of);
        let after = move |findings: &'a Findings| {
            let keys = findings.by_number.range(number.saturating_add(1)..);
            keys.filter_map(move |(_, key)| findings.by_key.get(key))
        };
        findings.into_iter().flat_map(after)
    }

    /// The revision of a view at its home with which its newest change in an area came.
    #[must_use]
    pub fn revision(&self, of: &DeliveryRef, area: &AreaId) -> u64 {
        let all = self.found.get(of).into_iter().flat_map(|findings| findings.by_key.values());
        let of_area = all.filter(|found| found.key.area == *area);
        of_area.map(|found| found.revision).max().unwrap_or(0)
    }

    /// How many findings there are of a view.
    #[must_use]
    pub fn count(&self, of: &DeliveryRef) -> usize {
        let count = |findings: &Findings| findings.by_key.len().saturating_sub(findings.gone.len());
        self.found.get(of).map_or(0, count)
    }

    /// How long all findings of a view are, under seal.
    pub(crate) fn bytes(&self, of: &DeliveryRef) -> usize {
        self.found.get(of).map_or(0, |findings| findings.bytes)
    }

    /// Of how many findings of a view it is known that they have gone.
    pub(crate) fn gone(&self, of: &DeliveryRef) -> usize {
        self.found.get(of).map_or(0, |findings| findings.gone.len())
    }

    /// Whether a view is known, or there may be one more of its peer.
    pub(crate) fn has_room_for(&self, of: &DeliveryRef) -> bool {
        let is_of_peer = |one: &&DeliveryRef| one.peer == of.peer;
        let known: BTreeSet<&DeliveryRef> =
            self.received.keys().chain(self.pieces.keys()).filter(is_of_peer).collect();
        known.contains(of) || known.len() < DELIVERIES_MAX
    }

    /// What may be kept no longer, by a time.
    pub(crate) fn ended(&self, at: Timestamp) -> impl Iterator<Item = &Arc<ReceivedFinding>> {
        let ended = self.ends.iter().take_while(move |(until, ..)| *until <= at);
        ended.filter_map(|(_, of, key)| self.one(of, key))
    }

    /// Views of areas for which their peer does not speak any more, or that is no peer.
    pub(crate) fn orphaned(&self, registry: &Registry) -> impl Iterator<Item = &Arc<Received>> {
        self.received.values().filter(move |received| {
            let speaks =
                |peer| received.receiver.areas.iter().all(|area| registry.speaks_for(peer, area));
            !registry.peer(&received.of.peer).is_some_and(speaks)
        })
    }

    /// Pieces whose last one did not come.
    pub(crate) fn left_behind(&self, at: Timestamp) -> impl Iterator<Item = &Arc<StepPiece>> {
        let pieces = self.pieces.values().flat_map(BTreeMap::values);
        pieces.filter(move |piece| piece.at.after_seconds(STEP_PIECE_SECONDS) <= at)
    }

    /// The pieces that came of a step, in order.
    pub fn pieces(&self, of: &DeliveryRef) -> impl Iterator<Item = &Arc<StepPiece>> {
        self.pieces.get(of).into_iter().flat_map(BTreeMap::values)
    }

    /// All pieces of steps of a peer.
    pub(crate) fn pieces_of<'a>(
        &'a self,
        peer: &'a DomainId,
    ) -> impl Iterator<Item = &'a Arc<StepPiece>> + use<'a> {
        let of_peer = self.pieces.iter().filter(move |(of, _)| of.peer == *peer);
        of_peer.flat_map(|(_, pieces)| pieces.values())
    }

    /// What of a view has been gone for so long that no cursor asks for it, by a time; and so many
    /// of those that went first in any case.
    pub(crate) fn to_forget<'a>(
        &'a self,
        of: &DeliveryRef,
        at: Timestamp,
        over: usize,
    ) -> impl Iterator<Item = &'a Arc<ReceivedFinding>> + use<'a> {
        let gone = |findings: &'a Findings| {
            let keys = findings.gone.iter().filter_map(|number| findings.by_number.get(number));
            keys.filter_map(|key| findings.by_key.get(key))
        };
        let all = self.found.get(of).into_iter().flat_map(gone).enumerate();
        let is_over = move |place: usize, found: &ReceivedFinding| {
            place < over || found.at.after_seconds(GONE_SECONDS) <= at
        };
        all.take_while(move |(place, found)| is_over(*place, found)).map(|(_, found)| found)
    }

    /// All that is known of a view, also what has gone.
    pub(crate) fn all_found<'a>(
        &'a self,
        of: &DeliveryRef,
    ) -> impl Iterator<Item = &'a Arc<ReceivedFinding>> + use<'a> {
        self.found.get(of).into_iter().flat_map(|findings| findings.by_key.values())
    }

    /// What there is of a finding of a view.
    pub(crate) fn one(&self, of: &DeliveryRef, key: &FindingRef) -> Option<&Arc<ReceivedFinding>> {
        self.found.get(of)?.by_key.get(key)
    }

    pub(super) fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        let found = self.found.values().flat_map(|findings| findings.by_key.values());
        let pieces = self.pieces.values().flat_map(BTreeMap::values);
        let contents = found.filter_map(|found| found.content.as_ref());
        contents.chain(pieces.map(|piece| &piece.events))
    }

    pub(super) fn stands(&mut self, outlet: Arc<Outlet>) {
        self.outlets.insert(outlet.of.clone(), outlet);
    }

    pub(super) fn came(&mut self, received: Arc<Received>) {
        self.received.insert(received.of.clone(), received);
    }

    pub(super) fn went(&mut self, of: &DeliveryRef) {
        self.received.remove(of);
    }

    pub(super) fn find(&mut self, found: Arc<ReceivedFinding>) {
        let findings = self.found.entry(found.of.clone()).or_default();
        if let Some(before) = findings.take_out(&found.key)
            && let Some(until) = before.until
        {
            self.ends.remove(&(until, found.of.clone(), found.key.clone()));
        }
        if let Some(until) = found.until {
            self.ends.insert((until, found.of.clone(), found.key.clone()));
        }
        findings.put(found);
    }

    pub(super) fn forget(&mut self, of: &DeliveryRef, key: &FindingRef) {
        let Some(findings) = self.found.get_mut(of) else { return };
        if let Some(until) = findings.take_out(key).and_then(|before| before.until) {
            self.ends.remove(&(until, of.clone(), key.clone()));
        }
        if findings.by_key.is_empty() {
            self.found.remove(of);
        }
    }

    pub(super) fn put_down(&mut self, piece: Arc<StepPiece>) {
        self.pieces.entry(piece.of.clone()).or_default().insert(piece.number, piece);
    }

    pub(super) fn take_up(&mut self, of: &DeliveryRef, number: u32) {
        if let Some(pieces) = self.pieces.get_mut(of) {
            pieces.remove(&number);
            if pieces.is_empty() {
                self.pieces.remove(of);
            }
        }
    }
}
