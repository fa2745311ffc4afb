//! Organisations, parties, services, keys, groups.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{DomainId, FunctionId, GroupId, KeyId, OrganisationId, PartyId, ServiceId};

/// A legal entity (juridisk person).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its name.
    pub name: String,
    /// Its organisation number, ten digits.
    pub orgnr: String,
    /// Its SPIFFE trust domain.
    pub trust_domain: String,
    /// The highest secrecy level it may receive, 0–3.
    pub clearance: u8,
}

/// What kind of party it is: "seen by both" counts kinds, so that traffic office plus district is
/// still only the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// A municipal administration.
    Municipal,
    /// The police.
    Police,
    /// Anyone else.
    Other,
}

impl PartyKind {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Municipal => "municipal",
            Self::Police => "police",
            Self::Other => "other",
        }
    }
}

/// Who acts in an agreement (part).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its id.
    pub id: PartyId,
    /// The organisation it belongs to.
    pub organisation: OrganisationId,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: PartyKind,
    /// What sort within the kind: `district_administration`, `local_police_area` …
    pub sub_kind: String,
    /// It publishes nothing without a manifest that one of its keys has signed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signs: bool,
    /// The peer in which it keeps its own picture, and from which it contributes; none: here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<DomainId>,
}

/// In which function a service acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Publishes own pictures.
    Publisher,
    /// Reads.
    Reader,
    /// Trygghetssamordnare: opens, locks, resolves, releases.
    Coordinator,
    /// Kommunpolis: opens, locks, resolves.
    Kommunpolis,
    /// Reviews and answers editions.
    Endorser,
    /// Changes the registry.
    Registrar,
    /// Reads the evidence.
    Auditor,
    /// Runs the domain.
    Operator,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Publisher,
        Self::Reader,
        Self::Coordinator,
        Self::Kommunpolis,
        Self::Endorser,
        Self::Registrar,
        Self::Auditor,
        Self::Operator,
    ];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Reader => "reader",
            Self::Coordinator => "coordinator",
            Self::Kommunpolis => "kommunpolis",
            Self::Endorser => "endorser",
            Self::Registrar => "registrar",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// Parses its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == code)
    }
}

/// A calling system: it speaks for named parties in named roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its id, `<organisation>/<name>`; the name is that of its certificate.
    pub id: ServiceId,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// The parties it speaks for.
    #[serde(default)]
    pub parties: BTreeSet<PartyId>,
    /// The roles in which it acts.
    pub roles: BTreeSet<Role>,
    /// It is shut out.
    #[serde(default)]
    pub suspended: bool,
}

/// A key that endorses on behalf of a party in a role; never held by the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndorsementKey {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// The public key in hexadecimal: 64 digits for Ed25519, 130 for P-256, uncompressed.
    pub public_key: String,
}

/// A key with which a party signs what it publishes; never held by the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherKey {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub party: PartyId,
    /// The public key in hexadecimal: 64 digits for Ed25519, 130 for P-256, uncompressed.
    pub public_key: String,
}

/// A key with which an organisation's registrar signs changes of the registry; never held by the
/// gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryKey {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub organisation: OrganisationId,
    /// The Ed25519 public key, 64 hexadecimal digits.
    pub public_key: String,
}

/// A named group: of organisations, as an audience; and of functions, as whom messages are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// The organisations in it: who is meant where it is an audience.
    pub members: BTreeSet<OrganisationId>,
    /// The functions in it, here and in other domains: who is meant where a message is sent to it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub functions: BTreeSet<FunctionId>,
}
