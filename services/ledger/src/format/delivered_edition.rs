//! Editions that cross links, and answers to them.

use samsyn_domain::{
    AreaId, DomainId, EditionId, PartyId, RowId, Sealed,
    command::{
        AnswerEdition, BroughtEdition, Digest, EditionContent, EditionOffer, Effect, GiveAnswer,
    },
    link::{
        AnswerTold, EditionOutlet, EditionPiece, EditionRef, EnvelopeId, GivenAnswer, GivenRef,
        GivenTold, NotTakenFor, QuarantinedFor, ReceivedEdition,
    },
    registry::Role,
    row::EditionRow,
};
use samsyn_proto::log::{self, edition_row::Kind, envelope_to_take, given_answer};

use super::{
    Damaged, Stored, checked, code::Coded as _, delivery::delivery, digest, message::number,
    optional, parsed, period, required, time,
};

fn edition(text: &str, field: &'static str) -> Result<EditionId, Damaged> {
    parsed(text, EditionId::parse, field)
}

/// A digest that may be left out.
fn encode_digest(digest: Option<Digest>) -> Vec<u8> {
    digest.map_or_else(Vec::new, Into::into)
}

fn decode_digest(bytes: &[u8], field: &'static str) -> Result<Option<Digest>, Damaged> {
    if bytes.is_empty() { Ok(None) } else { digest(bytes, field).map(Some) }
}

impl Stored for EditionRow {
    type Message = log::EditionRow;

    fn encode(&self) -> log::EditionRow {
        let kind = match self {
            Self::Outlet(row) => Kind::Outlet(row.encode()),
            Self::OutletGone(of) => Kind::OutletGone(of.encode()),
            Self::Received(row) => Kind::Received(row.encode()),
            Self::Forgotten(of) => Kind::Forgotten(of.encode()),
            Self::Piece(row) => Kind::Piece(row.encode()),
            Self::PieceGone(of, number) => {
                let edition = log::EditionRef { delivery: Some(of.encode()), ..Default::default() };
                let (edition, number) = (Some(edition), *number);
                Kind::PieceGone(log::EditionPiece { edition, number, ..Default::default() })
            }
            Self::Given(row) => Kind::Given(row.encode()),
            Self::GivenForgotten(of) => Kind::GivenForgotten(of.encode()),
        };
        log::EditionRow { kind: Some(kind) }
    }

    fn decode(message: log::EditionRow) -> Result<Self, Damaged> {
        Ok(match message.kind.ok_or(Damaged::Missing("edition_row.kind"))? {
            Kind::Outlet(row) => Self::Outlet(EditionOutlet::decode(row)?.into()),
            Kind::OutletGone(of) => Self::OutletGone(EditionRef::decode(of)?),
            Kind::Received(row) => Self::Received(ReceivedEdition::decode(row)?.into()),
            Kind::Forgotten(of) => Self::Forgotten(EditionRef::decode(of)?),
            Kind::Piece(row) => Self::Piece(EditionPiece::decode(row)?.into()),
            Kind::PieceGone(row) => {
                let of = row.edition.and_then(|edition| edition.delivery);
                Self::PieceGone(required(of, "edition_row.delivery")?, row.number)
            }
            Kind::Given(row) => Self::Given(GivenAnswer::decode(row)?.into()),
            Kind::GivenForgotten(of) => Self::GivenForgotten(GivenRef::decode(of)?),
        })
    }
}

impl Stored for EditionRef {
    type Message = log::EditionRef;

    fn encode(&self) -> log::EditionRef {
        log::EditionRef { delivery: Some(self.of.encode()), edition: self.edition.to_string() }
    }

    fn decode(message: log::EditionRef) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.delivery, "edition_ref.delivery")?,
            edition: edition(&message.edition, "edition_ref.edition")?,
        })
    }
}

impl Stored for EditionOffer {
    type Message = log::EditionOffer;

    fn encode(&self) -> log::EditionOffer {
        log::EditionOffer {
            delivery: self.delivery.to_string(),
            turn: self.turn,
            edition: self.edition.to_string(),
            before: encode_digest(self.before),
            after: encode_digest(self.after),
            last: self.last,
        }
    }

    fn decode(message: log::EditionOffer) -> Result<Self, Damaged> {
        Ok(Self {
            delivery: delivery(&message.delivery, "edition_offer.delivery")?,
            turn: message.turn,
            edition: edition(&message.edition, "edition_offer.edition")?,
            before: decode_digest(&message.before, "edition_offer.before")?,
            after: decode_digest(&message.after, "edition_offer.after")?,
            last: message.last,
        })
    }
}

