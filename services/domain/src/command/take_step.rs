//! A step of a view that a peer delivers takes effect.

use std::{collections::BTreeMap, sync::Arc};

use super::{Moment, take_edition};
use crate::{
    RowId, Sealed, Timestamp,
    link::{
        DeliveryRef, FINDINGS_BYTES_MAX, FINDINGS_MAX, FindingRef, GONE_MAX, Phase, Received,
        ReceivedFinding, Receiver, StepPiece, StepTerms,
    },
    row::Row,
};

/// What a step brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtStep {
    /// Of which delivery.
    pub delivery: RowId,
    /// Which step.
    pub step: u64,
    /// How many pieces came before the last one.
    pub pieces: u32,
    /// The number of the organisation that it is for.
    pub orgnr: Arc<str>,
    /// For whom, and what it does.
    pub terms: StepTerms,
    /// What has come and gone, in order.
    pub changes: Vec<FindingChange>,
}

/// A finding that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingChange {
    /// Which.
    pub key: FindingRef,
    /// The revision of the view at its home.
    pub revision: u64,
    /// When that was recorded there.
    pub recorded_at: Timestamp,
    /// What it says, under seal; none: it is gone.
    pub content: Option<Sealed>,
    /// Until when it may be kept, where anything of it says so.
    pub until: Option<Timestamp>,
}

/// A piece waits for the last one of its step. One of another step than those that waited, or the
/// first anew, takes their place. What would be one view too many waits not.
pub(super) fn put_down(moment: Moment<'_>, piece: &StepPiece, rows: &mut Vec<Row>) {
    let deliveries = moment.state.deliveries();
    if !deliveries.has_room_for(&piece.of) {
        return;
    }
    let before = deliveries.pieces(&piece.of);
    let stale = before.filter(|one| piece.number == 0 || one.step != piece.step);
    rows.extend(stale.map(|one| Row::StepPieceGone(one.of.clone(), one.number)));
    rows.push(Row::StepPiece(piece.clone().into()));
}

/// A step takes effect: as a whole, or the view must begin anew. False: it was made of other
/// pieces than those that wait.
pub(super) fn take(
    moment: Moment<'_>,
    of: &DeliveryRef,
    brought: &BroughtStep,
    rows: &mut Vec<Row>,
) -> bool {
    let deliveries = moment.state.deliveries();
    let of_step = deliveries.pieces(of).filter(|piece| piece.step == brought.step).count();
    if of_step as u64 != u64::from(brought.pieces) {
        return false;
    }
    rows.extend(deliveries.pieces(of).map(|one| Row::StepPieceGone(of.clone(), one.number)));
    let before = deliveries.received(of);
    let StepTerms { parties, areas, periods, ground, begins, whole, ended } = brought.terms.clone();
    if ended {
        rows.extend(let_go(moment, of));
        return true;
    }
    let orgnr = Arc::clone(&brought.orgnr);
    let receiver = Receiver { orgnr, parties, areas, periods, ground };
    let follows = |before: &Arc<Received>| {
        before.step.checked_add(1) == Some(brought.step)
            && before.receiver == receiver
            && matches!(before.phase, Phase::Coming | Phase::Whole)
    };
    if !begins && !before.is_some_and(follows) {
        rows.extend(before.and_then(|before| broken(before)));
        return true;
    }
    if !deliveries.has_room_for(of) {
        return true;
    }
    let mut coming = Coming::new(moment, of, begins);
    if begins {
        coming.let_all_go();
        rows.extend(take_edition::let_go(moment, of));
    }
    for change in &brought.changes {
        coming.take(change);
    }
    let mut phase = if whole { Phase::Whole } else { Phase::Coming };
    if coming.count > FINDINGS_MAX || coming.bytes > FINDINGS_BYTES_MAX {
        coming.let_all_go();
        phase = Phase::TooLarge;
    }
    let first = coming.first;
    let mut forgotten = before.map_or(first, |before| before.forgotten);
    let gone = coming.changed.values().filter(|one| one.content.is_none()).count();
    let over = deliveries.gone(of).saturating_add(gone).saturating_sub(GONE_MAX);
    for gone in deliveries.to_forget(of, moment.at, over) {
        forgotten = gone.number;
        rows.push(Row::FindingForgotten(of.clone(), gone.key.clone()));
    }
    // What comes again after so long is new.
    let number = coming.number;
    rows.extend(coming.into_rows());
    let begun = before.filter(|_| !begins).map_or(first, |before| before.begun);
    let (of, step, at) = (of.clone(), brought.step, moment.at);
    let received = Received { of, receiver, step, phase, number, begun, forgotten, at };
    rows.push(Row::Received(received.into()));
    true
}

