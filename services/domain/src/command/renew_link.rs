//! A link begins anew, after one side has forgotten what it had said: with a new chain, all that
//! the other side may have lost is sent again. What it has not lost has no effect there again.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Moment,
    set_link::{begun_anew, delivered_anew},
    take_step,
};
use crate::{
    DomainId, FunctionId,
    link::{Chain, GivenAnswer, GivenRef, Item, Link, Numbered, QUEUE_MAX, Queued, Share},
    message::{MessageId, Precedence, Step},
    row::{EditionRow, Row},
    state::{Kept, Outbox},
};

/// How old a message may be that is sent again, in seconds: older than the oldest backup from which
/// a domain goes on, 35 days.
const AGAIN_SECONDS: i64 = 35 * 86_400;

/// The rows that have a link begin anew.
pub(super) fn renewed(moment: Moment<'_>, before: Link) -> Vec<Row> {
    let peer = &before.peer.clone();
    let (links, contributions) = (moment.state.links(), moment.state.contributions());
    let numbered: Vec<_> = links.numbered_after(peer, before.out.epoch, 0).collect();
    let mut rows: Vec<Row> =
        numbered.iter().map(|one| Row::Settled(peer.clone(), one.epoch, one.sequence)).collect();
    let arrived = links.arrived_before(peer, u64::MAX, 0);
    rows.extend(arrived.map(|one| Row::Passed(peer.clone(), one.epoch, one.sequence)));
    let pieces = contributions.pieces_of(peer);
    rows.extend(pieces.map(|piece| Row::PieceGone(piece.of.clone(), piece.number)));
    // What it delivers comes anew too, as far as there is a right to it; that there is none any
    // more may be what was lost.
    let deliveries = moment.state.deliveries();
    let pieces = deliveries.pieces_of(peer);
    rows.extend(pieces.map(|piece| Row::StepPieceGone(piece.of.clone(), piece.number)));
    let editions = moment.state.delivered_editions().pieces_of(peer);
    rows.extend(
        editions.map(|piece| {
            Row::LinkedEdition(EditionRow::PieceGone(piece.of.of.clone(), piece.number))
        }),
    );
    let received = deliveries.all_received().filter(|received| received.of.peer == *peer);
    rows.extend(received.flat_map(|received| take_step::let_go(moment, &received.of)));
    // What it has said of ours it may have forgotten.
    let shares = contributions.shares().filter(|share| share.of.peer == *peer && share.turn > 0);
    let unsaid = |share: &Arc<Share>| Share { told: None, ..Share::clone(share) };
    rows.extend(shares.flat_map(|share| begun_anew(moment, &unsaid(share))));
    rows.extend(delivered_anew(moment, peer));
    let mut outbox = Outbox::new(moment.state, moment.at);
    outbox.stands(Link {
        out: before.out.begun_anew(moment.at),
        acknowledged: 0,
        word: None,
        taken: Chain::AWAITED,
        awaits_after: Some(before.awaits_after.unwrap_or(before.taken.epoch)),
        frozen: None,
        ..before
    });
    // What waits anyhow is newer than what is sent again: it takes its place behind that.
    let waiting: Vec<_> = links.queue(peer).collect();
    rows.extend(waiting.iter().map(|queued| Row::Unqueued(peer.clone(), queued.number)));
    // What was on its way first, however old. Of the rest, where not all has room, the newest: what
    // was before the backup has come. Half of the places are for what is sent meanwhile.
    let on_its_way: Vec<Again> =
        numbered.iter().filter_map(|one| on_its_way(moment, one)).collect();
    let unsaid = on_its_way.iter().map(|(_, item)| item);
    let again = again(moment, peer, waiting.iter().map(|queued| &queued.item).chain(unsaid));
    let room = (QUEUE_MAX / 2).saturating_sub(waiting.len() + on_its_way.len());
    let again = again.iter().skip(again.len().saturating_sub(room));
    for (precedence, item) in on_its_way.iter().chain(again).cloned() {
        outbox.put(peer, precedence, None, item);
    }
    for (precedence, item) in given(moment, peer, &waiting) {
        outbox.put(peer, precedence, None, item);
    }
    for queued in waiting {
        outbox.put(peer, queued.precedence, queued.until, queued.item.clone());
    }
    rows.extend(outbox.into_rows());
    rows
}

