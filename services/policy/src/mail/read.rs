//! What a function may read: what it has sent and what it was sent.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    Caller, DomainId, FunctionId, Kept, State, Timestamp,
    command::Digest,
    disclosure::{Disclosure, Ground, Object},
    link::FrozenFor,
    message::{Attachment, MessageId, Step, Text},
    registry::FieldGroup,
};

use super::{
    AttachmentView, Delivery, FUNCTION_RULE, HeldUp, InboxLine, InboxView, LIST_MAX, MessageHead,
    MessageView, ThreadView, TrackPage, TrackView, Tracked,
};
use crate::{
    Denial, Known, Policy, Projection, Why,
    reader::{on_ground, registered},
};

/// A function's messages, for one of its services, on a ground.
pub struct Mailbox<'a> {
    state: &'a State,
    known: &'a dyn Known,
    caller: &'a Caller,
    function: &'a FunctionId,
    ground: &'a Ground,
}

impl std::fmt::Debug for Mailbox<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mailbox of {}", self.function)
    }
}

impl Policy {
    /// The messages of a function, for a caller that speaks for it.
    ///
    /// # Errors
    /// When the caller is unknown, suspended, does not speak for the function, or has no ground.
    pub fn mailbox<'a>(
        &self,
        state: &'a State,
        known: &'a dyn Known,
        now: Timestamp,
        (caller, function, ground): (&'a Caller, &'a FunctionId, &'a Ground),
    ) -> Result<Mailbox<'a>, Denial> {
        let registry = state.registry();
        let service = registered(registry, now, caller)?;
        self.speaks_for(registry, service, "read_messages", function, "function_address")?;
        on_ground(registry.lists(), ground, "context")?;
        Ok(Mailbox { state, known, caller, function, ground })
    }
}

