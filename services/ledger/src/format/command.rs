//! Submissions: one message per command.

use samsyn_domain::{
    AreaId, EditionId, ObservationId, OrganisationId, PartyId, ServiceId,
    command::{
        Acknowledge, Actor, AddPart, AdoptPolicy, AnswerEdition, ApproveChange, BackUp, Command,
        Denials, Digest, Disclose, Found, GiveAnswer, Grants, IdempotencyKey, InParts, LockEdition,
        MarkMessage, NumberEnvelopes, OpenEdition, ProposeChange, Publish, RaiseLevel,
        RecordDissent, ReleaseEdition, ReleaseEnvelope, ResolveConflict, Restore, SendMessage,
        SetLink, SettleEnvelopes, Submission, SuspendService, TakeEnvelopes, Tick, Upload,
        WithdrawChange,
    },
    disclosure::ClassId,
    merge::Field,
    registry::{Role, Track},
};
use samsyn_proto::log::{self, submission::Command as Wire};

use super::{
    Damaged, Stored,
    code::Coded as _,
    covered, decode_all, decode_document, digest, encode_all, encode_document, idempotency_key,
    level::{decode_level, encode_level},
    optional, parsed, period, required, time,
};

impl Stored for Submission {
    type Message = log::Submission;

    fn encode(&self) -> log::Submission {
        log::Submission {
            actor: Some(self.actor.encode()),
            once: self.key.map(|(key, body)| once(key, body)),
            epoch: self.epoch,
            valid_until_micros: self.valid_until.micros(),
            command: Some(encode_command(&self.command)),
        }
    }

    fn decode(message: log::Submission) -> Result<Self, Damaged> {
        Ok(Self {
            actor: required(message.actor, "submission.actor")?,
            key: message.once.as_ref().map(decode_once).transpose()?,
            epoch: message.epoch,
            valid_until: time(message.valid_until_micros),
            command: decode_command(
                message.command.ok_or(Damaged::Missing("submission.command"))?,
            )?,
        })
    }
}

fn encode_command(command: &Command) -> Wire {
    match command {
        Command::Found(command) => Wire::Found(command.encode()),
        Command::AdoptPolicy(command) => Wire::AdoptPolicy(command.encode()),
        Command::Publish(command) => Wire::Publish(command.encode()),
        Command::AddPart(command) => Wire::AddPart(command.encode()),
        Command::ResolveConflict(command) => Wire::ResolveConflict(command.encode()),
        Command::RecordDissent(command) => Wire::RecordDissent(command.encode()),
        Command::OpenEdition(command) => Wire::OpenEdition(command.encode()),
        Command::LockEdition(command) => Wire::LockEdition(command.encode()),
        Command::AnswerEdition(command) => Wire::AnswerEdition(command.encode()),
        Command::GiveAnswer(command) => Wire::GiveAnswer(command.encode()),
        Command::ReleaseEdition(command) => Wire::ReleaseEdition(command.encode()),
        Command::SuspendService(command) => Wire::SuspendService(command.encode()),
        Command::ProposeChange(command) => Wire::ProposeChange(command.encode()),
        Command::ApproveChange(command) => Wire::ApproveChange(command.encode()),
        Command::WithdrawChange(command) => Wire::WithdrawChange(command.encode()),
        Command::Grants(command) => Wire::Grants(command.encode()),
        Command::Disclose(command) => Wire::Disclose(command.encode()),
        Command::Acknowledge(command) => Wire::Acknowledge(command.encode()),
        Command::Denials(command) => Wire::Denials(command.encode()),
        Command::Tick(Tick) => Wire::Tick(log::Tick {}),
        Command::BackUp(command) => Wire::BackUp(command.encode()),
        Command::Restore(command) => Wire::Restore(command.encode()),
        Command::SendMessage(command) => Wire::SendMessage(command.encode()),
        Command::MarkMessage(command) => Wire::MarkMessage(command.encode()),
        Command::NumberEnvelopes(command) => Wire::NumberEnvelopes(command.encode()),
        Command::TakeEnvelopes(command) => Wire::TakeEnvelopes(command.encode()),
        Command::SettleEnvelopes(command) => Wire::SettleEnvelopes(command.encode()),
        Command::SetLink(command) => Wire::SetLink(command.encode()),
        Command::ReleaseEnvelope(command) => Wire::ReleaseEnvelope(command.encode()),
        Command::RaiseLevel(command) => Wire::RaiseLevel(command.encode()),
    }
}

