//! Views that are delivered over links.

use samsyn_domain::{
    AreaId, DomainId, PartyId, PeriodKind, RowId, Timestamp,
    command::{BroughtStep, FindingChange, Reached, ViewOffer},
    link::{
        DeliveryRef, FindingRef, Outlet, Phase, Received, ReceivedFinding, Receiver, StepPiece,
        StepTerms,
    },
    row::Row,
};
use samsyn_proto::log::{self, envelope_to_take, view_offer};

use super::{
    Damaged, Stored, checked, decode_all, encode_all, message::number, optional, parsed,
    parsed_set, period, required, time,
};

pub(super) fn delivery(text: &str, field: &'static str) -> Result<RowId, Damaged> {
    parsed(text, RowId::parse, field)
}

pub(super) fn encode_forgotten(of: &DeliveryRef, key: &FindingRef) -> log::ReceivedFinding {
    let (delivery, key) = (Some(of.encode()), Some(key.encode()));
    log::ReceivedFinding { delivery, key, ..log::ReceivedFinding::default() }
}

pub(super) fn decode_forgotten(message: log::ReceivedFinding) -> Result<Row, Damaged> {
    let of = required(message.delivery, "received_finding.delivery")?;
    Ok(Row::FindingForgotten(of, required(message.key, "received_finding.key")?))
}

pub(super) fn encode_piece_gone(of: &DeliveryRef, number: u32) -> log::StepPiece {
    log::StepPiece { delivery: Some(of.encode()), number, ..log::StepPiece::default() }
}

pub(super) fn decode_piece_gone(message: log::StepPiece) -> Result<Row, Damaged> {
    let of = required(message.delivery, "step_piece.delivery")?;
    Ok(Row::StepPieceGone(of, message.number))
}

impl Stored for DeliveryRef {
    type Message = log::DeliveryRef;

    fn encode(&self) -> log::DeliveryRef {
        log::DeliveryRef { peer: self.peer.to_string(), id: self.id.to_string() }
    }

    fn decode(message: log::DeliveryRef) -> Result<Self, Damaged> {
        let peer = parsed(&message.peer, DomainId::parse, "delivery_ref.peer")?;
        Ok(Self { peer, id: delivery(&message.id, "delivery_ref.id")? })
    }
}

impl Stored for Receiver {
    type Message = log::DeliveryReceiver;

    fn encode(&self) -> log::DeliveryReceiver {
        log::DeliveryReceiver {
            orgnr: self.orgnr.to_string(),
            parties: self.parties.iter().map(ToString::to_string).collect(),
            areas: self.areas.iter().map(ToString::to_string).collect(),
            periods: self.periods.iter().map(|kind| kind.as_str().to_owned()).collect(),
            ground: Some(self.ground.encode()),
        }
    }

    fn decode(message: log::DeliveryReceiver) -> Result<Self, Damaged> {
        Ok(Self {
            orgnr: message.orgnr.into(),
            parties: parsed_set(&message.parties, PartyId::parse, "receiver.parties")?,
            areas: parsed_set(&message.areas, AreaId::parse, "receiver.areas")?,
            periods: parsed_set(
                &message.periods,
                |code| PeriodKind::from_code(code).ok_or(()),
                "receiver.periods",
            )?,
            ground: required(message.ground, "receiver.ground")?,
        })
    }
}

impl Stored for ViewOffer {
    type Message = log::ViewOffer;

    fn encode(&self) -> log::ViewOffer {
        log::ViewOffer {
            delivery: self.delivery.to_string(),
            turn: self.turn,
            part: self.part.as_ref().map(Stored::encode),
            reached: self.reached.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::ViewOffer) -> Result<Self, Damaged> {
        Ok(Self {
            delivery: delivery(&message.delivery, "view_offer.delivery")?,
            turn: message.turn,
            part: optional(message.part)?,
            reached: optional(message.reached)?,
        })
    }
}

impl Stored for Reached {
    type Message = view_offer::Reached;

    fn encode(&self) -> view_offer::Reached {
        view_offer::Reached {
            receiver: Some(self.receiver.encode()),
            cursor: self.cursor.to_string(),
            begins: self.begins,
            ended: self.ended,
        }
    }

    fn decode(message: view_offer::Reached) -> Result<Self, Damaged> {
        Ok(Self {
            receiver: required(message.receiver, "view_offer.receiver")?,
            cursor: message.cursor.into(),
            begins: message.begins,
            ended: message.ended,
        })
    }
}

impl Stored for Outlet {
    type Message = log::Outlet;

    fn encode(&self) -> log::Outlet {
        log::Outlet {
            delivery: Some(self.of.encode()),
            turn: self.turn,
            step: self.step,
            receiver: self.receiver.as_deref().map(Stored::encode),
            cursor: self.cursor.to_string(),
            ended: self.ended,
        }
    }