impl Mailbox<'_> {
    /// What stands in the inbox after a number.
    #[must_use]
    pub fn inbox(&self, after: u64, size: usize) -> Option<Projection<InboxView>> {
        let of = self.state.messages().inbox(self.function, after);
        let line = |(number, kept): (u64, &Kept)| InboxLine {
            number,
            head: self.head(kept),
            step: kept.step(self.function).unwrap_or(Step::Accepted),
        };
        let lines: Vec<InboxLine> = of.take(size.min(LIST_MAX)).map(line).collect();
        let last = lines.last()?.number;
        let shown = lines.iter().map(|line| &line.head);
        let record = self.record(Object::Inbox(self.function.clone()), last, shown);
        Some(Projection::new(InboxView { lines }, vec![record]))
    }

    /// How far a message has come with the function; none: it has sent it.
    ///
    /// # Errors
    /// When the function has neither sent nor received it.
    pub fn step(&self, id: &MessageId) -> Result<Option<Step>, Denial> {
        Ok(self.own(id)?.step(self.function))
    }

    /// A message, whole.
    ///
    /// # Errors
    /// When the function has neither sent nor received it.
    pub fn message(&self, id: &MessageId) -> Result<Projection<MessageView>, Denial> {
        let view = self.whole(self.own(id)?);
        let record = self.record(Object::Message(*id), 0, std::iter::once(&view.head));
        Ok(Projection::new(view, vec![record]))
    }

    /// The domain that a message comes from, and the digests of the sealed parts of one of its
    /// attachments, by its number from 1: what is to be there before it is shown.
    ///
    /// # Errors
    /// As [`Self::attachment`].
    pub fn parts_of(
        &self,
        id: &MessageId,
        number: usize,
    ) -> Result<(DomainId, Vec<Digest>), Denial> {
        let kept = self.own(id)?;
        let (_, _, attachments) = self.opened(kept);
        Ok((kept.message.core.domain.clone(), found(&attachments, number)?.parts.clone()))
    }

    /// One of the attachments of a message, by its number from 1.
    ///
    /// # Errors
    /// When the function has neither sent nor received the message, or there is none of the number.
    pub fn attachment(
        &self,
        id: &MessageId,
        number: usize,
    ) -> Result<Projection<AttachmentView>, Denial> {
        let kept = self.own(id)?;
        let (head, _, attachments) = self.opened(kept);
        let from = kept.message.core.domain.clone();
        let attachment = found(&attachments, number)?.clone();
        let record = self.record(Object::Message(*id), 0, std::iter::once(&head));
        Ok(Projection::new(AttachmentView { from, attachment }, vec![record]))
    }

    /// The thread of a message, as far as the function takes part.
    ///
    /// # Errors
    /// When the function has neither sent nor received the message.
    pub fn thread(&self, of: &MessageId) -> Result<Projection<ThreadView>, Denial> {
        let thread = self.state.messages().thread(&self.own(of)?.message.thread());
        let own = thread.filter(|kept| self.takes_part(kept)).take(LIST_MAX);
        let messages: Vec<MessageView> = own.map(|kept| self.whole(kept)).collect();
        let records = messages.iter().map(|view| {
            self.record(Object::Message(view.head.message.id), 0, std::iter::once(&view.head))
        });
        let records = records.collect();
        Ok(Projection::new(ThreadView { messages }, records))
    }

    /// How far messages that the function has sent have come, the newest first.
    ///
    /// # Errors
    /// When it has not sent the one that is asked for.
    pub fn track(
        &self,
        one: Option<&MessageId>,
        page: TrackPage,
        now: Timestamp,
    ) -> Result<Projection<TrackView>, Denial> {
        let mut sent: Vec<&Kept> = self.state.messages().sent_by(self.function).collect();
        sent.truncate(page.of.unwrap_or(usize::MAX));
        sent.reverse();
        if let Some(one) = one {
            sent.retain(|kept| kept.message.id == *one);
            if sent.is_empty() {
                return Err(Denial::of(Why::NotFound).at("message_id"));
            }
        }
        let (of, size) = (sent.len(), page.size.min(LIST_MAX));
        let more = page.from.saturating_add(size) < of;
        let shown = sent.into_iter().skip(page.from).take(size);
        let tracked = shown.map(|kept| Tracked {
            head: self.head(kept),
            deliveries: self.deliveries(kept),
            overdue: self.is_overdue(kept, now),
        });
        let messages: Vec<Tracked> = tracked.collect();
        let shown = messages.iter().map(|tracked| &tracked.head);
        let record = self.record(Object::Inbox(self.function.clone()), 0, shown);
        Ok(Projection::new(TrackView { messages, of, more }, vec![record]))
    }

    /// A message that the function has sent or received.
    fn own(&self, id: &MessageId) -> Result<&Kept, Denial> {
        let kept = self.state.messages().get(id).filter(|kept| self.takes_part(kept));
        kept.ok_or_else(|| Denial::of(Why::NotFound).at("message_id"))
    }

    fn takes_part(&self, kept: &Kept) -> bool {
        let sent = !kept.message.came() && kept.message.core.from == *self.function;
        sent || kept.reached(self.function)
    }

    fn text(&self, kept: &Kept) -> Option<Text> {
        self.known.open_message(&kept.message.text).and_then(|text| Text::of(text).ok())
    }

    fn head(&self, kept: &Kept) -> MessageHead {
        self.opened(kept).0
    }

    fn whole(&self, kept: &Kept) -> MessageView {
        let (head, body, attachments) = self.opened(kept);
        MessageView { head, body, attachments, deliveries: self.deliveries(kept) }
    }

    /// Head, body and files of a message; without what is sealed when its key is gone.
    fn opened(&self, kept: &Kept) -> (MessageHead, String, Vec<Attachment>) {
        let text = self.text(kept).map(|text| (text.subject, text.body, text.attachments));
        let (subject, body, attachments) = text.unwrap_or_default();
        let count = attachments.len();
        let head = MessageHead { message: Arc::clone(&kept.message), subject, attachments: count };
        (head, body, attachments)
    }

    /// To its sender, how far it is with each; to a recipient, with itself.
    fn deliveries(&self, kept: &Kept) -> Vec<Delivery> {
        let sent = !kept.message.came() && kept.message.core.from == *self.function;
        let to = kept.message.core.to.iter().filter(|to| sent || *to == self.function);
        let delivery = |to: &FunctionId| {
            let receipts = kept.receipts(to).to_vec();
            let registry = self.state.registry();
            let is_here = kept.message.came() || registry.function(to).is_some();
            let peer = registry.peer_of(to.orgnr()).filter(|_| !is_here);
            let waits = kept.step(to).is_some_and(|step| step < Step::Received);
            let held_up = peer.filter(|_| waits).map(|peer| {
                let link = self.state.links().link(&peer.id);
                match link.frozen {
                    Some(FrozenFor::Fork | FrozenFor::Regression) => HeldUp::LinkFrozen,
                    None if link.paused => HeldUp::LinkPaused,
                    None => HeldUp::WaitsForLink,
                }
            });
            let peer = peer.map(|peer| peer.id.clone());
            Delivery { to: to.clone(), receipts, peer, held_up }
        };
        to.map(delivery).collect()
    }

    fn is_overdue(&self, kept: &Kept, now: Timestamp) -> bool {
        let id = kept.message.id;
        // What the sender itself adds is no answer.
        let answered = |other: &Kept| {
            let core = &other.message.core;
            core.in_reply_to == Some(id) && core.from != kept.message.core.from
        };
        let passed = kept.message.core.respond_by.is_some_and(|by| by <= now);
        passed && !self.state.messages().thread(&kept.message.thread()).any(answered)
    }

    fn record<'h>(
        &self,
        object: Object,
        revision: u64,
        shown: impl Iterator<Item = &'h MessageHead>,
    ) -> Disclosure {
        let ids: Vec<u8> = shown.flat_map(|head| *head.message.id.digest()).collect();
        let rows = ids.len() / 32;
        Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: self.caller.organisation().clone(),
            service: self.caller.service().clone(),
            serial: self.caller.serial().to_owned(),
            ground: self.ground.clone(),
            object,
            revision,
            groups: BTreeSet::from([FieldGroup::Identity, FieldGroup::Text]),
            rules: BTreeSet::from([FUNCTION_RULE.to_owned()]),
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            digest: self.known.digest(&ids),
            epoch: self.state.epoch(),
            view: None,
        }
    }
}

fn found(attachments: &[Attachment], number: usize) -> Result<&Attachment, Denial> {
    let found = number.checked_sub(1).and_then(|place| attachments.get(place));
    found.ok_or_else(|| Denial::of(Why::NotFound).at("number"))
}
