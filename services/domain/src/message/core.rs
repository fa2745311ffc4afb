//! What a message says, in canonical bytes; its id is over them.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{
    Attachment, MessageId, MessageKind, Precedence, RECIPIENTS_MAX, attachment::digests,
    fit_together,
};
use crate::{
    DomainId, FeatureLevel, FunctionId, Labels, LegalBasisId, PurposeId, Timestamp,
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
const PARTS: u16 = 17;

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
    /// The commitment to subject, body and attachments.
    pub content: Digest,
    /// The digests of the parts of its attachments, as they are sealed, in order.
    pub parts: Vec<Digest>,
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
        let parts = self.parts.iter().map(|part| Value::from(part.as_slice())).collect();
        let parts = (!self.parts.is_empty()).then_some(Value::List(parts));
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
            .with(CONTENT, self.content.as_slice())
            .with_opt(PARTS, parts))
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
            parts: fields.take_opt_list(PARTS)?.map_or(Ok(Vec::new()), parts)?,
        };
        fields.finish()?;
        Ok(core)
    }

    /// The level that whoever reads it must know.
    pub(crate) const fn level(&self) -> FeatureLevel {
        if self.parts.is_empty() { FeatureLevel::MESSAGES } else { FeatureLevel::ATTACHMENTS }
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

/// Parts are named or there are none: one message has one form.
fn parts(items: Vec<Value>) -> Result<Vec<Digest>, Error> {
    if items.is_empty() {
        return Err(Error::OutOfRange(PARTS));
    }
    digests(PARTS, items)
}

/// Subject, body and attachments, and the salt of their commitment.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is about.
    pub subject: String,
    /// What it says; may be empty.
    pub body: String,
    /// The files that go with it.
    pub attachments: Vec<Attachment>,
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
const ATTACHMENTS: u16 = 4;

impl Text {
    /// The commitment: `M(salt, "message" ‖ canonical subject, body and attachments)`.
    ///
    /// # Errors
    /// When a text is not NFC.
    pub fn commitment(&self) -> Result<Digest, Error> {
        let words = canonical::Message::new()
            .with(SUBJECT, self.subject.as_str())
            .with(BODY, self.body.as_str())
            .with_opt(ATTACHMENTS, self.files());
        Ok(mac(&self.salt, &[b"message", &words.encode()?]).0)
    }

    /// The canonical form, salt included: what is sealed, and what crosses a link.
    #[must_use]
    pub fn message(&self) -> canonical::Message {
        canonical::Message::new()
            .with(SUBJECT, self.subject.as_str())
            .with(BODY, self.body.as_str())
            .with(SALT, self.salt.as_slice())
            .with_opt(ATTACHMENTS, self.files())
    }

    fn files(&self) -> Option<Value> {
        let all = self.attachments.iter().map(|one| Value::Message(one.message())).collect();
        (!self.attachments.is_empty()).then_some(Value::List(all))
    }

    /// The digests of all parts, in order: as the message names them in clear.
    #[must_use]
    pub fn parts(&self) -> Vec<Digest> {
        self.attachments.iter().flat_map(|one| one.parts.iter().copied()).collect()
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
            attachments: fields.take_opt_list(ATTACHMENTS)?.map_or(Ok(Vec::new()), files)?,
            salt: fields.take_array(SALT)?,
        };
        fields.finish()?;
        Ok(text)
    }
}

fn files(items: Vec<Value>) -> Result<Vec<Attachment>, Error> {
    let read = |item| match item {
        Value::Message(message) => Attachment::of(message),
        Value::I64(_) | Value::Bytes(_) | Value::List(_) | Value::Text(_) | Value::Bool(_) => {
            Err(Error::Mistyped(ATTACHMENTS))
        }
    };
    let all = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let fits = !all.is_empty() && fit_together(&all);
    if fits { Ok(all) } else { Err(Error::OutOfRange(ATTACHMENTS)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MediaType;

    fn text(attachments: Vec<Attachment>) -> Text {
        Text { subject: "s".to_owned(), body: "b".to_owned(), attachments, salt: [1; 32] }
    }

    fn attachment() -> Attachment {
        Attachment {
            name: "lista.csv".to_owned(),
            media_type: MediaType::Text,
            size: 5,
            digest: [2; 32],
            key: [3; 32],
            parts: vec![[4; 32]],
        }
    }

    #[test]
    fn a_message_is_committed_to_its_files_and_to_all_that_is_said_of_them() {
        let with = text(vec![attachment()]);
        assert_eq!(Text::of(with.message()).unwrap(), with);
        let mut commitments = vec![text(Vec::new()).commitment(), with.commitment()];
        let bends: [fn(&mut Attachment); 5] = [
            |one| one.name.push('x'),
            |one| one.media_type = MediaType::Pdf,
            |one| one.digest = [9; 32],
            |one| one.key = [9; 32],
            |one| one.parts = vec![[9; 32]],
        ];
        for bend in bends {
            let mut one = attachment();
            bend(&mut one);
            commitments.push(text(vec![one]).commitment());
        }
        let all: BTreeSet<_> = commitments.iter().map(|one| one.clone().unwrap()).collect();
        assert_eq!(all.len(), commitments.len());
    }

    #[test]
    fn files_that_are_named_are_some_and_within_the_limits() {
        let empty = text(Vec::new()).message().with(ATTACHMENTS, Value::List(Vec::new()));
        assert!(Text::of(empty).is_err(), "no files are left out");
        assert!(Text::of(text(vec![attachment(); 11]).message()).is_err());
    }
}
