//! What is followed of a view that another domain delivers.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use samsyn_domain::{
    AreaId, Caller, Period, PeriodKind, State, Timestamp,
    disclosure::{ClassId, Ground},
    link::{DeliveryRef, Phase, Received, ReceivedEdition, ReceivedFinding},
    row::Event,
};
use samsyn_policy::{
    Denial, EventBatch, Masked, Reader, ReceivedDraft, Scope, View, ViewChange, ViewEvent, Why,
    received_class,
};

use crate::{
    Error, Ledger, Rejection,
    cursor::{Cursor, Subscription, first_eight},
    trace::Woken,
    wake::Wake,
};

/// A subscription to a view that another domain delivers.
#[derive(Debug)]
pub(crate) struct ReceivedFeed {
    ledger: Ledger,
    caller: Caller,
    ground: Ground,
    asked: Scope,
    of: DeliveryRef,
    areas: BTreeSet<AreaId>,
    masked: Masked,
    subscription: Subscription,
    place: Place,
    wake: Wake,
}

/// How far it has come. Its revision is the number of the last finding that came or went.
#[derive(Debug, Clone)]
struct Place {
    cursor: Cursor,
    /// The snapshot that it is in, as it was when it began.
    snapshot: Option<Arc<[ReceivedDraft]>>,
}

impl Ledger {
    /// The view that another domain delivers and that a scope is of; none when it is of what is
    /// made here.
    pub(super) fn received_in(
        &self,
        reader: &Reader,
        asked: &Scope,
    ) -> Result<Option<Arc<Received>>, Rejection> {
        self.read(|state| self.received_by(state, reader, asked))
    }

    fn received_by(
        &self,
        state: &State,
        reader: &Reader,
        asked: &Scope,
    ) -> Result<Option<Arc<Received>>, Rejection> {
        let policy = &self.inner.policy;
        let too_wide = |field: &str| Denial::of(Why::ScopeTooWide).by("POL-58").at(field);
        let Some(first) = asked.areas.first() else {
            return self.only_received(state, reader);
        };
        let Some(received) = policy.received(state, reader, first)? else { return Ok(None) };
        for area in &asked.areas {
            let other = policy.received(state, reader, area)?;
            if other.is_none_or(|other| other.of != received.of) {
                return Err(too_wide("scope.areas").into());
            }
        }
        if !asked.periods.is_subset(&received.receiver.periods) {
            return Err(too_wide("scope.period_kinds").into());
        }
        // Findings do not say of which priority area they are.
        if !asked.priorities.is_empty() {
            return Err(too_wide("scope.priorities").into());
        }
        Ok(Some(received))
    }

    /// The one view that a reader is delivered, where it has no right to any that is made here.
    fn only_received(
        &self,
        state: &State,
        reader: &Reader,
    ) -> Result<Option<Arc<Received>>, Rejection> {
        let rights = reader.rights(state.registry(), None, false);
        if !Reader::areas(state.registry(), &rights).is_empty() {
            return Ok(None);
        }
        let all = state.deliveries().all_received();
        let areas: BTreeSet<&AreaId> = all.flat_map(|one| &one.receiver.areas).collect();
        let mut readable: Option<Arc<Received>> = None;
        let mut denied = None;
        for area in areas {
            let received = match self.inner.policy.received(state, reader, area) {
                Ok(Some(received)) => received,
                Ok(None) => continue,
                Err(denial) => {
                    denied = Some(denial);
                    continue;
                }
            };
            match &readable {
                Some(other) if other.of != received.of => {
                    return Err(Denial::of(Why::ScopeTooWide)
                        .by("POL-58")
                        .at("scope.areas")
                        .into());
                }
                Some(_) => {}
                None => readable = Some(received),
            }
        }
        match (readable, denied) {
            (None, Some(denial)) => Err(denial.into()),
            (readable, _) => Ok(readable),
        }
    }

    /// Whether a cursor is of a view that another domain delivers, and has been reached.
    pub(super) fn has_received(&self, class: &ClassId, cursor: &Cursor) -> bool {
        self.read(|state| {
            let mut all = state.deliveries().all_received();
            let received = all.find(|one| received_class(&one.of) == *class);
            received.is_some_and(|one| {
                cursor.revision <= one.number && cursor.incarnation == incarnation(state)
            })
        })
    }
}

/// In which incarnation a domain counts what came: it goes back to an earlier number with a backup.
fn incarnation(state: &State) -> [u8; 8] {
    state.incarnation().map_or([0; 8], |made| first_eight(&made.id))
}

