//! What waits for a peer is numbered: from then on it goes out in these bytes, in this order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Decided, Digest, Moment, Reply, take_edition};
use crate::{
    AreaId, DomainId, EditionId, FeatureLevel, ObservationId, PartyId, Reason, Refusal, RowId,
    Sealed,
    disclosure::{Disclosure, ViewPart},
    link::{
        BATCH_MAX, CHANGES_MAX, Chain, Compared, DeliveryRef, EditionOutlet, EditionRef,
        EnvelopeId, GivenAnswer, GivenRef, Item, Link, NotTakenFor, Numbered, Outlet, PIECES_MAX,
        PictureRef, Receiver, Share, UnderWay, WINDOW_MAX,
    },
    message::{Receipt, RejectedFor, Step},
    row::{EditionRow, Row},
};

/// What an envelope is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// What stands at a place of the peer's queue.
    Queued(u64),
    /// What the peer may have of an own picture and has not.
    Picture(Offer),
    /// How a view that is delivered to it goes on.
    View(ViewOffer),
    /// What it may have of an edition and has not, or has and may not.
    Edition(EditionOffer),
}

/// A piece of an edition that is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionOffer {
    /// Of which delivery.
    pub delivery: RowId,
    /// The turn of its outlet on which this was made.
    pub turn: u64,
    /// Which edition.
    pub edition: EditionId,
    /// What the peer had of it when this was made.
    pub before: Option<Digest>,
    /// What it has once it has taken in the last piece; none: nothing any more.
    pub after: Option<Digest>,
    /// No piece follows.
    pub last: bool,
}

/// A piece of a step of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewOffer {
    /// Of which delivery.
    pub delivery: RowId,
    /// The turn of its outlet on which this was made.
    pub turn: u64,
    /// What the peer has of the view once it has taken it in; none: other pieces follow, or it
    /// brings nothing.
    pub part: Option<ViewPart>,
    /// How the delivery stands behind it, with the last piece.
    pub reached: Option<Reached>,
}

/// How far a step brings a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// For whom.
    pub receiver: Receiver,
    /// From where the view goes on.
    pub cursor: Arc<str>,
    /// What was received before is to go: editions come anew as well.
    pub begins: bool,
    /// There is no right to it any more.
    pub ended: bool,
}

/// A piece of a contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Which own picture, with what was compared, and for which turn of its share.
    pub looked: Looked,
    /// The number of the party's organisation.
    pub orgnr: Arc<str>,
    /// It is all that the peer may have.
    pub whole: bool,
    /// No piece follows.
    pub last: bool,
    /// There is more than one contribution holds.
    pub more: bool,
    /// What it changes: the stage of an observation, by its revision; none: it is withdrawn.
    pub changes: Vec<(ObservationId, Option<u64>)>,
}

/// An own picture that was compared with what the peer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Whose own picture.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// The turn of its share on which this was made.
    pub turn: u64,
    /// What was compared.
    pub compared: Compared,
}

/// One envelope to be numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToNumber {
    /// What it is made of.
    pub source: Source,
    /// The id of the envelope.
    pub id: EnvelopeId,
    /// The header, in canonical bytes.
    pub header: Arc<[u8]>,
    /// The domain's signature, 64 bytes.
    pub signature: Arc<[u8]>,
    /// The payload with its salt, under seal.
    pub payload: Sealed,
    /// What leaves the domain with it; none where it holds no content.
    pub disclosure: Option<Disclosure>,
}

/// Envelopes for a peer, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberEnvelopes {
    /// For whom.
    pub peer: DomainId,
    /// After which envelope of which chain.
    pub after: Chain,
    /// The envelopes.
    pub envelopes: Vec<ToNumber>,
    /// Places of the queue whose message may not leave any more: policy says no.
    pub dropped: Vec<u64>,
    /// Own pictures of which the peer has what it may have.
    pub looked: Vec<Looked>,
}

