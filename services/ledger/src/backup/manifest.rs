//! What a backup says of itself.

use std::{collections::BTreeMap, path::Path};

use ed25519_dalek::{Signature, VerifyingKey};
use samsyn_domain::{
    FeatureLevel,
    commit::dsse::{PayloadType, pre_authentication},
};
use serde::{Deserialize, Serialize};

use super::{BadBackup, survey::Survey};

/// What this program makes.
pub(super) const FORMAT: &str = "samsyn-backup/1";

/// What a backup says of itself; nothing of it is content. Digests and keys are in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of manifest and parts.
    pub format: String,
    /// The feature level of the domain; left out where it is the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub level: u32,
    /// The domain's name.
    pub domain: String,
    /// How often the domain had gone on from a backup before.
    pub incarnation: u64,
    /// What names that incarnation; empty for the first.
    pub incarnation_id: String,
    /// The last position that is in it.
    pub position: u64,
    /// The term of that entry.
    pub term: u64,
    /// The digest over everything written up to it.
    pub root: String,
    /// The digest over all rows.
    pub digest: String,
    /// How many there are.
    pub counts: Counts,
    /// The nodes that carried the domain.
    pub nodes: Vec<u64>,
    /// The version of the program that made it.
    pub program: String,
    /// When it was begun (RFC 3339).
    pub created_at: String,
    /// By when its keys are to be destroyed (RFC 3339).
    pub keys_until: String,
    /// The public keys that its parts are sealed to.
    pub recipients: Vec<String>,
    /// The domain's public key for signatures (Ed25519).
    pub signer: String,
    /// Its parts by file.
    pub parts: BTreeMap<String, Part>,
}

const fn first() -> u32 {
    FeatureLevel::FIRST.number()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_first(level: &u32) -> bool {
    *level == first()
}

/// How many rows a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// All.
    pub rows: u64,
    /// Versions of own pictures.
    pub versions: u64,
    /// Disclosures.
    pub disclosures: u64,
}

/// A part as it lies there, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

impl Manifest {
    /// Reads one of a level that is known, and checks the signature that stands beside it.
    pub(super) fn read(
        file: &Path,
        text: &str,
        signature: &str,
        knows: FeatureLevel,
    ) -> Result<Self, BadBackup> {
        #[derive(Deserialize)]
        struct Named {
            format: String,
            #[serde(default = "first")]
            level: u32,
        }
        let unread = |why: serde_json::Error| BadBackup::damaged(file, why.to_string());
        let Named { format, level } = serde_json::from_str(text).map_err(unread)?;
        if format != FORMAT {
            return Err(BadBackup::OtherFormat { file: file.to_owned(), format });
        }
        if level > knows.number() {
            return Err(BadBackup::NewerLevel { file: file.to_owned(), level, knows });
        }
        let manifest: Self = serde_json::from_str(text).map_err(unread)?;
        if !manifest.is_signed(text, signature) {
            let what = "its signature does not hold";
            return Err(BadBackup::damaged(file, what));
        }
        Ok(manifest)
    }

    fn is_signed(&self, text: &str, signature: &str) -> bool {
        let digits = |digits: &str| hex::decode(digits.trim()).ok();
        let key = digits(&self.signer).and_then(|key| key.try_into().ok());
        let key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok());
        let signature = digits(signature).and_then(|bytes| Signature::from_slice(&bytes).ok());
        let signed = pre_authentication(PayloadType::Backup, text.as_bytes());
        key.zip(signature).is_some_and(|(key, sign)| key.verify_strict(&signed, &sign).is_ok())
    }

    /// Says of what else than this a survey is, if it is.
    pub(super) fn differs(&self, found: &Survey) -> Option<String> {
        let position = found.head.index().unwrap_or_default();
        let told = [
            ("level", self.level.to_string(), found.head.level.to_string()),
            ("position", self.position.to_string(), position.to_string()),
            ("root", self.root.clone(), found.head.root.to_string()),
            ("digest of rows", self.digest.clone(), hex::encode(found.digest)),
            ("number of rows", self.counts.rows.to_string(), found.counts.rows.to_string()),
            ("number of versions", self.counts.versions.to_string(), {
                found.counts.versions.to_string()
            }),
            ("number of disclosures", self.counts.disclosures.to_string(), {
                found.counts.disclosures.to_string()
            }),
        ];
        let (what, told, found) = told.into_iter().find(|(_, told, found)| told != found)?;
        Some(format!("its {what} is {found}, and its manifest says {told}"))
    }
}
