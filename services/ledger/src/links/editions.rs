//! Editions that go to a peer: what it has of each is compared with what it may have, and the
//! difference goes, recorded, as a whole.

use std::sync::Arc;

use samsyn_domain::{
    EditionId, FeatureLevel, Labels, State, Timestamp,
    command::{Digest, EditionOffer},
    edition::Edition,
    link::{
        DeliveredEdition, DeliveryRef, EDITIONS_LEVEL, EDITIONS_MAX, EditionRef, Outlet, Payload,
    },
    message::Precedence,
    registry::{Delivery, Peer},
};
use samsyn_policy::{EditionView, Egress, Reader, ReviewView, View, Why};
use samsyn_proto::sealed::delivered_edition;

use super::deliver::{HELD_BACK_SECONDS, PIECE_BYTES_MAX};
use crate::{Error, Ledger, Rejection};

/// In how many pieces an edition goes at most: they are numbered by one entry.
const PIECES_MAX: usize = 16;

/// An edition of which a peer is to have another view, or none any more.
pub(super) struct DueEdition {
    pub(super) of: EditionRef,
    turn: u64,
    orgnr: Arc<str>,
    before: Option<Digest>,
    after: Option<Digest>,
    opened_at: Timestamp,
    labels: Option<Arc<Labels>>,
    content: Vec<u8>,
}

/// A piece of an edition, and what goes with it.
pub(super) struct MadeEdition {
    pub(super) offer: EditionOffer,
    pub(super) payload: Payload,
    /// What names its envelope, whenever it is made.
    pub(super) name: String,
}

/// What a peer has of an edition, and what it may have.
struct Difference {
    edition: EditionId,
    opened_at: Timestamp,
    before: Option<Digest>,
    after: Option<Digest>,
}

impl Ledger {
    /// Editions of which a peer that reads up to a level is to have another view, as many as so
    /// many envelopes hold. What they bring is recorded as disclosed.
    pub(super) async fn due_editions(
        &self,
        peer: &Peer,
        level: u32,
        mut room: usize,
    ) -> Vec<DueEdition> {
        let mut due = Vec::new();
        if level < EDITIONS_LEVEL || self.read(State::level) < FeatureLevel::EDITIONS {
            return due;
        }
        for delivery in &peer.deliveries {
            let of = DeliveryRef { peer: peer.id.clone(), id: delivery.id.clone() };
            let Some((outlet, reader)) = self.goes_on_with(delivery, &of, level) else { continue };
            for difference in self.differences(&outlet, &reader, delivery) {
                if room == 0 {
                    return due;
                }
                let of = EditionRef { of: of.clone(), edition: difference.edition.clone() };
                if self.inner.views.delivered.editions.is_held_back(&of, (self.inner.clock)()) {
                    continue;
                }
                match self.due_edition(&outlet, &reader, of.clone(), difference).await {
                    Ok(one) if one.envelopes() <= room => {
                        room = room.saturating_sub(one.envelopes());
                        due.push(one);
                    }
                    Ok(_) => {}
                    Err(why) => {
                        let (peer, edition) = (&of.of.peer, &of.edition);
                        tracing::error!(%peer, %edition, %why, "an edition waits");
                        let until = (self.inner.clock)().after_seconds(HELD_BACK_SECONDS);
                        self.inner.views.delivered.editions.hold_back(of, until);
                    }
                }
            }
        }
        due
    }

    /// How a delivery stands, with who reads by it; none: its view has to begin first, or has
    /// ended.
    fn goes_on_with(
        &self,
        delivery: &Delivery,
        of: &DeliveryRef,
        level: u32,
    ) -> Option<(Outlet, Reader)> {
        let outlet = self.read(|state| state.deliveries().outlet(of));
        let receiver = self.receiver(delivery, of, level).ok()?;
        let goes_on = outlet.is_held()
            && !outlet.cursor.is_empty()
            && outlet.receiver.as_deref() == Some(&receiver);
        let now = (self.inner.clock)();
        let reader = self.read(|state| Reader::delivered(state, now, of)).ok()?;
        goes_on.then_some((outlet, reader))
    }

    /// What is different: what must go from there first, then what was opened last.
    fn differences(
        &self,
        outlet: &Outlet,
        reader: &Reader,
        delivery: &Delivery,
    ) -> Vec<Difference> {
        let mut all = self.read(|state| {
            let egress = Egress::new(state, &*self.inner.keys, reader);
            let editions = state.delivered_editions();
            let mut open: Vec<&Edition> =
                state.editions().filter(|one| delivery.areas.contains(&one.area)).collect();
            open.sort_by_key(|one| std::cmp::Reverse(one.opened_at));
            let shown = open.into_iter().filter_map(|edition| {
                let after = self.inner.keys.digest("edition", &[&egress.edition_terms(edition)?]);
                Some((edition, after))
            });
            let shown: Vec<_> = shown.take(EDITIONS_MAX).collect();
            let is_shown = |id: &EditionId| shown.iter().any(|(one, _)| one.id == *id);
            let had = editions.outlets(&outlet.of).filter(|one| !is_shown(&one.of.edition));
            let gone = had.map(|one| Difference {
                edition: one.of.edition.clone(),
                opened_at: one.at,
                before: Some(one.shown),
                after: None,
            });
            let changed = shown.iter().map(|(edition, after)| {
                let of = EditionRef { of: outlet.of.clone(), edition: edition.id.clone() };
                Difference {
                    edition: edition.id.clone(),
                    opened_at: edition.opened_at,
                    before: editions.outlet(&of).map(|one| one.shown),
                    after: Some(*after),
                }
            });
            gone.chain(changed).collect::<Vec<_>>()
        });
        all.retain(|one| one.before != one.after);
        all
    }

