//! A recipient has opened a message, dealt with it, or does not take it.

use super::{Decided, Moment, Reply};
use crate::{
    FunctionId, Reason, Refusal,
    link::Item,
    message::{MessageId, Precedence, Receipt, RejectedFor, Step},
    row::Row,
    state::Outbox,
};

/// A step that a recipient gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkMessage {
    /// Which message.
    pub message: MessageId,
    /// Whose step: one of its recipients.
    pub function: FunctionId,
    /// Which step: read, acted or rejected.
    pub step: Step,
}

impl MarkMessage {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let Self { message, function, step } = self;
        let missing = || Refusal::at(Reason::NotFound, "message_id");
        let kept = moment.state.messages().get(message).ok_or_else(missing)?;
        let last = kept.step(function).filter(|last| *last >= Step::Accepted);
        let last = last.ok_or_else(missing)?;
        if last == *step || (*step == Step::Read && last > Step::Read) {
            return Ok(Decided::new(Reply::Done, Vec::new()));
        }
        if !step.follows(Some(last)) {
            return Err(Refusal::at(Reason::MessageClosed, "message_id"));
        }
        let reason = (*step == Step::Rejected).then_some(RejectedFor::Declined);
        let mut rows = vec![Row::Receipt(Receipt {
            message: *message,
            to: function.clone(),
            step: *step,
            at: moment.at,
            by: Some(moment.actor.service.clone()),
            reason,
            envelope: None,
        })];
        if kept.message.came() {
            let item = Item::Receipt {
                message: *message,
                to: function.clone(),
                step: *step,
                at: moment.at,
                reason,
            };
            let mut outbox = Outbox::new(moment.state, moment.at);
            outbox.put(kept.message.origin(), Precedence::Priority, None, item);
            rows.extend(outbox.into_rows());
        }
        Ok(Decided::new(Reply::Done, rows))
    }
}