impl ReceivedFeed {
    /// Opens it: from a cursor, or with a snapshot first.
    pub(super) fn open(
        ledger: &Ledger,
        caller: &Caller,
        ground: Ground,
        asked: Scope,
        (received, cursor): (&Received, &str),
    ) -> Result<Self, Rejection> {
        let wake = Wake::by(ledger.events());
        let of = received.of.clone();
        let keys = &ledger.inner.keys;
        let scope = keys.cursor_mac("scope", &[format!("{asked:?}").as_bytes()]);
        let subscription = Subscription { class: received_class(&of), scope: first_eight(&scope) };
        let given = match cursor {
            "" => None,
            token => {
                let read = subscription.read(caller.organisation(), keys, token);
                Some(read.ok_or(Rejection::CursorInvalid)?)
            }
        };
        let incarnation = ledger.read(incarnation);
        let terms = ledger.terms(received);
        let anew = |reset| Cursor {
            terms,
            incarnation,
            revision: received.number,
            snapshot: true,
            reset,
            events: 0,
        };
        let cursor = match given {
            None => anew(false),
            Some(cursor) if cursor.incarnation != incarnation || cursor.terms != terms => {
                anew(true)
            }
            Some(cursor) if cursor.revision > received.number => {
                return Err(Rejection::NotReached { field: "cursor" });
            }
            Some(cursor) if cursor.revision < received.forgotten => {
                return Err(Rejection::CursorTooOld);
            }
            // A snapshot is of the moment in which it began.
            Some(cursor) if cursor.snapshot && cursor.revision != received.number => anew(true),
            Some(cursor) => cursor,
        };
        let wanted = &asked.areas;
        let areas = if wanted.is_empty() { &received.receiver.areas } else { wanted };
        let signs = !received.receiver.parties.is_empty();
        Ok(Self {
            ledger: ledger.clone(),
            caller: caller.clone(),
            ground,
            areas: areas.clone(),
            masked: if signs { Masked::Signatory } else { Masked::Partner },
            asked,
            of,
            subscription,
            place: Place { cursor, snapshot: None },
            wake,
        })
    }

    /// As [`super::Feed::next`].
    pub(super) async fn next(
        &mut self,
        limit: usize,
    ) -> Result<Option<View<EventBatch>>, Rejection> {
        self.wake.catch_up(|event| concerns(&self.of, event));
        let received = self.received()?;
        if received.phase != Phase::Whole {
            return Ok(None);
        }
        let ledger = self.ledger.clone();
        let reader = ledger.reader(&self.caller, self.ground.clone())?;
        let mut after = self.place.clone();
        let shown = ledger.show_if_any(&reader, |egress| {
            after = self.place.clone();
            let state = egress.state();
            let received = ledger.received_by(state, egress.reader(), &self.asked)?;
            let received = received.filter(|received| self.is_of(received));
            let received = received.ok_or(Rejection::CursorInvalid)?;
            let drafts = self.collect(&mut after, state, &received, limit)?;
            if drafts.is_empty() {
                return Ok(None);
            }
            let next = self.token(after.cursor)?;
            let reached = after.cursor.revision;
            Ok(Some(egress.received_batch(&received, drafts, (reached, next))?))
        });
        let shown = shown.await?;
        self.place = after;
        if shown.is_none() {
            // It woke others.
            drop(self.wake.take());
        }
        Ok(shown)
    }

    /// The view, as long as the caller may read it and its terms are those of the beginning.
    fn received(&self) -> Result<Arc<Received>, Rejection> {
        let reader = self.ledger.reader(&self.caller, self.ground.clone())?;
        let received = self.ledger.received_in(&reader, &self.asked)?;
        received.filter(|received| self.is_of(received)).ok_or(Rejection::CursorInvalid)
    }

    /// It is the view that was opened, and has not begun anew since.
    fn is_of(&self, received: &Received) -> bool {
        received.of == self.of && self.ledger.terms(received) == self.place.cursor.terms
    }

