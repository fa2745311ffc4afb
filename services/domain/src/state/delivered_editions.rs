//! Editions that cross links: what peers have of ours, what came of theirs, and what was answered
//! to them here.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    AreaId, DomainId, EditionId, Sealed, Timestamp,
    link::{
        DeliveryRef, EditionOutlet, EditionPiece, EditionRef, GIVEN_SECONDS, GivenAnswer, GivenRef,
        ReceivedEdition, STEP_PIECE_SECONDS,
    },
    row::EditionRow,
};

/// All editions of a domain that cross links, both ways.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DeliveredEditions {
    outlets: BTreeMap<EditionRef, Arc<EditionOutlet>>,
    received: BTreeMap<DeliveryRef, BTreeMap<EditionId, Arc<ReceivedEdition>>>,
    /// Of each delivery one edition is under way at most.
    pieces: BTreeMap<DeliveryRef, BTreeMap<u32, Arc<EditionPiece>>>,
    given: BTreeMap<GivenRef, Arc<GivenAnswer>>,
}

impl DeliveredEditions {
    /// What a peer has of an edition; none: nothing.
    #[must_use]
    pub fn outlet(&self, of: &EditionRef) -> Option<&Arc<EditionOutlet>> {
        self.outlets.get(of)
    }

    /// What a peer has of the editions of a delivery.
    pub fn outlets<'a>(
        &'a self,
        of: &'a DeliveryRef,
    ) -> impl Iterator<Item = &'a Arc<EditionOutlet>> + use<'a> {
        self.outlets.values().filter(move |outlet| outlet.of.of == *of)
    }

    /// An edition of a delivery, as it came last.
    #[must_use]
    pub fn one(&self, of: &DeliveryRef, edition: &EditionId) -> Option<&Arc<ReceivedEdition>> {
        self.received.get(of)?.get(edition)
    }

    /// All editions of a delivery that came.
    pub fn received<'a>(
        &'a self,
        of: &DeliveryRef,
    ) -> impl Iterator<Item = &'a Arc<ReceivedEdition>> + use<'a> {
        self.received.get(of).into_iter().flat_map(BTreeMap::values)
    }

    /// Those of an area, the newest first.
    #[must_use]
    pub fn of_area(&self, of: &DeliveryRef, area: &AreaId) -> Vec<Arc<ReceivedEdition>> {
        let mut all: Vec<_> =
            self.received(of).filter(|one| one.area == *area).map(Arc::clone).collect();
        all.sort_by(|a, b| (b.opened_at, &b.of).cmp(&(a.opened_at, &a.of)));
        all
    }

    /// Those released that changed after a number, in that order.
    #[must_use]
    pub fn released_after(&self, of: &DeliveryRef, number: u64) -> Vec<Arc<ReceivedEdition>> {
        let is_new = |one: &&Arc<ReceivedEdition>| one.released && one.number > number;
        let mut all: Vec<_> = self.received(of).filter(is_new).map(Arc::clone).collect();
        all.sort_by_key(|one| one.number);
        all
    }

    /// The pieces that came of an edition of a delivery, in order.
    pub fn pieces<'a>(
        &'a self,
        of: &DeliveryRef,
    ) -> impl Iterator<Item = &'a Arc<EditionPiece>> + use<'a> {
        self.pieces.get(of).into_iter().flat_map(BTreeMap::values)
    }

    /// All pieces of editions of a peer.
    pub(crate) fn pieces_of<'a>(
        &'a self,
        peer: &'a DomainId,
    ) -> impl Iterator<Item = &'a Arc<EditionPiece>> + use<'a> {
        let of_peer = self.pieces.iter().filter(move |(of, _)| of.peer == *peer);
        of_peer.flat_map(|(_, pieces)| pieces.values())
    }

    /// Pieces whose last one did not come.
    pub(crate) fn left_behind(&self, at: Timestamp) -> impl Iterator<Item = &Arc<EditionPiece>> {
        let pieces = self.pieces.values().flat_map(BTreeMap::values);
        pieces.filter(move |piece| piece.at.after_seconds(STEP_PIECE_SECONDS) <= at)
    }

    /// What was answered here.
    #[must_use]
    pub fn given(&self, of: &GivenRef) -> Option<&Arc<GivenAnswer>> {
        self.given.get(of)
    }

    /// All that was answered here to an edition of a peer.
    pub fn all_given<'a>(
        &'a self,
        peer: &'a DomainId,
        edition: &'a EditionId,
    ) -> impl Iterator<Item = &'a Arc<GivenAnswer>> + use<'a> {
        self.given_to(peer).filter(move |given| given.of.edition == *edition)
    }

    /// All that was answered here to editions of a peer.
    pub fn given_to<'a>(
        &'a self,
        peer: &'a DomainId,
    ) -> impl Iterator<Item = &'a Arc<GivenAnswer>> + use<'a> {
        self.given.values().filter(move |given| given.of.peer == *peer)
    }

    /// What was answered so long ago that nobody asks for it.
    pub(crate) fn given_long_ago(&self, at: Timestamp) -> impl Iterator<Item = &Arc<GivenAnswer>> {
        let is_old =
            move |given: &&Arc<GivenAnswer>| given.answer.at.after_seconds(GIVEN_SECONDS) <= at;
        self.given.values().filter(is_old)
    }

    pub(super) fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        let received = self.received.values().flat_map(BTreeMap::values);
        let contents = received.flat_map(|one| one.sealed());
        let pieces = self.pieces.values().flat_map(BTreeMap::values);
        let texts = self.given.values().filter_map(|given| given.answer.text.as_ref());
        contents.chain(pieces.map(|piece| &piece.content)).chain(texts)
    }

    pub(super) fn absorb(&mut self, row: EditionRow) {
        match row {
            EditionRow::Outlet(outlet) => {
                self.outlets.insert(outlet.of.clone(), outlet);
            }
            EditionRow::OutletGone(of) => {
                self.outlets.remove(&of);
            }
            EditionRow::Received(edition) => {
                let EditionRef { of, edition: id } = edition.of.clone();
                self.received.entry(of).or_default().insert(id, edition);
            }
            EditionRow::Forgotten(of) => self.forget(&of),
            EditionRow::Piece(piece) => {
                self.pieces.entry(piece.of.of.clone()).or_default().insert(piece.number, piece);
            }
            EditionRow::PieceGone(of, number) => self.take_up(&of, number),
            EditionRow::Given(given) => {
                self.given.insert(given.of.clone(), given);
            }
            EditionRow::GivenForgotten(of) => {
                self.given.remove(&of);
            }
        }
    }

    fn forget(&mut self, of: &EditionRef) {
        if let Some(editions) = self.received.get_mut(&of.of) {
            editions.remove(&of.edition);
            if editions.is_empty() {
                self.received.remove(&of.of);
            }
        }
    }

    fn take_up(&mut self, of: &DeliveryRef, number: u32) {
        if let Some(pieces) = self.pieces.get_mut(of) {
            pieces.remove(&number);
            if pieces.is_empty() {
                self.pieces.remove(of);
            }
        }
    }
}
