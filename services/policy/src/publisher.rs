//! What a party signs of its own publication: that the manifest is of exactly what came with it,
//! by a key that is registered for the party.

use std::fmt;

use samsyn_domain::{
    AreaId, Draft, KeyId, ObservationId, PartyId, Period, State,
    commit::{
        descriptor::PublicKey,
        dsse::{PayloadType, pre_authentication},
        hash::Digest,
        publication::{self, PublicationManifest},
    },
};

use crate::signature;

/// A publication as it came in.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    /// Whose own picture.
    pub party: &'a PartyId,
    /// Of which area.
    pub area: &'a AreaId,
    /// The version that it changes.
    pub base_version: u64,
    /// The period that it replaces.
    pub covers: Option<Period>,
    /// Its observations.
    pub drafts: &'a [Draft],
    /// What it withdraws.
    pub withdrawn: &'a [ObservationId],
    /// Why.
    pub reason: Option<&'a str>,
}

impl fmt::Debug for Published<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "publication of {} on {}", self.party, self.base_version)
    }
}

/// A manifest as it came in.
#[derive(Clone, Copy)]
pub struct ManifestGiven<'a> {
    /// With which registered key.
    pub key: &'a KeyId,
    /// The signed payload.
    pub statement: &'a [u8],
    /// The signature over its pre-authentication encoding.
    pub signature: &'a [u8],
    /// The salt of its commitments.
    pub salt: &'a [u8; 32],
}

impl fmt::Debug for ManifestGiven<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "manifest under {}", self.key)
    }
}

/// Why a publication is refused for its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadManifest {
    /// The party signs what it publishes, and there is none.
    Missing,
    /// The payload is no manifest in canonical form.
    Malformed,
    /// It is of another domain, party, area, version or period.
    OtherPublication,
    /// What came with it is not what was signed.
    OtherContent,
    /// The key is not registered for this party.
    KeyUnknown,
    /// The signature does not fit payload and key.
    BadSignature,
}

impl BadManifest {
    /// Its stable id, as in the table of errors.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Missing => "MANIFEST_REQUIRED",
            Self::Malformed | Self::OtherPublication => "BAD_FIELD",
            Self::OtherContent => "MANIFEST_MISMATCH",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::BadSignature => "BAD_SIGNATURE",
        }
    }

    /// The path of the field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Missing => "manifest",
            Self::Malformed | Self::OtherPublication | Self::OtherContent => "manifest.statement",
            Self::KeyUnknown => "manifest.key_id",
            Self::BadSignature => "manifest.signature",
        }
    }
}

impl fmt::Display for BadManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => {
                "this party signs what it publishes; sign a manifest and send it along"
            }
            Self::Malformed => "the statement is no manifest in canonical form; make it anew",
            Self::OtherPublication => "the manifest is of another publication; sign this one",
            Self::OtherContent => "what came is not what was signed; sign exactly what is sent",
            Self::KeyUnknown => "the key is not registered for this party; use the one that is",
            Self::BadSignature => "the signature does not fit the manifest; sign its exact bytes",
        })
    }
}

impl std::error::Error for BadManifest {}

/// Checks what a party has signed of a publication; gives its digest, or none when nothing is
/// signed and nothing needs to be.
///
/// # Errors
/// When a manifest is required and missing, says anything else than what came with it, the key is
/// not the party's, or the signature does not hold.
pub fn verify_manifest(
    state: &State,
    published: &Published<'_>,
    given: Option<&ManifestGiven<'_>>,
) -> Result<Option<Digest>, BadManifest> {
    let registry = state.registry();
    let Some(given) = given else {
        let signs = registry.party(published.party).is_some_and(|party| party.signs);
        return if signs { Err(BadManifest::Missing) } else { Ok(None) };
    };
    let stated =
        PublicationManifest::decode(given.statement).map_err(|_| BadManifest::Malformed)?;
    let domain = state.founded().map_or("", |founded| founded.domain.as_str());
    let same = stated.domain == domain
        && stated.party == published.party.as_str()
        && stated.area == published.area.as_str()
        && stated.base_version == published.base_version
        && stated.covers == published.covers.map(|period| period.to_string());
    if !same {
        return Err(BadManifest::OtherPublication);
    }
    let key = registry.publisher_key(given.key).filter(|key| key.party == *published.party);
    let key = key.and_then(|key| PublicKey::from_hex(&key.public_key));
    let key = key.ok_or(BadManifest::KeyUnknown)?;
    let signed = pre_authentication(PayloadType::PublicationManifest, given.statement);
    if !signature::holds(&key, &signed, given.signature) {
        return Err(BadManifest::BadSignature);
    }
    let root = publication::root(given.salt, published.drafts, published.withdrawn);
    let reason = published.reason.map(|text| publication::reason(given.salt, text));
    let changes = published.drafts.len().saturating_add(published.withdrawn.len());
    let same = root.is_ok_and(|root| root == stated.root)
        && stated.reason == reason
        && usize::try_from(stated.changes) == Ok(changes);
    if !same {
        return Err(BadManifest::OtherContent);
    }
    Ok(Some(PublicationManifest::digest_of(given.statement)))
}
