//! What came from a peer takes effect: effect, number and outcome in one entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Decided, Effect, Moment, Reply, take_contribution as contribution, take_edition, take_step,
};
use crate::{
    AreaId, DomainId, EditionId, FeatureLevel, FunctionId, PartyId, Reason, Refusal, RowId,
    link::{
        ARRIVED_KEPT, AnswerTold, Arrived, BATCH_MAX, Chain, DeliveryRef, EditionPiece, EditionRef,
        EnvelopeId, GivenRef, Header, Item, Kind, Link, PictureRef, QUARANTINE_MAX, Quarantined,
        StepPiece,
    },
    message::{INBOX_MAX, Inboxed, Message, MessageId, Precedence, Receipt, RejectedFor, Step},
    row::Row,
    state::Outbox,
};

/// One envelope to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToTake {
    /// Its id.
    pub id: EnvelopeId,
    /// What it does.
    pub effect: Effect,
}

/// Envelopes of a peer, in the order of their numbers, without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeEnvelopes {
    /// From whom.
    pub peer: DomainId,
    /// After which envelope of which chain.
    pub after: Chain,
    /// The envelopes.
    pub envelopes: Vec<ToTake>,
}

impl TakeEnvelopes {
    /// The level that whoever reads it must know.
    pub(super) fn level(&self) -> FeatureLevel {
        let levels = self.envelopes.iter().map(|envelope| envelope.effect.level());
        levels.max().unwrap_or(FeatureLevel::MESSAGES)
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let links = moment.state.links();
        let link = links.link(&self.peer);
        if moment.state.registry().peer(&self.peer).is_none() || !link.is_open() {
            return Err(Refusal::of(Reason::LinkClosed));
        }
        let is_next = link.taken_of(self.after.epoch, moment.at) == Some(self.after);
        if !is_next || self.envelopes.len() > BATCH_MAX {
            return Err(Refusal::of(Reason::LinkStale).now(link.taken.sequence));
        }
        let mut taking = Taking::new(moment, &self.peer);
        let mut taken = self.after;
        let mut aside = links.quarantine_size(&self.peer);
        for envelope in &self.envelopes {
            taken = Chain { sequence: taken.sequence + 1, head: envelope.id, ..taken };
            let effect = &envelope.effect;
            if let Effect::Quarantine { reason, header, signature, payload } = effect {
                aside += 1;
                if aside > QUARANTINE_MAX {
                    return Err(Refusal::of(Reason::LinkFull));
                }
                taking.rows.push(Row::Quarantined(Arc::new(Quarantined {
                    peer: self.peer.clone(),
                    epoch: taken.epoch,
                    sequence: taken.sequence,
                    reason: *reason,
                    header: Arc::clone(header),
                    signature: Arc::clone(signature),
                    payload: payload.clone(),
                    at: moment.at,
                })));
                taking.unread(header);
            } else if taking.comes_twice(effect) || !taking.take(envelope.id, effect) {
                return Err(Refusal::of(Reason::LinkStale).now(link.taken.sequence));
            }
            let outcome = effect.outcome();
            taking.rows.push(Row::Arrived(Arrived {
                peer: self.peer.clone(),
                epoch: taken.epoch,
                sequence: taken.sequence,
                id: envelope.id,
                outcome,
            }));
        }
        let kept_from = taken.sequence.saturating_sub(ARRIVED_KEPT);
        let passed = links.arrived_before(&self.peer, taken.epoch, kept_from);
        taking.rows.extend(passed.map(|a| Row::Passed(a.peer.clone(), a.epoch, a.sequence)));
        // Which view it was of that could not be read is not known: it comes by itself.
        if taking.is_unread && !taking.delivered.is_empty() {
            return Err(Refusal::of(Reason::LinkStale).now(link.taken.sequence));
        }
        taking.has_taken(taken);
        Ok(Decided::new(Reply::Done, taking.into_rows()))
    }
}

