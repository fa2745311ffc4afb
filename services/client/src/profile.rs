//! A client profile: a folder with what one service needs to call a gateway.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use samsyn_domain::registry::Role;
use serde::{Deserialize, Serialize};

use crate::{NotSigned, PublisherKey, wire::ReadContext};

/// `profile.toml` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The gateway, as `https://127.0.0.1:7443`.
    endpoint: String,
    /// Other nodes of the same domain, asked when it does not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
    /// For which purpose it reads.
    purpose: String,
    /// On which legal basis.
    legal_basis: String,
    /// The reference of a recorded weighing of interests.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    weighing_ref: String,
    /// The party it speaks for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    party: String,
    /// The function whose messages it reads and sends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    function: String,
    /// The digest of the agreement's descriptor that it has pinned, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    descriptor: String,
    /// The registered id of the key in `publisher.key`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    publisher_key: String,
}

/// What one service needs to call a gateway. Its keys are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    /// The gateway.
    pub endpoint: String,
    /// Other nodes of the same domain, asked when it does not answer.
    pub others: Vec<String>,
    /// The authority of the gateway's certificate, in PEM.
    pub ca_pem: String,
    /// The client's certificate, in PEM.
    pub certificate_pem: String,
    /// Its key, in PEM.
    pub key_pem: String,
    /// For which purpose it reads.
    pub purpose: String,
    /// On which legal basis.
    pub legal_basis: String,
    /// The reference of a recorded weighing of interests; empty when there is none.
    pub weighing_ref: String,
    /// The party it speaks for; empty when it speaks for none.
    pub party: String,
    /// The function whose messages it reads and sends, by its address; empty when there is none.
    pub function: String,
    /// The pinned digest of the agreement's descriptor, in hexadecimal; empty when none is.
    pub descriptor: String,
    /// The Ed25519 keys with which the party endorses, by function, as far as this service holds
    /// them.
    pub endorsement_keys: BTreeMap<Role, [u8; 32]>,
    /// The Ed25519 key with which its registrar signs changes of the registry, if it has one.
    pub registry_key: Option<[u8; 32]>,
    /// The key with which the party signs what it publishes, if it does.
    pub publisher_key: Option<PublisherKey>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile for {}", self.endpoint)
    }
}

/// A profile cannot be used: which file, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum BadProfile {
    /// A file cannot be read or written.
    #[error("cannot use `{}`: {why}; check the profile's folder", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        why: std::io::Error,
    },
    /// `profile.toml` does not hold.
    #[error("`{}` does not hold: {why}", file.display())]
    Toml {
        /// Which.
        file: PathBuf,
        /// What.
        why: String,
    },
    /// A signing key is not 64 hexadecimal digits.
    #[error("`{}` is not 64 hexadecimal digits", .0.display())]
    Key(PathBuf),
    /// The key for publications cannot be used.
    #[error("`{}`: {why}", file.display())]
    Publisher {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        why: NotSigned,
    },
}

impl Profile {
    /// Reads a profile's folder: `profile.toml`, `ca.pem`, `client.pem`, `client.key`, and
    /// `endorsement-<function>.key`, `registry.key` and `publisher.key` as far as they are there.
    ///
    /// # Errors
    /// When a file is missing or does not hold.
    pub fn load(dir: &Path) -> Result<Self, BadProfile> {
        let read = |name: &str| {
            let file = dir.join(name);
            fs::read_to_string(&file).map_err(|why| BadProfile::File { file, why })
        };
        let file: File = toml::from_str(&read("profile.toml")?).map_err(|why| {
            BadProfile::Toml { file: dir.join("profile.toml"), why: why.to_string() }
        })?;
        let key = |name: &str| {
            if !dir.join(name).exists() {
                return Ok(None);
            }
            let bytes = hex::decode(read(name)?.trim()).ok();
            let key = bytes.and_then(|bytes| bytes.try_into().ok());
            key.map(Some).ok_or_else(|| BadProfile::Key(dir.join(name)))
        };
        let mut endorsement_keys = BTreeMap::new();
        for role in Role::ALL {
            endorsement_keys.extend(key(&endorsement_file(role))?.map(|key| (role, key)));
        }
        let publisher_key = if dir.join(PUBLISHER_FILE).exists() {
            let key = PublisherKey::from_pem(&file.publisher_key, &read(PUBLISHER_FILE)?);
            let bad = |why| BadProfile::Publisher { file: dir.join(PUBLISHER_FILE), why };
            Some(key.map_err(bad)?)
        } else {
            None
        };
        Ok(Self {
            endpoint: file.endpoint,
            others: file.others,
            ca_pem: read("ca.pem")?,
            certificate_pem: read("client.pem")?,
            key_pem: read("client.key")?,
            purpose: file.purpose,
            legal_basis: file.legal_basis,
            weighing_ref: file.weighing_ref,
            party: file.party,
            function: file.function,
            descriptor: file.descriptor,
            endorsement_keys,
            registry_key: key(REGISTRY_FILE)?,
            publisher_key,
        })
    }

