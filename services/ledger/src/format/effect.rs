//! What envelopes of a peer do here.

use samsyn_domain::{
    FunctionId,
    command::{BroughtEdition, BroughtStep, Effect},
    link::AnswerTold,
};
use samsyn_proto::log::envelope_to_take;

use super::{
    Damaged, Stored,
    contribution::{self, Answer},
    delivered_edition,
    delivery::delivery,
    link::quarantined_for,
    message::{Reached, decode_core, encode_core, envelope_id, message_id, number},
    parsed, required, time,
};

pub(super) fn encode_effect(effect: &Effect) -> envelope_to_take::Effect {
    match effect {
        Effect::Message { id, core, text, sent_at, to } => {
            envelope_to_take::Effect::Message(envelope_to_take::Brought {
                id: id.digest().to_vec(),
                core: encode_core(core),
                text: Some(text.encode()),
                sent_at_micros: sent_at.micros(),
                to: to.to_string(),
            })
        }
        Effect::Decline { message, to } => {
            let (message, to) = (message.digest().to_vec(), to.to_string());
            envelope_to_take::Effect::Declined(envelope_to_take::Declined { message, to })
        }
        Effect::Receipt { message, to, step, at, reason } => {
            let (message, to) = (*message, to.clone());
            let reached = Reached { message, to, step: *step, at: *at, reason: *reason };
            envelope_to_take::Effect::Receipt(reached.encode())
        }
        Effect::Contribution { party, area, brought } => envelope_to_take::Effect::Contribution(
            contribution::encode_brought(party, area, brought),
        ),
        Effect::Refuse { party, area, refused } => {
            envelope_to_take::Effect::Refusal(envelope_to_take::Refusal {
                party: party.to_string(),
                area: area.to_string(),
                refused: Some(refused.encode()),
            })
        }
        Effect::Answer { party, area, envelope, version, refused } => {
            let (party, area, refused) = (party.clone(), area.clone(), refused.clone());
            let (envelope, version) = (*envelope, *version);
            let answer = Answer { party, area, envelope, version, refused };
            envelope_to_take::Effect::Answer(answer.encode())
        }
        Effect::StepPiece { delivery, step, piece, events } => {
            let (delivery, events) = (delivery.to_string(), Some(events.encode()));
            let (step, piece) = (*step, *piece);
            let piece = envelope_to_take::StepPiece { delivery, step, piece, events };
            envelope_to_take::Effect::StepPiece(piece)
        }
        Effect::Step(brought) => envelope_to_take::Effect::Step(brought.encode()),
        Effect::RefuseStep { delivery, reason } => {
            let (delivery, reason) = (delivery.to_string(), number(reason.number()));
            let refusal = envelope_to_take::StepRefusal { delivery, reason };
            envelope_to_take::Effect::StepRefusal(refusal)
        }
        Effect::EditionPiece { delivery, edition, piece, content } => {
            let piece = delivered_edition::encode_piece(delivery, edition, (*piece, content));
            envelope_to_take::Effect::EditionPiece(piece)
        }
        Effect::Edition(brought) => envelope_to_take::Effect::Edition(brought.encode()),
        Effect::RefuseEdition { delivery, edition, reason } => {
            let refusal = delivered_edition::encode_refusal(delivery, edition, *reason);
            envelope_to_take::Effect::EditionRefusal(refusal)
        }
        Effect::EditionAnswer(answer) => envelope_to_take::Effect::EditionAnswer(answer.encode()),
        Effect::RefuseAnswer(told) => envelope_to_take::Effect::AnswerRefusal(told.encode()),
        Effect::EditionAnswered { envelope, told } => {
            delivered_edition::encode_answered(*envelope, told)
        }
        Effect::Quarantine { reason, header, signature, payload } => {
            envelope_to_take::Effect::Quarantine(envelope_to_take::SetAside {
                reason: number(reason.number()),
                header: header.to_vec(),
                signature: signature.to_vec(),
                payload: Some(payload.encode()),
            })
        }
    }
}

pub(super) fn decode_effect(effect: envelope_to_take::Effect) -> Result<Effect, Damaged> {
    Ok(match effect {
        envelope_to_take::Effect::Message(brought) => Effect::Message {
            id: message_id(&brought.id, "brought.id")?,
            core: decode_core(&brought.core, "brought.core")?,
            text: required(brought.text, "brought.text")?,
            sent_at: time(brought.sent_at_micros),
            to: parsed(&brought.to, FunctionId::parse, "brought.to")?,
        },
        envelope_to_take::Effect::Declined(declined) => Effect::Decline {
            message: message_id(&declined.message, "declined.message")?,
            to: parsed(&declined.to, FunctionId::parse, "declined.to")?,
        },
        envelope_to_take::Effect::Receipt(reached) => {
            let Reached { message, to, step, at, reason } = Reached::decode(reached)?;
            Effect::Receipt { message, to, step, at, reason }
        }
        envelope_to_take::Effect::Contribution(brought) => {
            let (party, area, brought) = contribution::decode_brought(brought)?;
            Effect::Contribution { party, area, brought }
        }
        envelope_to_take::Effect::Refusal(refusal) => {
            let (party, area) =
                contribution::party_and_area(&refusal.party, &refusal.area, "refusal.picture")?;
            Effect::Refuse { party, area, refused: required(refusal.refused, "refusal.refused")? }
        }
        envelope_to_take::Effect::Answer(answer) => {
            let Answer { party, area, envelope, version, refused } = Answer::decode(answer)?;
            Effect::Answer { party, area, envelope, version, refused }
        }
        envelope_to_take::Effect::StepPiece(piece) => Effect::StepPiece {
            delivery: delivery(&piece.delivery, "step_piece.delivery")?,
            step: piece.step,
            piece: piece.piece,
            events: required(piece.events, "step_piece.events")?,
        },
        envelope_to_take::Effect::Step(step) => Effect::Step(BroughtStep::decode(step)?.into()),
        envelope_to_take::Effect::StepRefusal(refusal) => Effect::RefuseStep {
            delivery: delivery(&refusal.delivery, "step_refusal.delivery")?,
            reason: quarantined_for(refusal.reason, "step_refusal.reason")?,
        },
        envelope_to_take::Effect::EditionPiece(piece) => delivered_edition::decode_piece(piece)?,
        envelope_to_take::Effect::Edition(edition) => {
            Effect::Edition(BroughtEdition::decode(edition)?.into())
        }
        envelope_to_take::Effect::EditionRefusal(refusal) => {
            delivered_edition::decode_refusal(&refusal)?
        }
        envelope_to_take::Effect::EditionAnswer(answer) => {
            delivered_edition::decode_answer(answer)?
        }
        envelope_to_take::Effect::AnswerRefusal(told) => {
            Effect::RefuseAnswer(AnswerTold::decode(told)?.into())
        }
        envelope_to_take::Effect::EditionAnswered(answered) => Effect::EditionAnswered {
            envelope: envelope_id(&answered.envelope, "edition_answered.envelope")?,
            told: required::<AnswerTold>(answered.told, "edition_answered.told")?.into(),
        },
        envelope_to_take::Effect::Quarantine(aside) => Effect::Quarantine {
            reason: quarantined_for(aside.reason, "set_aside.reason")?,
            header: aside.header.into(),
            signature: aside.signature.into(),
            payload: required(aside.payload, "set_aside.payload")?,
        },
    })
}
