//! Views of joint pictures that go to a peer: as far as they have come, recorded, in steps.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use samsyn_domain::{
    AreaId, DomainId, FeatureLevel, Labels, RowId, State, Timestamp,
    command::{Digest, Reached, ViewOffer},
    disclosure::ViewPart,
    link::{
        DELIVERIES_LEVEL, Delivered, DeliveryRef, EDITIONS_LEVEL, EditionRef, Outlet, Payload,
        Receiver, STEP_PIECES_MAX, StepTerms,
    },
    message::Precedence,
    registry::{Delivery, Peer},
};
use samsyn_policy::{Denial, Reader, Scope, ViewChange, ViewEvent, Why};
use samsyn_proto::sealed::delivered;

use super::editions::MadeEditions;
use crate::{
    Error, Ledger, Rejection,
    feed::{Follower, HomeFeed},
};

/// How many events one step brings at most: all that a publication usually changes, so that no
/// part of it is shown alone.
const EVENTS_MAX: usize = 512;
/// How many bytes of events one piece has at most: with its header and terms it fits into an
/// envelope.
pub(super) const PIECE_BYTES_MAX: usize = 224 * 1024;
/// How many envelopes the steps of one entry are at most.
const ENVELOPES_MAX: usize = STEP_PIECES_MAX as usize;
/// For how long a view is let be of which something is larger than a step, in seconds.
pub(super) const HELD_BACK_SECONDS: i64 = 15 * 60;

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

/// What is known of deliveries beside what is in the log.
#[derive(Debug, Default)]
pub(crate) struct Underway {
    /// Feeds that are within a snapshot, each for the turn and the epoch in which it goes on. One
    /// that was opened anew there might count otherwise: the view begins anew instead.
    feeds: Mutex<BTreeMap<DeliveryRef, (u64, u64, HomeFeed)>>,
    /// Views that are let be for a while.
    views: HeldBack<DeliveryRef>,
    /// Editions that are, each as it was when it could not be made.
    pub(super) editions: HeldBack<(EditionRef, Option<Digest>)>,
    /// Editions that had no room.
    pub(super) made: MadeEditions,
}

/// What is let be until a time: it cannot be made, and is not tried again at once.
#[derive(Debug)]
pub(super) struct HeldBack<K>(Mutex<BTreeMap<K, Timestamp>>);

impl<K> Default for HeldBack<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> HeldBack<K> {
    pub(super) fn hold_back(&self, of: K, until: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(of, until);
    }

    pub(super) fn is_held_back(&self, of: &K, now: Timestamp) -> bool {
        let mut held_back = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held_back.retain(|_, until| *until > now);
        held_back.contains_key(of)
    }
}

impl Underway {
    /// The feed of a view that goes on in an epoch from where its outlet stands.
    fn take(&self, outlet: &Outlet, epoch: u64) -> Option<HomeFeed> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let (turn, of_epoch, mut feed) = feeds.remove(&outlet.of)?;
        // Of a step that had no place it is a turn ahead.
        let stands = turn == outlet.turn
            || turn == outlet.turn.saturating_add(1) && feed.back_to(&outlet.cursor);
        (stands && of_epoch == epoch).then_some(feed)
    }

    fn keep(&self, of: &DeliveryRef, turn: u64, epoch: u64, feed: HomeFeed) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.insert(of.clone(), (turn, epoch, feed));
    }

    fn keep_within(&self, of: &DeliveryRef, turn: u64, epoch: u64, feed: HomeFeed) {
        if feed.is_within() {
            self.keep(of, turn, epoch, feed);
        }
    }
}

/// Whether something that happened in an area may change what is delivered to a peer.
pub(super) fn concerns(state: &State, peer: &DomainId, area: &AreaId) -> bool {
    let deliveries = state.registry().peer(peer).into_iter().flat_map(|peer| &peer.deliveries);
    deliveries.into_iter().any(|delivery| delivery.areas.contains(area))
}

