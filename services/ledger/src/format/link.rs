//! Links: what waits, what is numbered, what came.

use std::sync::Arc;

use samsyn_domain::{
    DomainId,
    command::{
        EditionOffer, LinkChange, NumberEnvelopes, Offer, ReleaseEnvelope, SetLink,
        SettleEnvelopes, Source, TakeEnvelopes, ToNumber, ToTake, ViewOffer,
    },
    disclosure::Disclosure,
    link::{
        Arrived, Chain, FrozenFor, Link, Numbered, Outcome, Quarantined, QuarantinedFor, Queued,
        SignedPosition,
    },
    message::Precedence,
};
use samsyn_proto::log::{self, set_link};

use super::{
    Damaged, Stored, checked, decode_all,
    effect::{decode_effect, encode_effect},
    encode_all,
    message::{envelope_id, number},
    optional, parsed, required, time,
};

fn peer(text: &str, field: &'static str) -> Result<DomainId, Damaged> {
    parsed(text, DomainId::parse, field)
}

pub(super) fn place(peer: &DomainId, epoch: u64, sequence: u64) -> log::LinkPlace {
    log::LinkPlace { peer: peer.to_string(), epoch, sequence }
}

pub(super) fn decode_place(message: &log::LinkPlace) -> Result<(DomainId, u64, u64), Damaged> {
    Ok((peer(&message.peer, "link_place.peer")?, message.epoch, message.sequence))
}

fn required_place(
    message: Option<log::LinkPlace>,
    field: &'static str,
) -> Result<(DomainId, u64, u64), Damaged> {
    decode_place(&message.ok_or(Damaged::Missing(field))?)
}

pub(super) fn quarantined_for(number: u32, field: &'static str) -> Result<QuarantinedFor, Damaged> {
    checked(QuarantinedFor::from_number(number.into()), field)
}

impl Stored for Chain {
    type Message = log::Chain;

    fn encode(&self) -> log::Chain {
        let head = self.head.digest().to_vec();
        log::Chain { epoch: self.epoch, sequence: self.sequence, head }
    }

    fn decode(message: log::Chain) -> Result<Self, Damaged> {
        let head = envelope_id(&message.head, "chain.head")?;
        Ok(Self { epoch: message.epoch, sequence: message.sequence, head })
    }
}

impl Stored for NumberEnvelopes {
    type Message = log::NumberEnvelopes;

    fn encode(&self) -> log::NumberEnvelopes {
        log::NumberEnvelopes {
            peer: self.peer.to_string(),
            after: Some(self.after.encode()),
            envelopes: encode_all(&self.envelopes),
            dropped: self.dropped.clone(),
            compared: encode_all(&self.looked),
        }
    }

    fn decode(message: log::NumberEnvelopes) -> Result<Self, Damaged> {
        Ok(Self {
            peer: peer(&message.peer, "number_envelopes.peer")?,
            after: required(message.after, "number_envelopes.after")?,
            envelopes: decode_all(message.envelopes)?,
            dropped: message.dropped,
            looked: decode_all(message.compared)?,
        })
    }
}

impl Stored for ToNumber {
    type Message = log::EnvelopeToNumber;

    fn encode(&self) -> log::EnvelopeToNumber {
        let (mut queued, mut picture, mut view, mut edition) = Default::default();
        match &self.source {
            Source::Queued(place) => queued = *place,
            Source::Picture(offer) => picture = Some(offer.encode()),
            Source::View(offer) => view = Some(offer.encode()),
            Source::Edition(offer) => edition = Some(offer.encode()),
        }
        log::EnvelopeToNumber {
            queued,
            id: self.id.digest().to_vec(),
            header: self.header.to_vec(),
            signature: self.signature.to_vec(),
            payload: Some(self.payload.encode()),
            disclosure: self.disclosure.as_ref().map(Stored::encode),
            picture,
            view,
            edition,
        }
    }

    fn decode(message: log::EnvelopeToNumber) -> Result<Self, Damaged> {
        let picture = optional::<Offer>(message.picture)?.map(Source::Picture);
        let view = optional::<ViewOffer>(message.view)?.map(Source::View);
        let edition = optional::<EditionOffer>(message.edition)?.map(Source::Edition);
        Ok(Self {
            source: picture.or(view).or(edition).unwrap_or(Source::Queued(message.queued)),
            id: envelope_id(&message.id, "envelope_to_number.id")?,
            header: message.header.into(),
            signature: message.signature.into(),
            payload: required(message.payload, "envelope_to_number.payload")?,
            disclosure: optional::<Disclosure>(message.disclosure)?,
        })
    }
}