fn decode_command(command: Wire) -> Result<Command, Damaged> {
    Ok(match command {
        Wire::Found(message) => Command::Found(Found::decode(message)?.into()),
        Wire::AdoptPolicy(message) => Command::AdoptPolicy(AdoptPolicy::decode(message)?),
        Wire::Publish(message) => Command::Publish(Publish::decode(message)?),
        Wire::AddPart(message) => Command::AddPart(AddPart::decode(message)?),
        Wire::ResolveConflict(message) => {
            Command::ResolveConflict(ResolveConflict::decode(message)?)
        }
        Wire::RecordDissent(message) => Command::RecordDissent(RecordDissent::decode(message)?),
        Wire::OpenEdition(message) => Command::OpenEdition(OpenEdition::decode(message)?),
        Wire::LockEdition(message) => Command::LockEdition(LockEdition::decode(message)?.into()),
        Wire::AnswerEdition(message) => {
            Command::AnswerEdition(AnswerEdition::decode(message)?.into())
        }
        Wire::GiveAnswer(message) => Command::GiveAnswer(GiveAnswer::decode(message)?.into()),
        Wire::ReleaseEdition(message) => Command::ReleaseEdition(ReleaseEdition::decode(message)?),
        Wire::SuspendService(message) => Command::SuspendService(SuspendService::decode(message)?),
        Wire::ProposeChange(message) => {
            Command::ProposeChange(ProposeChange::decode(message)?.into())
        }
        Wire::ApproveChange(message) => {
            Command::ApproveChange(ApproveChange::decode(message)?.into())
        }
        Wire::WithdrawChange(message) => Command::WithdrawChange(WithdrawChange::decode(message)?),
        Wire::Grants(message) => Command::Grants(Grants::decode(message)?),
        Wire::Disclose(message) => Command::Disclose(Disclose::decode(message)?),
        Wire::Acknowledge(message) => Command::Acknowledge(Acknowledge::decode(message)?),
        Wire::Denials(message) => Command::Denials(Denials::decode(message)?),
        Wire::Tick(log::Tick {}) => Command::Tick(Tick),
        Wire::BackUp(message) => Command::BackUp(BackUp::decode(message)?),
        Wire::Restore(message) => Command::Restore(Restore::decode(message)?),
        Wire::SendMessage(message) => Command::SendMessage(SendMessage::decode(message)?.into()),
        Wire::MarkMessage(message) => Command::MarkMessage(MarkMessage::decode(message)?),
        Wire::NumberEnvelopes(message) => {
            Command::NumberEnvelopes(NumberEnvelopes::decode(message)?.into())
        }
        Wire::TakeEnvelopes(message) => {
            Command::TakeEnvelopes(TakeEnvelopes::decode(message)?.into())
        }
        Wire::SettleEnvelopes(message) => {
            Command::SettleEnvelopes(SettleEnvelopes::decode(message)?)
        }
        Wire::SetLink(message) => Command::SetLink(SetLink::decode(message)?),
        Wire::ReleaseEnvelope(message) => {
            Command::ReleaseEnvelope(ReleaseEnvelope::decode(message)?.into())
        }
        Wire::RaiseLevel(message) => Command::RaiseLevel(RaiseLevel::decode(message)?),
    })
}

pub(super) fn once(key: IdempotencyKey, body: Digest) -> log::Once {
    log::Once { key: key.uuid().to_be_bytes().into(), body: body.into() }
}

pub(super) fn decode_once(once: &log::Once) -> Result<(IdempotencyKey, Digest), Damaged> {
    Ok((idempotency_key(&once.key, "once.key")?, digest(&once.body, "once.body")?))
}

impl Stored for Actor {
    type Message = log::Actor;

    fn encode(&self) -> log::Actor {
        log::Actor {
            organisation: self.organisation.to_string(),
            service: self.service.to_string(),
            role: self.role.map(Role::code),
            pseudonym: self.pseudonym.clone(),
        }
    }

    fn decode(message: log::Actor) -> Result<Self, Damaged> {
        Ok(Self {
            organisation: parsed(
                &message.organisation,
                OrganisationId::parse,
                "actor.organisation",
            )?,
            service: parsed(&message.service, ServiceId::parse, "actor.service")?,
            role: message.role.map(|role| Role::of_code(role, "actor.role")).transpose()?,
            pseudonym: message.pseudonym,
        })
    }
}

impl Stored for Found {
    type Message = log::Found;

    fn encode(&self) -> log::Found {
        log::Found {
            domain: self.domain.clone(),
            document: encode_document(&self.document),
            key_file: self.key_file.into(),
            policy: self.policy.into(),
            level: encode_level(self.level),
        }
    }

    fn decode(message: log::Found) -> Result<Self, Damaged> {
        Ok(Self {
            domain: message.domain,
            document: decode_document(&message.document, "found.document")?.into(),
            key_file: digest(&message.key_file, "found.key_file")?,
            policy: digest(&message.policy, "found.policy")?,
            level: decode_level(message.level),
        })
    }
}

