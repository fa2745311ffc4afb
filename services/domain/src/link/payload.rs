//! What an envelope carries, in canonical bytes.

use std::collections::BTreeSet;

use super::{
    AnswerTold, Contribution, Delivered, DeliveredEdition, Kind, NotTakenFor, STEP_PIECES_MAX,
    SentAnswer, StepTerms,
};
use crate::{
    AreaId, FunctionId, LegalBasisId, PartyId, PeriodKind, PurposeId, RowId, Timestamp,
    command::Digest,
    commit::{
        Error,
        canonical::{Message, Value},
        hash::mac,
        reader::Fields,
    },
    disclosure::Ground,
    message::{Core, MessageId, RejectedFor, Step, Text},
};

const VERSION: u16 = 1;
const CORE: u16 = 2;
const TEXT: u16 = 3;
const SENT_AT: u16 = 4;

const MESSAGE: u16 = 2;
const TO: u16 = 3;
const STEP: u16 = 4;
const AT: u16 = 5;
const REASON: u16 = 6;

const PARTY: u16 = 2;
const AREA: u16 = 3;
const PIECE: u16 = 4;
const LAST: u16 = 5;
const DELTA: u16 = 6;

const PICTURE_VERSION: u16 = 4;
const REFUSED: u16 = 5;
const FIELD: u16 = 6;

const DELIVERY: u16 = 2;
const VIEW_STEP: u16 = 3;
const PARTIES: u16 = 6;
const AREAS: u16 = 7;
const PERIODS: u16 = 8;
const PURPOSE: u16 = 9;
const LEGAL_BASIS: u16 = 10;
const WEIGHING: u16 = 11;
const BEGINS: u16 = 12;
const WHOLE: u16 = 13;
const ENDED: u16 = 14;
const EVENTS: u16 = 15;

/// For how many parties and of how many areas a delivery is at most.
const IDS_MAX: usize = 64;

/// The version of these forms.
const CURRENT: i64 = 1;

/// A message as it crosses a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// All that it says in clear.
    pub core: Core,
    /// Subject, body, salt.
    pub text: Text,
    /// When its domain took it in.
    pub sent_at: Timestamp,
}

/// What an envelope carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A message.
    Message(Box<Sent>),
    /// A step that a message has reached.
    Receipt {
        /// Of which message.
        message: MessageId,
        /// For which recipient.
        to: FunctionId,
        /// How far it came.
        step: Step,
        /// When.
        at: Timestamp,
        /// Why it was not taken.
        reason: Option<RejectedFor>,
    },
    /// Changes of an own picture. The header says which version there they change.
    Contribution(Box<Contribution>),
    /// What became of a contribution: the one that the header answers.
    Answer {
        /// Whose own picture.
        party: PartyId,
        /// Of which area.
        area: AreaId,
        /// The version that it has there by now.
        version: u64,
        /// Why the contribution was not taken.
        refused: Option<NotTakenFor>,
    },
    /// A piece of a step of a view that is delivered.
    View(Box<Delivered>),
    /// A piece of an edition that is delivered.
    Edition(Box<DeliveredEdition>),
    /// A party's answer to an edition of the other domain.
    EditionAnswer(Box<SentAnswer>),
    /// What became of such an answer: the one that the header answers.
    EditionAnswered(Box<AnswerTold>),
}

