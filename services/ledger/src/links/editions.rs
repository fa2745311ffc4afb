//! Editions that go to a peer: what it has of each is compared with what it may have, and the
//! difference goes, recorded, as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

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
use crate::{Error, Ledger, Rejection, handle::RACES_MAX};

/// In how many pieces an edition goes at most: they are numbered by one entry.
const PIECES_MAX: usize = 16;

/// An edition of which a peer is to have another view, or none any more.
#[derive(Clone)]
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

impl std::fmt::Debug for DueEdition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {} bytes", self.of.edition, self.content.len())
    }
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
    /// many envelopes hold: what must go from there first, of whichever delivery. What they bring
    /// is recorded as disclosed.
    pub(super) async fn due_editions(
        &self,
        peer: &Peer,
        level: u32,
        mut room: usize,
    ) -> Vec<DueEdition> {
        if level < EDITIONS_LEVEL || self.read(State::level) < FeatureLevel::EDITIONS {
            return Vec::new();
        }
        let mut views = Vec::new();
        for delivery in &peer.deliveries {
            let of = DeliveryRef { peer: peer.id.clone(), id: delivery.id.clone() };
            if let Some((outlet, reader)) = self.goes_on_with(delivery, &of, level) {
                let differences = self.differences(&outlet, &reader, delivery);
                views.push((outlet, reader, differences));
            }
        }
        let mut due = Vec::new();
        for (outlet, _, differences) in &views {
            let gone = differences.iter().filter(|one| one.after.is_none()).take(room);
            let gone: Vec<_> = gone.map(|one| DueEdition::gone(outlet, one)).collect();
            room = room.saturating_sub(gone.len());
            due.extend(gone);
        }
        for (outlet, reader, differences) in &views {
            for difference in differences.iter().filter(|one| one.after.is_some()) {
                if room == 0 {
                    return due;
                }
                let Some(one) = self.due_edition(outlet, reader, difference).await else {
                    continue;
                };
                if one.envelopes() <= room {
                    room = room.saturating_sub(one.envelopes());
                    due.push(one);
                } else {
                    // It is recorded: it goes as it is when there is room.
                    self.inner.views.delivered.made.keep(one, self.epoch());
                    return due;
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

    /// What is different: what must go from there, then the rest, what was opened last first.
    fn differences(
        &self,
        outlet: &Outlet,
        reader: &Reader,
        delivery: &Delivery,
    ) -> Vec<Difference> {
        let mut all = self.read(|state| {
            let egress = Egress::new(state, &*self.inner.keys, reader);
            let editions = state.delivered_editions();
            let of_delivery = |one: &&Edition| delivery.areas.contains(&one.area);
            let mut open: Vec<&Edition> = state.editions().filter(of_delivery).collect();
            open.sort_by_key(|one| std::cmp::Reverse(one.opened_at));
            let shown = open.into_iter().filter_map(|edition| {
                let after = self.inner.keys.digest("edition", &[&egress.edition_terms(edition)?]);
                Some((edition, after))
            });
            let shown: Vec<_> = shown.take(EDITIONS_MAX).collect();
            let ids: BTreeSet<_> = shown.iter().map(|(edition, _)| &edition.id).collect();
            let had = editions.outlets(&outlet.of).filter(|one| !ids.contains(&one.of.edition));
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

    /// An edition as a peer is to have it: recorded, encoded. None: not now.
    async fn due_edition(
        &self,
        outlet: &Outlet,
        reader: &Reader,
        difference: &Difference,
    ) -> Option<DueEdition> {
        let delivered = &self.inner.views.delivered;
        let gone = DueEdition::gone(outlet, difference);
        let (peer, edition) = (gone.of.of.peer.clone(), gone.of.edition.clone());
        let name = (gone.of.clone(), difference.after);
        let now = (self.inner.clock)();
        if delivered.editions.is_held_back(&name, now) {
            return None;
        }
        if let Some(made) = delivered.made.take(&gone, difference, self.epoch()) {
            return Some(made);
        }
        let why = match self.made_edition(reader, &gone, difference).await {
            Ok(one) if one.envelopes() <= PIECES_MAX => return Some(one),
            Ok(_) => "it is larger than a link takes, and is read at its home".to_owned(),
            // It is made when there is a leader and room: what the peer has stays so long.
            Err(Rejection::Failed(Error::NoLeader | Error::Behind | Error::Overloaded)) => {
                return None;
            }
            Err(why) => why.to_string(),
        };
        tracing::error!(%peer, %edition, why, "an edition waits");
        delivered.editions.hold_back(name, now.after_seconds(HELD_BACK_SECONDS));
        // What the peer has of it is not how it is any more.
        difference.before.map(|_| gone)
    }

    /// Content and what rebuilds its root are read one after the other, each recorded first: where
    /// the edition was locked anew in between, they are read again.
    async fn made_edition(
        &self,
        reader: &Reader,
        gone: &DueEdition,
        difference: &Difference,
    ) -> Result<DueEdition, Rejection> {
        for _ in 0..RACES_MAX {
            let view = self.edition_here(reader, &difference.edition, 0, usize::MAX).await?;
            let review = self.review_for(reader, &view).await?;
            let round = view.content().header.edition.round();
            if review.as_ref().is_some_and(|review| review.content().round != round) {
                continue;
            }
            let labels = labels_of(&view, review.as_ref()).map(Arc::new);
            let content = delivered_edition(&view, review.as_ref());
            return Ok(DueEdition { after: difference.after, labels, content, ..gone.clone() });
        }
        Err(Error::Overloaded.into())
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
    // What is said in answers crosses where the analysis may.
    let has_text = analysis.is_some() || header.texts.iter().any(Option::is_some);
    let round = header.edition.current().filter(|_| has_text);
    let analysis = round.map(|round| &round.locked.analysis_labels);
    let review = review.and_then(|review| review.content().labels.as_ref());
    Labels::derived(seen.chain(analysis).chain(review))
}

/// Editions that were made and recorded, and had no room yet: one of each delivery.
#[derive(Debug, Default)]
pub(super) struct MadeEditions(Mutex<BTreeMap<DeliveryRef, (u64, DueEdition)>>);

impl MadeEditions {
    fn keep(&self, made: DueEdition, epoch: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(made.of.of.clone(), (epoch, made));
    }

    /// The one that would be made again, under the same registry and policy.
    fn take(&self, like: &DueEdition, difference: &Difference, epoch: u64) -> Option<DueEdition> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_epoch, made) = all.remove(&like.of.of)?;
        let is_it = of_epoch == epoch
            && made.of == like.of
            && made.turn == like.turn
            && (made.before, made.after) == (like.before, difference.after);
        is_it.then_some(made)
    }
}

impl DueEdition {
    /// That the peer is to have nothing of it any more.
    fn gone(outlet: &Outlet, difference: &Difference) -> Self {
        let orgnr = outlet.receiver.as_ref().map(|receiver| Arc::clone(&receiver.orgnr));
        Self {
            of: EditionRef { of: outlet.of.clone(), edition: difference.edition.clone() },
            turn: outlet.turn,
            orgnr: orgnr.unwrap_or_default(),
            before: difference.before,
            after: None,
            opened_at: difference.opened_at,
            labels: None,
            content: Vec::new(),
        }
    }

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
