//! A function sends a message.

use std::sync::Arc;

use super::{Decided, Moment, Reply};
use crate::{
    FeatureLevel, FunctionId, Reason, Refusal, Sealed,
    link::{Item, QUEUE_MAX},
    message::{Core, INBOX_MAX, Inboxed, Message, MessageId, Receipt, Step},
    registry::Peer,
    row::Row,
    state::Outbox,
};

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendMessage {
    /// Its id: that of its core.
    pub id: MessageId,
    /// All that it says in clear.
    pub core: Arc<Core>,
    /// Subject, body and salt, under seal.
    pub text: Sealed,
}

impl SendMessage {
    /// The level that whoever reads it must know.
    pub(super) fn level(&self) -> FeatureLevel {
        self.core.level()
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let Self { id, core, text } = self;
        let state = moment.state;
        if state.registry().function(&core.from).is_none() {
            return Err(Refusal::at(Reason::UnknownAddress, "from_function"));
        }
        self.belongs(moment)?;
        let mut rows = vec![Row::Message(Arc::new(Message {
            id: *id,
            core: Arc::clone(core),
            text: text.clone(),
            sent_at: moment.at,
            at: moment.at,
            service: Some(moment.actor.service.clone()),
        }))];
        let mut outbox = Outbox::new(state, moment.at);
        for (place, to) in core.to.iter().enumerate() {
            let field = format!("to_functions[{place}]");
            rows.push(self.receipt(moment, to, Step::Stored));
            if state.registry().function(to).is_some() {
                if state.messages().open(to) >= INBOX_MAX {
                    return Err(Refusal::at(Reason::InboxFull, &field));
                }
                let number = state.messages().received(to).saturating_add(1);
                rows.push(Row::Inboxed(Inboxed { function: to.clone(), number, message: *id }));
                rows.push(self.receipt(moment, to, Step::Accepted));
                continue;
            }
            let missing = || Refusal::at(Reason::UnknownAddress, &field);
            let peer: &Peer = state.registry().peer_of(to.orgnr()).ok_or_else(missing)?;
            if outbox.waiting(&peer.id) >= QUEUE_MAX {
                return Err(Refusal::at(Reason::LinkFull, &field));
            }
            let until = moment.at.after_seconds(core.valid_seconds.into());
            let item = Item::Message { message: *id, to: to.clone() };
            outbox.put(&peer.id, core.precedence, Some(until), item);
        }
        rows.extend(outbox.into_rows());
        Ok(Decided::new(Reply::Sent { message: *id }, rows))
    }

    /// What it answers is here, of its thread, and was sent or received by its function.
    fn belongs(&self, moment: Moment<'_>) -> Result<(), Refusal> {
        let Core { from, thread, in_reply_to, .. } = &*self.core;
        let Some(answered) = in_reply_to else {
            return match thread {
                None => Ok(()),
                Some(_) => Err(Refusal::at(Reason::NotFound, "in_reply_to")),
            };
        };
        let kept = moment.state.messages().get(answered).filter(|kept| {
            let message = &kept.message;
            let takes_part = message.core.from == *from || kept.step(from).is_some();
            takes_part && Some(message.thread()) == *thread
        });
        kept.map(drop).ok_or_else(|| Refusal::at(Reason::NotFound, "in_reply_to"))
    }

    fn receipt(&self, moment: Moment<'_>, to: &FunctionId, step: Step) -> Row {
        Row::Receipt(Receipt {
            message: self.id,
            to: to.clone(),
            step,
            at: moment.at,
            by: None,
            reason: None,
            envelope: None,
        })
    }
}