/// What several envelopes do together: the state before them, and what they have made of it.
pub(super) struct Taking<'a> {
    moment: Moment<'a>,
    peer: &'a DomainId,
    outbox: Outbox<'a>,
    /// Messages that these envelopes bring.
    brought: BTreeMap<MessageId, Vec<FunctionId>>,
    /// How many they put into an inbox.
    inboxed: BTreeMap<FunctionId, u64>,
    /// How far they bring messages of ours.
    steps: BTreeMap<(MessageId, FunctionId), Step>,
    /// Areas to which they contribute.
    revised: BTreeSet<AreaId>,
    /// Deliveries of which they bring something.
    delivered: BTreeSet<RowId>,
    /// Editions of which they bring an answer, or what became of one.
    editions: BTreeSet<EditionId>,
    /// Something of a view came that could not be read.
    is_unread: bool,
    /// Own pictures of which they bring an answer.
    answered: BTreeSet<PictureRef>,
    rows: Vec<Row>,
}

impl<'a> Taking<'a> {
    pub(super) fn new(moment: Moment<'a>, peer: &'a DomainId) -> Self {
        Self {
            moment,
            peer,
            outbox: Outbox::new(moment.state, moment.at),
            brought: BTreeMap::new(),
            inboxed: BTreeMap::new(),
            steps: BTreeMap::new(),
            revised: BTreeSet::new(),
            delivered: BTreeSet::new(),
            editions: BTreeSet::new(),
            is_unread: false,
            answered: BTreeSet::new(),
            rows: Vec::new(),
        }
    }

    /// Whether one of them has changed already what this one changes.
    fn comes_twice(&mut self, effect: &Effect) -> bool {
        let (area, delivery) = (effect.contributes_to(), effect.delivers());
        area.is_some_and(|one| !self.revised.insert(one.clone()))
            || delivery.is_some_and(|one| !self.delivered.insert(one.clone()))
            || effect.answers().is_some_and(|one| !self.editions.insert(one.clone()))
    }

    /// Takes in one of them; false when it was made for another state.
    pub(super) fn take(&mut self, envelope: EnvelopeId, effect: &Effect) -> bool {
        match effect {
            Effect::Message { id, core, text, sent_at, to } => {
                let message = Message {
                    id: *id,
                    core: Arc::clone(core),
                    text: text.clone(),
                    sent_at: *sent_at,
                    at: self.moment.at,
                    service: None,
                };
                self.message(message, to, envelope);
            }
            Effect::Decline { message, to } => self.decline(*message, to),
            Effect::Receipt { message, to, step, at, reason } => {
                let receipt = Receipt {
                    message: *message,
                    to: to.clone(),
                    step: *step,
                    at: *at,
                    by: None,
                    reason: *reason,
                    envelope: Some(envelope),
                };
                self.receipt(receipt);
            }
            Effect::Contribution { party, area, brought } => {
                let of = self.picture(party, area);
                let answered = contribution::take(self.moment, &of, brought, &mut self.rows);
                if let Some(answered) = answered {
                    self.answer(envelope, of, answered);
                }
            }
            Effect::Refuse { party, area, refused } => {
                let of = self.picture(party, area);
                let refused = Some(refused.clone());
                let answered = contribution::refuse(self.moment, &of, refused, &mut self.rows);
                self.answer(envelope, of, answered);
            }
            Effect::Answer { party, area, envelope, version, refused } => {
                let of = self.picture(party, area);
                // Only one contribution of a picture waits for an answer.
                let said = (*envelope, *version, refused.as_ref());
                let is_open = !self.answered.contains(&of);
                if is_open && contribution::answered(self.moment, &of, said, &mut self.rows) {
                    self.answered.insert(of);
                }
            }
            Effect::StepPiece { delivery, step, piece, events } => {
                let (of, events) = (self.delivery(delivery), events.clone());
                let at = self.moment.at;
                let piece = StepPiece { of, step: *step, number: *piece, at, events };
                take_step::put_down(self.moment, &piece, &mut self.rows);
            }
            Effect::Step(brought) => {
                let of = self.delivery(&brought.delivery);
                return take_step::take(self.moment, &of, brought, &mut self.rows);
            }
            Effect::RefuseStep { delivery, .. } => {
                let received = self.moment.state.deliveries().received(&self.delivery(delivery));
                self.rows.extend(received.and_then(|received| take_step::broken(received)));
            }
            effect @ (Effect::EditionPiece { .. }
            | Effect::Edition(_)
            | Effect::RefuseEdition { .. }
            | Effect::EditionAnswer(_)
            | Effect::RefuseAnswer(_)
            | Effect::EditionAnswered { .. }) => return self.edition(envelope, effect),
            Effect::Quarantine { .. } => {}
        }
        true
    }