/// All of a view goes.
pub(super) fn let_go<'a>(
    moment: Moment<'a>,
    of: &'a DeliveryRef,
) -> impl Iterator<Item = Row> + use<'a> {
    let deliveries = moment.state.deliveries();
    let all = deliveries.all_found(of);
    let all = all.map(|one| Row::FindingForgotten(of.clone(), one.key.clone()));
    let all = all.chain(take_edition::let_go(moment, of));
    all.chain(deliveries.received(of).map(|_| Row::ReceivedGone(of.clone())))
}

/// What may be kept no longer goes, whatever its home has said of it by now.
pub(super) fn ended<'a>(
    moment: Moment<'_>,
    ended: impl Iterator<Item = &'a Arc<ReceivedFinding>>,
) -> Vec<Row> {
    let mut numbers: BTreeMap<DeliveryRef, Received> = BTreeMap::new();
    let mut rows = Vec::new();
    for found in ended {
        let Some(before) = moment.state.deliveries().received(&found.of) else { continue };
        let received = numbers.entry(found.of.clone()).or_insert_with(|| Received::clone(before));
        received.number = received.number.saturating_add(1);
        let (number, at) = (received.number, moment.at);
        let (content, until) = (None, None);
        let gone = ReceivedFinding { number, content, until, at, ..ReceivedFinding::clone(found) };
        rows.push(Row::ReceivedFinding(gone.into()));
    }
    rows.extend(numbers.into_values().map(|received| Row::Received(received.into())));
    rows
}

/// Something of a view is missing: nothing is shown of it until it begins anew. None: so it is
/// already.
pub(super) fn broken(before: &Received) -> Option<Row> {
    let is_new = matches!(before.phase, Phase::Coming | Phase::Whole);
    let row = || Row::Received(Received { phase: Phase::Broken, ..before.clone() }.into());
    is_new.then(row)
}

/// What a step makes of the findings of a view.
struct Coming<'a> {
    moment: Moment<'a>,
    of: &'a DeliveryRef,
    /// The number before the first change.
    first: u64,
    number: u64,
    count: usize,
    bytes: usize,
    changed: BTreeMap<FindingRef, ReceivedFinding>,
}

impl<'a> Coming<'a> {
    fn new(moment: Moment<'a>, of: &'a DeliveryRef, begins: bool) -> Self {
        let deliveries = moment.state.deliveries();
        // A view that comes anew after it had ended goes on counting.
        let first = u64::try_from(moment.at.micros()).unwrap_or_default();
        let number = deliveries.received(of).map_or(first, |received| received.number);
        // A view that begins anew is told from the one before, also when nothing changes.
        let number = number.saturating_add(begins.into());
        let (count, bytes) = (deliveries.count(of), deliveries.bytes(of));
        Self { moment, of, first: number, number, count, bytes, changed: BTreeMap::new() }
    }

    /// How long what there is of a finding is, under seal; none: it is not there.
    fn there(&self, key: &FindingRef) -> Option<usize> {
        let before = self.moment.state.deliveries().one(self.of, key);
        let now = self.changed.get(key).or_else(|| before.map(Arc::as_ref));
        now.and_then(|found| Some(found.content.as_ref()?.bytes.len()))
    }

    fn take(&mut self, change: &FindingChange) {
        let FindingChange { key, revision, recorded_at, content, until } = change.clone();
        let (before, after) = (self.there(&key), content.as_ref().map(|one| one.bytes.len()));
        match (before.is_some(), after.is_some()) {
            (false, false) => return,
            (true, true) => {}
            (true, false) => self.count = self.count.saturating_sub(1),
            (false, true) => self.count = self.count.saturating_add(1),
        }
        self.bytes = self.bytes.saturating_sub(before.unwrap_or(0));
        self.bytes = self.bytes.saturating_add(after.unwrap_or(0));
        if after.is_none() && self.moment.state.deliveries().one(self.of, &key).is_none() {
            // It came with this step: nobody has heard of it.
            self.changed.remove(&key);
            return;
        }
        self.number = self.number.saturating_add(1);
        let (of, at) = (self.of.clone(), self.moment.at);
        let found = ReceivedFinding {
            of,
            key: key.clone(),
            number: self.number,
            revision,
            recorded_at,
            content,
            until,
            at,
        };
        self.changed.insert(key, found);
    }

    fn let_all_go(&mut self) {
        let deliveries = self.moment.state.deliveries();
        let before = deliveries.all_found(self.of).map(|found| ReceivedFinding::clone(found));
        let all: BTreeMap<FindingRef, ReceivedFinding> = before
            .chain(self.changed.values().cloned())
            .map(|one| (one.key.clone(), one))
            .collect();
        for (key, found) in all {
            let ReceivedFinding { revision, recorded_at, .. } = found;
            self.take(&FindingChange { key, revision, recorded_at, content: None, until: None });
        }
    }

    fn into_rows(self) -> impl Iterator<Item = Row> {
        let mut all: Vec<ReceivedFinding> = self.changed.into_values().collect();
        all.sort_by_key(|found| found.number);
        all.into_iter().map(|found| Row::ReceivedFinding(found.into()))
    }
}
