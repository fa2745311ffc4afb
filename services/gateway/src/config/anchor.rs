//! Authorities as they are configured, and as the acceptor takes them.

use std::path::{Path, PathBuf};

use samsyn_domain::{
    ServiceId,
    registry::{Document, Organisation},
};
use serde::Deserialize;

use super::{BadConfig, text};
use crate::tls::{Anchor, SharedRow, SubjectAttribute};

/// An organisation's own authority, as PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorFiles {
    /// The organisation, as registered.
    pub organisation: String,
    /// Its bundle of authorities.
    pub bundle: PathBuf,
    /// Its revocation lists.
    pub crl: Option<PathBuf>,
}

/// An authority that many organisations share, as SITHS and Efos: its certificates carry an
/// organisation number in place of a service's name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedAnchorFiles {
    /// What it is called in messages.
    pub name: String,
    /// Its bundle of authorities.
    pub bundle: PathBuf,
    /// Its revocation lists.
    pub crl: Option<PathBuf>,
    /// The certificate policy that a client's certificate must carry, dotted.
    pub policy_oid: String,
    /// The attribute of the subject that holds the organisation number:
    /// `organization_identifier`, `serial_number`, or dotted.
    pub subject_attribute: String,
    /// Which services come under it.
    pub services: Vec<SharedService>,
}

/// A registered service that comes with a certificate of a shared authority. The organisation
/// number is the registered one of its organisation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedService {
    /// The service, as registered: `<organisation>/<name>`.
    pub id: ServiceId,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`, DER) in hex.
    pub key_pin: String,
}

impl AnchorFiles {
    /// Reads its files.
    ///
    /// # Errors
    /// The first that does not hold, with its mend.
    pub(super) fn read(&self, document: &Document, folder: &Path) -> Result<Anchor, BadConfig> {
        let organisation = registered(document, &self.organisation)
            .ok_or_else(|| BadConfig::UnknownAnchor(self.organisation.clone()))?;
        Ok(Anchor::Own {
            organisation: self.organisation.clone(),
            trust_domain: organisation.trust_domain.clone(),
            bundle_pem: text(&folder.join(&self.bundle))?,
            crl_pem: list(self.crl.as_deref(), folder)?,
        })
    }
}

impl SharedAnchorFiles {
    /// Reads its files.
    ///
    /// # Errors
    /// The first that does not hold, with its mend.
    pub(super) fn read(&self, document: &Document, folder: &Path) -> Result<Anchor, BadConfig> {
        let attribute = match self.subject_attribute.as_str() {
            "organization_identifier" => SubjectAttribute::OrganizationIdentifier,
            "serial_number" => SubjectAttribute::SerialNumber,
            dotted => SubjectAttribute::Oid(dotted.to_owned()),
        };
        let rows = self.services.iter().map(|service| self.row(document, service));
        Ok(Anchor::Shared {
            name: self.name.clone(),
            bundle_pem: text(&folder.join(&self.bundle))?,
            crl_pem: list(self.crl.as_deref(), folder)?,
            policy_oid: self.policy_oid.clone(),
            subject_attribute: attribute,
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    fn row(&self, document: &Document, service: &SharedService) -> Result<SharedRow, BadConfig> {
        let unknown = || BadConfig::UnknownService {
            anchor: self.name.clone(),
            service: service.id.to_string(),
        };
        let service_row = document.services.iter().find(|row| row.id == service.id);
        let service_row = service_row.ok_or_else(unknown)?;
        let organisation =
            registered(document, service_row.organisation.as_str()).ok_or_else(unknown)?;
        let name = service.id.as_str().strip_prefix(organisation.id.as_str());
        let name = name.and_then(|rest| rest.strip_prefix('/')).ok_or_else(unknown)?;
        let pin = hex::decode(&service.key_pin).ok().and_then(|pin| pin.try_into().ok());
        Ok(SharedRow {
            organisation: organisation.id.to_string(),
            service: name.to_owned(),
            orgnr: organisation.orgnr.clone(),
            key_pin: pin.ok_or_else(|| BadConfig::KeyPin {
                anchor: self.name.clone(),
                service: service.id.to_string(),
            })?,
        })
    }
}

fn registered<'a>(document: &'a Document, id: &str) -> Option<&'a Organisation> {
    document.organisations.iter().find(|organisation| organisation.id.as_str() == id)
}

fn list(file: Option<&Path>, folder: &Path) -> Result<Option<String>, BadConfig> {
    file.map(|file| text(&folder.join(file))).transpose()
}
