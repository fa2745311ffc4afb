//! Editions that are delivered over a link, and answers to them that come back.
//!
//! The home of an area delivers what an organisation at home in the peer would get there of an
//! edition: header, content, proof, and for endorsers all that rebuilds the content root. It is
//! compared, not followed: an edition whose view has changed goes again as a whole, and one that
//! the organisation may see no more goes from there. What a party answers in its own domain goes
//! back with its signature, and the home says what became of it.

use std::fmt;

use super::{DeliveryRef, EnvelopeId, NotTakenFor, payload::id};
use crate::{
    AreaId, DomainId, EditionId, KeyId, PartyId, Period, RowId, Sealed, Timestamp,
    command::Digest,
    commit::{Error, canonical::Message, reader::Fields},
    edition::{Answer, Verdict},
    registry::Role,
};

/// In how many pieces an edition may come.
pub const EDITION_PIECES_MAX: u32 = 16;
/// How many editions of one delivery a domain keeps at most: those that were opened last.
pub const EDITIONS_MAX: usize = 500;
/// How many bytes they may be together, under seal.
pub const EDITIONS_BYTES_MAX: usize = 256 * 1024 * 1024;
/// For how long it is known what was answered, in seconds: as long as cursors hold, 400 days.
pub const GIVEN_SECONDS: i64 = 400 * 86_400;
/// How long a statement or a text with its salt may be, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const DELIVERY: u16 = 2;
const DELIVERED_EDITION: u16 = 3;
const PIECE: u16 = 4;
const LAST: u16 = 5;
const GONE: u16 = 6;
const OPENED_AT: u16 = 7;
const CONTENT: u16 = 8;

const EDITION: u16 = 2;
const PARTY: u16 = 3;
const ROLE: u16 = 4;
const VERDICT: u16 = 5;
const TEXT: u16 = 6;
const TEXT_SALT: u16 = 7;
const STATEMENT: u16 = 8;
const SIGNATURE: u16 = 9;
const KEY: u16 = 10;

const ROUND: u16 = 5;
const REFUSED: u16 = 6;
const FIELD: u16 = 7;

/// An edition of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EditionRef {
    /// Of which delivery.
    pub of: DeliveryRef,
    /// Which edition.
    pub edition: EditionId,
}

/// What crosses: a piece of an edition.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveredEdition {
    /// Of which delivery.
    pub delivery: RowId,
    /// Which edition.
    pub edition: EditionId,
    /// Which piece, from 0. What came before is replaced with the last one.
    pub piece: u32,
    /// No piece follows.
    pub last: bool,
    /// There is no right to it any more: all of it is to go.
    pub gone: bool,
    /// When it was opened: the newest is listed first.
    pub opened_at: Timestamp,
    /// The bytes of a `samsyn.link.v1.DeliveredEdition`, cut where a piece ends.
    pub content: Vec<u8>,
}

impl fmt::Debug for DeliveredEdition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivery, edition, piece, .. } = self;
        write!(f, "piece {piece} of {edition} for {delivery}")
    }
}

impl DeliveredEdition {
    pub(super) fn message(&self, message: Message) -> Message {
        message
            .with(DELIVERY, self.delivery.as_str())
            .with(DELIVERED_EDITION, self.edition.as_str())
            .with(PIECE, self.piece)
            .with(LAST, self.last)
            .with(GONE, self.gone)
            .with(OPENED_AT, self.opened_at.micros())
            .with(CONTENT, self.content.as_slice())
    }

    pub(super) fn of(fields: &mut Fields) -> Result<Self, Error> {
        let edition = &fields.take_text(DELIVERED_EDITION)?;
        let delivered = Self {
            delivery: id(DELIVERY, &fields.take_text(DELIVERY)?, RowId::parse)?,
            edition: id(DELIVERED_EDITION, edition, EditionId::parse)?,
            piece: fields.take_integer(PIECE)?,
            last: fields.take_bool(LAST)?,
            gone: fields.take_bool(GONE)?,
            opened_at: Timestamp::from_micros(fields.take_i64(OPENED_AT)?),
            content: fields.take_bytes(CONTENT)?,
        };
        if delivered.piece >= EDITION_PIECES_MAX {
            return Err(Error::OutOfRange(PIECE));
        }
        // What goes is said at once, and brings nothing.
        let is_alone = delivered.piece == 0 && delivered.last && delivered.content.is_empty();
        if delivered.gone && !is_alone { Err(Error::OutOfRange(GONE)) } else { Ok(delivered) }
    }
}

/// What crosses: the signed answer of a party to an edition of the other domain.
#[derive(Clone, PartialEq, Eq)]
pub struct SentAnswer {
    /// Which edition.
    pub edition: EditionId,
    /// Whose answer.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// What it says.
    pub verdict: Verdict,
    /// The reservation or objection; empty when there is none.
    pub text: String,
    /// The salt of its commitment.
    pub text_salt: Vec<u8>,
    /// The signed payload.
    pub statement: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// With which key, as the home has registered it.
    pub key: KeyId,
}

impl fmt::Debug for SentAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answer of {} to {}", self.party, self.edition)
    }
}

impl SentAnswer {
    pub(super) fn message(&self, message: Message) -> Message {
        message
            .with(EDITION, self.edition.as_str())
            .with(PARTY, self.party.as_str())
            .with(ROLE, self.role.as_str())
            .with(VERDICT, verdict_number(self.verdict))
            .with(TEXT, self.text.as_str())
            .with(TEXT_SALT, self.text_salt.as_slice())
            .with(STATEMENT, self.statement.as_slice())
            .with(SIGNATURE, self.signature.as_slice())
            .with(KEY, self.key.as_str())
    }

