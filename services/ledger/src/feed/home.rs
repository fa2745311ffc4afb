//! What is followed of a view that is made here.

use std::{sync::Arc, time::Duration};

use samsyn_domain::{
    Caller, OrganisationId, Timestamp,
    disclosure::{ClassId, Ground, ViewPart},
    link::DeliveryRef,
    row::Event,
};
use samsyn_policy::{Bare, Egress, EventBatch, Reader, Scope, View, ViewEvent};
use tracing::{Instrument as _, Span};

use crate::{
    Error, Ledger, Rejection,
    cursor::{Cursor, Subscription, first_eight, incarnation},
    trace::Woken,
    wake::Wake,
};

/// How old a cursor may be.
const CURSOR_SECONDS: i64 = 400 * 24 * 60 * 60;

/// A subscription that is being served.
#[derive(Debug)]
pub(crate) struct HomeFeed {
    ledger: Ledger,
    follower: Follower,
    receiver: OrganisationId,
    asked: Scope,
    scope: Scope,
    class: ClassId,
    subscription: Subscription,
    place: Place,
    wake: Wake,
}

/// Who follows a view.
#[derive(Debug, Clone)]
pub(crate) enum Follower {
    /// A caller, on a ground.
    Caller(Caller, Ground),
    /// An organisation to which it is delivered over a link.
    Delivery(DeliveryRef),
}

impl Follower {
    const fn is_delivery(&self) -> bool {
        matches!(self, Self::Delivery(_))
    }

    fn reader(&self, ledger: &Ledger) -> Result<Reader, Rejection> {
        match self {
            Self::Caller(caller, ground) => ledger.reader(caller, ground.clone()),
            Self::Delivery(of) => {
                let now = (ledger.inner.clock)();
                Ok(ledger.read(|state| Reader::delivered(state, now, of))?)
            }
        }
    }
}

/// How far a subscription has come, with the snapshot that it is in. Copied before it moves on: it
/// stays where it was until what it passed over is recorded.
#[derive(Debug, Clone)]
struct Place {
    cursor: Cursor,
    /// The epoch it was made under, and its events.
    snapshot: Option<(u64, Arc<[Bare]>)>,
    /// The snapshot behind which it has just come: it may have to go back.
    passed: Option<(u64, Arc<[Bare]>)>,
}

impl Ledger {
    /// Follows a view that is made here: from a cursor, or with a snapshot first.
    pub(crate) async fn follow(
        &self,
        follower: Follower,
        asked: Scope,
        cursor: &str,
    ) -> Result<HomeFeed, Rejection> {
        let wake = Wake::by(self.events());
        let reader = follower.reader(self)?;
        let scope = self.read(|state| reader.scope(state.registry(), &asked, false))?;
        let rights = self.read(|state| reader.rights(state.registry(), None, false));
        let class = rights.class();
        let digest = self.inner.keys.cursor_mac("scope", &[format!("{scope:?}").as_bytes()]);
        let subscription = Subscription { class, scope: first_eight(&digest) };
        let given = match cursor {
            "" => None,
            token => {
                let read = subscription.read(reader.organisation(), &self.inner.keys, token);
                Some(read.ok_or(Rejection::CursorInvalid)?)
            }
        };
        self.advance(&reader).await?;
        if let Some(cursor) = &given {
            self.reach_cursor(&class, cursor).await?;
        }
        let cursor = self.read(|state| {
            let view = state.view(&class);
            let revision = view.map_or(0, samsyn_domain::View::revision);
            let terms = first_eight(&rights.terms(state));
            let incarnation = incarnation(state, &class, revision);
            let anew =
                |reset| Cursor { terms, incarnation, revision, snapshot: true, reset, events: 0 };
            let Some(cursor) = given else { return Ok(anew(false)) };
            if !cursor.is_of(state, &class) {
                // It saw what was lost when the domain went on from a backup.
                let restored = state.incarnation().map(|_| anew(true));
                return restored.ok_or(Rejection::CursorInvalid);
            }
            let made = view.and_then(|view| view.step(cursor.revision)).map(|step| step.at);
            let old = made.is_some_and(|at| at.after_seconds(CURSOR_SECONDS) < state.stamp());
            if old {
                return Err(Rejection::CursorTooOld);
            }
            Ok(if cursor.terms == terms { cursor } else { anew(true) })
        })?;
        Ok(HomeFeed {
            ledger: self.clone(),
            follower,
            receiver: reader.organisation().clone(),
            asked,
            scope,
            class,
            subscription,
            place: Place { cursor, snapshot: None, passed: None },
            wake,
        })
    }

