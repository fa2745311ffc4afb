//! Keys of those who endorse, of those who publish, of registrars, and of the domain.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use ed25519_dalek::SigningKey;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use samsyn_client::PublisherKey;
use samsyn_domain::{
    OrganisationId, PartyId,
    registry::{Endorser, Role, Service},
};
use serde::Serialize;

use super::{Error, random};
use crate::world::publisher_key_id;

/// What stands in the domain's key file as its form.
const FORMAT: &str = "samsyn-keys/1";

/// An Ed25519 key for every party and role that some edition asks for.
pub(in crate::demo) struct EndorsementKeys(BTreeMap<Endorser, SigningKey>);

impl EndorsementKeys {
    pub(super) fn fresh(endorsers: Vec<Endorser>) -> Result<Self, Error> {
        let key = |endorser| Ok((endorser, SigningKey::from_bytes(&random()?)));
        endorsers.into_iter().map(key).collect::<Result<_, Error>>().map(Self)
    }

    pub(super) fn public(&self) -> BTreeMap<Endorser, [u8; 32]> {
        let public = |key: &SigningKey| key.verifying_key().to_bytes();
        self.0.iter().map(|(endorser, key)| (endorser.clone(), public(key))).collect()
    }

    pub(super) fn of(&self, endorser: &Endorser) -> Option<&SigningKey> {
        self.0.get(endorser)
    }

    /// The secret half.
    pub(super) fn secret(&self, party: &PartyId, role: Role) -> Option<[u8; 32]> {
        self.of(&Endorser { party: party.clone(), role }).map(SigningKey::to_bytes)
    }
}

impl fmt::Debug for EndorsementKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} endorsement keys", self.0.len())
    }
}

/// An Ed25519 key for every organisation with a registrar.
pub(in crate::demo) struct RegistrarKeys(BTreeMap<OrganisationId, SigningKey>);

impl RegistrarKeys {
    pub(super) fn fresh(organisations: BTreeSet<OrganisationId>) -> Result<Self, Error> {
        let key = |organisation| Ok((organisation, SigningKey::from_bytes(&random()?)));
        organisations.into_iter().map(key).collect::<Result<_, Error>>().map(Self)
    }

    pub(super) fn public(&self) -> BTreeMap<OrganisationId, [u8; 32]> {
        let public = |key: &SigningKey| key.verifying_key().to_bytes();
        self.0.iter().map(|(organisation, key)| (organisation.clone(), public(key))).collect()
    }

    /// The secret half of the key of a service, when it is a registrar's.
    pub(super) fn secret(&self, service: &Service) -> Option<[u8; 32]> {
        let key = self.0.get(&service.organisation);
        key.filter(|_| service.roles.contains(&Role::Registrar)).map(SigningKey::to_bytes)
    }
}

impl fmt::Debug for RegistrarKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} registrar keys", self.0.len())
    }
}

/// A key of P-256 for every party, with which it signs what it publishes.
pub(in crate::demo) struct PublisherKeys(BTreeMap<PartyId, PublisherKey>);

impl PublisherKeys {
    pub(super) fn fresh(parties: Vec<PartyId>) -> Result<Self, Error> {
        let key = |party: PartyId| {
            // Nearly every 32 bytes are a key (SEC 1, section 3.2.1); else others are drawn.
            let secret = loop {
                if let Ok(secret) = p256::SecretKey::from_slice(&random()?) {
                    break secret;
                }
            };
            let form = |why: String| Error::Form { what: "publisher key", why };
            let pem = secret.to_pkcs8_pem(LineEnding::LF).map_err(|why| form(why.to_string()))?;
            let key = PublisherKey::from_pem(&publisher_key_id(&party), &pem);
            Ok((party, key.map_err(|why| form(why.to_string()))?))
        };
        parties.into_iter().map(key).collect::<Result<_, Error>>().map(Self)
    }

    pub(super) fn public(&self) -> BTreeMap<PartyId, String> {
        self.0.iter().map(|(party, key)| (party.clone(), key.public())).collect()
    }

    pub(super) fn of(&self, party: &PartyId) -> Option<&PublisherKey> {
        self.0.get(party)
    }
}

impl fmt::Debug for PublisherKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} publisher keys", self.0.len())
    }
}

/// The domain's key file, made before the domain is founded: descriptors name its release key.
#[derive(Serialize)]
pub(super) struct DomainKeys {
    format: &'static str,
    reference: String,
    cursor: String,
    digest: String,
    release: String,
    units: BTreeMap<String, String>,
    #[serde(skip)]
    release_public: [u8; 32],
}

impl DomainKeys {
    pub(super) fn fresh() -> Result<Self, Error> {
        let release = random()?;
        let fresh = || random().map(hex::encode);
        Ok(Self {
            format: FORMAT,
            reference: fresh()?,
            cursor: fresh()?,
            digest: fresh()?,
            release: hex::encode(release),
            units: BTreeMap::new(),
            release_public: SigningKey::from_bytes(&release).verifying_key().to_bytes(),
        })
    }

    /// The public half of the key that signs release manifests.
    pub(super) const fn release_public(&self) -> [u8; 32] {
        self.release_public
    }

    /// As it is written.
    pub(super) fn file(&self) -> Result<String, Error> {
        let form = |why: serde_json::Error| Error::Form { what: "key file", why: why.to_string() };
        serde_json::to_string_pretty(self).map_err(form)
    }
}

impl fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("domain keys")
    }
}