impl Payload {
    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Message(_) => Kind::Message,
            Self::Receipt { .. } => Kind::Receipt,
            Self::Contribution(_) => Kind::Contribution,
            Self::Answer { .. } => Kind::Answer,
            Self::View(_) => Kind::View,
            Self::Edition(_) => Kind::Edition,
            Self::EditionAnswer(_) => Kind::EditionAnswer,
            Self::EditionAnswered(_) => Kind::EditionAnswered,
        }
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC, or a number exceeds 2⁶³ − 1.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let number = |version| i64::try_from(version).map_err(|_| Error::OutOfRange(VERSION));
        let message = Message::new().with(VERSION, CURRENT);
        match self {
            Self::Message(sent) => message
                .with(CORE, sent.core.message()?)
                .with(TEXT, sent.text.message())
                .with(SENT_AT, sent.sent_at.micros()),
            Self::Receipt { message: id, to, step, at, reason } => message
                .with(MESSAGE, id.digest().as_slice())
                .with(TO, to.as_str())
                .with(STEP, step.number())
                .with(AT, at.micros())
                .with_opt(REASON, reason.map(RejectedFor::number)),
            Self::Contribution(contribution) => message
                .with(PARTY, contribution.party.as_str())
                .with(AREA, contribution.area.as_str())
                .with(PIECE, contribution.piece)
                .with(LAST, contribution.last)
                .with(DELTA, contribution.delta.as_slice()),
            Self::Answer { party, area, version, refused } => message
                .with(PARTY, party.as_str())
                .with(AREA, area.as_str())
                .with(PICTURE_VERSION, number(*version)?)
                .with_opt(REFUSED, refused.as_ref().map(NotTakenFor::reason))
                .with_opt(FIELD, refused.as_ref().map(NotTakenFor::field)),
            Self::View(delivered) => view(message, delivered)?,
            Self::Edition(edition) => edition.message(message),
            Self::EditionAnswer(answer) => answer.message(message),
            Self::EditionAnswered(told) => told.message(message),
        }
        .encode()
    }

    /// Reads what an envelope of a kind carries. Of a message, text and commitment must agree.
    ///
    /// # Errors
    /// When it is not of that kind.
    pub fn decode(kind: Kind, bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        fields.take_constant(VERSION, CURRENT)?;
        let payload = match kind {
            Kind::Message => {
                let sent = Sent {
                    core: Core::of(fields.take_message(CORE)?)?,
                    text: Text::of(fields.take_message(TEXT)?)?,
                    sent_at: Timestamp::from_micros(fields.take_i64(SENT_AT)?),
                };
                if sent.text.commitment()? != sent.core.content {
                    return Err(Error::OutOfRange(TEXT));
                }
                Self::Message(sent.into())
            }
            Kind::Receipt => Self::Receipt {
                message: MessageId::of(fields.take_array(MESSAGE)?),
                to: FunctionId::parse(&fields.take_text(TO)?).map_err(|_| Error::OutOfRange(TO))?,
                step: Step::from_number(fields.take_i64(STEP)?).ok_or(Error::OutOfRange(STEP))?,
                at: Timestamp::from_micros(fields.take_i64(AT)?),
                reason: fields
                    .take_opt_i64(REASON)?
                    .map(|n| RejectedFor::from_number(n).ok_or(Error::OutOfRange(REASON)))
                    .transpose()?,
            },
            Kind::Contribution => {
                let (party, area) = picture(&mut fields)?;
                Self::Contribution(Box::new(Contribution {
                    party,
                    area,
                    piece: fields.take_integer(PIECE)?,
                    last: fields.take_bool(LAST)?,
                    delta: fields.take_bytes(DELTA)?,
                }))
            }
            Kind::Answer => {
                let (party, area) = picture(&mut fields)?;
                let version = fields.take_integer(PICTURE_VERSION)?;
                let refused = NotTakenFor::of_fields(&mut fields, REFUSED, FIELD)?;
                Self::Answer { party, area, version, refused }
            }
            Kind::View => Self::View(delivered(&mut fields)?.into()),
            Kind::Edition => Self::Edition(DeliveredEdition::of(&mut fields)?.into()),
            Kind::EditionAnswer => Self::EditionAnswer(SentAnswer::of(&mut fields)?.into()),
            Kind::EditionAnswered => Self::EditionAnswered(AnswerTold::of(&mut fields)?.into()),
        };
        fields.finish()?;
        Ok(payload)
    }
}

fn view(message: Message, delivered: &Delivered) -> Result<Message, Error> {
    let Delivered { delivery, step, piece, last, terms, events } = delivered;
    let StepTerms { parties, areas, periods, ground, begins, whole, ended } = terms;
    let step = i64::try_from(*step).map_err(|_| Error::OutOfRange(VIEW_STEP))?;
    let parties = parties.iter().map(|party| Value::from(party.as_str()));
    let areas = areas.iter().map(|area| Value::from(area.as_str()));
    let periods = periods.iter().map(|kind| Value::from(kind.as_str()));
    Ok(message
        .with(DELIVERY, delivery.as_str())
        .with(VIEW_STEP, step)
        .with(PIECE, *piece)
        .with(LAST, *last)
        .with(PARTIES, Value::set(parties)?)
        .with(AREAS, Value::set(areas)?)
        .with(PERIODS, Value::set(periods)?)
        .with(PURPOSE, ground.purpose.as_str())
        .with(LEGAL_BASIS, ground.legal_basis.as_str())
        .with_opt(WEIGHING, ground.weighing.as_deref())
        .with(BEGINS, *begins)
        .with(WHOLE, *whole)
        .with(ENDED, *ended)
        .with(EVENTS, events.as_slice()))
}