    /// Waits, bounded, until this node has what a cursor has reached: who comes with it may come
    /// from a node that was further.
    pub(super) async fn reach_cursor(
        &self,
        class: &ClassId,
        cursor: &Cursor,
    ) -> Result<(), Rejection> {
        self.reached("cursor", |state| !cursor.is_ahead_of(state, class)).await
    }
}

impl HomeFeed {
    /// The next events, at most so many; none when there is nothing new. What is shown is recorded
    /// before it is given, and only then does the subscription move on.
    ///
    /// # Errors
    /// When the caller's rights ended, or the record cannot be committed.
    pub(crate) async fn next(
        &mut self,
        limit: usize,
    ) -> Result<Option<View<EventBatch>>, Rejection> {
        self.wake.catch_up(|event| concerns(&self.scope, event));
        let span = self.wake.span(|| tracing::info_span!("wake"));
        let shown = self.show(limit).instrument(span.unwrap_or_else(Span::current)).await;
        if matches!(shown, Ok(None)) {
            // It woke others.
            drop(self.wake.take());
        }
        shown
    }

    /// What woke the subscription for what it has just given.
    pub(crate) fn woken(&mut self) -> Woken {
        self.wake.take()
    }

    async fn show(&mut self, limit: usize) -> Result<Option<View<EventBatch>>, Rejection> {
        let ledger = self.ledger.clone();
        let reader = self.follower.reader(&ledger)?;
        ledger.advance(&reader).await?;
        let mut after = self.place.clone();
        let shown = ledger.show_if_any(&reader, |egress| {
            self.still_has(egress)?;
            after = Place { passed: None, ..self.place.clone() };
            let events = self.collect(&mut after, egress, limit)?;
            if events.is_empty() {
                return Ok(None);
            }
            let next = self.token(after.cursor)?;
            Ok(Some(egress.batch(events, after.cursor.reached(), next)?))
        });
        let shown = shown.await?;
        // A caller does not go back: what it has is not kept.
        let passed = after.passed.take().filter(|_| self.follower.is_delivery());
        self.place = Place { passed, ..after };
        Ok(shown)
    }

    /// The reader has the rights with which the subscription was opened, by the same terms.
    fn still_has(&self, egress: &Egress<'_>) -> Result<(), Rejection> {
        let (reader, state) = (egress.reader(), egress.state());
        let scope = reader.scope(state.registry(), &self.asked, false)?;
        let rights = reader.rights(state.registry(), None, false);
        let terms = first_eight(&rights.terms(state)) == self.place.cursor.terms;
        if scope == self.scope && rights.class() == self.class && terms {
            return Ok(());
        }
        Err(Rejection::CursorInvalid)
    }

    /// The epoch in force. What was made under another may no longer be given.
    #[must_use]
    pub(crate) fn epoch(&self) -> u64 {
        self.ledger.epoch()
    }

    /// The caller has the rights with which the subscription was opened: asked before what has
    /// waited is sent.
    ///
    /// # Errors
    /// When its rights ended or changed.
    pub(crate) fn holds(&self) -> Result<(), Rejection> {
        let reader = self.follower.reader(&self.ledger)?;
        let keys = &self.ledger.inner.keys;
        self.ledger.read(|state| self.still_has(&Egress::new(state, &**keys, &reader)))
    }

    /// How long until time itself changes the caller's rights.
    fn until_rights_change(&self) -> Option<Duration> {
        let now = (self.ledger.inner.clock)();
        let reader = self.follower.reader(&self.ledger).ok()?;
        let at = self.ledger.read(|state| reader.rights_change_at(state.registry(), now))?;
        let micros = at.micros().saturating_sub(now.micros());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }

    /// Waits until something may be new, or so long.
    pub(crate) async fn wait(&mut self, longest: Duration) {
        let longest = self.until_rights_change().map_or(longest, |rest| rest.min(longest));
        self.wake.wait(longest, |event| concerns(&self.scope, event)).await;
    }

    /// It stands before all there is, and nothing of that has come.
    pub(crate) const fn is_at_its_beginning(&self) -> bool {
        self.place.cursor.snapshot && self.place.cursor.events == 0
    }

    /// It stands within what is one: a snapshot, or what one step of the view brings.
    pub(crate) const fn is_within(&self) -> bool {
        self.place.cursor.snapshot || self.place.cursor.events > 0
    }

    /// What has come whole, as its records name it.
    pub(crate) fn part(&self) -> Option<ViewPart> {
        let part = ViewPart { class: self.class, revision: self.place.cursor.revision };
        (!self.is_within()).then_some(part)
    }

