//! Signatures of registrars: that a signed statement is of this change of this registry, by a
//! registered key of the organisation that sends it.

use std::fmt;

use samsyn_domain::{
    KeyId, OrganisationId, State,
    commit::{
        descriptor::PublicKey,
        dsse::{PayloadType, pre_authentication},
        registry::{Decision, RegistryStatement},
    },
    registry::{Base, Change},
};

use crate::signature;

/// What a registrar says of a change, as it comes in.
#[derive(Clone, Copy)]
pub struct SignedChange<'a> {
    /// Whose registrar.
    pub organisation: &'a OrganisationId,
    /// Whether it proposes or approves.
    pub decision: Decision,
    /// The change.
    pub change: &'a Change,
    /// Against which registry.
    pub base: Base,
    /// The signed payload.
    pub statement: &'a [u8],
    /// The signature over its pre-authentication encoding, 64 bytes.
    pub signature: &'a [u8],
    /// With which registered key.
    pub key: &'a KeyId,
}

impl fmt::Debug for SignedChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {} under {}", self.decision, self.organisation, self.key)
    }
}

/// Why a registrar's signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadChangeSignature {
    /// The payload is no statement in canonical form.
    Malformed,
    /// The payload is of another domain, registry, change, decision or organisation.
    OtherChange,
    /// The key is not registered for the organisation.
    KeyUnknown,
    /// The signature does not fit payload and key.
    BadSignature,
}

impl BadChangeSignature {
    /// Its stable id, as in the table of errors.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Malformed | Self::OtherChange => "BAD_FIELD",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::BadSignature => "BAD_SIGNATURE",
        }
    }

    /// The path of the field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Malformed | Self::OtherChange => "signature.statement",
            Self::KeyUnknown => "signature.key_id",
            Self::BadSignature => "signature.signature",
        }
    }
}

impl fmt::Display for BadChangeSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the statement is in no canonical form; make it anew",
            Self::OtherChange => "the statement is of another change; sign this one's",
            Self::KeyUnknown => "the key is not registered for this organisation; use that one",
            Self::BadSignature => "the signature does not fit the statement; sign its exact bytes",
        })
    }
}

impl std::error::Error for BadChangeSignature {}

/// Checks what a registrar has signed.
///
/// # Errors
/// When any field of the statement is not that of the change, the key is not registered for the
/// organisation, or the signature does not verify strictly.
pub fn verify_change(state: &State, signed: &SignedChange<'_>) -> Result<(), BadChangeSignature> {
    let stated =
        RegistryStatement::decode(signed.statement).map_err(|_| BadChangeSignature::Malformed)?;
    let domain = state.founded().map_or("", |founded| founded.domain.as_str());
    let same = stated.domain == domain
        && stated.base_epoch == signed.base.epoch
        && stated.base.0 == signed.base.digest
        && stated.change.0 == signed.change.digest()
        && stated.decision == signed.decision
        && stated.organisation == signed.organisation.as_str();
    if !same {
        return Err(BadChangeSignature::OtherChange);
    }
    let key = key(state, signed).ok_or(BadChangeSignature::KeyUnknown)?;
    let bytes = pre_authentication(PayloadType::RegistryChange, signed.statement);
    if signature::holds(&key, &bytes, signed.signature) {
        Ok(())
    } else {
        Err(BadChangeSignature::BadSignature)
    }
}

fn key(state: &State, signed: &SignedChange<'_>) -> Option<PublicKey> {
    let registered = state.registry().registry_key(signed.key)?;
    if registered.organisation != *signed.organisation {
        return None;
    }
    PublicKey::from_hex(&registered.public_key)
}
