//! Streams and polls: the same events of a view, in the same order, under the same cursors.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use samsyn_domain::{
    AreaId, Caller, State, Timestamp,
    command::{Acknowledge, Command, Disclose},
    disclosure::{Advance, Change, ClassId, Ground},
    edition::Edition,
    row::Event,
};
use samsyn_policy::{Bare, Egress, EventBatch, Masked, Reader, Scope, View, ViewEvent};
use samsyn_proto::inbound::Context;
use tokio::{sync::broadcast, time::timeout};

use crate::{
    Error, Ledger, Rejection,
    cursor::{Cursor, Subscription, first_eight},
    handle::Inner,
};

/// How old a cursor may be.
const CURSOR_SECONDS: i64 = 400 * 24 * 60 * 60;

/// Up to which revision of an area nothing new was found for a class: spares looking again.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<BTreeMap<(ClassId, AreaId), u64>>);

impl Views {
    fn looked(&self, class: ClassId, area: &AreaId) -> u64 {
        let looked = self.0.lock().ok();
        looked.and_then(|looked| looked.get(&(class, area.clone())).copied()).unwrap_or(0)
    }

    fn look(&self, class: ClassId, area: &AreaId, revision: u64) {
        if let Ok(mut looked) = self.0.lock() {
            looked.insert((class, area.clone()), revision);
        }
    }
}

/// A subscription that is being served.
#[derive(Debug)]
pub struct Feed {
    ledger: Ledger,
    caller: Caller,
    ground: Ground,
    asked: Scope,
    scope: Scope,
    class: ClassId,
    subscription: Subscription,
    cursor: Cursor,
    bare: Option<(u64, bool, Vec<Bare>)>,
    events: broadcast::Receiver<(u64, Event)>,
}

