//! The header of an envelope: all that is signed, in canonical bytes.

use std::sync::Arc;

use super::{CONTRIBUTIONS_LEVEL, DELIVERIES_LEVEL, EDITIONS_LEVEL, EnvelopeId, MESSAGES_LEVEL};
use crate::{
    DomainId, FunctionId, Labels, Timestamp,
    command::Digest,
    commit::{
        Error,
        canonical::{Message, Value},
        hash::{TAG_ENVELOPE, hash},
        labels,
        reader::Fields,
    },
    message::{Precedence, codes, digests},
};

/// The longest header, in bytes.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// The longest payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Fields with this number and above must be understood; others may be passed over.
pub const CRITICAL_FROM: u16 = 0x8000;

const VERSION: u16 = 1;
const FEDERATION: u16 = 2;
const EPOCH: u16 = 3;
const SEQUENCE: u16 = 4;
const PREVIOUS: u16 = 5;
const FROM: u16 = 6;
const TO: u16 = 7;
const KIND: u16 = 8;
const KEY: u16 = 9;
const EXPECTED_VERSION: u16 = 10;
const IN_REPLY_TO: u16 = 11;
const ISSUED_AT: u16 = 12;
const VALID_SECONDS: u16 = 13;
const PRECEDENCE: u16 = 14;
const LABELS: u16 = 15;
const PAYLOAD: u16 = 16;
const PARTS: u16 = 17;
const SEALED_TO: u16 = 18;
const BUNDLE: u16 = 19;
const LEVEL: u16 = 20;

const ADDRESS_DOMAIN: u16 = 1;
const ADDRESS_ORGNR: u16 = 2;
const ADDRESS_FUNCTION: u16 = 3;

/// The version of this form.
const CURRENT: i64 = 1;

codes! {
    /// What an envelope carries. New ones are added at the end: numbers are signed.
    Kind {
        /// A message.
        Message = "message",
        /// A step that a message has reached.
        Receipt = "receipt",
        /// Changes of an own picture.
        Contribution = "contribution",
        /// What became of a contribution.
        Answer = "contribution_answer",
        /// A step of a view of joint pictures that is delivered.
        View = "view",
        /// An edition that is delivered.
        Edition = "edition",
        /// A party's answer to an edition of the other domain.
        EditionAnswer = "edition_answer",
        /// What became of such an answer.
        EditionAnswered = "edition_answered",
    }
}

impl Kind {
    /// The level that whoever reads it must know at least.
    #[must_use]
    pub const fn level(self) -> u32 {
        match self {
            Self::Message | Self::Receipt => MESSAGES_LEVEL,
            Self::Contribution | Self::Answer => CONTRIBUTIONS_LEVEL,
            Self::View => DELIVERIES_LEVEL,
            Self::Edition | Self::EditionAnswer | Self::EditionAnswered => EDITIONS_LEVEL,
        }
    }
}

/// Who sends, or for whom it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The domain.
    pub domain: DomainId,
    /// The number of the organisation, where it is of one.
    pub orgnr: Option<String>,
    /// The function, where it is of one.
    pub function: Option<FunctionId>,
}

impl Address {
    /// A domain itself.
    #[must_use]
    pub const fn domain(domain: DomainId) -> Self {
        Self { domain, orgnr: None, function: None }
    }

    /// A function of a domain.
    #[must_use]
    pub fn function(domain: DomainId, function: FunctionId) -> Self {
        Self { domain, orgnr: Some(function.orgnr().to_owned()), function: Some(function) }
    }

    fn message(&self) -> Message {
        Message::new()
            .with(ADDRESS_DOMAIN, self.domain.as_str())
            .with_opt(ADDRESS_ORGNR, self.orgnr.as_deref())
            .with_opt(ADDRESS_FUNCTION, self.function.as_ref().map(FunctionId::as_str))
    }

    fn of(message: Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        let function = fields.take_opt_text(ADDRESS_FUNCTION)?;
        let function = function.map(|text| FunctionId::parse(&text));
        let address = Self {
            domain: DomainId::parse(&fields.take_text(ADDRESS_DOMAIN)?)
                .map_err(|_| Error::OutOfRange(ADDRESS_DOMAIN))?,
            orgnr: fields.take_opt_text(ADDRESS_ORGNR)?,
            function: function.transpose().map_err(|_| Error::OutOfRange(ADDRESS_FUNCTION))?,
        };
        fields.finish()?;
        Ok(address)
    }
}

