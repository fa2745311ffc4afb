//! Rows: the facts that state is made of.

use samsyn_domain::{
    AreaId, DomainId, FeatureLevel, KeyId, Observation, ObservationId, PartyId, ServiceId,
    command::{IdempotencyKey, Upload},
    disclosure::{Acknowledged, Denied, Disclosure, Grant, Step},
    edition::Edition,
    link::{
        Arrived, DeliveryRef, Link, Numbered, Outlet, Piece, Quarantined, Queued, Received,
        ReceivedFinding, Share, StepPiece,
    },
    message::{Inboxed, Message, Receipt},
    registry::{Proposal, ProposalId},
    row::{
        BackedUp, Dissented, EditionRow, Founded, Outcome, Part, Restored, Revised, Row,
        SignedManifest, Stage, Stated, Suspended, Version, What,
    },
};
use samsyn_proto::log::{self, row::Kind};

use super::{
    Damaged, Stored, checked, code::Coded as _, command, contribution, covered, decode_all,
    decode_document, delivery, digest, encode_all, encode_document, idempotency_key, link,
    optional, parsed, period, required, time,
};

impl Stored for Row {
    type Message = log::Row;

    fn encode(&self) -> log::Row {
        let kind = match self {
            Self::Founded(row) => Kind::Founded(row.encode()),
            Self::Policy(digest) => Kind::Policy(digest.to_vec()),
            Self::Epoch(epoch) => Kind::Epoch(*epoch),
            Self::Stamp(at) => Kind::StampMicros(at.micros()),
            Self::Ticked(at) => Kind::TickedMicros(at.micros()),
            Self::Suspended(row) => Kind::Suspended(row.encode()),
            Self::Lifted(service) => Kind::Lifted(service.to_string()),
            Self::Proposal(proposal) => Kind::Proposal(proposal.encode()),
            Self::Dropped(id) => Kind::Dropped(id.0),
            Self::Revision(row) => Kind::Revision(row.encode()),
            Self::Version(row) => Kind::Version(row.encode()),
            Self::Stage(row) => Kind::Stage(row.encode()),
            Self::Part(part) => Kind::Part(part.encode()),
            Self::PartGone(upload, number) => {
                Kind::PartGone(log::PartGone { upload: Some(upload.encode()), number: *number })
            }
            Self::Stated(row) => Kind::Stated(row.encode()),
            Self::Dissented(row) => Kind::Dissented(row.encode()),
            Self::Edition(edition) => Kind::Edition(edition.encode()),
            Self::Grant(grant) => Kind::Grant(grant.encode()),
            Self::Disclosure(row) => Kind::Disclosure(row.encode()),
            Self::Step(step) => Kind::Step(step.encode()),
            Self::Acknowledged(row) => Kind::Acknowledged(row.encode()),
            Self::Denied(row) => Kind::Denied(row.encode()),
            Self::Outcome(row) => Kind::Outcome(row.encode()),
            Self::Forgotten(service, key) => Kind::Forgotten(encode_forgotten(service, *key)),
            Self::BackedUp(row) => Kind::BackedUp(row.encode()),
            Self::Restored(row) => Kind::Restored(row.encode()),
            Self::Message(row) => Kind::Message(row.encode()),
            Self::Inboxed(row) => Kind::Inboxed(row.encode()),
            Self::Receipt(row) => Kind::Receipt(row.encode()),
            Self::Link(row) => Kind::Link(row.encode()),
            Self::Queued(row) => Kind::Queued(row.encode()),
            Self::Unqueued(peer, number) => Kind::Unqueued(link::place(peer, 0, *number)),
            Self::Numbered(row) => Kind::Numbered(row.encode()),
            Self::Settled(peer, epoch, n) => Kind::Settled(link::place(peer, *epoch, *n)),
            Self::Arrived(row) => Kind::Arrived(row.encode()),
            Self::Passed(peer, epoch, n) => Kind::Passed(link::place(peer, *epoch, *n)),
            Self::Quarantined(row) => Kind::Quarantined(row.encode()),
            Self::Unquarantined(peer, epoch, sequence) => {
                Kind::Unquarantined(link::place(peer, *epoch, *sequence))
            }
            Self::Share(row) => Kind::Share(row.encode()),
            Self::Shared(of, id, revision) => {
                Kind::Shared(contribution::encode_shared(of, id, *revision))
            }
            Self::Unshared(of, id) => Kind::Unshared(contribution::encode_shared(of, id, 0)),
            Self::Piece(row) => Kind::Piece(row.encode()),
            Self::PieceGone(of, number) => {
                Kind::PieceGone(contribution::encode_piece_gone(of, *number))
            }
            Self::Outlet(row) => Kind::Outlet(row.encode()),
            Self::Received(row) => Kind::Received(row.encode()),
            Self::ReceivedGone(of) => Kind::ReceivedGone(of.encode()),
            Self::ReceivedFinding(row) => Kind::ReceivedFinding(row.encode()),
            Self::FindingForgotten(of, key) => {
                Kind::FindingForgotten(delivery::encode_forgotten(of, key))
            }
            Self::StepPiece(row) => Kind::StepPiece(row.encode()),
            Self::StepPieceGone(of, number) => {
                Kind::StepPieceGone(delivery::encode_piece_gone(of, *number))
            }
            Self::LinkedEdition(row) => Kind::LinkedEdition(row.encode()),
            Self::Level(level) => Kind::Level(level.number()),
        };
        log::Row { kind: Some(kind) }
    }