    /// The next events from a place on, which moves behind them.
    fn collect(
        &self,
        place: &mut Place,
        state: &State,
        received: &Received,
        limit: usize,
    ) -> Result<Vec<ReceivedDraft>, Error> {
        let mut drafts = Vec::new();
        if place.cursor.snapshot {
            // Of what has changed since it began, by which another was counted, all comes anew.
            if place.snapshot.is_none() && place.cursor.revision != received.number {
                let (revision, reset) =
                    (received.number, place.cursor.reset || place.cursor.events > 0);
                place.cursor = Cursor { revision, reset, events: 0, ..place.cursor };
            }
            let reset = place.cursor.reset;
            let snapshot =
                place.snapshot.get_or_insert_with(|| self.snapshot(state, received, reset).into());
            let from = usize::try_from(place.cursor.events).unwrap_or(usize::MAX);
            let all = snapshot.len();
            for draft in snapshot.iter().skip(from).take(limit) {
                place.cursor.events = place.cursor.events.saturating_add(1);
                drafts.push(self.addressed(draft.clone(), place.cursor)?);
            }
            if from.saturating_add(drafts.len()) >= all {
                let (snapshot, reset, events) = (false, false, 0);
                place.cursor = Cursor { snapshot, reset, events, ..place.cursor };
                place.snapshot = None;
                // Who has the last event has the whole snapshot.
                if let Some(last) = drafts.pop() {
                    drafts.push(self.addressed(last, place.cursor)?);
                }
            }
        }
        if place.cursor.snapshot || drafts.len() >= limit {
            return Ok(drafts);
        }
        for (number, draft) in self.after(state, place.cursor.revision) {
            if drafts.len() >= limit {
                return Ok(drafts);
            }
            place.cursor.revision = number;
            if let Some(draft) = draft {
                drafts.push(self.addressed(draft, place.cursor)?);
            }
        }
        Ok(drafts)
    }