    fn decode(message: log::Outlet) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.delivery, "outlet.delivery")?,
            turn: message.turn,
            step: message.step,
            receiver: optional::<Receiver>(message.receiver)?.map(Into::into),
            cursor: message.cursor.into(),
            ended: message.ended,
        })
    }
}

impl Stored for Received {
    type Message = log::Received;

    fn encode(&self) -> log::Received {
        log::Received {
            delivery: Some(self.of.encode()),
            receiver: Some(self.receiver.encode()),
            step: self.step,
            phase: number(self.phase.number()),
            number: self.number,
            begun: self.begun,
            forgotten: self.forgotten,
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Received) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.delivery, "received.delivery")?,
            receiver: required(message.receiver, "received.receiver")?,
            step: message.step,
            phase: checked(Phase::from_number(message.phase.into()), "received.phase")?,
            number: message.number,
            begun: message.begun,
            forgotten: message.forgotten,
            at: time(message.at_micros),
        })
    }
}

impl Stored for FindingRef {
    type Message = log::FindingRef;

    fn encode(&self) -> log::FindingRef {
        log::FindingRef {
            area: self.area.to_string(),
            period: self.period.to_string(),
            id: self.id.to_string(),
        }
    }

    fn decode(message: log::FindingRef) -> Result<Self, Damaged> {
        Ok(Self {
            area: parsed(&message.area, AreaId::parse, "finding_ref.area")?,
            period: period(&message.period, "finding_ref.period")?,
            id: message.id.into(),
        })
    }
}

impl Stored for ReceivedFinding {
    type Message = log::ReceivedFinding;

    fn encode(&self) -> log::ReceivedFinding {
        log::ReceivedFinding {
            delivery: Some(self.of.encode()),
            key: Some(self.key.encode()),
            number: self.number,
            revision: self.revision,
            recorded_at_micros: self.recorded_at.micros(),
            content: self.content.as_ref().map(Stored::encode),
            until_micros: self.until.map(Timestamp::micros),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::ReceivedFinding) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.delivery, "received_finding.delivery")?,
            key: required(message.key, "received_finding.key")?,
            number: message.number,
            revision: message.revision,
            recorded_at: time(message.recorded_at_micros),
            content: optional(message.content)?,
            until: message.until_micros.map(time),
            at: time(message.at_micros),
        })
    }
}

impl Stored for StepPiece {
    type Message = log::StepPiece;

    fn encode(&self) -> log::StepPiece {
        log::StepPiece {
            delivery: Some(self.of.encode()),
            step: self.step,
            number: self.number,
            at_micros: self.at.micros(),
            events: Some(self.events.encode()),
        }
    }

    fn decode(message: log::StepPiece) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.delivery, "step_piece.delivery")?,
            step: message.step,
            number: message.number,
            at: time(message.at_micros),
            events: required(message.events, "step_piece.events")?,
        })
    }
}

impl Stored for BroughtStep {
    type Message = envelope_to_take::Step;

    fn encode(&self) -> envelope_to_take::Step {
        let StepTerms { parties, areas, periods, ground, begins, whole, ended } =
            self.terms.clone();
        let orgnr = self.orgnr.clone();
        let receiver = Receiver { orgnr, parties, areas, periods, ground };
        envelope_to_take::Step {
            delivery: self.delivery.to_string(),
            step: self.step,
            pieces: self.pieces,
            receiver: Some(receiver.encode()),
            begins,
            whole,
            ended,
            changes: encode_all(&self.changes),
        }
    }

    fn decode(message: envelope_to_take::Step) -> Result<Self, Damaged> {
        let receiver = required(message.receiver, "step.receiver")?;
        let Receiver { orgnr, parties, areas, periods, ground } = receiver;
        let envelope_to_take::Step { begins, whole, ended, .. } = message;
        Ok(Self {
            delivery: delivery(&message.delivery, "step.delivery")?,
            step: message.step,
            pieces: message.pieces,
            orgnr,
            terms: StepTerms { parties, areas, periods, ground, begins, whole, ended },
            changes: decode_all(message.changes)?,
        })
    }
}

impl Stored for FindingChange {
    type Message = envelope_to_take::step::Change;

    fn encode(&self) -> envelope_to_take::step::Change {
        envelope_to_take::step::Change {
            key: Some(self.key.encode()),
            revision: self.revision,
            recorded_at_micros: self.recorded_at.micros(),
            content: self.content.as_ref().map(Stored::encode),
            until_micros: self.until.map(Timestamp::micros),
        }
    }

    fn decode(message: envelope_to_take::step::Change) -> Result<Self, Damaged> {
        Ok(Self {
            key: required(message.key, "step.change.key")?,
            revision: message.revision,
            recorded_at: time(message.recorded_at_micros),
            content: optional(message.content)?,
            until: message.until_micros.map(time),
        })
    }
}
