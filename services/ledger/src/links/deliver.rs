//! Views of joint pictures that go to a peer: as far as they have come, recorded, in steps.

use std::sync::Arc;

use samsyn_domain::{
    AreaId, DomainId, FeatureLevel, Labels, RowId, State,
    command::{Reached, ViewOffer},
    disclosure::ViewPart,
    link::{
        DELIVERIES_LEVEL, Delivered, DeliveryRef, Outlet, Payload, Receiver, STEP_PIECES_MAX,
        StepTerms,
    },
    message::Precedence,
    registry::{Delivery, Peer},
};
use samsyn_policy::{EventBatch, Scope, View, ViewChange, Why};
use samsyn_proto::sealed::delivered;

use crate::{Error, Ledger, Rejection, feed::Follower};

/// How many events one step brings at most.
const EVENTS_MAX: usize = 64;
/// How many bytes of events one piece has at most: with its header it fits into an envelope.
const PIECE_BYTES_MAX: usize = 240 * 1024;
/// How many envelopes the steps of one entry are, about.
const ENVELOPES_MAX: usize = 16;

/// A step of a delivery: its content is released, and its record is committed.
pub(super) struct Step {
    of: DeliveryRef,
    turn: u64,
    number: u64,
    receiver: Receiver,
    begins: bool,
    whole: bool,
    ended: bool,
    cursor: Arc<str>,
    part: Option<ViewPart>,
    labels: Option<Arc<Labels>>,
    events: Vec<u8>,
}

/// A piece of a step, and what goes with it.
pub(super) struct MadeStep {
    pub(super) offer: ViewOffer,
    pub(super) payload: Payload,
    /// What names its envelope, whenever it is made.
    pub(super) name: String,
}

/// Whether something that happened in an area may change what is delivered to a peer.
pub(super) fn concerns(state: &State, peer: &DomainId, area: &AreaId) -> bool {
    let deliveries = state.registry().peer(peer).into_iter().flat_map(|peer| &peer.deliveries);
    deliveries.into_iter().any(|delivery| delivery.areas.contains(area))
}

impl Ledger {
    /// The next steps of what is delivered to a peer that reads up to a level: of each view one at
    /// most. What they bring is recorded as disclosed.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) async fn steps(&self, peer: &Peer, level: u32) -> Result<Vec<Step>, Rejection> {
        let (knows, outlets) = self.read(|state| {
            let deliveries = state.deliveries();
            let outlet = |id: &RowId| {
                deliveries.outlet(&DeliveryRef { peer: peer.id.clone(), id: id.clone() })
            };
            let registered = peer.deliveries.iter().map(|delivery| outlet(&delivery.id));
            let taken_back =
                |outlet: &&Arc<Outlet>| outlet.is_held() && peer.delivery(&outlet.of.id).is_none();
            let taken_back = deliveries.outlets(&peer.id).filter(taken_back);
            let taken_back = taken_back.map(|outlet| Outlet::clone(outlet));
            let outlets: Vec<Outlet> = taken_back.chain(registered).collect();
            (state.level() >= FeatureLevel::DELIVERIES, outlets)
        });
        let mut steps: Vec<Step> = Vec::new();
        if !knows || level < DELIVERIES_LEVEL {
            return Ok(steps);
        }
        for outlet in outlets {
            if steps.iter().map(Step::envelopes).sum::<usize>() >= ENVELOPES_MAX {
                break;
            }
            let delivery = peer.delivery(&outlet.of.id);
            let step = match delivery {
                Some(delivery) => self.step(delivery, &outlet).await,
                None => Ok(Step::ended(&outlet)),
            };
            match step {
                Ok(step) => steps.extend(step),
                Err(rejection) if ends(&rejection) => steps.extend(Step::ended(&outlet)),
                // One view that cannot be made does not hold up the others.
                Err(why) => {
                    let (peer, delivery) = (&outlet.of.peer, &outlet.of.id);
                    tracing::error!(%peer, %delivery, %why, "a view is not delivered");
                }
            }
        }
        Ok(steps)
    }

    /// The next step of a view; none when there is nothing new.
    async fn step(&self, delivery: &Delivery, outlet: &Outlet) -> Result<Option<Step>, Rejection> {
        let receiver = self.receiver(delivery)?;
        let goes_on = outlet.is_held() && outlet.receiver.as_deref() == Some(&receiver);
        let cursor = if goes_on { &*outlet.cursor } else { "" };
        let scope = Scope { areas: delivery.areas.clone(), ..Scope::default() };
        let follower = Follower::Delivery(outlet.of.clone());
        let followed = self.follow(follower.clone(), scope.clone(), cursor).await;
        let mut feed = match followed {
            // What it was is another view by now, or so old that it comes anew.
            Err(Rejection::CursorInvalid | Rejection::CursorTooOld) => {
                self.follow(follower, scope, "").await?
            }
            followed => followed?,
        };
        let begins = feed.begins();
        let view = feed.next(EVENTS_MAX).await?;
        if view.is_none() && !begins {
            return Ok(None);
        }
        Ok(Some(Step {
            of: outlet.of.clone(),
            turn: outlet.turn,
            number: outlet.step.saturating_add(1),
            receiver,
            begins,
            whole: feed.is_whole(),
            ended: false,
            cursor: feed.cursor()?.into(),
            part: view.as_ref().map(|_| feed.part()),
            labels: view.as_ref().and_then(labels_of).map(Arc::new),
            events: view.as_ref().map(delivered).unwrap_or_default(),
        }))
    }

    /// For whom a delivery is.
    fn receiver(&self, delivery: &Delivery) -> Result<Receiver, Rejection> {
        let Delivery { organisation, parties, areas, .. } = delivery;
        let registry = self.registry();
        let organisation = registry.organisation(organisation);
        let gone = || Error::Fatal("a delivery is to an organisation that is not there".to_owned());
        Ok(Receiver {
            orgnr: organisation.ok_or_else(gone)?.orgnr.as_str().into(),
            parties: parties.clone(),
            areas: areas.clone(),
            ground: delivery.ground(),
        })
    }
}