impl Stored for TakeEnvelopes {
    type Message = log::TakeEnvelopes;

    fn encode(&self) -> log::TakeEnvelopes {
        log::TakeEnvelopes {
            peer: self.peer.to_string(),
            after: Some(self.after.encode()),
            envelopes: encode_all(&self.envelopes),
        }
    }

    fn decode(message: log::TakeEnvelopes) -> Result<Self, Damaged> {
        Ok(Self {
            peer: peer(&message.peer, "take_envelopes.peer")?,
            after: required(message.after, "take_envelopes.after")?,
            envelopes: decode_all(message.envelopes)?,
        })
    }
}

impl Stored for ToTake {
    type Message = log::EnvelopeToTake;

    fn encode(&self) -> log::EnvelopeToTake {
        log::EnvelopeToTake {
            id: self.id.digest().to_vec(),
            effect: Some(encode_effect(&self.effect)),
        }
    }

    fn decode(message: log::EnvelopeToTake) -> Result<Self, Damaged> {
        let effect = message.effect.ok_or(Damaged::Missing("envelope_to_take.effect"))?;
        Ok(Self {
            id: envelope_id(&message.id, "envelope_to_take.id")?,
            effect: decode_effect(effect)?,
        })
    }
}

impl Stored for ReleaseEnvelope {
    type Message = log::ReleaseEnvelope;

    fn encode(&self) -> log::ReleaseEnvelope {
        let effect = self.effect.as_ref().map(encode_effect);
        let envelope = log::EnvelopeToTake { id: self.id.digest().to_vec(), effect };
        let place = Some(place(&self.peer, self.epoch, self.sequence));
        log::ReleaseEnvelope { place, envelope: Some(envelope) }
    }

    fn decode(message: log::ReleaseEnvelope) -> Result<Self, Damaged> {
        let (peer, epoch, sequence) = required_place(message.place, "release_envelope.place")?;
        let envelope = message.envelope.ok_or(Damaged::Missing("release_envelope.envelope"))?;
        let id = envelope_id(&envelope.id, "release_envelope.id")?;
        let effect = envelope.effect.map(decode_effect).transpose()?;
        Ok(Self { peer, epoch, sequence, id, effect })
    }
}

impl Stored for SettleEnvelopes {
    type Message = log::SettleEnvelopes;

    fn encode(&self) -> log::SettleEnvelopes {
        log::SettleEnvelopes {
            peer: self.peer.to_string(),
            through: Some(self.through.encode()),
            word: Some(self.word.encode()),
        }
    }

    fn decode(message: log::SettleEnvelopes) -> Result<Self, Damaged> {
        Ok(Self {
            peer: peer(&message.peer, "settle_envelopes.peer")?,
            through: required(message.through, "settle_envelopes.through")?,
            word: required::<SignedPosition>(message.word, "settle_envelopes.word")?.into(),
        })
    }
}

impl Stored for SignedPosition {
    type Message = log::SignedPosition;

    fn encode(&self) -> log::SignedPosition {
        let (payload, signature) = (self.payload.clone(), self.signature.clone());
        log::SignedPosition { payload, signature }
    }

    fn decode(message: log::SignedPosition) -> Result<Self, Damaged> {
        Ok(Self { payload: message.payload, signature: message.signature })
    }
}

impl Stored for SetLink {
    type Message = log::SetLink;

    fn encode(&self) -> log::SetLink {
        let change = match self.change {
            LinkChange::Pause => set_link::Change::Pause(set_link::Pause {}),
            LinkChange::Resume => set_link::Change::Resume(set_link::Resume {}),
            LinkChange::Freeze(why) => set_link::Change::Freeze(number(why.number())),
            LinkChange::Renew => set_link::Change::Renew(set_link::Renew {}),
        };
        log::SetLink { peer: self.peer.to_string(), change: Some(change) }
    }

    fn decode(message: log::SetLink) -> Result<Self, Damaged> {
        let change = match message.change.ok_or(Damaged::Missing("set_link.change"))? {
            set_link::Change::Pause(set_link::Pause {}) => LinkChange::Pause,
            set_link::Change::Resume(set_link::Resume {}) => LinkChange::Resume,
            set_link::Change::Freeze(why) => LinkChange::Freeze(frozen_for(why)?),
            set_link::Change::Renew(set_link::Renew {}) => LinkChange::Renew,
        };
        Ok(Self { peer: peer(&message.peer, "set_link.peer")?, change })
    }
}