impl Stored for EditionOutlet {
    type Message = log::EditionOutlet;

    fn encode(&self) -> log::EditionOutlet {
        log::EditionOutlet {
            edition: Some(self.of.encode()),
            shown: self.shown.into(),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::EditionOutlet) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.edition, "edition_outlet.edition")?,
            shown: digest(&message.shown, "edition_outlet.shown")?,
            at: time(message.at_micros),
        })
    }
}

impl Stored for ReceivedEdition {
    type Message = log::ReceivedEdition;

    fn encode(&self) -> log::ReceivedEdition {
        log::ReceivedEdition {
            edition: Some(self.of.encode()),
            number: self.number,
            area: self.area.to_string(),
            period: self.period.to_string(),
            opened_at_micros: self.opened_at.micros(),
            released: self.released,
            header: Some(self.header.encode()),
            findings: self.findings,
            openings: self.openings,
            content: Some(self.content.encode()),
            review: self.review.as_ref().map(Stored::encode),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::ReceivedEdition) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.edition, "received_edition.edition")?,
            number: message.number,
            area: parsed(&message.area, AreaId::parse, "received_edition.area")?,
            period: period(&message.period, "received_edition.period")?,
            opened_at: time(message.opened_at_micros),
            released: message.released,
            header: required(message.header, "received_edition.header")?,
            findings: message.findings,
            openings: message.openings,
            content: required(message.content, "received_edition.content")?,
            review: optional(message.review)?,
            at: time(message.at_micros),
        })
    }
}

impl Stored for EditionPiece {
    type Message = log::EditionPiece;

    fn encode(&self) -> log::EditionPiece {
        log::EditionPiece {
            edition: Some(self.of.encode()),
            number: self.number,
            content: Some(self.content.encode()),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::EditionPiece) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.edition, "edition_piece.edition")?,
            number: message.number,
            at: time(message.at_micros),
            content: required(message.content, "edition_piece.content")?,
        })
    }
}

impl Stored for GivenRef {
    type Message = log::GivenRef;

    fn encode(&self) -> log::GivenRef {
        log::GivenRef {
            peer: self.peer.to_string(),
            edition: self.edition.to_string(),
            party: self.party.to_string(),
            role: self.role.code(),
        }
    }

    fn decode(message: log::GivenRef) -> Result<Self, Damaged> {
        Ok(Self {
            peer: parsed(&message.peer, DomainId::parse, "given_ref.peer")?,
            edition: edition(&message.edition, "given_ref.edition")?,
            party: parsed(&message.party, PartyId::parse, "given_ref.party")?,
            role: Role::of_code(message.role, "given_ref.role")?,
        })
    }
}

impl Stored for GivenAnswer {
    type Message = log::GivenAnswer;

    fn encode(&self) -> log::GivenAnswer {
        log::GivenAnswer {
            of: Some(self.of.encode()),
            round: self.round,
            answer: Some(self.answer.encode()),
            envelope: self.envelope.map_or_else(Vec::new, |id| id.digest().to_vec()),
            told: self.told.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::GivenAnswer) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.of, "given_answer.of")?,
            round: message.round,
            answer: required(message.answer, "given_answer.answer")?,
            envelope: decode_digest(&message.envelope, "given_answer.envelope")?
                .map(EnvelopeId::of),
            told: optional(message.told)?,
        })
    }
}

impl Stored for GivenTold {
    type Message = given_answer::Told;

    fn encode(&self) -> given_answer::Told {
        let refused = self.refused.as_ref().map(Stored::encode);
        given_answer::Told { at_micros: self.at.micros(), refused }
    }

    fn decode(message: given_answer::Told) -> Result<Self, Damaged> {
        Ok(Self { at: time(message.at_micros), refused: optional(message.refused)? })
    }
}

impl Stored for GiveAnswer {
    type Message = log::GiveAnswer;

    fn encode(&self) -> log::GiveAnswer {
        log::GiveAnswer {
            of: Some(self.of.encode()),
            delivery: self.delivery.to_string(),
            round: self.round,
            answer: Some(self.answer.encode()),
        }
    }

    fn decode(message: log::GiveAnswer) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.of, "give_answer.of")?,
            delivery: delivery(&message.delivery, "give_answer.delivery")?,
            round: message.round,
            answer: required(message.answer, "give_answer.answer")?,
        })
    }
}