fn delivered(fields: &mut Fields) -> Result<Delivered, Error> {
    let delivered = Delivered {
        delivery: id(DELIVERY, &fields.take_text(DELIVERY)?, RowId::parse)?,
        step: fields.take_integer(VIEW_STEP)?,
        piece: fields.take_integer(PIECE)?,
        last: fields.take_bool(LAST)?,
        terms: StepTerms {
            parties: ids(PARTIES, fields, PartyId::parse)?,
            areas: ids(AREAS, fields, AreaId::parse)?,
            periods: ids(PERIODS, fields, |code| PeriodKind::from_code(code).ok_or(()))?,
            ground: Ground {
                purpose: id(PURPOSE, &fields.take_text(PURPOSE)?, PurposeId::parse)?,
                legal_basis: id(LEGAL_BASIS, &fields.take_text(LEGAL_BASIS)?, LegalBasisId::parse)?,
                weighing: fields.take_opt_text(WEIGHING)?,
            },
            begins: fields.take_bool(BEGINS)?,
            whole: fields.take_bool(WHOLE)?,
            ended: fields.take_bool(ENDED)?,
        },
        events: fields.take_bytes(EVENTS)?,
    };
    if delivered.step == 0 {
        return Err(Error::OutOfRange(VIEW_STEP));
    }
    if delivered.piece >= STEP_PIECES_MAX {
        return Err(Error::OutOfRange(PIECE));
    }
    Ok(delivered)
}

fn ids<T: Ord, E>(
    number: u16,
    fields: &mut Fields,
    parse: fn(&str) -> Result<T, E>,
) -> Result<BTreeSet<T>, Error> {
    let items = fields.take_set(number)?;
    if items.len() > IDS_MAX {
        return Err(Error::OutOfRange(number));
    }
    let read = |item| match item {
        Value::Text(text) => id(number, &text, parse),
        Value::I64(_) | Value::Bytes(_) | Value::List(_) | Value::Message(_) | Value::Bool(_) => {
            Err(Error::Mistyped(number))
        }
    };
    items.into_iter().map(read).collect()
}

pub(super) fn id<T, E>(
    number: u16,
    text: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, Error> {
    parse(text).map_err(|_| Error::OutOfRange(number))
}

fn picture(fields: &mut Fields) -> Result<(PartyId, AreaId), Error> {
    let party = id(PARTY, &fields.take_text(PARTY)?, PartyId::parse)?;
    Ok((party, id(AREA, &fields.take_text(AREA)?, AreaId::parse)?))
}

/// A payload with its salt, as it stands under seal.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPayload {
    /// The canonical bytes.
    pub payload: Vec<u8>,
    /// The salt of their digest.
    pub salt: [u8; 32],
}

impl std::fmt::Debug for SealedPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "payload of {} bytes", self.payload.len())
    }
}

const SALTED: u16 = 1;
const SALT: u16 = 2;

impl SealedPayload {
    /// The canonical form, which is sealed.
    #[must_use]
    pub fn message(&self) -> Message {
        Message::new().with(SALTED, self.payload.as_slice()).with(SALT, self.salt.as_slice())
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// When a field is missing or unknown.
    pub fn of(message: Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        let sealed = Self { payload: fields.take_bytes(SALTED)?, salt: fields.take_array(SALT)? };
        fields.finish()?;
        Ok(sealed)
    }
}

/// The digest of a payload in a header: `M(salt, "payload" ‖ payload)`.
#[must_use]
pub fn payload_digest(salt: &[u8; 32], payload: &[u8]) -> Digest {
    mac(salt, &[b"payload", payload]).0
}