impl NumberEnvelopes {
    /// The level that whoever reads it must know.
    pub(super) fn level(&self) -> FeatureLevel {
        let level = |one: &ToNumber| match one.source {
            Source::Queued(_) => FeatureLevel::MESSAGES,
            Source::Picture(_) => FeatureLevel::CONTRIBUTIONS,
            Source::View(_) => FeatureLevel::DELIVERIES,
            Source::Edition(_) => FeatureLevel::EDITIONS,
        };
        let looked = self.looked.first().map(|_| FeatureLevel::CONTRIBUTIONS);
        let levels = self.envelopes.iter().map(level).chain(looked);
        levels.max().unwrap_or(FeatureLevel::MESSAGES)
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let link = moment.state.links().link(&self.peer);
        let count = self.envelopes.len() as u64;
        if !link.is_open() {
            return Err(Refusal::of(Reason::LinkClosed));
        }
        let fits = self.envelopes.len() + self.dropped.len() <= BATCH_MAX
            && link.in_flight() + count <= WINDOW_MAX;
        if link.out != self.after || !fits {
            return Err(Refusal::of(Reason::LinkStale).now(link.out.sequence));
        }
        let mut numbering = Numbering {
            moment,
            peer: &self.peer,
            out: link.out,
            shares: BTreeMap::new(),
            outlets: BTreeMap::new(),
            editions: BTreeSet::new(),
            recorded: moment.state.disclosures_recorded(),
            rows: Vec::new(),
        };
        for envelope in &self.envelopes {
            numbering.number(envelope)?;
        }
        for queued in &self.dropped {
            numbering.drop(*queued)?;
        }
        for looked in &self.looked {
            let share = numbering.share(looked)?;
            // What was refused is not to be there any more.
            let told = share.told.clone().filter(|told| told.refused.is_none());
            numbering.stands(Share { compared: looked.compared, told, ..share });
        }
        let Numbering { out, shares, outlets, mut rows, .. } = numbering;
        rows.extend(outlets.into_values().map(|outlet| Row::Outlet(Arc::new(outlet))));
        rows.extend(shares.into_values().map(|share| Row::Share(Arc::new(share))));
        rows.push(Row::Link(Arc::new(Link { out, ..link })));
        Ok(Decided::new(Reply::Done, rows))
    }
}

/// What one entry has numbered so far.
struct Numbering<'a> {
    moment: Moment<'a>,
    peer: &'a DomainId,
    out: Chain,
    shares: BTreeMap<PictureRef, Share>,
    outlets: BTreeMap<DeliveryRef, Outlet>,
    /// Editions of which the last piece is numbered.
    editions: BTreeSet<EditionRef>,
    recorded: u64,
    rows: Vec<Row>,
}

impl<'a> Numbering<'a> {
    fn number(&mut self, envelope: &ToNumber) -> Result<(), Refusal> {
        let ToNumber { source, id, header, signature, payload, disclosure } = envelope;
        let item = match source {
            Source::Queued(queued) => {
                let item = self.waiting(*queued)?;
                self.rows.push(Row::Unqueued(self.peer.clone(), *queued));
                if let Item::Message { message, to } = &item {
                    self.reaches(Receipt {
                        message: *message,
                        to: to.clone(),
                        step: Step::Relayed,
                        at: self.moment.at,
                        by: None,
                        reason: None,
                        envelope: Some(*id),
                    });
                }
                if let Some(given) = self.given(&item) {
                    let given = GivenAnswer { envelope: Some(*id), ..GivenAnswer::clone(given) };
                    self.rows.push(EditionRow::Given(given.into()).into());
                }
                item
            }
            Source::Picture(offer) => self.offer(*id, offer)?,
            Source::View(offer) => self.view(offer)?,
            Source::Edition(offer) => self.edition(offer)?,
        };
        self.out = Chain { sequence: self.out.sequence + 1, head: *id, ..self.out };
        self.rows.push(Row::Numbered(Arc::new(Numbered {
            peer: self.peer.clone(),
            epoch: self.out.epoch,
            sequence: self.out.sequence,
            id: *id,
            header: Arc::clone(header),
            signature: Arc::clone(signature),
            payload: payload.clone(),
            item,
            at: self.moment.at,
        })));
        if let Some(disclosure) = disclosure {
            self.recorded += 1;
            let (sequence, at) = (self.recorded, self.moment.at);
            let recorded = Disclosure { sequence, at, ..disclosure.clone() };
            self.rows.push(Row::Disclosure(recorded.into()));
        }
        Ok(())
    }