impl Ledger {
    /// The next steps of what is delivered to a peer that reads up to a level, where so many
    /// envelopes may go: of each view one at most. What they bring is recorded as disclosed.
    pub(super) async fn steps(&self, peer: &Peer, level: u32, room: usize) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        if level < DELIVERIES_LEVEL || self.read(State::level) < FeatureLevel::DELIVERIES {
            return steps;
        }
        for outlet in self.outlets(peer) {
            let taken = steps.iter().map(Step::envelopes).sum::<usize>();
            if room <= taken {
                break;
            }
            // What goes from there, in one envelope, waits for no content.
            let left = ENVELOPES_MAX.min(room).saturating_sub(taken);
            let step = match peer.delivery(&outlet.of.id) {
                Some(delivery) => self.step((delivery, level), &outlet, left).await,
                None => Ok(Step::ended(&outlet)),
            };
            let of = (&outlet.of.peer, &outlet.of.id);
            match step {
                Ok(step) => steps.extend(step),
                Err(why) if ends(&why) => {
                    let ended = Step::ended(&outlet);
                    if ended.is_some() {
                        tracing::warn!(peer = %of.0, delivery = %of.1, %why, "a view has ended");
                    }
                    steps.extend(ended);
                }
                // One view that cannot be made does not hold up the others.
                Err(why) => {
                    tracing::error!(peer = %of.0, delivery = %of.1, %why, "a view waits");
                }
            }
        }
        steps
    }

    /// How what is delivered to a peer stands, what is to go from there first.
    fn outlets(&self, peer: &Peer) -> Vec<Outlet> {
        let of = |id: &RowId| DeliveryRef { peer: peer.id.clone(), id: id.clone() };
        self.read(|state| {
            let deliveries = state.deliveries();
            let is_taken_back =
                |outlet: &&Arc<Outlet>| outlet.is_held() && peer.delivery(&outlet.of.id).is_none();
            let taken_back = deliveries.outlets(&peer.id).filter(is_taken_back);
            let taken_back = taken_back.map(|outlet| Outlet::clone(outlet));
            let registered = peer.deliveries.iter();
            let registered = registered.map(|delivery| deliveries.outlet(&of(&delivery.id)));
            taken_back.chain(registered).collect()
        })
    }

    /// The next step of a view, with as much content as so many envelopes hold; none when there is
    /// nothing new, or no room for it.
    async fn step(
        &self,
        (delivery, level): (&Delivery, u32),
        outlet: &Outlet,
        left: usize,
    ) -> Result<Option<Step>, Rejection> {
        let (of, epoch, now) = (&outlet.of, self.epoch(), (self.inner.clock)());
        let underway = &self.inner.views.delivered;
        let receiver = self.receiver(delivery, of, level)?;
        // Without a cursor it begins anew, wherever a feed may stand.
        let goes_on = outlet.is_held() && !outlet.cursor.is_empty();
        let is_same = goes_on && outlet.receiver.as_deref() == Some(&receiver);
        let kept = underway.take(outlet, epoch).filter(|_| is_same);
        let feed = match kept {
            Some(feed) => feed,
            None => match self.reopened(delivery, outlet, is_same).await? {
                Reopened::GoesOn(feed) => *feed,
                Reopened::Begins(cursor) => {
                    return Ok(Some(Step::begins(outlet, receiver, cursor)));
                }
            },
        };
        if left == 0 || underway.views.is_held_back(of, now) {
            underway.keep_within(of, outlet.turn, epoch, feed);
            return Ok(None);
        }
        self.goes_on(feed, outlet, receiver, left).await
    }

    /// A view from where it stands; or that it begins anew: its right or its terms are others, or
    /// it is within something that may count otherwise by now.
    async fn reopened(
        &self,
        delivery: &Delivery,
        outlet: &Outlet,
        is_same: bool,
    ) -> Result<Reopened, Rejection> {
        let scope = Scope { areas: delivery.areas.clone(), ..Scope::default() };
        let follower = Follower::Delivery(outlet.of.clone());
        if is_same {
            match self.follow(follower.clone(), scope.clone(), &outlet.cursor).await {
                Ok(feed) => {
                    let is_cut_short = feed.is_within() && !feed.is_at_its_beginning();
                    if !is_cut_short && *feed.cursor()? == *outlet.cursor {
                        return Ok(Reopened::GoesOn(feed.into()));
                    }
                }
                Err(Rejection::CursorInvalid | Rejection::CursorTooOld) => {}
                Err(why) => return Err(why),
            }
        }
        let feed = self.follow(follower, scope, "").await?;
        Ok(Reopened::Begins(feed.cursor()?.into()))
    }

    /// What comes next of a view, as much as so many envelopes hold.
    async fn goes_on(
        &self,
        mut feed: HomeFeed,
        outlet: &Outlet,
        receiver: Receiver,
        left: usize,
    ) -> Result<Option<Step>, Rejection> {
        let (of, was_within, epoch) = (&outlet.of, feed.is_within(), self.epoch());
        let underway = &self.inner.views.delivered;
        let view = match feed.next(EVENTS_MAX).await {
            // Its rights have changed just now: it is opened anew.
            Err(Rejection::CursorInvalid) => return Ok(None),
            view => view?,
        };
        let Some(view) = view else {
            // All there is was nothing.
            let is_whole = was_within && !feed.is_within();
            let step = Step::of(outlet, receiver, &feed)?;
            return Ok(is_whole.then_some(step));
        };
        let (taken, events) = delivered(&view, left.saturating_mul(PIECE_BYTES_MAX));
        let all = &view.content().events;
        let Some(last) = taken.checked_sub(1).and_then(|last| all.get(last)) else {
            if left == ENVELOPES_MAX {
                let until = (self.inner.clock)().after_seconds(HELD_BACK_SECONDS);
                underway.views.hold_back(of.clone(), until);
                let why = "a finding is larger than a step may be; it is tried again in a while";
                return Err(Error::Fatal(why.to_owned()).into());
            }
            if feed.back_to(&outlet.cursor) {
                underway.keep_within(of, outlet.turn, epoch, feed);
            }
            return Ok(None);
        };
        if taken < all.len() && !feed.back_to(&last.cursor) {
            return Err(Error::Fatal("a cursor that was given is not read".to_owned()).into());
        }
        let labels = labels_of(all.get(..taken).unwrap_or_default()).map(Arc::new);
        let step = Step { labels, events, ..Step::of(outlet, receiver, &feed)? };
        if was_within || feed.is_within() {
            underway.keep(of, outlet.turn.saturating_add(1), epoch, feed);
        }
        Ok(Some(step))
    }

    /// For whom a delivery is, and of which kinds of period there is something to see live. Where
    /// there is none, a peer that reads editions may still have those.
    pub(super) fn receiver(
        &self,
        delivery: &Delivery,
        of: &DeliveryRef,
        level: u32,
    ) -> Result<Receiver, Rejection> {
        let now = (self.inner.clock)();
        let Delivery { organisation, parties, areas, .. } = delivery;
        self.read(|state| {
            let (reader, registry) = (Reader::delivered(state, now, of)?, state.registry());
            let periods = reader.live_periods(registry);
            let reads = level >= EDITIONS_LEVEL && state.level() >= FeatureLevel::EDITIONS;
            let has_editions = reads && !reader.rights(registry, None, false).is_empty();
            if periods.is_empty() && !has_editions {
                return Err(Denial::of(Why::NoReleaseRow).by("POL-12").into());
            }
            let organisation = registry.organisation(organisation);
            let unknown = || Denial::of(Why::UnknownService);
            Ok(Receiver {
                orgnr: organisation.ok_or_else(unknown)?.orgnr.as_str().into(),
                parties: parties.clone(),
                areas: areas.clone(),
                periods,
                ground: delivery.ground(),
            })
        })
    }
}

