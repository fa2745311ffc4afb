//! Offline verification of partner proofs, and the endorser's review.
//!
//! Written from `docs/protocol.md` and `docs/merge.md` alone: it shares no code for bytes, hashes
//! and trees with the domain that makes them, so a fault of one is found by the other. Nothing here
//! opens a connection, reads a clock or draws a random number.

mod canonical;
mod envelope;
mod findings;
mod form;
mod hash;
mod joint;
mod object;
mod profile;
mod proof;
mod publication;
mod registry;
mod rejected;
mod review;
mod shown;
mod sign;
mod statement;
mod tree;

use samsyn_domain::{Timestamp, edition::Verdict};

pub use hash::Digest;
pub use object::{
    About, Amount, Assessment, Counts, Fields, Identity, Labels, ObjectKind, Opened, Place,
    PlaceVariant, Provenance, Treatment, VerifiedObject,
};
pub use profile::Controlled;
pub use proof::proof;
pub(crate) use publication::publication_salt;
pub use publication::{publication_digest, publication_payload, publication_to_sign};
pub use registry::{ChangeToSign, change_digest, registry_digest, registry_payload, sign_registry};
pub use rejected::{Rejected, Step};
pub use review::{Reviewed, ReviewedObject, review};
pub use sign::{EndorsementToSign, endorsement_payload, reservation_commitment, sign};
pub use statement::Basis;

/// What a partner holds fast when it is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// The digest of the descriptor: who must endorse, with which keys.
    pub descriptor: Digest,
}

/// A proof that holds: what its objects say is what the parties endorsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The domain.
    pub domain: String,
    /// The agreement (samverkansöverenskommelse).
    pub agreement: String,
    /// The edition (utgåva).
    pub edition: String,
    /// The area.
    pub area: String,
    /// From when, inclusive, until when, exclusive.
    pub period: (Timestamp, Timestamp),
    /// How it was agreed on.
    pub track: String,
    /// Which round was endorsed.
    pub round: u32,
    /// What was endorsed.
    pub content_root: Digest,
    /// What it rests on.
    pub basis_commitment: Digest,
    /// By which rules findings follow from objects.
    pub merge_version: u32,
    /// The receiver's rights and scope, as a digest made by the domain.
    pub class_digest: Digest,
    /// Grows with each manifest of the class.
    pub sequence: u64,
    /// The digest of the manifest, as in the domain's log.
    pub manifest_digest: Digest,
    /// Who endorsed, by party and role.
    pub endorsements: Vec<Endorsed>,
    /// What was opened, by slot.
    pub objects: Vec<VerifiedObject>,
    /// How many leaves were opened.
    pub fields_opened: usize,
    /// How many signatures were checked.
    pub signatures: usize,
}

/// One who had to endorse, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsed {
    /// The party.
    pub party: String,
    /// In which role.
    pub role: String,
    /// With or without reservation.
    pub verdict: Verdict,
}

impl Verified {
    /// The parties' joint analysis, when its text was opened.
    #[must_use]
    pub fn analysis(&self) -> Option<&str> {
        let analysis = self.objects.iter().find(|object| object.kind == ObjectKind::Analysis)?;
        analysis.fields.text.value().map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