    /// What came and went after a number, in that order; without what was not asked for.
    fn after<'a>(
        &'a self,
        state: &'a State,
        number: u64,
    ) -> impl Iterator<Item = (u64, Option<ReceivedDraft>)> + 'a {
        let editions = state.delivered_editions().released_after(&self.of, number);
        let mut editions = editions.into_iter().map(|one| {
            let is_wanted = self.is_in_scope(&one.area, one.period);
            (one.number, is_wanted.then(|| self.released(&one)))
        });
        let mut found = state
            .deliveries()
            .found_after(&self.of, number)
            .map(|found| (found.number, self.wants(found).then(|| self.draft(found))));
        let (mut edition, mut finding) = (editions.next(), found.next());
        std::iter::from_fn(move || {
            let is_edition = match (&edition, &finding) {
                (Some((edition, _)), Some((finding, _))) => edition < finding,
                (one, _) => one.is_some(),
            };
            if is_edition {
                std::mem::replace(&mut edition, editions.next())
            } else {
                std::mem::replace(&mut finding, found.next())
            }
        })
    }

    fn wants(&self, found: &ReceivedFinding) -> bool {
        self.is_in_scope(&found.key.area, found.key.period)
    }

    fn is_in_scope(&self, area: &AreaId, period: Period) -> bool {
        let kinds = &self.asked.periods;
        self.areas.contains(area) && (kinds.is_empty() || kinds.contains(&period.kind()))
    }

    /// All that there is, framed by area and period.
    fn snapshot(&self, state: &State, received: &Received, reset: bool) -> Vec<ReceivedDraft> {
        let mut drafts: Vec<ReceivedDraft> = Vec::new();
        for area in &self.areas {
            let revision = state.deliveries().revision(&self.of, area);
            let found: Vec<_> =
                state.deliveries().found(&self.of, area).filter(|one| self.wants(one)).collect();
            for of_period in found.chunk_by(|a, b| a.key.period == b.key.period) {
                let Some(first) = of_period.first() else { continue };
                let period = first.key.period;
                let findings = u32::try_from(of_period.len()).unwrap_or(u32::MAX);
                let frame = |change| self.frame(area, revision, received.at, change);
                let begins = ViewChange::SnapshotBegins { period, findings, reset: false };
                drafts.push(frame(begins));
                drafts.extend(of_period.iter().map(|found| self.draft(found)));
                drafts.push(frame(ViewChange::SnapshotEnds { period, findings }));
            }
        }
        match drafts.first_mut() {
            Some(ReceivedDraft { event, .. }) => {
                if let ViewChange::SnapshotBegins { reset: begins_anew, .. } = &mut event.change {
                    *begins_anew = reset;
                }
            }
            // What was held before is to be dropped, also when nothing follows.
            None if reset => drafts.extend(self.nothing(state, received)),
            None => {}
        }
        // Releases that came between two beginnings are told once more rather than not at all.
        if reset {
            let released = state.delivered_editions().released_after(&self.of, 0);
            let released = released.iter().filter(|one| self.is_in_scope(&one.area, one.period));
            drafts.extend(released.map(|one| self.released(one)));
        }
        drafts
    }

    /// A snapshot of nothing.
    fn nothing(&self, state: &State, received: &Received) -> Vec<ReceivedDraft> {
        let month = Period::holding(PeriodKind::Month, state.stamp());
        let Some((area, period)) = self.areas.first().zip(month) else { return Vec::new() };
        let (findings, reset) = (0, true);
        let begins = ViewChange::SnapshotBegins { period, findings, reset };
        let ends = ViewChange::SnapshotEnds { period, findings };
        let revision = state.deliveries().revision(&self.of, area);
        [begins, ends].map(|change| self.frame(area, revision, received.at, change)).into()
    }

    fn frame(
        &self,
        area: &AreaId,
        revision: u64,
        at: Timestamp,
        change: ViewChange,
    ) -> ReceivedDraft {
        let event = self.event(area, revision, at, change);
        ReceivedDraft { event, content: None, is_edition: false }
    }

    fn draft(&self, found: &ReceivedFinding) -> ReceivedDraft {
        let ReceivedFinding { key, revision, recorded_at, content, .. } = found;
        // What came is put in when it has been opened.
        let change = ViewChange::Removed { id: key.id.to_string(), period: key.period };
        let event = self.event(&key.area, *revision, *recorded_at, change);
        ReceivedDraft { event, content: content.clone(), is_edition: false }
    }

    /// That an edition was released.
    fn released(&self, edition: &ReceivedEdition) -> ReceivedDraft {
        let ReceivedEdition { of, number, area, period, content, at, .. } = edition;
        let change = ViewChange::Removed { id: of.edition.to_string(), period: *period };
        let event = self.event(area, *number, *at, change);
        ReceivedDraft { event, content: Some(content.clone()), is_edition: true }
    }

    fn event(&self, area: &AreaId, revision: u64, at: Timestamp, change: ViewChange) -> ViewEvent {
        let (id, cursor) = Default::default();
        ViewEvent { id, cursor, area: area.clone(), masked: self.masked, revision, at, change }
    }

    /// With its id and cursor.
    fn addressed(&self, draft: ReceivedDraft, cursor: Cursor) -> Result<ReceivedDraft, Error> {
        let event = ViewEvent {
            id: self.subscription.event_id(&self.ledger.inner.keys, cursor),
            cursor: self.token(cursor)?,
            ..draft.event
        };
        Ok(ReceivedDraft { event, ..draft })
    }

    /// As [`super::Feed::woken`].
    pub(super) fn woken(&mut self) -> Woken {
        self.wake.take()
    }

    /// As [`super::Feed::epoch`]: what waits to be sent is judged anew as well when the view has
    /// begun anew, which is no change of the registry here.
    pub(super) fn epoch(&self) -> u64 {
        self.ledger.read(|state| {
            let begun = state.deliveries().received(&self.of).map_or(0, |one| one.begun);
            state.epoch().wrapping_add(begun)
        })
    }

    /// As [`super::Feed::holds`].
    pub(super) fn holds(&self) -> Result<(), Rejection> {
        self.received().map(drop)
    }

    /// As [`super::Feed::wait`].
    pub(super) async fn wait(&mut self, longest: Duration) {
        self.wake.wait(longest, |event| concerns(&self.of, event)).await;
    }

    /// As [`super::Feed::after_snapshot`].
    pub(super) fn after_snapshot(&mut self) -> Result<String, Error> {
        let cursor = &mut self.place.cursor;
        *cursor = Cursor { snapshot: false, reset: false, events: 0, ..*cursor };
        self.cursor()
    }

    /// As [`super::Feed::cursor`].
    pub(super) fn cursor(&self) -> Result<String, Error> {
        self.token(self.place.cursor)
    }

    fn token(&self, cursor: Cursor) -> Result<String, Error> {
        self.subscription.token(self.caller.organisation(), &self.ledger.inner.keys, cursor)
    }
}

impl Ledger {
    /// For whom, of what and on what ground a view is delivered, and since when, in short.
    fn terms(&self, received: &Received) -> [u8; 8] {
        let terms = format!("{:?} {}", received.receiver, received.begun);
        first_eight(&self.inner.keys.cursor_mac("received", &[terms.as_bytes()]))
    }
}

/// Whether something may be new, or no longer be given, after it.
fn concerns(of: &DeliveryRef, event: &Event) -> bool {
    match event {
        Event::Received(changed) => changed == of,
        Event::Epoch(_) | Event::Suspended(_) => true,
        Event::Revised { .. }
        | Event::Edition(_)
        | Event::Advanced(_)
        | Event::Inboxed(_)
        | Event::Receipt(_)
        | Event::Linked(_) => false,
    }
}