    /// As [`Self::take`], of what concerns editions.
    fn edition(&mut self, envelope: EnvelopeId, effect: &Effect) -> bool {
        match effect {
            Effect::EditionPiece { delivery, edition, piece, content } => {
                let of = EditionRef { of: self.delivery(delivery), edition: edition.clone() };
                let (content, at) = (content.clone(), self.moment.at);
                let piece = EditionPiece { of, number: *piece, at, content };
                take_edition::put_down(self.moment, &piece, &mut self.rows);
            }
            Effect::Edition(brought) => {
                let of = self.delivery(&brought.delivery);
                return take_edition::take(self.moment, &of, brought, &mut self.rows);
            }
            Effect::RefuseEdition { delivery, edition, .. } => {
                let of = self.delivery(delivery);
                take_edition::refuse(self.moment, &of, edition, &mut self.rows);
            }
            Effect::EditionAnswer(answer) => {
                let told = take_edition::answered(self.moment, answer, &mut self.rows);
                self.tell(envelope, told);
            }
            Effect::RefuseAnswer(told) => self.tell(envelope, (**told).clone()),
            Effect::EditionAnswered { envelope, told } => {
                let AnswerTold { edition, party, role, .. } = (**told).clone();
                let of = GivenRef { peer: self.peer.clone(), edition, party, role };
                take_edition::told(self.moment, &of, (*envelope, told), &mut self.rows);
            }
            Effect::Message { .. }
            | Effect::Decline { .. }
            | Effect::Receipt { .. }
            | Effect::Contribution { .. }
            | Effect::Refuse { .. }
            | Effect::Answer { .. }
            | Effect::StepPiece { .. }
            | Effect::Step(_)
            | Effect::RefuseStep { .. }
            | Effect::Quarantine { .. } => {}
        }
        true
    }

    /// The peer is told what became of an answer of its party.
    fn tell(&mut self, envelope: EnvelopeId, told: AnswerTold) {
        let item = Item::EditionAnswered { envelope, told: told.into() };
        self.outbox.put(self.peer, Precedence::Immediate, None, item);
    }

    /// Answers that a message was not taken here.
    fn decline(&mut self, message: MessageId, to: &FunctionId) {
        // What one of its recipients here has, it has.
        let kept = self.moment.state.messages().get(&message);
        if kept.is_none_or(|kept| kept.step(to).is_none()) {
            let (to, at) = (to.clone(), self.moment.at);
            let (step, reason) = (Step::Rejected, Some(RejectedFor::Unfit));
            let item = Item::Receipt { message, to, step, at, reason };
            self.outbox.put(self.peer, Precedence::Priority, None, item);
        }
    }

    fn delivery(&self, id: &RowId) -> DeliveryRef {
        DeliveryRef { peer: self.peer.clone(), id: id.clone() }
    }

    /// What was set aside may have been of a view, or of an edition of one: which, cannot be told.
    fn unread(&mut self, header: &[u8]) {
        let kind =
            Header::decode(header).ok().and_then(|(header, _)| Kind::from_number(header.kind));
        // Earlier levels know no editions.
        let has_editions = self.moment.state.level() >= FeatureLevel::EDITIONS;
        let is_view = match kind {
            Some(Kind::View) => true,
            Some(Kind::Edition) => has_editions,
            Some(
                Kind::Message
                | Kind::Receipt
                | Kind::Contribution
                | Kind::Answer
                | Kind::EditionAnswer
                | Kind::EditionAnswered,
            )
            | None => false,
        };
        if is_view && !self.is_unread {
            self.is_unread = true;
            let all = self.moment.state.deliveries().all_received();
            let of_peer = all.filter(|received| received.of.peer == *self.peer);
            self.rows.extend(of_peer.filter_map(|received| take_step::broken(received)));
        }
    }