    pub(super) fn of(fields: &mut Fields) -> Result<Self, Error> {
        let (edition, party, role) = whose(fields)?;
        let answer = Self {
            edition,
            party,
            role,
            verdict: verdict(fields.take_i64(VERDICT)?).ok_or(Error::OutOfRange(VERDICT))?,
            text: fields.take_text(TEXT)?,
            text_salt: fields.take_bytes(TEXT_SALT)?,
            statement: fields.take_bytes(STATEMENT)?,
            signature: fields.take_bytes(SIGNATURE)?,
            key: id(KEY, &fields.take_text(KEY)?, KeyId::parse)?,
        };
        let long = |bytes: &[u8]| bytes.len() > ANSWER_BYTES_MAX;
        if long(&answer.statement) || long(&answer.signature) || long(&answer.text_salt) {
            return Err(Error::OutOfRange(STATEMENT));
        }
        Ok(answer)
    }
}

/// What crosses: what became of such an answer, the one that the header answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerTold {
    /// Which edition.
    pub edition: EditionId,
    /// Whose answer.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// The round that it was for; 0 where that could not be read.
    pub round: u32,
    /// Why it was not taken.
    pub refused: Option<NotTakenFor>,
}

impl AnswerTold {
    pub(super) fn message(&self, message: Message) -> Message {
        message
            .with(EDITION, self.edition.as_str())
            .with(PARTY, self.party.as_str())
            .with(ROLE, self.role.as_str())
            .with(ROUND, self.round)
            .with_opt(REFUSED, self.refused.as_ref().map(NotTakenFor::reason))
            .with_opt(FIELD, self.refused.as_ref().map(NotTakenFor::field))
    }

    pub(super) fn of(fields: &mut Fields) -> Result<Self, Error> {
        let (edition, party, role) = whose(fields)?;
        let round = fields.take_integer(ROUND)?;
        let refused = NotTakenFor::of_fields(fields, REFUSED, FIELD)?;
        Ok(Self { edition, party, role, round, refused })
    }
}

fn whose(fields: &mut Fields) -> Result<(EditionId, PartyId, Role), Error> {
    let edition = id(EDITION, &fields.take_text(EDITION)?, EditionId::parse)?;
    let party = id(PARTY, &fields.take_text(PARTY)?, PartyId::parse)?;
    let role = Role::from_code(&fields.take_text(ROLE)?).ok_or(Error::OutOfRange(ROLE))?;
    Ok((edition, party, role))
}

const fn verdict_number(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Endorsed => 1,
        Verdict::Reserved => 2,
        Verdict::Objected => 3,
    }
}

fn verdict(number: i64) -> Option<Verdict> {
    let all = [Verdict::Endorsed, Verdict::Reserved, Verdict::Objected];
    all.into_iter().find(|verdict| verdict_number(*verdict) == number)
}

/// What a peer has of an edition that is delivered to it. Absent: nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionOutlet {
    /// Which edition, of which delivery.
    pub of: EditionRef,
    /// A keyed digest of all that the view of it was made from.
    pub shown: Digest,
    /// When that was numbered.
    pub at: Timestamp,
}

/// An edition of a peer, as it came last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedEdition {
    /// Which edition, of which delivery.
    pub of: EditionRef,
    /// When it changed last, as the delivery counts here.
    pub number: u64,
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// It is released: that is told to those who follow.
    pub released: bool,
    /// Its header alone, under seal: the bytes of a `samsyn.v1.Edition` without content.
    pub header: Sealed,
    /// How many findings it shows.
    pub findings: u32,
    /// How many leaves rebuild its content root; 0 where none came.
    pub openings: u32,
    /// Header, content and proof, under seal: the bytes of a `samsyn.v1.Edition`.
    pub content: Sealed,
    /// All that rebuilds the content root, under seal, for those who endorse: the bytes of a
    /// `samsyn.v1.GetEditionReviewResponse`.
    pub review: Option<Sealed>,
    /// When it came.
    pub at: Timestamp,
}

impl ReceivedEdition {
    /// How long all of it is, under seal.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sealed().fold(0, |sum, one| sum.saturating_add(one.bytes.len()))
    }

    /// All that it has under seal.
    pub fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        [&self.header, &self.content].into_iter().chain(&self.review)
    }
}

/// A piece of an edition that waits for the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionPiece {
    /// Which edition, of which delivery.
    pub of: EditionRef,
    /// Which piece, from 0.
    pub number: u32,
    /// Since when it waits.
    pub at: Timestamp,
    /// Its bytes, under seal.
    pub content: Sealed,
}

/// Whose answer to which edition of a peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenRef {
    /// The peer.
    pub peer: DomainId,
    /// The edition.
    pub edition: EditionId,
    /// Whose.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
}

/// An answer that was given here to an edition of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Whose, to which edition.
    pub of: GivenRef,
    /// To which round.
    pub round: u32,
    /// The answer.
    pub answer: Answer,
    /// The envelope that brings it there, once it is numbered.
    pub envelope: Option<EnvelopeId>,
    /// What the peer has said of it; none: it is on its way.
    pub told: Option<GivenTold>,
}

/// What a peer has said of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenTold {
    /// When that was taken in.
    pub at: Timestamp,
    /// Why it was not taken there.
    pub refused: Option<NotTakenFor>,
}