    fn decode(message: log::Row) -> Result<Self, Damaged> {
        Ok(match message.kind.ok_or(Damaged::Missing("row.kind"))? {
            Kind::Founded(row) => Self::Founded(Founded::decode(row)?),
            Kind::Policy(policy) => Self::Policy(digest(&policy, "row.policy")?),
            Kind::Epoch(epoch) => Self::Epoch(epoch),
            Kind::StampMicros(at) => Self::Stamp(time(at)),
            Kind::TickedMicros(at) => Self::Ticked(time(at)),
            Kind::Suspended(row) => Self::Suspended(Suspended::decode(row)?),
            Kind::Lifted(service) => {
                Self::Lifted(parsed(&service, ServiceId::parse, "row.lifted")?)
            }
            Kind::Proposal(row) => Self::Proposal(Proposal::decode(row)?.into()),
            Kind::Dropped(id) => Self::Dropped(ProposalId(id)),
            Kind::Revision(row) => Self::Revision(Revised::decode(row)?),
            Kind::Version(row) => Self::Version(Version::decode(row)?),
            Kind::Stage(row) => Self::Stage(Stage::decode(row)?),
            Kind::Part(row) => Self::Part(Part::decode(row)?.into()),
            Kind::PartGone(row) => {
                Self::PartGone(required::<Upload>(row.upload, "part_gone.upload")?, row.number)
            }
            Kind::Stated(row) => Self::Stated(Stated::decode(row)?),
            Kind::Dissented(row) => Self::Dissented(Dissented::decode(row)?),
            Kind::Edition(row) => Self::Edition(Edition::decode(row)?.into()),
            Kind::Grant(row) => Self::Grant(Grant::decode(row)?.into()),
            Kind::Disclosure(row) => Self::Disclosure(Disclosure::decode(row)?.into()),
            Kind::Step(row) => Self::Step(Step::decode(row)?.into()),
            Kind::Acknowledged(row) => Self::Acknowledged(Acknowledged::decode(row)?),
            Kind::Denied(row) => Self::Denied(Denied::decode(row)?),
            Kind::Outcome(row) => Self::Outcome(Outcome::decode(row)?),
            Kind::Forgotten(row) => decode_forgotten(&row)?,
            Kind::BackedUp(row) => Self::BackedUp(BackedUp::decode(row)?),
            Kind::Restored(row) => Self::Restored(Restored::decode(row)?),
            Kind::Message(row) => Self::Message(Message::decode(row)?.into()),
            Kind::Inboxed(row) => Self::Inboxed(Inboxed::decode(row)?),
            Kind::Receipt(row) => Self::Receipt(Receipt::decode(row)?),
            Kind::Link(row) => Self::Link(Link::decode(row)?.into()),
            Kind::Queued(row) => Self::Queued(Queued::decode(row)?.into()),
            Kind::Unqueued(row) => {
                let (peer, _, number) = link::decode_place(&row)?;
                Self::Unqueued(peer, number)
            }
            Kind::Numbered(row) => Self::Numbered(Numbered::decode(row)?.into()),
            Kind::Settled(row) => placed(&row, Self::Settled)?,
            Kind::Arrived(row) => Self::Arrived(Arrived::decode(row)?),
            Kind::Passed(row) => placed(&row, Self::Passed)?,
            Kind::Quarantined(row) => Self::Quarantined(Quarantined::decode(row)?.into()),
            Kind::Unquarantined(row) => placed(&row, Self::Unquarantined)?,
            Kind::Share(row) => Self::Share(Share::decode(row)?.into()),
            Kind::Shared(row) => contribution::decode_shared(row, Self::Shared)?,
            Kind::Unshared(row) => {
                contribution::decode_shared(row, |of, id, _| Self::Unshared(of, id))?
            }
            Kind::Piece(row) => Self::Piece(Piece::decode(row)?.into()),
            Kind::PieceGone(row) => {
                let piece = Piece::decode(row)?;
                Self::PieceGone(piece.of, piece.number)
            }
            Kind::Outlet(row) => Self::Outlet(Outlet::decode(row)?.into()),
            Kind::Received(row) => Self::Received(Received::decode(row)?.into()),
            Kind::ReceivedGone(of) => Self::ReceivedGone(DeliveryRef::decode(of)?),
            Kind::ReceivedFinding(row) => {
                Self::ReceivedFinding(ReceivedFinding::decode(row)?.into())
            }
            Kind::FindingForgotten(row) => delivery::decode_forgotten(row)?,
            Kind::StepPiece(row) => Self::StepPiece(StepPiece::decode(row)?.into()),
            Kind::StepPieceGone(row) => delivery::decode_piece_gone(row)?,
            Kind::LinkedEdition(row) => Self::LinkedEdition(EditionRow::decode(row)?),
            Kind::Level(level) => Self::Level(checked(FeatureLevel::of(level), "row.level")?),
        })
    }
}