/// What is sent again, and how urgent it is. It left in time, so it is worth sending for ever.
type Again = (Precedence, Item);

/// A message or a receipt that was numbered, and of which the peer has not said that it has it.
fn on_its_way(moment: Moment<'_>, numbered: &Numbered) -> Option<Again> {
    let precedence = match &numbered.item {
        Item::Message { message, .. } => {
            moment.state.messages().get(message)?.message.core.precedence
        }
        Item::Receipt { .. } => Precedence::Priority,
        Item::EditionAnswered { .. } => Precedence::Immediate,
        Item::Contribution { .. }
        | Item::Answer { .. }
        | Item::View { .. }
        | Item::Edition { .. }
        | Item::EditionAnswer { .. } => return None,
    };
    Some((precedence, numbered.item.clone()))
}

/// Answers to editions of the peer that it has not refused, but for those that wait anyhow: it may
/// have lost them.
fn given(moment: Moment<'_>, peer: &DomainId, waiting: &[&Arc<Queued>]) -> Vec<Again> {
    let all = moment.state.delivered_editions().given_to(peer);
    let stands =
        |given: &&Arc<GivenAnswer>| given.told.as_ref().is_none_or(|told| told.refused.is_none());
    let is_recent =
        |given: &&Arc<GivenAnswer>| given.answer.at.after_seconds(AGAIN_SECONDS) >= moment.at;
    let items = all.filter(stands).filter(is_recent).map(|given| {
        let GivenRef { edition, party, role, .. } = given.of.clone();
        Item::EditionAnswer { edition, party, role }
    });
    let new = items.filter(|item| !waiting.iter().any(|queued| queued.item == *item));
    new.map(|item| (Precedence::Immediate, item)).collect()
}

/// What the peer may have lost: messages of ours to it, and how far its own have come here; each in
/// the order in which they were taken in, but for what waits anyhow.
fn again<'a>(
    moment: Moment<'a>,
    peer: &DomainId,
    anyhow: impl Iterator<Item = &'a Item>,
) -> Vec<Again> {
    let state = moment.state;
    let queued = anyhow.filter_map(|item| match item {
        Item::Message { message, to } | Item::Receipt { message, to, .. } => Some((*message, to)),
        Item::Contribution { .. }
        | Item::Answer { .. }
        | Item::View { .. }
        | Item::Edition { .. }
        | Item::EditionAnswer { .. }
        | Item::EditionAnswered { .. } => None,
    });
    let queued: BTreeSet<(MessageId, &FunctionId)> = queued.collect();
    let is_recent = |kept: &&Kept| kept.message.at.after_seconds(AGAIN_SECONDS) >= moment.at;
    let mut recent: Vec<&Kept> = state.messages().all().filter(is_recent).collect();
    recent.sort_by_key(|kept| (kept.message.at, kept.message.id));
    let mut all = Vec::new();
    for kept in recent {
        let id = kept.message.id;
        let waits_not = |to: &&FunctionId| !queued.contains(&(id, *to));
        for to in kept.message.core.to.iter().filter(waits_not) {
            all.extend(if kept.message.came() {
                reached(kept, peer, to)
            } else {
                sent(moment, kept, peer, to)
            });
        }
    }
    all
}

/// A message of ours, where it is for somebody there and has not come to an end before it left, or
/// been turned away.
fn sent(moment: Moment<'_>, kept: &Kept, peer: &DomainId, to: &FunctionId) -> Option<Again> {
    let home = moment.state.registry().peer_of(to.orgnr())?;
    let is_sent = match kept.step(to)? {
        Step::Stored
        | Step::Relayed
        | Step::Received
        | Step::Accepted
        | Step::Read
        | Step::Acted => home.id == *peer,
        Step::Rejected | Step::Expired => false,
    };
    let (message, to) = (kept.message.id, to.clone());
    is_sent.then(|| (kept.message.core.precedence, Item::Message { message, to }))
}

/// How far a message of the peer has come with somebody here.
fn reached(kept: &Kept, peer: &DomainId, to: &FunctionId) -> Option<Again> {
    let receipt = kept.receipts(to).last().filter(|_| kept.message.core.domain == *peer)?;
    let (message, to, step) = (receipt.message, to.clone(), receipt.step);
    let item = Item::Receipt { message, to, step, at: receipt.at, reason: receipt.reason };
    Some((Precedence::Priority, item))
}
