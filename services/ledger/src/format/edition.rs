//! Editions with their rounds and answers.

use samsyn_domain::{
    AreaId, EditionId, KeyId, PartyId,
    edition::{Answer, Edition, Locked, Phase, Released, Round, Verdict},
    registry::{Role, Track},
};
use samsyn_proto::log;

use super::{
    Damaged, Stored, code::Coded as _, decode_all, digest, encode_all, optional, parsed, period,
    required, time,
};

impl Stored for Edition {
    type Message = log::Edition;

    fn encode(&self) -> log::Edition {
        log::Edition {
            id: self.id.to_string(),
            area: self.area.to_string(),
            period: self.period.to_string(),
            track: self.track.code(),
            phase: self.phase.code(),
            due_micros: self.due.micros(),
            overdue: self.overdue,
            opened_by: self.opened_by.to_string(),
            opened_at_micros: self.opened_at.micros(),
            rounds: encode_all(&self.rounds),
            released: self.released.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Edition) -> Result<Self, Damaged> {
        Ok(Self {
            id: parsed(&message.id, EditionId::parse, "edition.id")?,
            area: parsed(&message.area, AreaId::parse, "edition.area")?,
            period: period(&message.period, "edition.period")?,
            track: Track::of_code(message.track, "edition.track")?,
            phase: Phase::of_code(message.phase, "edition.phase")?,
            due: time(message.due_micros),
            overdue: message.overdue,
            opened_by: parsed(&message.opened_by, PartyId::parse, "edition.opened_by")?,
            opened_at: time(message.opened_at_micros),
            rounds: decode_all(message.rounds)?,
            released: optional(message.released)?,
        })
    }
}

impl Stored for Round {
    type Message = log::Round;

    fn encode(&self) -> log::Round {
        log::Round {
            number: self.number,
            locked: Some(self.locked.encode()),
            descriptor: self.descriptor.into(),
            locked_by: self.locked_by.to_string(),
            locked_at_micros: self.locked_at.micros(),
            answers: encode_all(&self.answers),
        }
    }

    fn decode(message: log::Round) -> Result<Self, Damaged> {
        Ok(Self {
            number: message.number,
            locked: required(message.locked, "round.locked")?,
            descriptor: digest(&message.descriptor, "round.descriptor")?,
            locked_by: parsed(&message.locked_by, PartyId::parse, "round.locked_by")?,
            locked_at: time(message.locked_at_micros),
            answers: decode_all(message.answers)?,
        })
    }
}

impl Stored for Locked {
    type Message = log::Locked;

    fn encode(&self) -> log::Locked {
        log::Locked {
            revision: self.revision,
            root: self.root.into(),
            basis: self.basis.into(),
            secrets: Some(self.secrets.encode()),
            analysis_labels: Some(self.analysis_labels.encode()),
            objects: self.objects,
        }
    }

    fn decode(message: log::Locked) -> Result<Self, Damaged> {
        Ok(Self {
            revision: message.revision,
            root: digest(&message.root, "locked.root")?,
            basis: digest(&message.basis, "locked.basis")?,
            secrets: required(message.secrets, "locked.secrets")?,
            analysis_labels: required(message.analysis_labels, "locked.analysis_labels")?,
            objects: message.objects,
        })
    }
}

impl Stored for Answer {
    type Message = log::Answer;

    fn encode(&self) -> log::Answer {
        log::Answer {
            party: self.party.to_string(),
            role: self.role.code(),
            verdict: self.verdict.code(),
            text: self.text.as_ref().map(Stored::encode),
            statement: self.statement.clone(),
            signature: self.signature.clone(),
            key: self.key.to_string(),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Answer) -> Result<Self, Damaged> {
        Ok(Self {
            party: parsed(&message.party, PartyId::parse, "answer.party")?,
            role: Role::of_code(message.role, "answer.role")?,
            verdict: Verdict::of_code(message.verdict, "answer.verdict")?,
            text: optional(message.text)?,
            statement: message.statement,
            signature: message.signature,
            key: parsed(&message.key, KeyId::parse, "answer.key")?,
            at: time(message.at_micros),
        })
    }
}

impl Stored for Released {
    type Message = log::Released;

    fn encode(&self) -> log::Released {
        log::Released {
            at_micros: self.at.micros(),
            by: self.by.to_string(),
            sequence: self.sequence,
        }
    }

    fn decode(message: log::Released) -> Result<Self, Damaged> {
        Ok(Self {
            at: time(message.at_micros),
            by: parsed(&message.by, PartyId::parse, "released.by")?,
            sequence: message.sequence,
        })
    }
}