/// A row that is a place in a chain of a link.
fn placed(row: &log::LinkPlace, make: fn(DomainId, u64, u64) -> Row) -> Result<Row, Damaged> {
    let (peer, epoch, sequence) = link::decode_place(row)?;
    Ok(make(peer, epoch, sequence))
}

fn decode_forgotten(row: &log::Forgotten) -> Result<Row, Damaged> {
    let service = parsed(&row.service, ServiceId::parse, "forgotten.service")?;
    Ok(Row::Forgotten(service, idempotency_key(&row.key, "forgotten.key")?))
}

fn encode_forgotten(service: &ServiceId, key: IdempotencyKey) -> log::Forgotten {
    log::Forgotten { service: service.to_string(), key: key.uuid().to_be_bytes().into() }
}

impl Stored for Founded {
    type Message = log::Founded;

    fn encode(&self) -> log::Founded {
        log::Founded {
            domain: self.domain.clone(),
            document: encode_document(&self.document),
            key_file: self.key_file.into(),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Founded) -> Result<Self, Damaged> {
        Ok(Self {
            domain: message.domain,
            document: decode_document(&message.document, "founded.document")?.into(),
            key_file: digest(&message.key_file, "founded.key_file")?,
            at: time(message.at_micros),
        })
    }
}

impl Stored for Suspended {
    type Message = log::Suspended;

    fn encode(&self) -> log::Suspended {
        log::Suspended {
            service: self.service.to_string(),
            at_micros: self.at.micros(),
            by: self.by.to_string(),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Suspended) -> Result<Self, Damaged> {
        Ok(Self {
            service: parsed(&message.service, ServiceId::parse, "suspended.service")?,
            at: time(message.at_micros),
            by: parsed(&message.by, ServiceId::parse, "suspended.by")?,
            reason: optional(message.reason)?,
        })
    }
}

impl Stored for Revised {
    type Message = log::Revised;

    fn encode(&self) -> log::Revised {
        log::Revised {
            area: self.area.to_string(),
            revision: self.revision,
            at_micros: self.at.micros(),
            party: self.party.to_string(),
            what: self.what.code(),
        }
    }

    fn decode(message: log::Revised) -> Result<Self, Damaged> {
        Ok(Self {
            area: parsed(&message.area, AreaId::parse, "revised.area")?,
            revision: message.revision,
            at: time(message.at_micros),
            party: parsed(&message.party, PartyId::parse, "revised.party")?,
            what: What::of_code(message.what, "revised.what")?,
        })
    }
}

impl Stored for Version {
    type Message = log::Version;

    fn encode(&self) -> log::Version {
        log::Version {
            party: self.party.to_string(),
            area: self.area.to_string(),
            version: self.version,
            revision: self.revision,
            at_micros: self.at.micros(),
            service: self.service.to_string(),
            reason: self.reason.as_ref().map(Stored::encode),
            covers: self.covers.map_or_else(String::new, |period| period.to_string()),
            manifest: self.manifest.as_deref().map(Stored::encode),
        }
    }