impl Stored for AnswerTold {
    type Message = log::AnswerTold;

    fn encode(&self) -> log::AnswerTold {
        log::AnswerTold {
            edition: self.edition.to_string(),
            party: self.party.to_string(),
            role: self.role.code(),
            round: self.round,
            refused: self.refused.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::AnswerTold) -> Result<Self, Damaged> {
        Ok(Self {
            edition: edition(&message.edition, "answer_told.edition")?,
            party: parsed(&message.party, PartyId::parse, "answer_told.party")?,
            role: Role::of_code(message.role, "answer_told.role")?,
            round: message.round,
            refused: optional::<NotTakenFor>(message.refused)?,
        })
    }
}

impl Stored for BroughtEdition {
    type Message = envelope_to_take::Edition;

    fn encode(&self) -> envelope_to_take::Edition {
        envelope_to_take::Edition {
            delivery: self.delivery.to_string(),
            edition: self.edition.to_string(),
            pieces: self.pieces,
            orgnr: self.orgnr.to_string(),
            content: self.content.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: envelope_to_take::Edition) -> Result<Self, Damaged> {
        Ok(Self {
            delivery: delivery(&message.delivery, "brought_edition.delivery")?,
            edition: edition(&message.edition, "brought_edition.edition")?,
            pieces: message.pieces,
            orgnr: message.orgnr.into(),
            content: optional(message.content)?,
        })
    }
}

impl Stored for EditionContent {
    type Message = envelope_to_take::edition::Content;

    fn encode(&self) -> envelope_to_take::edition::Content {
        envelope_to_take::edition::Content {
            area: self.area.to_string(),
            period: self.period.to_string(),
            opened_at_micros: self.opened_at.micros(),
            released: self.released,
            header: Some(self.header.encode()),
            findings: self.findings,
            openings: self.openings,
            content: Some(self.content.encode()),
            review: self.review.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: envelope_to_take::edition::Content) -> Result<Self, Damaged> {
        Ok(Self {
            area: parsed(&message.area, AreaId::parse, "edition_content.area")?,
            period: period(&message.period, "edition_content.period")?,
            opened_at: time(message.opened_at_micros),
            released: message.released,
            header: required(message.header, "edition_content.header")?,
            findings: message.findings,
            openings: message.openings,
            content: required(message.content, "edition_content.content")?,
            review: optional(message.review)?,
        })
    }
}

pub(super) fn encode_piece(
    delivery: &RowId,
    edition: &EditionId,
    (piece, content): (u32, &Sealed),
) -> envelope_to_take::EditionPiece {
    let (delivery, edition) = (delivery.to_string(), edition.to_string());
    let content = Some(content.encode());
    envelope_to_take::EditionPiece { delivery, edition, piece, content }
}

pub(super) fn decode_piece(piece: envelope_to_take::EditionPiece) -> Result<Effect, Damaged> {
    Ok(Effect::EditionPiece {
        delivery: delivery(&piece.delivery, "edition_piece.delivery")?,
        edition: edition(&piece.edition, "edition_piece.edition")?,
        piece: piece.piece,
        content: required(piece.content, "edition_piece.content")?,
    })
}

pub(super) fn encode_refusal(
    delivery: &RowId,
    edition: &EditionId,
    reason: QuarantinedFor,
) -> envelope_to_take::EditionRefusal {
    let (delivery, edition) = (delivery.to_string(), edition.to_string());
    envelope_to_take::EditionRefusal { delivery, edition, reason: number(reason.number()) }
}

pub(super) fn decode_refusal(
    refusal: &envelope_to_take::EditionRefusal,
) -> Result<Effect, Damaged> {
    let reason = QuarantinedFor::from_number(refusal.reason.into());
    Ok(Effect::RefuseEdition {
        delivery: delivery(&refusal.delivery, "edition_refusal.delivery")?,
        edition: edition(&refusal.edition, "edition_refusal.edition")?,
        reason: checked(reason, "edition_refusal.reason")?,
    })
}

pub(super) fn encode_answered(envelope: EnvelopeId, told: &AnswerTold) -> envelope_to_take::Effect {
    let (envelope, told) = (envelope.digest().to_vec(), Some(told.encode()));
    envelope_to_take::Effect::EditionAnswered(envelope_to_take::EditionAnswered { envelope, told })
}

pub(super) fn decode_answer(answer: log::AnswerEdition) -> Result<Effect, Damaged> {
    Ok(Effect::EditionAnswer(AnswerEdition::decode(answer)?.into()))
}
