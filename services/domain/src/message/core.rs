//! What a message says, in canonical bytes; its id is over them.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{MessageId, MessageKind, Precedence, RECIPIENTS_MAX};
use crate::{
    DomainId, FunctionId, Labels, LegalBasisId, PurposeId, Timestamp,
    command::Digest,
    commit::{
        Error,
        canonical::{self, Value},
        hash::{TAG_MESSAGE, hash, mac},
        labels,
        reader::Fields,
    },
    disclosure::Ground,
};

const VERSION: u16 = 1;
const DOMAIN: u16 = 2;
const FROM: u16 = 3;
const TO: u16 = 4;
const KIND: u16 = 5;
const PRECEDENCE: u16 = 6;
const THREAD: u16 = 7;
const IN_REPLY_TO: u16 = 8;
const RESPOND_BY: u16 = 9;
const VALID_SECONDS: u16 = 10;
const LABELS: u16 = 11;
const PURPOSE: u16 = 12;
const LEGAL_BASIS: u16 = 13;
const WEIGHING: u16 = 14;
const NONCE: u16 = 15;
const CONTENT: u16 = 16;

/// The version of this form.
const CURRENT: i64 = 1;

/// All that a message says in clear; the text as a commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Core {
    /// The domain that it comes from.
    pub domain: DomainId,
    /// The sending function.
    pub from: FunctionId,
    /// To which functions, one at least.
    pub to: BTreeSet<FunctionId>,
    /// What it is.
    pub kind: MessageKind,
    /// How urgent.
    pub precedence: Precedence,
    /// The first message of its thread; none where it is that one.
    pub thread: Option<MessageId>,
    /// Which message it answers.
    pub in_reply_to: Option<MessageId>,
    /// Until when an answer is asked for.
    pub respond_by: Option<Timestamp>,
    /// How long it may wait to be sent, in seconds.
    pub valid_seconds: u32,
    /// Its labels; the recipients are its audience.
    pub labels: Arc<Labels>,
    /// On what ground it is given.
    pub ground: Ground,
    /// What keeps two messages apart that say the same: the idempotency key.
    pub nonce: [u8; 16],
    /// The commitment to subject and body.
    pub content: Digest,
}

impl Core {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.message()?.encode()
    }

    pub(crate) fn message(&self) -> Result<canonical::Message, Error> {
        let id = |id: &Option<MessageId>| id.map(|id| Value::from(id.digest().as_slice()));
        Ok(canonical::Message::new()
            .with(VERSION, CURRENT)
            .with(DOMAIN, self.domain.as_str())
            .with(FROM, self.from.as_str())
            .with(TO, Value::set(self.to.iter().map(|to| Value::from(to.as_str())))?)
            .with(KIND, self.kind.number())
            .with(PRECEDENCE, self.precedence.number())
            .with_opt(THREAD, id(&self.thread))
            .with_opt(IN_REPLY_TO, id(&self.in_reply_to))
            .with_opt(RESPOND_BY, self.respond_by.map(Timestamp::micros))
            .with(VALID_SECONDS, self.valid_seconds)
            .with(LABELS, labels::encode(&self.labels)?)
            .with(PURPOSE, self.ground.purpose.as_str())
            .with(LEGAL_BASIS, self.ground.legal_basis.as_str())
            .with_opt(WEIGHING, self.ground.weighing.as_deref())
            .with(NONCE, self.nonce.as_slice())
            .with(CONTENT, self.content.as_slice()))
    }

    /// The message that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::of(canonical::Message::decode(bytes)?)
    }

    pub(crate) fn of(message: canonical::Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        fields.take_constant(VERSION, CURRENT)?;
        let core = Self {
            domain: id(DOMAIN, &fields.take_text(DOMAIN)?, DomainId::parse)?,
            from: id(FROM, &fields.take_text(FROM)?, FunctionId::parse)?,
            to: recipients(&mut fields)?,
            kind: MessageKind::from_number(fields.take_i64(KIND)?)
                .ok_or(Error::OutOfRange(KIND))?,
            precedence: Precedence::from_number(fields.take_i64(PRECEDENCE)?)
                .ok_or(Error::OutOfRange(PRECEDENCE))?,
            thread: fields.take_opt_array(THREAD)?.map(MessageId::of),
            in_reply_to: fields.take_opt_array(IN_REPLY_TO)?.map(MessageId::of),
            respond_by: fields.take_opt_i64(RESPOND_BY)?.map(Timestamp::from_micros),
            valid_seconds: fields.take_integer(VALID_SECONDS)?,
            labels: labels::decode(fields.take_message(LABELS)?)?.into(),
            ground: Ground {
                purpose: id(PURPOSE, &fields.take_text(PURPOSE)?, PurposeId::parse)?,
                legal_basis: id(LEGAL_BASIS, &fields.take_text(LEGAL_BASIS)?, LegalBasisId::parse)?,
                weighing: fields.take_opt_text(WEIGHING)?,
            },
            nonce: fields.take_array(NONCE)?,
            content: fields.take_array(CONTENT)?,
        };
        fields.finish()?;
        Ok(core)
    }

    /// The id: `H(0x0d ‖ canonical bytes)`.
    ///
    /// # Errors
    /// When a text is not NFC.
    pub fn id(&self) -> Result<MessageId, Error> {
        Ok(MessageId::of(hash(&[&[TAG_MESSAGE], &self.encode()?]).0))
    }
}

fn id<T, E>(number: u16, text: &str, parse: fn(&str) -> Result<T, E>) -> Result<T, Error> {
    parse(text).map_err(|_| Error::OutOfRange(number))
}

fn recipients(fields: &mut Fields) -> Result<BTreeSet<FunctionId>, Error> {
    let items = fields.take_set(TO)?;
    if items.is_empty() || items.len() > RECIPIENTS_MAX {
        return Err(Error::OutOfRange(TO));
    }
    let read = |item| match item {
        Value::Text(text) => id(TO, &text, FunctionId::parse),
        Value::I64(_) | Value::Bytes(_) | Value::List(_) | Value::Message(_) | Value::Bool(_) => {
            Err(Error::Mistyped(TO))
        }
    };
    items.into_iter().map(read).collect()
}

/// Subject and body, and the salt of their commitment.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is about.
    pub subject: String,
    /// What it says; may be empty.
    pub body: String,
    /// 32 random bytes: without them the commitment says nothing.
    pub salt: [u8; 32],
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
}

const SUBJECT: u16 = 1;
const BODY: u16 = 2;
const SALT: u16 = 3;

impl Text {
    /// The commitment to subject and body: `M(salt, "message" ‖ canonical subject and body)`.
    ///
    /// # Errors
    /// When a text is not NFC.
    pub fn commitment(&self) -> Result<Digest, Error> {
        let words = canonical::Message::new()
            .with(SUBJECT, self.subject.as_str())
            .with(BODY, self.body.as_str());
        Ok(mac(&self.salt, &[b"message", &words.encode()?]).0)
    }

    /// The canonical form, salt included: what is sealed, and what crosses a link.
    #[must_use]
    pub fn message(&self) -> canonical::Message {
        canonical::Message::new()
            .with(SUBJECT, self.subject.as_str())
            .with(BODY, self.body.as_str())
            .with(SALT, self.salt.as_slice())
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// When a field is missing or unknown.
    pub fn of(message: canonical::Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        let text = Self {
            subject: fields.take_text(SUBJECT)?,
            body: fields.take_text(BODY)?,
            salt: fields.take_array(SALT)?,
        };
        fields.finish()?;
        Ok(text)
    }
}