    /// An edition as a peer is to have it: recorded, encoded.
    async fn due_edition(
        &self,
        outlet: &Outlet,
        reader: &Reader,
        of: EditionRef,
        difference: Difference,
    ) -> Result<DueEdition, Rejection> {
        let Difference { edition, opened_at, before, after } = difference;
        let orgnr = outlet.receiver.as_ref().map(|receiver| Arc::clone(&receiver.orgnr));
        let mut due = DueEdition {
            of,
            turn: outlet.turn,
            orgnr: orgnr.unwrap_or_default(),
            before,
            after,
            opened_at,
            labels: None,
            content: Vec::new(),
        };
        if after.is_none() {
            return Ok(due);
        }
        let view = self.edition_here(reader, &edition, 0, usize::MAX).await?;
        let review = self.review_for(reader, &view).await?;
        due.labels = labels_of(&view, review.as_ref()).map(Arc::new);
        due.content = delivered_edition(&view, review.as_ref());
        if due.envelopes() > PIECES_MAX {
            let why = "an edition is larger than a link takes; it is read at its home";
            return Err(Error::Fatal(why.to_owned()).into());
        }
        Ok(due)
    }

    /// What rebuilds the content root, where the receiver is asked for an answer and all of it may
    /// cross.
    async fn review_for(
        &self,
        reader: &Reader,
        view: &View<EditionView>,
    ) -> Result<Option<View<ReviewView>>, Rejection> {
        let edition = &view.content().header.edition;
        if edition.current().is_none() {
            return Ok(None);
        }
        match self.review_here(reader, &edition.id, 0, usize::MAX).await {
            Ok(review) => Ok(Some(review)),
            Err(Rejection::Denied(denial))
                if matches!(denial.why, Why::NotAllowed | Why::AboveCeiling) =>
            {
                Ok(None)
            }
            Err(why) => Err(why),
        }
    }
}

/// The labels of all that a view of an edition shows, combined; none: it shows nothing.
fn labels_of(view: &View<EditionView>, review: Option<&View<ReviewView>>) -> Option<Labels> {
    let EditionView { header, analysis, joint, .. } = view.content();
    let seen = joint.findings.iter().flat_map(|finding| &finding.contributions);
    let seen = seen.map(|one| &*one.labels);
    let round = header.edition.current().filter(|_| analysis.is_some());
    let analysis = round.map(|round| &round.locked.analysis_labels);
    let review = review.and_then(|review| review.content().labels.as_ref());
    Labels::derived(seen.chain(analysis).chain(review))
}

impl DueEdition {
    /// Something must go there: it is sent before all else.
    pub(super) const fn withdraws(&self) -> bool {
        self.after.is_none()
    }

    /// How urgent its envelopes are.
    pub(super) const fn precedence(&self) -> Precedence {
        if self.withdraws() { Precedence::Flash } else { Precedence::Priority }
    }

    /// How many envelopes it takes.
    pub(super) fn envelopes(&self) -> usize {
        self.content.len().div_ceil(PIECE_BYTES_MAX).max(1)
    }

    /// Whose it is.
    pub(super) fn orgnr(&self) -> &str {
        &self.orgnr
    }

    /// The labels of what it brings.
    pub(super) const fn labels(&self) -> Option<&Arc<Labels>> {
        self.labels.as_ref()
    }

    /// Its pieces, in order.
    pub(super) fn pieces(&self) -> Vec<MadeEdition> {
        let Self { of, turn, before, after, opened_at, content, .. } = self;
        let count = u32::try_from(self.envelopes()).unwrap_or(u32::MAX);
        let mut chunks = content.chunks(PIECE_BYTES_MAX);
        let shown = after.map(hex::encode).unwrap_or_default();
        let pieces = (0..count).map(|piece| {
            let last = piece.saturating_add(1) == count;
            let (delivery, edition) = (of.of.id.clone(), of.edition.clone());
            MadeEdition {
                offer: EditionOffer {
                    delivery: delivery.clone(),
                    turn: *turn,
                    edition: edition.clone(),
                    before: *before,
                    after: *after,
                    last,
                },
                name: format!("edition {delivery} {turn} {edition} {shown} {piece}"),
                payload: Payload::Edition(Box::new(DeliveredEdition {
                    delivery,
                    edition,
                    piece,
                    last,
                    gone: after.is_none(),
                    opened_at: *opened_at,
                    content: chunks.next().unwrap_or_default().to_vec(),
                })),
            }
        });
        pieces.collect()
    }
}
