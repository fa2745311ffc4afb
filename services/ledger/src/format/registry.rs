//! Changes of the registry: proposed, approved, withdrawn, as they stand.

use samsyn_domain::{
    KeyId, OrganisationId, ServiceId,
    command::{ApproveChange, ProposeChange, WithdrawChange},
    registry::{
        Applied, Base, Change, Effect, Operation, Proposal, ProposalId, Record, RecordKey, Signed,
        Table,
    },
};
use samsyn_proto::log;

use super::{
    Damaged, Stored, code::Coded as _, decode_all, digest, encode_all, optional, parsed, required,
    time,
};

impl Stored for ProposeChange {
    type Message = log::ProposeChange;

    fn encode(&self) -> log::ProposeChange {
        log::ProposeChange {
            operations: encode_all(self.change.operations()),
            against: Some(self.base.encode()),
            signed: Some(self.signed.encode()),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::ProposeChange) -> Result<Self, Damaged> {
        Ok(Self {
            change: change(message.operations, "propose_change.operations")?,
            base: required(message.against, "propose_change.against")?,
            signed: required(message.signed, "propose_change.signed")?,
            reason: optional(message.reason)?,
        })
    }
}

impl Stored for ApproveChange {
    type Message = log::ApproveChange;

    fn encode(&self) -> log::ApproveChange {
        log::ApproveChange { proposal: self.proposal.0, signed: Some(self.signed.encode()) }
    }

    fn decode(message: log::ApproveChange) -> Result<Self, Damaged> {
        Ok(Self {
            proposal: ProposalId(message.proposal),
            signed: required(message.signed, "approve_change.signed")?,
        })
    }
}

impl Stored for WithdrawChange {
    type Message = log::WithdrawChange;

    fn encode(&self) -> log::WithdrawChange {
        log::WithdrawChange { proposal: self.proposal.0 }
    }

    fn decode(message: log::WithdrawChange) -> Result<Self, Damaged> {
        Ok(Self { proposal: ProposalId(message.proposal) })
    }
}

impl Stored for Operation {
    type Message = log::RegistryOperation;

    fn encode(&self) -> log::RegistryOperation {
        match self {
            Self::Put(record) => record.encode(),
            Self::Remove(RecordKey { table, id }) => log::RegistryOperation {
                table: table.as_str().to_owned(),
                id: id.clone(),
                row: None,
            },
        }
    }

    fn decode(message: log::RegistryOperation) -> Result<Self, Damaged> {
        if message.row.is_some() {
            return Record::decode(message).map(|record| Self::Put(record.into()));
        }
        let table = table(&message.table)?;
        Ok(Self::Remove(RecordKey { table, id: message.id }))
    }
}

impl Stored for Record {
    type Message = log::RegistryOperation;

    fn encode(&self) -> log::RegistryOperation {
        let RecordKey { table, id } = self.key();
        log::RegistryOperation { table: table.as_str().to_owned(), id, row: Some(self.text()) }
    }

    fn decode(message: log::RegistryOperation) -> Result<Self, Damaged> {
        let row = message.row.ok_or(Damaged::Missing("registry_operation.row"))?;
        let table = table(&message.table)?;
        let record = parsed(&row, |row| Self::read(table, row), "registry_operation.row")?;
        if record.key().id == message.id {
            Ok(record)
        } else {
            Err(Damaged::Invalid("registry_operation.id"))
        }
    }
}

impl Stored for Base {
    type Message = log::RegistryBase;

    fn encode(&self) -> log::RegistryBase {
        log::RegistryBase { epoch: self.epoch, digest: self.digest.into() }
    }

    fn decode(message: log::RegistryBase) -> Result<Self, Damaged> {
        let digest = digest(&message.digest, "registry_base.digest")?;
        Ok(Self { epoch: message.epoch, digest })
    }
}

impl Stored for Signed {
    type Message = log::RegistrySignature;

    fn encode(&self) -> log::RegistrySignature {
        log::RegistrySignature {
            organisation: self.organisation.to_string(),
            service: self.service.to_string(),
            key: self.key.to_string(),
            statement: self.statement.clone(),
            signature: self.signature.clone(),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::RegistrySignature) -> Result<Self, Damaged> {
        Ok(Self {
            organisation: parsed(
                &message.organisation,
                OrganisationId::parse,
                "registry_signature.organisation",
            )?,
            service: parsed(&message.service, ServiceId::parse, "registry_signature.service")?,
            key: parsed(&message.key, KeyId::parse, "registry_signature.key")?,
            statement: message.statement,
            signature: message.signature,
            at: time(message.at_micros),
        })
    }
}

impl Stored for Proposal {
    type Message = log::Proposal;

    fn encode(&self) -> log::Proposal {
        log::Proposal {
            id: self.id.0,
            operations: encode_all(self.change.operations()),
            against: Some(self.base.encode()),
            replaced: encode_all(&self.replaced),
            effect: self.effect.code(),
            needed: self.needed,
            signed: encode_all(&self.signed),
            reason: self.reason.as_ref().map(Stored::encode),
            applied: self.applied.map(|applied| log::RegistryApplied {
                epoch: applied.epoch,
                at_micros: applied.at.micros(),
            }),
        }
    }

    fn decode(message: log::Proposal) -> Result<Self, Damaged> {
        Ok(Self {
            id: ProposalId(message.id),
            change: change(message.operations, "proposal.operations")?,
            base: required(message.against, "proposal.against")?,
            replaced: decode_all(message.replaced)?,
            effect: Effect::of_code(message.effect, "proposal.effect")?,
            needed: message.needed,
            signed: decode_all(message.signed)?,
            reason: optional(message.reason)?,
            applied: message
                .applied
                .map(|applied| Applied { epoch: applied.epoch, at: time(applied.at_micros) }),
        })
    }
}

fn change(operations: Vec<log::RegistryOperation>, field: &'static str) -> Result<Change, Damaged> {
    Change::of(decode_all(operations)?).map_err(|_| Damaged::Invalid(field))
}

fn table(name: &str) -> Result<Table, Damaged> {
    Table::from_code(name).ok_or(Damaged::Invalid("registry_operation.table"))
}