    /// The same, with the next node first.
    #[must_use]
    pub(crate) fn turned(&self) -> Self {
        let mut turned = self.clone();
        if !turned.others.is_empty() {
            turned.others.push(std::mem::take(&mut turned.endpoint));
            turned.endpoint = turned.others.remove(0);
        }
        turned
    }

    /// Writes a profile's folder; keys are readable for their owner alone.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), BadProfile> {
        let fail = |file: PathBuf| move |why| BadProfile::File { file, why };
        fs::create_dir_all(dir).map_err(fail(dir.to_owned()))?;
        let file = File {
            endpoint: self.endpoint.clone(),
            others: self.others.clone(),
            purpose: self.purpose.clone(),
            legal_basis: self.legal_basis.clone(),
            weighing_ref: self.weighing_ref.clone(),
            party: self.party.clone(),
            function: self.function.clone(),
            descriptor: self.descriptor.clone(),
            publisher_key: self.publisher_key.as_ref().map_or("", |key| key.id()).to_owned(),
        };
        let text = toml::to_string(&file).map_err(|why| BadProfile::Toml {
            file: dir.join("profile.toml"),
            why: why.to_string(),
        })?;
        let keys = self.endorsement_keys.iter();
        let keys = keys.map(|(role, key)| (endorsement_file(*role), hex::encode(key)));
        let publisher = self.publisher_key.as_ref();
        let publisher = publisher.map(|key| (PUBLISHER_FILE.to_owned(), key.pem().to_owned()));
        let registry = self.registry_key.map(|key| (REGISTRY_FILE.to_owned(), hex::encode(key)));
        let files = [
            ("profile.toml", text.as_str()),
            ("ca.pem", &self.ca_pem),
            ("client.pem", &self.certificate_pem),
            ("client.key", &self.key_pem),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        for (name, text) in files.into_iter().chain(keys).chain(registry).chain(publisher) {
            let path = dir.join(name);
            write_private(&path, &text).map_err(fail(path))?;
        }
        Ok(())
    }

    /// The context of its reads.
    #[must_use]
    pub fn read_context(&self) -> ReadContext {
        ReadContext {
            purpose: self.purpose.clone(),
            legal_basis: self.legal_basis.clone(),
            weighing_ref: self.weighing_ref.clone(),
            actor_role: "reader".to_owned(),
        }
    }
}

const REGISTRY_FILE: &str = "registry.key";
const PUBLISHER_FILE: &str = "publisher.key";

fn endorsement_file(role: Role) -> String {
    format!("endorsement-{}.key", role.as_str())
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use p256::pkcs8::{EncodePrivateKey as _, LineEnding};

    use super::*;

    fn pem() -> String {
        let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        key.to_pkcs8_pem(LineEnding::LF).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_saved_profile_loads_again() {
        let dir = std::env::temp_dir().join(format!("samsyn-profile-{}", std::process::id()));
        let profile = Profile {
            endpoint: "https://127.0.0.1:7443".into(),
            others: vec!["https://127.0.0.1:7444".to_owned()],
            ca_pem: "ca".into(),
            certificate_pem: "certificate".into(),
            key_pem: "key".into(),
            purpose: "joint_picture".into(),
            legal_basis: "law_2023_196".into(),
            weighing_ref: String::new(),
            party: "sdf-skarholmen".into(),
            function: "2120000142/samordnare-skarholmen".into(),
            descriptor: "00".into(),
            endorsement_keys: [(Role::Endorser, [7; 32]), (Role::Coordinator, [8; 32])].into(),
            registry_key: Some([9; 32]),
            publisher_key: Some(PublisherKey::from_pem("sdf/publisher", &pem()).unwrap()),
        };
        profile.save(&dir).unwrap();
        assert!(Profile::load(&dir).unwrap() == profile);
        fs::remove_file(dir.join("ca.pem")).unwrap();
        let error = Profile::load(&dir).unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