impl Stored for AdoptPolicy {
    type Message = log::AdoptPolicy;

    fn encode(&self) -> log::AdoptPolicy {
        log::AdoptPolicy { policy: self.policy.into() }
    }

    fn decode(message: log::AdoptPolicy) -> Result<Self, Damaged> {
        Ok(Self { policy: digest(&message.policy, "adopt_policy.policy")? })
    }
}

impl Stored for Publish {
    type Message = log::Publish;

    fn encode(&self) -> log::Publish {
        log::Publish {
            party: self.party.to_string(),
            area: self.area.to_string(),
            base_version: self.base_version,
            upserts: encode_all(&self.upserts),
            withdrawn: self.withdrawn.iter().map(ToString::to_string).collect(),
            reason: self.reason.as_ref().map(Stored::encode),
            covers: self.covers.map_or_else(String::new, |period| period.to_string()),
            parts: self.parts.as_ref().map(Stored::encode),
            manifest: self.manifest.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Publish) -> Result<Self, Damaged> {
        let withdrawn = message.withdrawn.iter();
        Ok(Self {
            party: parsed(&message.party, PartyId::parse, "publish.party")?,
            area: parsed(&message.area, AreaId::parse, "publish.area")?,
            base_version: message.base_version,
            upserts: decode_all(message.upserts)?,
            withdrawn: withdrawn
                .map(|id| parsed(id, ObservationId::parse, "publish.withdrawn"))
                .collect::<Result<_, _>>()?,
            reason: optional(message.reason)?,
            covers: covered(&message.covers, "publish.covers")?,
            parts: optional(message.parts)?,
            manifest: optional(message.manifest)?,
        })
    }
}

impl Stored for InParts {
    type Message = log::InParts;

    fn encode(&self) -> log::InParts {
        log::InParts {
            upload: Some(self.upload.encode()),
            body: self.body.into(),
            number: self.number,
        }
    }

    fn decode(message: log::InParts) -> Result<Self, Damaged> {
        Ok(Self {
            upload: required(message.upload, "in_parts.upload")?,
            body: digest(&message.body, "in_parts.body")?,
            number: message.number,
        })
    }
}

impl Stored for Upload {
    type Message = log::Upload;

    fn encode(&self) -> log::Upload {
        log::Upload { service: self.service.to_string(), key: self.key.uuid().to_be_bytes().into() }
    }

    fn decode(message: log::Upload) -> Result<Self, Damaged> {
        Ok(Self {
            service: parsed(&message.service, ServiceId::parse, "upload.service")?,
            key: idempotency_key(&message.key, "upload.key")?,
        })
    }
}

impl Stored for AddPart {
    type Message = log::AddPart;

    fn encode(&self) -> log::AddPart {
        log::AddPart {
            upload: Some(self.upload.encode()),
            body: self.body.into(),
            number: self.number,
            upserts: encode_all(&self.upserts),
        }
    }

    fn decode(message: log::AddPart) -> Result<Self, Damaged> {
        Ok(Self {
            upload: required(message.upload, "add_part.upload")?,
            body: digest(&message.body, "add_part.body")?,
            number: message.number,
            upserts: decode_all(message.upserts)?,
        })
    }
}

impl Stored for ResolveConflict {
    type Message = log::ResolveConflict;

    fn encode(&self) -> log::ResolveConflict {
        log::ResolveConflict {
            conflict: Some(self.conflict.encode()),
            revision: self.revision,
            party: self.party.to_string(),
            role: self.role.code(),
            outcome: Some(self.outcome.encode()),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::ResolveConflict) -> Result<Self, Damaged> {
        Ok(Self {
            conflict: required(message.conflict, "resolve_conflict.conflict")?,
            revision: message.revision,
            party: parsed(&message.party, PartyId::parse, "resolve_conflict.party")?,
            role: Role::of_code(message.role, "resolve_conflict.role")?,
            outcome: required(message.outcome, "resolve_conflict.outcome")?,
            reason: optional(message.reason)?,
        })
    }
}

impl Stored for RecordDissent {
    type Message = log::RecordDissent;

    fn encode(&self) -> log::RecordDissent {
        log::RecordDissent {
            finding: Some(self.finding.encode()),
            period: self.period.to_string(),
            field: self.field.code(),
            party: self.party.to_string(),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::RecordDissent) -> Result<Self, Damaged> {
        Ok(Self {
            finding: required(message.finding, "record_dissent.finding")?,
            period: period(&message.period, "record_dissent.period")?,
            field: Field::of_code(message.field, "record_dissent.field")?,
            party: parsed(&message.party, PartyId::parse, "record_dissent.party")?,
            reason: optional(message.reason)?,
        })
    }
}

impl Stored for OpenEdition {
    type Message = log::OpenEdition;

