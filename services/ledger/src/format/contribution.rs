//! Own pictures that cross links.

use samsyn_domain::{
    AreaId, DomainId, Observation, ObservationId, PartyId,
    command::{Brought, Looked, Offer},
    link::{Compared, EnvelopeId, NotTakenFor, PictureRef, Piece, Share, Told, UnderWay},
    row::Row,
};
use samsyn_proto::log::{self, envelope_to_take, share};

use super::{
    Damaged, Stored, checked, decode_all, encode_all, message::envelope_id, optional, parsed,
    required, time,
};

/// What became of a contribution, as queue and entries have it.
pub(super) struct Answer {
    pub(super) party: PartyId,
    pub(super) area: AreaId,
    pub(super) envelope: EnvelopeId,
    pub(super) version: u64,
    pub(super) refused: Option<NotTakenFor>,
}

type Change = (ObservationId, Option<u64>);

pub(super) fn party_and_area(
    party: &str,
    area: &str,
    field: &'static str,
) -> Result<(PartyId, AreaId), Damaged> {
    Ok((parsed(party, PartyId::parse, field)?, parsed(area, AreaId::parse, field)?))
}

pub(super) fn encode_brought(
    party: &PartyId,
    area: &AreaId,
    brought: &Brought,
) -> envelope_to_take::Contribution {
    envelope_to_take::Contribution {
        party: party.to_string(),
        area: area.to_string(),
        expected: brought.expected,
        piece: brought.piece,
        last: brought.last,
        upserts: encode_all(&brought.upserts),
        withdrawn: brought.withdrawn.iter().map(ToString::to_string).collect(),
    }
}

pub(super) fn decode_brought(
    message: envelope_to_take::Contribution,
) -> Result<(PartyId, AreaId, Brought), Damaged> {
    let (party, area) = party_and_area(&message.party, &message.area, "contribution.picture")?;
    let brought = Brought {
        expected: message.expected,
        piece: message.piece,
        last: message.last,
        upserts: decode_all::<Observation>(message.upserts)?,
        withdrawn: ids(&message.withdrawn, "contribution.withdrawn")?,
    };
    Ok((party, area, brought))
}

fn ids(texts: &[String], field: &'static str) -> Result<Vec<ObservationId>, Damaged> {
    texts.iter().map(|text| parsed(text, ObservationId::parse, field)).collect()
}

pub(super) fn encode_shared(of: &PictureRef, id: &ObservationId, revision: u64) -> log::Shared {
    log::Shared { picture: Some(of.encode()), id: id.to_string(), revision }
}

pub(super) fn decode_shared(
    message: log::Shared,
    make: fn(PictureRef, ObservationId, u64) -> Row,
) -> Result<Row, Damaged> {
    let of = required(message.picture, "shared.picture")?;
    Ok(make(of, parsed(&message.id, ObservationId::parse, "shared.id")?, message.revision))
}

pub(super) fn encode_piece_gone(of: &PictureRef, number: u32) -> log::Piece {
    log::Piece { picture: Some(of.encode()), number, ..log::Piece::default() }
}

impl Stored for PictureRef {
    type Message = log::PictureRef;

    fn encode(&self) -> log::PictureRef {
        log::PictureRef {
            peer: self.peer.to_string(),
            party: self.party.to_string(),
            area: self.area.to_string(),
        }
    }

    fn decode(message: log::PictureRef) -> Result<Self, Damaged> {
        let (party, area) = party_and_area(&message.party, &message.area, "picture_ref")?;
        Ok(Self { peer: parsed(&message.peer, DomainId::parse, "picture_ref.peer")?, party, area })
    }
}

impl Stored for Looked {
    type Message = log::PictureCompared;

    fn encode(&self) -> log::PictureCompared {
        let Self { party, area, turn, compared: Compared { revision, epoch } } = self;
        log::PictureCompared {
            party: party.to_string(),
            area: area.to_string(),
            turn: *turn,
            revision: *revision,
            epoch: *epoch,
        }
    }

    fn decode(message: log::PictureCompared) -> Result<Self, Damaged> {
        let (party, area) = party_and_area(&message.party, &message.area, "picture_compared")?;
        let compared = Compared { revision: message.revision, epoch: message.epoch };
        Ok(Self { party, area, turn: message.turn, compared })
    }
}

impl Stored for Change {
    type Message = log::SharedChange;

    fn encode(&self) -> log::SharedChange {
        log::SharedChange { id: self.0.to_string(), revision: self.1 }
    }

    fn decode(message: log::SharedChange) -> Result<Self, Damaged> {
        let id = parsed(&message.id, ObservationId::parse, "shared_change.id")?;
        Ok((id, message.revision))
    }
}

impl Stored for Offer {
    type Message = log::PictureOffer;

