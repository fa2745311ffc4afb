//! Own pictures that cross links: what peers have of ours, and what of theirs waits for its rest.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    DomainId, ObservationId, Sealed, Timestamp,
    link::{PIECE_SECONDS, PictureRef, Piece, Share},
};

/// All contributions of a domain, both ways.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Contributions {
    shares: BTreeMap<PictureRef, Arc<Share>>,
    held: BTreeMap<PictureRef, BTreeMap<ObservationId, u64>>,
    pieces: BTreeMap<PictureRef, BTreeMap<u32, Arc<Piece>>>,
}

impl Contributions {
    /// How an own picture stands with a peer.
    #[must_use]
    pub fn share(&self, of: &PictureRef) -> Share {
        self.shares.get(of).map_or_else(|| Share::new(of.clone()), |share| Share::clone(share))
    }

    /// All own pictures of which anything has crossed, or was compared.
    pub fn shares(&self) -> impl Iterator<Item = &Arc<Share>> {
        self.shares.values()
    }

    /// What a peer has said that it has of an own picture: each observation with the revision of
    /// its stage.
    pub fn held<'a>(
        &'a self,
        of: &PictureRef,
    ) -> impl Iterator<Item = (&'a ObservationId, u64)> + use<'a> {
        let all = self.held.get(of).into_iter().flatten();
        all.map(|(id, revision)| (id, *revision))
    }

    /// Whether a peer may have an observation: it has said so, or it is on its way to it.
    #[must_use]
    pub fn may_have(&self, of: &PictureRef, id: &ObservationId) -> bool {
        let under_way = self.shares.get(of).and_then(|share| share.under_way.as_ref());
        let mut changes = under_way.into_iter().flat_map(|under_way| &under_way.changes);
        self.held.get(of).is_some_and(|held| held.contains_key(id))
            || changes.any(|(one, stage)| one == id && stage.is_some())
    }

    /// What a peer may have: what it has said, and what is on its way to it.
    #[must_use]
    pub fn may_hold(&self, of: &PictureRef) -> usize {
        let held = self.held.get(of);
        let under_way = self.shares.get(of).and_then(|share| share.under_way.as_ref());
        let changes = under_way.into_iter().flat_map(|under_way| &under_way.changes);
        let is_held = |id: &ObservationId| held.is_some_and(|held| held.contains_key(id));
        let new = changes.filter(|(id, stage)| stage.is_some() && !is_held(id)).count();
        held.map_or(0, BTreeMap::len).saturating_add(new)
    }

    /// The pieces that came of a contribution, in order.
    pub fn pieces(&self, of: &PictureRef) -> impl Iterator<Item = &Arc<Piece>> {
        self.pieces.get(of).into_iter().flat_map(BTreeMap::values)
    }

    /// All pieces of contributions of a peer.
    pub(crate) fn pieces_of<'a>(
        &'a self,
        peer: &'a DomainId,
    ) -> impl Iterator<Item = &'a Arc<Piece>> + use<'a> {
        let of_peer = self.pieces.iter().filter(move |(of, _)| of.peer == *peer);
        of_peer.flat_map(|(_, pieces)| pieces.values())
    }

    /// Pieces whose last one did not come.
    pub(crate) fn left_behind(&self, at: Timestamp) -> impl Iterator<Item = &Arc<Piece>> {
        let pieces = self.pieces.values().flat_map(BTreeMap::values);
        pieces.filter(move |piece| piece.at.after_seconds(PIECE_SECONDS) <= at)
    }

    pub(super) fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        let pieces = self.pieces.values().flat_map(BTreeMap::values);
        pieces.flat_map(|piece| &piece.upserts).filter_map(|upsert| upsert.sealed.as_ref())
    }

    pub(super) fn stands(&mut self, share: Arc<Share>) {
        self.shares.insert(share.of.clone(), share);
    }

    pub(super) fn shared(&mut self, of: PictureRef, id: ObservationId, revision: u64) {
        self.held.entry(of).or_default().insert(id, revision);
    }

    pub(super) fn unshared(&mut self, of: &PictureRef, id: &ObservationId) {
        if let Some(held) = self.held.get_mut(of) {
            held.remove(id);
            if held.is_empty() {
                self.held.remove(of);
            }
        }
    }

    pub(super) fn put_down(&mut self, piece: Arc<Piece>) {
        self.pieces.entry(piece.of.clone()).or_default().insert(piece.number, piece);
    }

    pub(super) fn take_up(&mut self, of: &PictureRef, number: u32) {
        if let Some(pieces) = self.pieces.get_mut(of) {
            pieces.remove(&number);
            if pieces.is_empty() {
                self.pieces.remove(of);
            }
        }
    }
}
