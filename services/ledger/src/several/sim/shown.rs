//! What left nodes for readers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
};

use samsyn_domain::{
    AreaId,
    commit::hash,
    disclosure::{ClassId, Disclosure, Object},
};
use samsyn_policy::{EventBatch, JointView, PublishedView, Shared, View, ViewChange};

use super::super::trade::Reads;
use crate::{
    Ledger,
    cursor::{Cursor, Subscription},
};

/// What a record says was shown: to whom, what, of which view, and the digest of the content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    card: String,
    object: Object,
    view: Option<(ClassId, u64)>,
    digest: [u8; 32],
}

impl Shown {
    pub(super) fn recorded(row: &Disclosure) -> Self {
        let view = row.view.map(|part| (part.class, part.revision));
        let (card, object) = (row.serial.clone(), row.object.clone());
        Self { card, object, view, digest: row.digest }
    }
}

/// A view that left a node.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) node: u64,
    /// What its receipt gives as the number of its first record.
    pub(super) receipt: u64,
    /// What its records must say, in order.
    pub(super) shown: Vec<Shown>,
}

impl Sent {
    fn of<T>(ledger: &Ledger, view: &View<T>, shown: Vec<Shown>) -> Self {
        Self { node: ledger.cluster().node, receipt: view.receipt().0, shown }
    }

    /// Of a batch of events: a record for each area.
    fn batch(ledger: &Ledger, stream: &Stream, view: &View<EventBatch>) -> Self {
        let (class, cursor) = stream.read(ledger, &view.content().next);
        let part = Some((class, cursor.reached()));
        let mut areas: BTreeMap<&AreaId, Vec<&ViewChange>> = BTreeMap::new();
        for event in &view.content().events {
            areas.entry(&event.area).or_default().push(&event.change);
        }
        let shown = areas.into_iter().map(|(area, changes)| Shown {
            card: stream.card.clone(),
            object: Object::View(area.clone()),
            view: part,
            digest: digest(ledger, format!("{changes:?}").as_bytes()),
        });
        Self::of(ledger, view, shown.collect())
    }

    /// Of a joint picture.
    pub(super) fn joint(ledger: &Ledger, card: &str, view: &View<Arc<Shared<JointView>>>) -> Self {
        let JointView { area, period, findings, .. } = &***view.content();
        let all = format!("{findings:?}");
        let seen = findings.iter().flat_map(|finding| &finding.contributions);
        let sealed = seen.filter_map(|seen| Some(&*seen.sealed.as_ref()?.bytes));
        let whole = hash::hash(&[all.as_bytes()].into_iter().chain(sealed).collect::<Vec<_>>());
        let object = Object::Joint(area.clone(), *period);
        let digest = digest(ledger, &whole.0);
        let shown = Shown { card: card.to_owned(), object, view: None, digest };
        Self::of(ledger, view, vec![shown])
    }

    /// Of the conflicts that a publication touched; nothing is recorded of none.
    pub(super) fn published(
        ledger: &Ledger,
        (card, area): (&str, &AreaId),
        view: &View<PublishedView>,
    ) -> Self {
        let conflicts = &view.content().conflicts;
        let shown = Shown {
            card: card.to_owned(),
            object: Object::View(area.clone()),
            view: None,
            digest: digest(ledger, format!("{conflicts:?}").as_bytes()),
        };
        let is_some = !conflicts.is_empty();
        Self::of(ledger, view, is_some.then_some(shown).into_iter().collect())
    }
}

fn digest(ledger: &Ledger, shown: &[u8]) -> [u8; 32] {
    ledger.inner.keys.digest("shown", &[shown])
}

/// An event as a reader has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Got {
    id: String,
    cursor: String,
    revision: u64,
    change: String,
}

/// A finding, by area, period and id.
type Place = (String, String, String);

/// A stream as its reader has it, over all the nodes that it was at.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) reads: Reads,
    pub(super) card: String,
    /// Where it began, and where it goes on; empty before it was opened.
    pub(super) began: String,
    pub(super) cursor: String,
    at: Option<Cursor>,
    pub(super) got: Vec<Got>,
    /// What its reader holds by all the events.
    pub(super) held: BTreeMap<Place, String>,
    /// Which nodes it was at.
    pub(super) nodes: BTreeSet<u64>,
    /// What a node gave it that does not follow on what it had.
    pub(super) wrong: Option<String>,
}

impl Stream {
    pub(super) fn of(reads: Reads, card: String) -> Self {
        Self {
            reads,
            card,
            began: String::new(),
            cursor: String::new(),
            at: None,
            got: Vec::new(),
            held: BTreeMap::new(),
            nodes: BTreeSet::new(),
            wrong: None,
        }
    }

    /// As one that goes on from where another began.
    pub(super) fn again(of: &Self, card: String) -> Self {
        let (began, cursor) = (of.began.clone(), of.began.clone());
        Self { began, cursor, ..Self::of(of.reads, card) }
    }