    /// The answer that something queued brings; none: it brings another thing.
    fn given(&self, item: &Item) -> Option<&'a Arc<GivenAnswer>> {
        let Item::EditionAnswer { edition, party, role } = item else { return None };
        let (peer, edition) = (self.peer.clone(), edition.clone());
        let of = GivenRef { peer, edition, party: party.clone(), role: *role };
        self.moment.state.delivered_editions().given(&of)
    }

    /// A message that may not leave any more comes to its end. One that has left before may have
    /// come: how far, its recipient says.
    fn drop(&mut self, queued: u64) -> Result<(), Refusal> {
        let item = self.waiting(queued)?;
        self.rows.push(Row::Unqueued(self.peer.clone(), queued));
        if let Some(given) = self.given(&item) {
            let refused = Some(NotTakenFor::default());
            self.rows.push(take_edition::said(self.moment, given, refused));
        }
        let kept = |message| self.moment.state.messages().get(message);
        if let Item::Message { message, to } = item
            && kept(&message).and_then(|kept| kept.step(&to)) == Some(Step::Stored)
        {
            self.reaches(Receipt {
                message,
                to,
                step: Step::Rejected,
                at: self.moment.at,
                by: None,
                reason: Some(RejectedFor::NotAllowed),
                envelope: None,
            });
        }
        Ok(())
    }

    /// One piece more is under way.
    fn offer(&mut self, envelope: EnvelopeId, offer: &Offer) -> Result<Item, Refusal> {
        let share = self.share(&offer.looked)?;
        // What was changed or withdrawn meanwhile does not go as it was.
        let area = self.moment.state.area(&offer.looked.area);
        let is_current = |(id, revision): &(ObservationId, Option<u64>)| {
            let current = area.and_then(|area| area.current(&offer.looked.party, id));
            revision.is_none_or(|of| current.is_some_and(|stage| stage.revision == of))
        };
        if !offer.changes.iter().all(is_current) {
            return Err(self.stale());
        }
        let before = share.under_way.as_deref();
        let (mut envelopes, mut changes) = before.map_or_else(Default::default, |before| {
            (before.envelopes.clone(), before.changes.clone())
        });
        envelopes.push(envelope);
        changes.extend(offer.changes.iter().cloned());
        if envelopes.len() > PIECES_MAX || changes.len() > CHANGES_MAX {
            return Err(Refusal::of(Reason::TooLarge));
        }
        let under_way = UnderWay {
            envelopes,
            compared: offer.looked.compared,
            whole: offer.whole,
            last: offer.last,
            more: offer.more,
            since: before.map_or(self.moment.at, |before| before.since),
            changes,
        };
        let Looked { party, area, .. } = offer.looked.clone();
        let orgnr = Arc::clone(&offer.orgnr);
        self.stands(Share { under_way: Some(under_way.into()), orgnr, ..share });
        Ok(Item::Contribution { party, area })
    }

    /// A view that is delivered goes a step on, with the last piece of it.
    fn view(&mut self, offer: &ViewOffer) -> Result<Item, Refusal> {
        let of = DeliveryRef { peer: self.peer.clone(), id: offer.delivery.clone() };
        let outlet = self.moment.state.deliveries().outlet(&of);
        if self.outlets.contains_key(&of) || outlet.turn != offer.turn {
            return Err(self.stale());
        }
        if let Some(Reached { receiver, cursor, begins, ended }) = offer.reached.clone() {
            if begins || ended {
                let editions = self.moment.state.delivered_editions().outlets(&of);
                self.rows.extend(
                    editions.map(|one| Row::LinkedEdition(EditionRow::OutletGone(one.of.clone()))),
                );
            }
            let (turn, step) = (outlet.turn + 1, outlet.step + 1);
            let receiver = Some(receiver.into());
            self.outlets.insert(of.clone(), Outlet { of, turn, step, receiver, cursor, ended });
        }
        Ok(Item::View { delivery: offer.delivery.clone(), part: offer.part })
    }

    /// An edition is delivered, with the last piece of it: as part of the view that has begun.
    fn edition(&mut self, offer: &EditionOffer) -> Result<Item, Refusal> {
        let EditionOffer { delivery, turn, edition, before, after, last } = offer;
        let of = DeliveryRef { peer: self.peer.clone(), id: delivery.clone() };
        let outlet = self.moment.state.deliveries().outlet(&of);
        let goes_on = outlet.is_held() && outlet.turn == *turn && !self.outlets.contains_key(&of);
        let of = EditionRef { of, edition: edition.clone() };
        let shown = self.moment.state.delivered_editions().outlet(&of).map(|one| one.shown);
        if !goes_on || shown != *before || self.editions.contains(&of) {
            return Err(self.stale());
        }
        if *last {
            self.editions.insert(of.clone());
            let at = self.moment.at;
            self.rows.push(match after {
                Some(shown) => Row::LinkedEdition(EditionRow::Outlet(Arc::new(EditionOutlet {
                    of,
                    shown: *shown,
                    at,
                }))),
                None => Row::LinkedEdition(EditionRow::OutletGone(of)),
            });
        }
        Ok(Item::Edition { delivery: delivery.clone(), edition: edition.clone() })
    }

    /// The share that something was made for; not one that has gone on since, or waits for an
    /// answer.
    fn share(&self, looked: &Looked) -> Result<Share, Refusal> {
        let Looked { party, area, turn, .. } = looked;
        let (peer, party, area) = (self.peer.clone(), party.clone(), area.clone());
        let of = PictureRef { peer, party, area };
        let share = self.moment.state.contributions().share(&of);
        if self.shares.contains_key(&of) || share.turn != *turn || share.waits() {
            return Err(self.stale());
        }
        Ok(share)
    }

    fn stands(&mut self, share: Share) {
        let share = Share { turn: share.turn + 1, ..share };
        self.shares.insert(share.of.clone(), share);
    }

    fn waiting(&self, queued: u64) -> Result<Item, Refusal> {
        let queued = self.moment.state.links().queued(self.peer, queued);
        Ok(queued.ok_or_else(|| self.stale())?.item.clone())
    }

    fn stale(&self) -> Refusal {
        Refusal::of(Reason::LinkStale).now(self.out.sequence)
    }

    /// A step of a message; what is sent again after it had come further has reached nothing new.
    fn reaches(&mut self, receipt: Receipt) {
        let kept = self.moment.state.messages().get(&receipt.message);
        let last = kept.and_then(|kept| kept.step(&receipt.to));
        self.rows.extend(receipt.step.follows(last).then_some(Row::Receipt(receipt)));
    }
}