    fn encode(&self) -> log::PictureOffer {
        log::PictureOffer {
            compared: Some(self.looked.encode()),
            orgnr: self.orgnr.to_string(),
            whole: self.whole,
            last: self.last,
            more: self.more,
            changes: encode_all(&self.changes),
        }
    }

    fn decode(message: log::PictureOffer) -> Result<Self, Damaged> {
        Ok(Self {
            looked: required(message.compared, "picture_offer.compared")?,
            orgnr: message.orgnr.into(),
            whole: message.whole,
            last: message.last,
            more: message.more,
            changes: decode_all(message.changes)?,
        })
    }
}

impl Stored for NotTakenFor {
    type Message = log::NotTakenFor;

    fn encode(&self) -> log::NotTakenFor {
        log::NotTakenFor { reason: self.reason().to_owned(), field: self.field().to_owned() }
    }

    fn decode(message: log::NotTakenFor) -> Result<Self, Damaged> {
        checked(Self::new(&message.reason, &message.field), "not_taken_for")
    }
}

impl Stored for Answer {
    type Message = log::ContributionAnswer;

    fn encode(&self) -> log::ContributionAnswer {
        log::ContributionAnswer {
            party: self.party.to_string(),
            area: self.area.to_string(),
            envelope: self.envelope.digest().to_vec(),
            version: self.version,
            refused: self.refused.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::ContributionAnswer) -> Result<Self, Damaged> {
        let (party, area) = party_and_area(&message.party, &message.area, "answer.picture")?;
        Ok(Self {
            party,
            area,
            envelope: envelope_id(&message.envelope, "answer.envelope")?,
            version: message.version,
            refused: optional(message.refused)?,
        })
    }
}

impl Stored for Share {
    type Message = log::Share;

    fn encode(&self) -> log::Share {
        log::Share {
            picture: Some(self.of.encode()),
            orgnr: self.orgnr.to_string(),
            turn: self.turn,
            version: self.version,
            revision: self.compared.revision,
            epoch: self.compared.epoch,
            under_way: self.under_way.as_deref().map(Stored::encode),
            told: self.told.as_ref().map(Stored::encode),
            anew: self.anew,
        }
    }

    fn decode(message: log::Share) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.picture, "share.picture")?,
            orgnr: message.orgnr.into(),
            turn: message.turn,
            version: message.version,
            compared: Compared { revision: message.revision, epoch: message.epoch },
            under_way: optional::<UnderWay>(message.under_way)?.map(Into::into),
            told: optional(message.told)?,
            anew: message.anew,
        })
    }
}

impl Stored for UnderWay {
    type Message = share::UnderWay;

    fn encode(&self) -> share::UnderWay {
        share::UnderWay {
            envelopes: self.envelopes.iter().map(|id| id.digest().to_vec()).collect(),
            revision: self.compared.revision,
            epoch: self.compared.epoch,
            whole: self.whole,
            last: self.last,
            more: self.more,
            since_micros: self.since.micros(),
            changes: encode_all(&self.changes),
        }
    }

    fn decode(message: share::UnderWay) -> Result<Self, Damaged> {
        let envelopes = message.envelopes.iter();
        let envelopes = envelopes.map(|id| envelope_id(id, "under_way.envelopes"));
        Ok(Self {
            envelopes: envelopes.collect::<Result<_, _>>()?,
            compared: Compared { revision: message.revision, epoch: message.epoch },
            whole: message.whole,
            last: message.last,
            more: message.more,
            since: time(message.since_micros),
            changes: decode_all(message.changes)?,
        })
    }
}

impl Stored for Told {
    type Message = share::Told;

    fn encode(&self) -> share::Told {
        let refused = self.refused.as_ref().map(Stored::encode);
        share::Told { at_micros: self.at.micros(), refused }
    }

    fn decode(message: share::Told) -> Result<Self, Damaged> {
        Ok(Self { at: time(message.at_micros), refused: optional(message.refused)? })
    }
}

impl Stored for Piece {
    type Message = log::Piece;

    fn encode(&self) -> log::Piece {
        log::Piece {
            picture: Some(self.of.encode()),
            number: self.number,
            epoch: self.epoch,
            at_micros: self.at.micros(),
            upserts: encode_all(&self.upserts),
            withdrawn: self.withdrawn.iter().map(ToString::to_string).collect(),
        }
    }

    fn decode(message: log::Piece) -> Result<Self, Damaged> {
        Ok(Self {
            of: required(message.picture, "piece.picture")?,
            number: message.number,
            epoch: message.epoch,
            at: time(message.at_micros),
            upserts: decode_all(message.upserts)?,
            withdrawn: ids(&message.withdrawn, "piece.withdrawn")?,
        })
    }
}
