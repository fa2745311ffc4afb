//! Messages and their receipts.

use std::sync::Arc;

use samsyn_domain::{
    FunctionId, ServiceId,
    command::{MarkMessage, SendMessage},
    link::EnvelopeId,
    message::{Core, Inboxed, Message, MessageId, Receipt, RejectedFor, Step},
};
use samsyn_proto::log;

use super::{Damaged, Stored, checked, digest, parsed, required, time};

pub(super) fn message_id(bytes: &[u8], field: &'static str) -> Result<MessageId, Damaged> {
    digest(bytes, field).map(MessageId::of)
}

pub(super) fn envelope_id(bytes: &[u8], field: &'static str) -> Result<EnvelopeId, Damaged> {
    digest(bytes, field).map(EnvelopeId::of)
}

/// The number of a code as it stands in the log: the one that is signed.
pub(super) fn number(code: i64) -> u32 {
    u32::try_from(code).unwrap_or_default()
}

/// What a message says in clear: the canonical bytes that its id is over.
pub(super) fn encode_core(core: &Core) -> Vec<u8> {
    // It was read from or made into canonical bytes before; no bytes are refused on reading.
    core.encode().unwrap_or_default()
}

pub(super) fn decode_core(bytes: &[u8], field: &'static str) -> Result<Arc<Core>, Damaged> {
    parsed_bytes(Core::decode(bytes), field).map(Arc::new)
}

fn parsed_bytes<T, E>(read: Result<T, E>, field: &'static str) -> Result<T, Damaged> {
    read.map_err(|_| Damaged::Invalid(field))
}

/// A step with a recipient, in the log's words.
pub(super) struct Reached {
    pub(super) message: MessageId,
    pub(super) to: FunctionId,
    pub(super) step: Step,
    pub(super) at: samsyn_domain::Timestamp,
    pub(super) reason: Option<RejectedFor>,
}

impl Stored for Reached {
    type Message = log::Reached;

    fn encode(&self) -> log::Reached {
        log::Reached {
            message: self.message.digest().to_vec(),
            to: self.to.to_string(),
            step: number(self.step.number()),
            at_micros: self.at.micros(),
            reason: self.reason.map(|reason| number(reason.number())),
        }
    }

    fn decode(message: log::Reached) -> Result<Self, Damaged> {
        let reason =
            |number: u32| checked(RejectedFor::from_number(number.into()), "reached.reason");
        Ok(Self {
            message: message_id(&message.message, "reached.message")?,
            to: parsed(&message.to, FunctionId::parse, "reached.to")?,
            step: checked(Step::from_number(message.step.into()), "reached.step")?,
            at: time(message.at_micros),
            reason: message.reason.map(reason).transpose()?,
        })
    }
}

impl Stored for SendMessage {
    type Message = log::SendMessage;

    fn encode(&self) -> log::SendMessage {
        log::SendMessage {
            id: self.id.digest().to_vec(),
            core: encode_core(&self.core),
            text: Some(self.text.encode()),
        }
    }

    fn decode(message: log::SendMessage) -> Result<Self, Damaged> {
        Ok(Self {
            id: message_id(&message.id, "send_message.id")?,
            core: decode_core(&message.core, "send_message.core")?,
            text: required(message.text, "send_message.text")?,
        })
    }
}

impl Stored for MarkMessage {
    type Message = log::MarkMessage;

    fn encode(&self) -> log::MarkMessage {
        log::MarkMessage {
            message: self.message.digest().to_vec(),
            function: self.function.to_string(),
            step: number(self.step.number()),
        }
    }

    fn decode(message: log::MarkMessage) -> Result<Self, Damaged> {
        Ok(Self {
            message: message_id(&message.message, "mark_message.message")?,
            function: parsed(&message.function, FunctionId::parse, "mark_message.function")?,
            step: checked(Step::from_number(message.step.into()), "mark_message.step")?,
        })
    }
}

impl Stored for Message {
    type Message = log::Message;

    fn encode(&self) -> log::Message {
        log::Message {
            id: self.id.digest().to_vec(),
            core: encode_core(&self.core),
            text: Some(self.text.encode()),
            sent_at_micros: self.sent_at.micros(),
            at_micros: self.at.micros(),
            service: self.service.as_ref().map(ToString::to_string),
        }
    }

    fn decode(message: log::Message) -> Result<Self, Damaged> {
        let service = message.service.as_deref();
        let service = service.map(|id| parsed(id, ServiceId::parse, "message.service"));
        Ok(Self {
            id: message_id(&message.id, "message.id")?,
            core: decode_core(&message.core, "message.core")?,
            text: required(message.text, "message.text")?,
            sent_at: time(message.sent_at_micros),
            at: time(message.at_micros),
            service: service.transpose()?,
        })
    }
}

impl Stored for Inboxed {
    type Message = log::Inboxed;

    fn encode(&self) -> log::Inboxed {
        log::Inboxed {
            function: self.function.to_string(),
            number: self.number,
            message: self.message.digest().to_vec(),
        }
    }

    fn decode(message: log::Inboxed) -> Result<Self, Damaged> {
        Ok(Self {
            function: parsed(&message.function, FunctionId::parse, "inboxed.function")?,
            number: message.number,
            message: message_id(&message.message, "inboxed.message")?,
        })
    }
}

impl Stored for Receipt {
    type Message = log::Receipt;

    fn encode(&self) -> log::Receipt {
        let Self { message, to, step, at, by, reason, envelope } = self;
        let (message, to) = (*message, to.clone());
        let reached = Reached { message, to, step: *step, at: *at, reason: *reason };
        log::Receipt {
            reached: Some(reached.encode()),
            by: by.as_ref().map(ToString::to_string),
            envelope: envelope.map(|id| id.digest().to_vec()),
        }
    }

    fn decode(message: log::Receipt) -> Result<Self, Damaged> {
        let reached = required(message.reached, "receipt.reached")?;
        let Reached { message: id, to, step, at, reason } = reached;
        let by = message.by.as_deref().map(|id| parsed(id, ServiceId::parse, "receipt.by"));
        let envelope = message.envelope.as_deref();
        Ok(Self {
            message: id,
            to,
            step,
            at,
            by: by.transpose()?,
            reason,
            envelope: envelope.map(|id| envelope_id(id, "receipt.envelope")).transpose()?,
        })
    }
}