/// The header of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which federation: domains of a test never link with those of production.
    pub federation: String,
    /// Of which chain it is.
    pub epoch: u64,
    /// Its number in it, from 1.
    pub sequence: u64,
    /// The envelope before it.
    pub previous: EnvelopeId,
    /// Who sends.
    pub from: Address,
    /// For whom: one destination.
    pub to: Address,
    /// The number of its kind: one that is not known is set aside, not passed over.
    pub kind: i64,
    /// What names the change that it carries, whenever it is sent again.
    pub key: [u8; 16],
    /// Which version of its object it changes, where that is asked for.
    pub expected_version: Option<u64>,
    /// Which envelope it answers.
    pub in_reply_to: Option<EnvelopeId>,
    /// When it was numbered, by the sender's clock.
    pub issued_at: Timestamp,
    /// How long it is good, in seconds from then.
    pub valid_seconds: Option<u32>,
    /// How urgent.
    pub precedence: Precedence,
    /// The labels of what it carries, where that is content.
    pub labels: Option<Arc<Labels>>,
    /// The salted digest of the payload.
    pub payload: Digest,
    /// Digests of parts that travel apart, as ciphertext.
    pub parts: Vec<Digest>,
    /// To which key of the destination the payload is sealed; none: it is not.
    pub sealed_to: Option<String>,
    /// Which version of the receiver's trust bundle the sender has.
    pub bundle: u64,
    /// The level that the receiver must know.
    pub level: u32,
}

impl Header {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC, or a number exceeds 2⁶³ − 1.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let parts = self.parts.iter().map(|part| Value::from(part.as_slice())).collect();
        let labels = self.labels.as_deref().map(labels::encode).transpose()?;
        Message::new()
            .with(VERSION, CURRENT)
            .with(FEDERATION, self.federation.as_str())
            .with(EPOCH, number(EPOCH, self.epoch)?)
            .with(SEQUENCE, number(SEQUENCE, self.sequence)?)
            .with(PREVIOUS, self.previous.digest().as_slice())
            .with(FROM, self.from.message())
            .with(TO, self.to.message())
            .with(KIND, self.kind)
            .with(KEY, self.key.as_slice())
            .with_opt(
                EXPECTED_VERSION,
                self.expected_version.map(|v| number(EXPECTED_VERSION, v)).transpose()?,
            )
            .with_opt(IN_REPLY_TO, self.in_reply_to.map(|id| Value::from(id.digest().as_slice())))
            .with(ISSUED_AT, self.issued_at.micros())
            .with_opt(VALID_SECONDS, self.valid_seconds)
            .with(PRECEDENCE, self.precedence.number())
            .with_opt(LABELS, labels)
            .with(PAYLOAD, self.payload.as_slice())
            .with(PARTS, Value::List(parts))
            .with_opt(SEALED_TO, self.sealed_to.as_deref())
            .with(BUNDLE, number(BUNDLE, self.bundle)?)
            .with(LEVEL, self.level)
            .encode_within(HEADER_BYTES_MAX)
    }

    /// Reads a header, and says whether it has a field that must be understood and is not. Fields
    /// below [`CRITICAL_FROM`] that are not known are passed over: what is signed and hashed are
    /// the bytes, not what was read of them.
    ///
    /// # Errors
    /// When the bytes are no header.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Option<u16>), Error> {
        let message = Message::decode_within(bytes, HEADER_BYTES_MAX)?;
        let mut known = Message::new();
        let mut critical = None;
        for (field, value) in message.fields() {
            match field {
                VERSION..=LEVEL => known = known.with(field, value.clone()),
                CRITICAL_FROM.. => critical = critical.or(Some(field)),
                _ => {}
            }
        }
        let mut fields = Fields::of(known);
        fields.take_constant(VERSION, CURRENT)?;
        let header = Self {
            federation: fields.take_text(FEDERATION)?,
            epoch: fields.take_integer(EPOCH)?,
            sequence: fields.take_integer(SEQUENCE)?,
            previous: EnvelopeId::of(fields.take_array(PREVIOUS)?),
            from: Address::of(fields.take_message(FROM)?)?,
            to: Address::of(fields.take_message(TO)?)?,
            kind: fields.take_i64(KIND)?,
            key: fields.take_array(KEY)?,
            expected_version: opt_integer(&mut fields, EXPECTED_VERSION)?,
            in_reply_to: fields.take_opt_array(IN_REPLY_TO)?.map(EnvelopeId::of),
            issued_at: Timestamp::from_micros(fields.take_i64(ISSUED_AT)?),
            valid_seconds: opt_integer(&mut fields, VALID_SECONDS)?,
            precedence: Precedence::from_number(fields.take_i64(PRECEDENCE)?)
                .ok_or(Error::OutOfRange(PRECEDENCE))?,
            labels: fields.take_opt_message(LABELS)?.map(labels::decode).transpose()?.map(Arc::new),
            payload: fields.take_array(PAYLOAD)?,
            parts: digests(PARTS, fields.take_list(PARTS)?)?,
            sealed_to: fields.take_opt_text(SEALED_TO)?,
            bundle: fields.take_integer(BUNDLE)?,
            level: fields.take_integer(LEVEL)?,
        };
        fields.finish()?;
        Ok((header, critical))
    }

    /// The id of an envelope: `H(0x0c ‖ header)`.
    #[must_use]
    pub fn id_of(header: &[u8]) -> EnvelopeId {
        EnvelopeId::of(hash(&[&[TAG_ENVELOPE], header]).0)
    }
}

fn number(field: u16, value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::OutOfRange(field))
}

fn opt_integer<T: TryFrom<i64>>(fields: &mut Fields, field: u16) -> Result<Option<T>, Error> {
    let value = fields.take_opt_i64(field)?;
    value.map(|value| value.try_into().map_err(|_| Error::OutOfRange(field))).transpose()
}