    fn encode(&self) -> log::OpenEdition {
        log::OpenEdition {
            area: self.area.to_string(),
            period: self.period.to_string(),
            track: self.track.code(),
            due_micros: self.due.micros(),
            party: self.party.to_string(),
        }
    }

    fn decode(message: log::OpenEdition) -> Result<Self, Damaged> {
        Ok(Self {
            area: parsed(&message.area, AreaId::parse, "open_edition.area")?,
            period: period(&message.period, "open_edition.period")?,
            track: Track::of_code(message.track, "open_edition.track")?,
            due: time(message.due_micros),
            party: parsed(&message.party, PartyId::parse, "open_edition.party")?,
        })
    }
}

impl Stored for LockEdition {
    type Message = log::LockEdition;

    fn encode(&self) -> log::LockEdition {
        log::LockEdition {
            edition: self.edition.to_string(),
            party: self.party.to_string(),
            locked: Some(self.locked.encode()),
            descriptor: self.descriptor.into(),
        }
    }

    fn decode(message: log::LockEdition) -> Result<Self, Damaged> {
        Ok(Self {
            edition: parsed(&message.edition, EditionId::parse, "lock_edition.edition")?,
            party: parsed(&message.party, PartyId::parse, "lock_edition.party")?,
            locked: required(message.locked, "lock_edition.locked")?,
            descriptor: digest(&message.descriptor, "lock_edition.descriptor")?,
        })
    }
}

impl Stored for AnswerEdition {
    type Message = log::AnswerEdition;

    fn encode(&self) -> log::AnswerEdition {
        log::AnswerEdition {
            edition: self.edition.to_string(),
            round: self.round,
            root: self.root.into(),
            answer: Some(self.answer.encode()),
        }
    }

    fn decode(message: log::AnswerEdition) -> Result<Self, Damaged> {
        Ok(Self {
            edition: parsed(&message.edition, EditionId::parse, "answer_edition.edition")?,
            round: message.round,
            root: digest(&message.root, "answer_edition.root")?,
            answer: required(message.answer, "answer_edition.answer")?,
        })
    }
}

impl Stored for ReleaseEdition {
    type Message = log::ReleaseEdition;

    fn encode(&self) -> log::ReleaseEdition {
        log::ReleaseEdition {
            edition: self.edition.to_string(),
            root: self.root.into(),
            party: self.party.to_string(),
        }
    }

    fn decode(message: log::ReleaseEdition) -> Result<Self, Damaged> {
        Ok(Self {
            edition: parsed(&message.edition, EditionId::parse, "release_edition.edition")?,
            root: digest(&message.root, "release_edition.root")?,
            party: parsed(&message.party, PartyId::parse, "release_edition.party")?,
        })
    }
}

impl Stored for SuspendService {
    type Message = log::SuspendService;

    fn encode(&self) -> log::SuspendService {
        log::SuspendService {
            service: self.service.to_string(),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::SuspendService) -> Result<Self, Damaged> {
        Ok(Self {
            service: parsed(&message.service, ServiceId::parse, "suspend_service.service")?,
            reason: optional(message.reason)?,
        })
    }
}

impl Stored for Grants {
    type Message = log::Grants;

    fn encode(&self) -> log::Grants {
        log::Grants { grants: encode_all(&self.grants) }
    }

    fn decode(message: log::Grants) -> Result<Self, Damaged> {
        Ok(Self { grants: decode_all(message.grants)? })
    }
}

impl Stored for Disclose {
    type Message = log::Disclose;

    fn encode(&self) -> log::Disclose {
        log::Disclose {
            disclosures: encode_all(&self.disclosures),
            advances: encode_all(&self.advances),
        }
    }

    fn decode(message: log::Disclose) -> Result<Self, Damaged> {
        Ok(Self {
            disclosures: decode_all(message.disclosures)?,
            advances: decode_all(message.advances)?,
        })
    }
}

impl Stored for Acknowledge {
    type Message = log::Acknowledge;

    fn encode(&self) -> log::Acknowledge {
        log::Acknowledge { release_class: self.class.digest().to_vec(), revision: self.revision }
    }

    fn decode(message: log::Acknowledge) -> Result<Self, Damaged> {
        let class = digest(&message.release_class, "acknowledge.release_class")?;
        Ok(Self { class: ClassId::of(class), revision: message.revision })
    }
}

impl Stored for Denials {
    type Message = log::Denials;

    fn encode(&self) -> log::Denials {
        log::Denials { denials: encode_all(&self.denials) }
    }

    fn decode(message: log::Denials) -> Result<Self, Damaged> {
        Ok(Self { denials: decode_all(message.denials)? })
    }
}