fn frozen_for(number: u32) -> Result<FrozenFor, Damaged> {
    checked(FrozenFor::from_number(number.into()), "link.frozen")
}

impl Stored for Link {
    type Message = log::Link;

    fn encode(&self) -> log::Link {
        log::Link {
            peer: self.peer.to_string(),
            queued: self.queued,
            numbered: Some(self.out.encode()),
            acknowledged: self.acknowledged,
            word: self.word.as_deref().map(Stored::encode),
            taken: Some(self.taken.encode()),
            awaits_after: self.awaits_after,
            paused: self.paused,
            frozen: self.frozen.map(|why| number(why.number())),
        }
    }

    fn decode(message: log::Link) -> Result<Self, Damaged> {
        Ok(Self {
            peer: peer(&message.peer, "link.peer")?,
            queued: message.queued,
            out: required(message.numbered, "link.numbered")?,
            acknowledged: message.acknowledged,
            word: optional::<SignedPosition>(message.word)?.map(Arc::new),
            taken: required(message.taken, "link.taken")?,
            awaits_after: message.awaits_after,
            paused: message.paused,
            frozen: message.frozen.map(frozen_for).transpose()?,
        })
    }
}

impl Stored for Queued {
    type Message = log::Queued;

    fn encode(&self) -> log::Queued {
        log::Queued {
            peer: self.peer.to_string(),
            number: self.number,
            at_micros: self.at.micros(),
            precedence: number(self.precedence.number()),
            until_micros: self.until.map(samsyn_domain::Timestamp::micros),
            item: Some(self.item.encode()),
        }
    }

    fn decode(message: log::Queued) -> Result<Self, Damaged> {
        let precedence = Precedence::from_number(message.precedence.into());
        Ok(Self {
            peer: peer(&message.peer, "queued.peer")?,
            number: message.number,
            at: time(message.at_micros),
            precedence: checked(precedence, "queued.precedence")?,
            until: message.until_micros.map(time),
            item: required(message.item, "queued.item")?,
        })
    }
}

impl Stored for Numbered {
    type Message = log::Numbered;

    fn encode(&self) -> log::Numbered {
        log::Numbered {
            peer: self.peer.to_string(),
            epoch: self.epoch,
            sequence: self.sequence,
            id: self.id.digest().to_vec(),
            header: self.header.to_vec(),
            signature: self.signature.to_vec(),
            payload: Some(self.payload.encode()),
            item: Some(self.item.encode()),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Numbered) -> Result<Self, Damaged> {
        Ok(Self {
            peer: peer(&message.peer, "numbered.peer")?,
            epoch: message.epoch,
            sequence: message.sequence,
            id: envelope_id(&message.id, "numbered.id")?,
            header: message.header.into(),
            signature: message.signature.into(),
            payload: required(message.payload, "numbered.payload")?,
            item: required(message.item, "numbered.item")?,
            at: time(message.at_micros),
        })
    }
}

impl Stored for Arrived {
    type Message = log::Arrived;

    fn encode(&self) -> log::Arrived {
        let quarantined = match self.outcome {
            Outcome::Taken => None,
            Outcome::Quarantined(reason) => Some(number(reason.number())),
        };
        log::Arrived {
            place: Some(place(&self.peer, self.epoch, self.sequence)),
            id: self.id.digest().to_vec(),
            quarantined,
        }
    }

    fn decode(message: log::Arrived) -> Result<Self, Damaged> {
        let (peer, epoch, sequence) = required_place(message.place, "arrived.place")?;
        let reason = message.quarantined.map(|n| quarantined_for(n, "arrived.quarantined"));
        let outcome = reason.transpose()?.map_or(Outcome::Taken, Outcome::Quarantined);
        Ok(Self { peer, epoch, sequence, id: envelope_id(&message.id, "arrived.id")?, outcome })
    }
}

impl Stored for Quarantined {
    type Message = log::Quarantined;

    fn encode(&self) -> log::Quarantined {
        log::Quarantined {
            place: Some(place(&self.peer, self.epoch, self.sequence)),
            reason: number(self.reason.number()),
            header: self.header.to_vec(),
            signature: self.signature.to_vec(),
            payload: Some(self.payload.encode()),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Quarantined) -> Result<Self, Damaged> {
        let (peer, epoch, sequence) = required_place(message.place, "quarantined.place")?;
        Ok(Self {
            peer,
            epoch,
            sequence,
            reason: quarantined_for(message.reason, "quarantined.reason")?,
            header: message.header.into(),
            signature: message.signature.into(),
            payload: required(message.payload, "quarantined.payload")?,
            at: time(message.at_micros),
        })
    }
}