    fn picture(&self, party: &PartyId, area: &AreaId) -> PictureRef {
        PictureRef { peer: self.peer.clone(), party: party.clone(), area: area.clone() }
    }

    /// The peer is told what became of a contribution.
    fn answer(&mut self, envelope: EnvelopeId, of: PictureRef, answered: contribution::Answered) {
        let PictureRef { party, area, .. } = of;
        let contribution::Answered { version, refused } = answered;
        let item = Item::Answer { party, area, envelope, version, refused };
        self.outbox.put(self.peer, Precedence::Priority, None, item);
    }

    /// A message takes its place in the inbox, once; or its sender is told why not.
    fn message(&mut self, message: Message, to: &FunctionId, envelope: EnvelopeId) {
        let state = self.moment.state;
        let kept = state.messages().get(&message.id);
        let brought = self.brought.get(&message.id);
        let has_it = kept.is_some_and(|kept| kept.step(to).is_some())
            || brought.is_some_and(|to_whom| to_whom.contains(to));
        if has_it {
            return;
        }
        let new = self.inboxed.get(to).copied().unwrap_or(0);
        let open = state.messages().open(to) as u64;
        let kinds = state.registry().peer(self.peer).map(|peer| &peer.message_kinds);
        let reason = if state.registry().function(to).is_none() {
            Some(RejectedFor::UnknownAddress)
        } else if !kinds.is_some_and(|kinds| kinds.contains(&message.core.kind)) {
            Some(RejectedFor::NotAllowed)
        } else if open + new >= INBOX_MAX as u64 {
            Some(RejectedFor::InboxFull)
        } else {
            None
        };
        let id = message.id;
        let step = if reason.is_some() { Step::Rejected } else { Step::Accepted };
        if reason.is_none() {
            if kept.is_none() && brought.is_none() {
                self.rows.push(Row::Message(message.into()));
            }
            self.brought.entry(id).or_default().push(to.clone());
            self.inboxed.insert(to.clone(), new + 1);
            let number = state.messages().received(to) + new + 1;
            self.rows.push(Row::Inboxed(Inboxed { function: to.clone(), number, message: id }));
            self.rows.push(Row::Receipt(Receipt {
                message: id,
                to: to.clone(),
                step,
                at: self.moment.at,
                by: None,
                reason,
                envelope: Some(envelope),
            }));
        }
        let item = Item::Receipt { message: id, to: to.clone(), step, at: self.moment.at, reason };
        self.outbox.put(self.peer, Precedence::Priority, None, item);
    }

    /// A step of a message that was sent from here to somebody at home there; anything else says
    /// nothing.
    fn receipt(&mut self, receipt: Receipt) {
        let state = self.moment.state;
        let home = state.registry().peer_of(receipt.to.orgnr());
        let at_home = home.is_some_and(|peer| peer.id == *self.peer);
        let kept = state.messages().get(&receipt.message).filter(|kept| !kept.message.came());
        let key = (receipt.message, receipt.to.clone());
        let before = self.steps.get(&key).copied();
        let last = before.or_else(|| kept.and_then(|kept| kept.step(&receipt.to)));
        let given =
            matches!(receipt.step, Step::Accepted | Step::Read | Step::Acted | Step::Rejected);
        if at_home && given && last.is_some_and(|last| receipt.step.follows(Some(last))) {
            self.steps.insert(key, receipt.step);
            self.rows.push(Row::Receipt(receipt));
        }
    }

    /// How far the peer's envelopes are taken in with these.
    fn has_taken(&mut self, taken: Chain) {
        let link = self.outbox.link(self.peer);
        self.outbox.stands(Link { taken, awaits_after: None, ..link });
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        let Self { outbox, mut rows, .. } = self;
        rows.extend(outbox.into_rows());
        rows
    }
}