    /// Goes back to behind an event that it gave, of which the cursor is known.
    pub(crate) fn back_to(&mut self, cursor: &str) -> bool {
        let keys = &self.ledger.inner.keys;
        let read = self.subscription.read(&self.receiver, keys, cursor);
        let Some(cursor) = read else { return false };
        let Place { snapshot, passed, .. } = &mut self.place;
        if cursor.snapshot && snapshot.is_none() {
            *snapshot = passed.take();
        }
        self.place.cursor = cursor;
        true
    }

    /// Passes over the snapshot, for who reads the picture itself; gives where to go on from.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub(crate) fn after_snapshot(&mut self) -> Result<String, Error> {
        let cursor = &mut self.place.cursor;
        *cursor = Cursor { snapshot: false, reset: false, events: 0, ..*cursor };
        self.cursor()
    }

    /// Where to go on from.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub(crate) fn cursor(&self) -> Result<String, Error> {
        self.token(self.place.cursor)
    }

    fn token(&self, cursor: Cursor) -> Result<String, Error> {
        self.subscription.token(&self.receiver, &self.ledger.inner.keys, cursor)
    }

    /// The next events from a place on, which moves behind them.
    fn collect(
        &self,
        place: &mut Place,
        egress: &Egress<'_>,
        limit: usize,
    ) -> Result<Vec<ViewEvent>, Error> {
        let mut events = Vec::new();
        while events.len() < limit {
            let Some((at, bare)) = self.bare(place, egress) else { break };
            let next = place.cursor.next();
            place.cursor.incarnation = incarnation(egress.state(), &self.class, next);
            let from = usize::try_from(place.cursor.events).unwrap_or(usize::MAX);
            let mut rest = bare.iter().skip(from);
            for bare in rest.by_ref().take(limit - events.len()) {
                place.cursor.events = place.cursor.events.saturating_add(1);
                let id = self.subscription.event_id(&self.ledger.inner.keys, place.cursor);
                events.push((id, place.cursor, bare.clone(), at));
            }
            if rest.next().is_none() {
                *place = place.behind();
                // Who has the last event has the whole snapshot or step.
                if let Some((_, cursor, ..)) = events.last_mut().filter(|_| from < bare.len()) {
                    *cursor = place.cursor;
                }
            }
        }
        let addressed = |(id, cursor, bare, at): (String, Cursor, Bare, Timestamp)| {
            Ok(ViewEvent {
                id,
                cursor: self.token(cursor)?,
                at: egress.time_shown(&bare.area, at),
                masked: egress.masked(&bare.area),
                area: bare.area,
                revision: bare.revision,
                change: bare.change,
            })
        };
        events.into_iter().map(addressed).collect()
    }

    /// The events of the snapshot or step that a place is in, with the time they show.
    fn bare(&self, place: &mut Place, egress: &Egress<'_>) -> Option<(Timestamp, Arc<[Bare]>)> {
        let state = egress.state();
        let view = state.view(&self.class);
        let revision = place.cursor.revision;
        if !place.cursor.snapshot {
            let step = view?.step(place.cursor.next())?;
            return Some((step.at, egress.step(&self.scope, &step.advance).into()));
        }
        let step = view.and_then(|view| view.step(revision));
        let at = step.map_or_else(|| state.stamp(), |step| step.at);
        if let Some((epoch, bare)) = &place.snapshot
            && *epoch == state.epoch()
        {
            return Some((at, Arc::clone(bare)));
        }
        let areas = self
            .scope
            .areas
            .iter()
            .map(|area| (area.clone(), view.map_or(0, |view| view.area_at(area, revision))));
        let mut bare = egress.snapshot(&self.scope, &areas.collect(), revision);
        if place.cursor.reset {
            egress.reset(&self.scope, &mut bare, revision);
        }
        let bare: Arc<[Bare]> = bare.into();
        place.snapshot = Some((state.epoch(), Arc::clone(&bare)));
        Some((at, bare))
    }
}

impl Place {
    /// Behind the snapshot or step that it is in.
    fn behind(&self) -> Self {
        let revision = self.cursor.next();
        let cursor = Cursor { revision, snapshot: false, reset: false, events: 0, ..self.cursor };
        let passed = self.snapshot.clone().or_else(|| self.passed.clone());
        Self { cursor, snapshot: None, passed }
    }
}

/// Whether something may be new after it.
fn concerns(scope: &Scope, event: &Event) -> bool {
    match event {
        Event::Revised { area, .. } => scope.areas.contains(area),
        Event::Edition(_) | Event::Epoch(_) | Event::Suspended(_) => true,
        Event::Advanced(_)
        | Event::Inboxed(_)
        | Event::Receipt(_)
        | Event::Linked(_)
        | Event::Received(_) => false,
    }
}