impl Ledger {
    /// Opens a subscription: from a cursor, or with a snapshot first.
    ///
    /// # Errors
    /// When the scope is wider than the caller's rights, or the cursor does not hold.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        ground: Ground,
        asked: Scope,
        cursor: &str,
    ) -> Result<Feed, Rejection> {
        let events = self.events();
        let reader = self.reader(caller, ground.clone())?;
        let scope = self.read(|state| reader.scope(state.registry(), &asked, false))?;
        let class = self.read(|state| reader.rights(state.registry(), None, false)).class();
        let digest = self.inner.keys.cursor_mac("scope", &[format!("{scope:?}").as_bytes()]);
        let subscription = Subscription { class, scope: first_eight(&digest) };
        self.advance(&reader).await?;
        let start = self.read(|state| {
            let view = state.view(&class);
            let revision = view.map_or(0, samsyn_domain::View::revision);
            if cursor.is_empty() {
                let generation = state.epoch();
                return Ok(Cursor { generation, revision, snapshot: true, events: 0 });
            }
            let cursor = subscription.read(&self.inner.keys, cursor);
            let cursor = cursor.filter(|cursor| cursor.revision <= revision);
            let cursor = cursor.ok_or(Rejection::CursorInvalid)?;
            let made = view.and_then(|view| view.step(cursor.revision)).map(|step| step.at);
            let old = made.is_some_and(|at| at.after_seconds(CURSOR_SECONDS) < state.stamp());
            if old { Err(Rejection::CursorTooOld) } else { Ok(cursor) }
        })?;
        Ok(Feed {
            ledger: self.clone(),
            caller: caller.clone(),
            ground,
            asked,
            scope,
            class,
            subscription,
            cursor: start,
            bare: None,
            events,
        })
    }

    /// Records that a service has stored all up to a cursor.
    ///
    /// # Errors
    /// When the cursor does not hold, or the record cannot be committed.
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        context: &Context,
        cursor: &str,
    ) -> Result<(), Rejection> {
        let now = (self.inner.clock)();
        let class = self.read(|state| Reader::view_rights(state, now, caller))?.class();
        let subscription = Subscription::of_token(class, cursor);
        let cursor = subscription.and_then(|s| s.read(&self.inner.keys, cursor));
        // Inside a snapshot or step, what is stored is the revision before it.
        let revision = cursor.ok_or(Rejection::CursorInvalid)?.revision;
        let command = Acknowledge { class, revision };
        let body = self.body("acknowledge", Command::Acknowledge(command.clone()))?;
        let make = |_: &State| Ok(Command::Acknowledge(command.clone()));
        self.propose(caller, context, &body, make).await.map(drop)
    }

    /// Brings a reader's view up to date: one step for each area that changed in what it may see,
    /// and for each edition released since.
    pub(crate) async fn advance(&self, reader: &Reader) -> Result<(), Rejection> {
        let full = self.read(|state| reader.scope(state.registry(), &Scope::default(), false))?;
        let areas: Vec<AreaId> = full.areas.iter().cloned().collect();
        self.decide(reader, &areas, true).await?;
        loop {
            let advances = self.read(|state| {
                let egress = Egress::new(state, &self.inner.keys, reader);
                self.due(state, &egress, reader, &full)
            });
            if advances.is_empty() {
                return Ok(());
            }
            match self.own(Command::Disclose(Disclose { disclosures: Vec::new(), advances })).await
            {
                Ok(_) => return Ok(()),
                // Another subscriber of the class was first.
                Err(Error::Overloaded) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn due(
        &self,
        state: &State,
        egress: &Egress<'_>,
        reader: &Reader,
        full: &Scope,
    ) -> Vec<Advance> {
        let Inner { views, .. } = &*self.inner;
        let class = reader.rights(state.registry(), None, false).class();
        let view = state.view(&class);
        let mut revision = view.map_or(0, samsyn_domain::View::revision);
        let mut advances = Vec::new();
        let mut push = |change: Change| {
            revision += 1;
            let receiver = reader.organisation().clone();
            let mut advance = Advance { class, receiver, revision, change, digest: [0; 32] };
            advance.digest = egress.step_digest(full, &advance);
            advances.push(advance);
        };
        for area in &full.areas {
            let reached = view.map_or(0, |view| view.area(area));
            let from = reached.max(views.looked(class, area));
            let to = state.revision(area);
            if from >= to {
                continue;
            }
            if egress.changes(full, area, if reached == 0 { 0 } else { from }, to) {
                push(Change::Area { area: area.clone(), from: reached, to });
            } else {
                views.look(class, area, to);
            }
        }
        let mut released: Vec<&Edition> = state
            .editions()
            .filter(|e| e.released.is_some() && full.areas.contains(&e.area))
            .filter(|e| full.periods.contains(&e.period.kind()))
            .filter(|e| view.is_none_or(|view| !view.has_edition(&e.id)))
            .collect();
        released.sort_by_key(|e| e.released.as_ref().map(|r| r.sequence));
        for edition in released {
            push(Change::Edition(edition.id.clone()));
        }
        advances
    }
}

impl Feed {
    /// The next events, at most so many; none when there is nothing new. What is shown is recorded
    /// before it is given.
    ///
    /// # Errors
    /// When the caller's rights ended, or the record cannot be committed.
    pub async fn next(&mut self, limit: usize) -> Result<Option<View<EventBatch>>, Rejection> {
        let reader = self.ledger.reader(&self.caller, self.ground.clone())?;
        let ledger = self.ledger.clone();
        let rights = ledger.read(|state| {
            let scope = reader.scope(state.registry(), &self.asked, false)?;
            let class = reader.rights(state.registry(), None, false).class();
            Ok::<_, Rejection>(scope == self.scope && class == self.class)
        })?;
        if !rights {
            return Err(Rejection::CursorInvalid);
        }
        ledger.advance(&reader).await?;
        let events = ledger.read(|state| {
            let egress = Egress::new(state, &ledger.inner.keys, &reader);
            self.collect(state, &egress, limit)
        });
        if events.is_empty() {
            return Ok(None);
        }
        let next = self.token(self.cursor);
        let masked = if reader.is_signatory() { Masked::Signatory } else { Masked::Partner };
        let project =
            |egress: &Egress<'_>| Ok(egress.batch(events.clone(), next.clone(), masked)?);
        ledger.show(&reader, project).await.map(Some)
    }

    /// Waits until something may be new, or so long.
    pub async fn wait(&mut self, longest: Duration) {
        let relevant = async {
            loop {
                match self.events.recv().await {
                    Ok((_, Event::Revised { area, .. })) if self.scope.areas.contains(&area) => {
                        return;
                    }
                    Ok((_, Event::Edition(_) | Event::Epoch(_) | Event::Suspended(_)))
                    | Err(broadcast::error::RecvError::Lagged(_)) => return,
                    Ok((_, Event::Revised { .. } | Event::Advanced(_))) => {}
                    Err(broadcast::error::RecvError::Closed) => {
                        std::future::pending::<()>().await;
                    }
                }
            }
        };
        // Either way the feed looks again.
        let _ = timeout(longest, relevant).await;
    }

    /// Passes over the snapshot, for who reads the picture itself; gives where to go on from.
    pub(crate) fn after_snapshot(&mut self) -> String {
        self.cursor = Cursor { snapshot: false, events: 0, ..self.cursor };
        self.cursor()
    }

    /// Where to go on from.
    #[must_use]
    pub fn cursor(&self) -> String {
        self.token(self.cursor)
    }

    fn token(&self, cursor: Cursor) -> String {
        self.subscription.token(&self.ledger.inner.keys, cursor)
    }

    fn collect(&mut self, state: &State, egress: &Egress<'_>, limit: usize) -> Vec<ViewEvent> {
        let mut events = Vec::new();
        while events.len() < limit {
            let Some((at, bare)) = self.bare(state, egress) else { break };
            let from = usize::try_from(self.cursor.events).unwrap_or(usize::MAX);
            let taken: Vec<Bare> =
                bare.iter().skip(from).take(limit - events.len()).cloned().collect();
            let whole = from.saturating_add(taken.len()) >= bare.len();
            for bare in taken {
                self.cursor.events = self.cursor.events.saturating_add(1);
                events.push(self.addressed(egress, bare, at));
            }
            if whole {
                let revision = self.cursor.revision + u64::from(!self.cursor.snapshot);
                self.cursor = Cursor { revision, snapshot: false, events: 0, ..self.cursor };
                self.bare = None;
            }
        }
        events
    }

    /// The events of the snapshot or step that the cursor is in, with the time they show.
    fn bare(&mut self, state: &State, egress: &Egress<'_>) -> Option<(Timestamp, Vec<Bare>)> {
        let view = state.view(&self.class);
        let revision = self.cursor.revision;
        if self.cursor.snapshot {
            let at =
                view.and_then(|view| view.step(revision)).map_or_else(|| state.stamp(), |s| s.at);
            if let Some((of, true, bare)) = &self.bare
                && *of == revision
            {
                return Some((at, bare.clone()));
            }
            let areas =
                self.scope.areas.iter().map(|area| {
                    (area.clone(), view.map_or(0, |view| view.area_at(area, revision)))
                });
            let bare = egress.snapshot(&self.scope, &areas.collect(), revision);
            self.bare = Some((revision, true, bare.clone()));
            return Some((at, bare));
        }
        let step = view?.step(revision + 1)?;
        Some((step.at, egress.step(&self.scope, &step.advance)))
    }

    fn addressed(&self, egress: &Egress<'_>, bare: Bare, at: Timestamp) -> ViewEvent {
        let Cursor { generation, revision, snapshot, events } = self.cursor;
        let place = [
            generation.to_be_bytes().as_slice(),
            &revision.to_be_bytes(),
            &[u8::from(snapshot)],
            &events.to_be_bytes(),
            &self.subscription.scope,
        ]
        .concat();
        let tag = self.ledger.inner.keys.cursor_mac("event", &[self.class.digest(), &place]);
        ViewEvent {
            id: hex::encode(tag.iter().take(16).copied().collect::<Vec<u8>>()),
            cursor: self.token(self.cursor),
            at: egress.time_shown(&bare.area, at),
            area: bare.area,
            revision: bare.revision,
            change: bare.change,
        }
    }
}