/// A view that is opened where an outlet stands.
enum Reopened {
    GoesOn(Box<HomeFeed>),
    /// From this cursor on.
    Begins(Arc<str>),
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

/// The labels of all that some events show, combined.
fn labels_of(events: &[ViewEvent]) -> Option<Labels> {
    let findings = events.iter().filter_map(|event| match &event.change {
        ViewChange::Finding(finding) => Some(&finding.contributions),
        ViewChange::SnapshotBegins { .. }
        | ViewChange::Delivered(_)
        | ViewChange::Removed { .. }
        | ViewChange::SnapshotEnds { .. }
        | ViewChange::Edition(_)
        | ViewChange::DeliveredEdition(_) => None,
    });
    Labels::derived(findings.flatten().map(|seen| &*seen.labels))
}

impl Step {
    /// A step up to where a feed stands, before anything is said of what it brings.
    fn of(outlet: &Outlet, receiver: Receiver, feed: &HomeFeed) -> Result<Self, Error> {
        let cursor = feed.cursor()?.into();
        let (whole, part) = (!feed.is_within(), feed.part());
        Ok(Self { whole, begins: false, part, ..Self::begins(outlet, receiver, cursor) })
    }

    /// What the peer has goes from there; all of it comes anew from a cursor on.
    fn begins(outlet: &Outlet, receiver: Receiver, cursor: Arc<str>) -> Self {
        Self {
            of: outlet.of.clone(),
            turn: outlet.turn,
            number: outlet.step.saturating_add(1),
            receiver,
            begins: true,
            whole: false,
            ended: false,
            cursor,
            part: None,
            labels: None,
            events: Vec::new(),
        }
    }

    /// Says that there is no right to it any more; none where nothing of it is held.
    fn ended(outlet: &Outlet) -> Option<Self> {
        let receiver = outlet.receiver.as_deref().filter(|_| outlet.is_held())?.clone();
        let begins = Self::begins(outlet, receiver, "".into());
        Some(Self { begins: false, ended: true, ..begins })
    }

    /// Something must go there: it is sent before all else.
    pub(super) const fn withdraws(&self) -> bool {
        self.ended || self.begins
    }

    /// It is of a delivery.
    pub(super) fn is_of(&self, of: &DeliveryRef) -> bool {
        self.of == *of
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
    pub(super) fn pieces(&self) -> Vec<MadeStep> {
        let Self { of, turn, number, receiver, begins, whole, ended, .. } = self;
        let count = u32::try_from(self.envelopes()).unwrap_or(u32::MAX);
        let Receiver { parties, areas, periods, ground, .. } = receiver.clone();
        let (begins, whole, ended) = (*begins, *whole, *ended);
        let terms = StepTerms { parties, areas, periods, ground, begins, whole, ended };
        let mut chunks = self.events.chunks(PIECE_BYTES_MAX);
        let pieces = (0..count).map(|piece| {
            let last = piece.saturating_add(1) == count;
            let reached = Reached {
                receiver: receiver.clone(),
                cursor: Arc::clone(&self.cursor),
                begins,
                ended,
            };
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
        pieces.collect()
    }
}

/// How many views are delivered to a peer of which it has something.
pub(super) fn outlets(state: &State, peer: &DomainId) -> usize {
    state.deliveries().outlets(peer).filter(|outlet| outlet.is_held()).count()
}