/// Whether there is no right to a view any more; what only failed is tried again.
fn ends(rejection: &Rejection) -> bool {
    let Rejection::Denied(denial) = rejection else { return false };
    match denial.why {
        Why::UnknownService
        | Why::NotYourParty
        | Why::NotYourArea
        | Why::NotAllowed
        | Why::NoReleaseRow
        | Why::ScopeTooWide
        | Why::PurposeNotCovered
        | Why::BasisNotCovered
        | Why::WeighingRequired
        | Why::NotFound
        | Why::AboveCeiling
        | Why::HomeElsewhere => true,
        Why::Suspended
        | Why::CertificateEnded
        | Why::ViewIncomplete
        | Why::Undecided
        | Why::Internal(_) => false,
    }
}

/// The labels of all that a batch shows, combined.
fn labels_of(view: &View<EventBatch>) -> Option<Labels> {
    let findings = view.content().events.iter().filter_map(|event| match &event.change {
        ViewChange::Finding(finding) => Some(&finding.contributions),
        ViewChange::SnapshotBegins { .. }
        | ViewChange::Delivered(_)
        | ViewChange::Removed { .. }
        | ViewChange::SnapshotEnds { .. }
        | ViewChange::Edition(_) => None,
    });
    Labels::derived(findings.flatten().map(|seen| &*seen.labels))
}

impl Step {
    /// Says that there is no right to it any more; none where nothing of it is held.
    fn ended(outlet: &Outlet) -> Option<Self> {
        let receiver = outlet.receiver.as_deref().filter(|_| outlet.is_held())?.clone();
        Some(Self {
            of: outlet.of.clone(),
            turn: outlet.turn,
            number: outlet.step.saturating_add(1),
            receiver,
            begins: false,
            whole: false,
            ended: true,
            cursor: "".into(),
            part: None,
            labels: None,
            events: Vec::new(),
        })
    }

    /// Something must go there: it is sent before all else.
    pub(super) const fn withdraws(&self) -> bool {
        self.ended || self.begins
    }

    /// How urgent its envelopes are.
    pub(super) const fn precedence(&self) -> Precedence {
        if self.withdraws() { Precedence::Flash } else { Precedence::Priority }
    }

    /// How many envelopes it takes.
    pub(super) fn envelopes(&self) -> usize {
        self.events.len().div_ceil(PIECE_BYTES_MAX).max(1)
    }

    /// Whose it is.
    pub(super) fn orgnr(&self) -> &str {
        &self.receiver.orgnr
    }

    /// The labels of what it brings.
    pub(super) const fn labels(&self) -> Option<&Arc<Labels>> {
        self.labels.as_ref()
    }

    /// Its pieces, in order.
    ///
    /// # Errors
    /// When it is more than a step may be.
    pub(super) fn pieces(&self) -> Result<Vec<MadeStep>, Error> {
        let Self { of, turn, number, receiver, begins, whole, ended, .. } = self;
        let count = u32::try_from(self.envelopes()).unwrap_or(u32::MAX);
        if count > STEP_PIECES_MAX {
            return Err(Error::Fatal("a finding is larger than a step may be".to_owned()));
        }
        let Receiver { parties, areas, ground, .. } = receiver.clone();
        let (begins, whole, ended) = (*begins, *whole, *ended);
        let terms = StepTerms { parties, areas, ground, begins, whole, ended };
        let mut chunks = self.events.chunks(PIECE_BYTES_MAX);
        let pieces = (0..count).map(|piece| {
            let last = piece.saturating_add(1) == count;
            let reached =
                Reached { receiver: receiver.clone(), cursor: Arc::clone(&self.cursor), ended };
            MadeStep {
                offer: ViewOffer {
                    delivery: of.id.clone(),
                    turn: *turn,
                    part: self.part.filter(|_| last),
                    reached: last.then_some(reached),
                },
                payload: Payload::View(Box::new(Delivered {
                    delivery: of.id.clone(),
                    step: *number,
                    piece,
                    last,
                    terms: terms.clone(),
                    events: chunks.next().unwrap_or_default().to_vec(),
                })),
                name: format!("view {} {number} {piece}", of.id),
            }
        });
        Ok(pieces.collect())
    }
}

/// How many views are delivered to a peer of which it has something.
pub(super) fn outlets(state: &State, peer: &DomainId) -> usize {
    state.deliveries().outlets(peer).filter(|outlet| outlet.is_held()).count()
}
