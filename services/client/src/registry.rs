//! How a registrar changes the registry: its own client makes the change from files, and signs what
//! it has made itself.

use ed25519_dalek::SigningKey;
use samsyn_domain::registry::{
    BadChange, BadRegistry, Change, Document, Operation, Record, RecordKey, Registry, Table,
};

use crate::{
    Client, Refused,
    admin::{
        ExportRegistryRequest, RegistryBase, RegistryOperation, RegistryRow, RegistrySignature,
    },
    verify,
};

/// Why a change cannot be made or signed. Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum NoChange {
    /// The gateway refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A row that the gateway exports is none that this program knows.
    #[error("the gateway exports `{0}`, which this program does not know; upgrade it")]
    UnknownRow(String),
    /// The rows come to another digest than the gateway's.
    #[error("the exported registry has another digest than the gateway says; tell its operator")]
    OtherDigest,
    /// The files hold no registry.
    #[error("the registry does not hold together: {0}")]
    Registry(#[from] BadRegistry),
    /// There is nothing to change, or too much.
    #[error(transparent)]
    Change(#[from] BadChange),
    /// The profile holds no registry key.
    #[error("this profile holds no `registry.key`; use that of a registrar")]
    NoKey,
    /// The profile's registry key is not registered.
    #[error("the profile's registry key is not registered; have it registered first")]
    KeyUnknown,
}

/// The registry in force, as this client has read it.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The domain's name.
    pub domain: String,
    /// The epoch when it was read.
    pub epoch: u64,
    /// Its digest, made here.
    pub digest: verify::Digest,
    /// The registry.
    pub registry: Registry,
}

/// What a registrar says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It proposes it.
    Propose,
    /// It approves it.
    Approve,
}

impl Client {
    /// The registry in force, its digest made anew from its rows.
    ///
    /// # Errors
    /// When the gateway refuses, or what it gives is no registry of that digest.
    pub async fn export_registry(&self) -> Result<Exported, NoChange> {
        let answer = self.registry.clone().export_registry(ExportRegistryRequest {}).await;
        let exported = answer.map_err(Refused::from)?.into_inner();
        let digest = verify::registry_digest(
            exported.rows.iter().map(|row| (&*row.table, &*row.id, &*row.json)),
        );
        if exported.digest != digest {
            return Err(NoChange::OtherDigest);
        }
        let rows = exported.rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let registry = Registry::of_records(rows);
        Ok(Exported { domain: exported.domain, epoch: exported.epoch, digest, registry })
    }
}

fn record(row: &RegistryRow) -> Result<Record, NoChange> {
    let unknown = || NoChange::UnknownRow(format!("{} {}", row.table, row.id));
    let table = Table::from_code(&row.table).ok_or_else(unknown)?;
    Record::read(table, &row.json).map_err(|_| unknown())
}

impl Exported {
    /// What makes the registry in force that of a document.
    ///
    /// # Errors
    /// When the document holds no registry, nothing changes, or the change is not allowed.
    pub fn change_to(&self, document: &Document) -> Result<Change, NoChange> {
        let change = Change::between(&self.registry, &Registry::build(document)?)?;
        self.registry.changed(&change)?;
        Ok(change)
    }

    /// Against which registry a change is made.
    #[must_use]
    pub fn base(&self) -> RegistryBase {
        RegistryBase { epoch: self.epoch, digest: self.digest.to_vec() }
    }

    /// The signature of the profile's registry key on a change against this registry, as it was
    /// read at an epoch.
    ///
    /// # Errors
    /// When the profile has no registered registry key.
    pub fn sign(
        &self,
        client: &Client,
        change: &Change,
        word: Word,
        epoch: u64,
    ) -> Result<RegistrySignature, NoChange> {
        let seed = client.profile().registry_key.as_ref().ok_or(NoChange::NoKey)?;
        let key = SigningKey::from_bytes(seed);
        let public = hex::encode(key.verifying_key().to_bytes());
        let mut keys = self.registry.registry_keys();
        let registered = keys.find(|row| row.public_key.eq_ignore_ascii_case(&public));
        let registered = registered.ok_or(NoChange::KeyUnknown)?;
        let statement = verify::registry_payload(&verify::ChangeToSign {
            domain: &self.domain,
            base_epoch: epoch,
            base: self.digest,
            change: change_digest(change),
            approves: word == Word::Approve,
            organisation: registered.organisation.as_str(),
        });
        let signature = verify::sign_registry(&key, &statement).to_vec();
        Ok(RegistrySignature { key_id: registered.id.to_string(), statement, signature })
    }
}

/// The digest of a change, made from its rows.
#[must_use]
pub fn change_digest(change: &Change) -> verify::Digest {
    let rows: Vec<(RecordKey, Option<String>)> = change
        .operations()
        .iter()
        .map(|operation| (operation.key(), operation.record().map(Record::text)))
        .collect();
    let rows = rows.iter().map(|(key, row)| (key.table.as_str(), &*key.id, row.as_deref()));
    verify::change_digest(rows)
}

/// A change as it is sent.
#[must_use]
pub fn operations(change: &Change) -> Vec<RegistryOperation> {
    let operation = |operation: &Operation| {
        let RecordKey { table, id } = operation.key();
        let json = operation.record().map(Record::text);
        RegistryOperation { table: table.as_str().to_owned(), id, json }
    };
    change.operations().iter().map(operation).collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;
    use samsyn_domain::commit::{
        dsse::{PayloadType, pre_authentication},
        hash,
        registry::{Decision, RegistryStatement},
    };

    use super::*;
    use crate::verify::{ChangeToSign, registry_digest, registry_payload, sign_registry};

    const SEED: [u8; 32] = [7; 32];

    fn registry(members: &str) -> Registry {
        let text = format!(
            "[[organisations]]\nid = \"a\"\nname = \"Å\"\norgnr = \"1\"\n\
             trust_domain = \"a.example\"\nclearance = 1\n\n\
             [[groups]]\nid = \"g\"\nname = \"g\"\nmembers = {members}\n"
        );
        let document: Document = toml::from_str(&text).unwrap();
        Registry::build(&document).unwrap()
    }

    #[test]
    fn digests_and_payload_are_those_of_the_domain() {
        let (before, after) = (registry("[]"), registry("[\"a\"]"));
        let rows = before.records();
        let rows: Vec<_> = rows.iter().map(|(key, row)| (key, row.text())).collect();
        let made = registry_digest(
            rows.iter().map(|(key, row)| (key.table.as_str(), key.id.as_str(), row.as_str())),
        );
        assert_eq!(made, before.digest());
        for (from, to) in [(&before, &after), (&after, &before), (&before, &Registry::default())] {
            let change = Change::between(from, to).unwrap();
            assert_eq!(change_digest(&change), change.digest());
        }
        for approves in [false, true] {
            let word = ChangeToSign {
                domain: "d",
                base_epoch: 3,
                base: [1; 32],
                change: [2; 32],
                approves,
                organisation: "a",
            };
            let stated = RegistryStatement {
                domain: "d".into(),
                base_epoch: 3,
                base: hash::Digest([1; 32]),
                change: hash::Digest([2; 32]),
                decision: if approves { Decision::Approve } else { Decision::Propose },
                organisation: "a".into(),
            };
            let payload = registry_payload(&word);
            assert_eq!(payload, stated.encode().unwrap());
            let signed = pre_authentication(PayloadType::RegistryChange, &payload);
            let expected = SigningKey::from_bytes(&SEED).sign(&signed).to_bytes();
            assert_eq!(sign_registry(&SigningKey::from_bytes(&SEED), &payload), expected);
        }
    }
}