    /// The revision of the view that it has whole; none before it was opened.
    pub(super) fn revision(&self) -> Option<u64> {
        self.at.filter(|at| !at.snapshot && at.events == 0).map(|at| at.revision)
    }

    fn read(&self, ledger: &Ledger, token: &str) -> (ClassId, Cursor) {
        let receiver = self.reads.caller(&self.card).organisation().clone();
        let read = Subscription::of_token(&receiver, &ledger.inner.keys, token);
        let (subscription, cursor) = read.expect("a token that the domain gave");
        (subscription.class, cursor)
    }

    /// It was opened at a node, which tells where it is.
    pub(super) fn opened(&mut self, ledger: &Ledger, cursor: String) {
        self.nodes.insert(ledger.cluster().node);
        let (_, at) = self.read(ledger, &cursor);
        if self.began.is_empty() {
            self.began.clone_from(&cursor);
            self.cursor = cursor;
        } else if self.cursor != cursor {
            self.complain(ledger, format!("it is opened at {at:?}, and was at {:?}", self.at));
        }
        self.at.get_or_insert(at);
    }

    /// A node tells how far it is without an event: behind a snapshot of nothing, or as before.
    pub(super) fn beat(&mut self, ledger: &Ledger, cursor: String) {
        let (_, now) = self.read(ledger, &cursor);
        let before = self.at.expect("it was opened");
        if now != before && (now != behind(before) || !is_of_nothing(before)) {
            self.complain(ledger, format!("after {before:?} comes {now:?} with nothing"));
        }
        (self.at, self.cursor) = (Some(now), cursor);
    }

    /// Takes the first events of a batch; gives what was sent with all of it.
    pub(super) fn take(&mut self, ledger: &Ledger, view: &View<EventBatch>, first: usize) -> Sent {
        let sent = Sent::batch(ledger, self, view);
        let batch = view.content();
        for event in batch.events.iter().take(first) {
            let (_, now) = self.read(ledger, &event.cursor);
            let before = self.at.expect("it was opened");
            if !follows(before, now) {
                self.complain(ledger, format!("after {before:?} comes {now:?}"));
            }
            let change = shown(&event.change, batch);
            self.hold(event.area.to_string(), &event.change, &change);
            let (id, cursor) = (event.id.clone(), event.cursor.clone());
            (self.at, self.cursor) = (Some(now), cursor.clone());
            self.got.push(Got { id, cursor, revision: event.revision, change });
        }
        sent
    }

    fn hold(&mut self, area: String, change: &ViewChange, shown: &str) {
        match change {
            ViewChange::SnapshotBegins { period, reset, .. } => {
                let period = period.to_string();
                self.held.retain(|(of, at, _), _| !reset && (*of != area || *at != period));
            }
            ViewChange::Finding(finding) => {
                let place = (area, finding.period.to_string(), finding.key.id());
                self.held.insert(place, shown.to_owned());
            }
            ViewChange::Removed { id, period } => {
                self.held.remove(&(area, period.to_string(), id.clone()));
            }
            ViewChange::SnapshotEnds { .. }
            | ViewChange::Delivered(_)
            | ViewChange::Edition(_)
            | ViewChange::DeliveredEdition(_) => {}
        }
    }

    pub(super) fn complain(&mut self, ledger: &Ledger, why: impl Debug) {
        let node = ledger.cluster().node;
        self.wrong.get_or_insert_with(|| format!("at node {node}: {why:?}"));
    }
}

/// Whether a cursor is that of the event after another.
fn follows(before: Cursor, now: Cursor) -> bool {
    let before = if is_of_nothing(before) { behind(before) } else { before };
    let Cursor { incarnation, .. } = now;
    let within = Cursor { incarnation, events: before.events + 1, ..before };
    let revision = before.next();
    let whole =
        Cursor { incarnation, revision, snapshot: false, reset: false, events: 0, ..before };
    now == within || now == whole
}

/// Whether it is before a snapshot in which there is nothing: of a view that has brought nothing.
const fn is_of_nothing(cursor: Cursor) -> bool {
    cursor.snapshot && cursor.revision == 0
}

/// Behind the snapshot that it is in.
const fn behind(cursor: Cursor) -> Cursor {
    Cursor { snapshot: false, reset: false, ..cursor }
}

/// All that an event shows, with what stands under seal where it is opened.
fn shown(change: &ViewChange, batch: &EventBatch) -> String {
    let mut shown = format!("{change:?}");
    if let ViewChange::Finding(finding) = change {
        for seen in &finding.contributions {
            let secret = batch.secrets.of(seen.sealed.as_ref());
            let note = secret.and_then(|secret| secret.note.as_deref());
            shown.push_str(&format!(" {}: {note:?}", seen.id));
        }
    }
    shown
}