    fn decode(message: log::Version) -> Result<Self, Damaged> {
        Ok(Self {
            party: parsed(&message.party, PartyId::parse, "version.party")?,
            area: parsed(&message.area, AreaId::parse, "version.area")?,
            version: message.version,
            revision: message.revision,
            at: time(message.at_micros),
            service: parsed(&message.service, ServiceId::parse, "version.service")?,
            reason: optional(message.reason)?,
            covers: covered(&message.covers, "version.covers")?,
            manifest: optional::<SignedManifest>(message.manifest)?.map(Into::into),
        })
    }
}

impl Stored for SignedManifest {
    type Message = log::SignedManifest;

    fn encode(&self) -> log::SignedManifest {
        log::SignedManifest {
            digest: self.digest.into(),
            key: self.key.to_string(),
            statement: self.statement.to_vec(),
            signature: self.signature.to_vec(),
            salt: Some(self.salt.encode()),
        }
    }

    fn decode(message: log::SignedManifest) -> Result<Self, Damaged> {
        Ok(Self {
            digest: digest(&message.digest, "signed_manifest.digest")?,
            key: parsed(&message.key, KeyId::parse, "signed_manifest.key")?,
            statement: message.statement.into(),
            signature: message.signature.into(),
            salt: required(message.salt, "signed_manifest.salt")?,
        })
    }
}

impl Stored for Stage {
    type Message = log::Stage;

    fn encode(&self) -> log::Stage {
        log::Stage {
            area: self.area.to_string(),
            party: self.party.to_string(),
            id: self.id.to_string(),
            revision: self.revision,
            version: self.version,
            embargoed: self.embargoed,
            observation: self.observation.as_deref().map(Stored::encode),
        }
    }

    fn decode(message: log::Stage) -> Result<Self, Damaged> {
        Ok(Self {
            area: parsed(&message.area, AreaId::parse, "stage.area")?,
            party: parsed(&message.party, PartyId::parse, "stage.party")?,
            id: parsed(&message.id, ObservationId::parse, "stage.id")?,
            revision: message.revision,
            version: message.version,
            embargoed: message.embargoed,
            observation: optional::<Observation>(message.observation)?.map(Into::into),
        })
    }
}

impl Stored for Part {
    type Message = log::Part;

    fn encode(&self) -> log::Part {
        log::Part {
            upload: Some(self.upload.encode()),
            body: self.body.into(),
            number: self.number,
            at_micros: self.at.micros(),
            upserts: encode_all(&self.upserts),
        }
    }

    fn decode(message: log::Part) -> Result<Self, Damaged> {
        Ok(Self {
            upload: required(message.upload, "part.upload")?,
            body: digest(&message.body, "part.body")?,
            number: message.number,
            at: time(message.at_micros),
            upserts: decode_all(message.upserts)?,
        })
    }
}

impl Stored for Stated {
    type Message = log::Stated;

    fn encode(&self) -> log::Stated {
        log::Stated { revision: self.revision, statement: Some(self.statement.encode()) }
    }

    fn decode(message: log::Stated) -> Result<Self, Damaged> {
        Ok(Self {
            revision: message.revision,
            statement: required(message.statement, "stated.statement")?,
        })
    }
}

impl Stored for Dissented {
    type Message = log::Dissented;

    fn encode(&self) -> log::Dissented {
        log::Dissented {
            revision: self.revision,
            period: self.period.to_string(),
            finding: Some(self.finding.encode()),
            dissent: Some(self.dissent.encode()),
        }
    }

    fn decode(message: log::Dissented) -> Result<Self, Damaged> {
        Ok(Self {
            revision: message.revision,
            period: period(&message.period, "dissented.period")?,
            finding: required(message.finding, "dissented.finding")?,
            dissent: required(message.dissent, "dissented.dissent")?,
        })
    }
}

impl Stored for Outcome {
    type Message = log::Outcome;

    fn encode(&self) -> log::Outcome {
        log::Outcome {
            service: self.service.to_string(),
            once: Some(command::once(self.key, self.body)),
            reply: Some(self.reply.encode()),
        }
    }

    fn decode(message: log::Outcome) -> Result<Self, Damaged> {
        let once = message.once.ok_or(Damaged::Missing("outcome.once"))?;
        let (key, body) = command::decode_once(&once)?;
        Ok(Self {
            service: parsed(&message.service, ServiceId::parse, "outcome.service")?,
            key,
            body,
            reply: required(message.reply, "outcome.reply")?,
        })
    }
}
