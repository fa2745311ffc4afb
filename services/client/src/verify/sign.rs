//! What an endorser signs, sections 7 and 8 of the protocol page.

use ed25519_dalek::{Signer as _, SigningKey};
use samsyn_domain::{
    AreaId, EditionId, PartyId, Timestamp,
    edition::Verdict,
    registry::{Role, Track},
};

use super::{
    canonical::Writer,
    envelope::Payload,
    hash::{Digest, Use, hash},
    profile::Controlled,
};

/// An answer of a party in a role to what it has reviewed.
#[derive(Debug, Clone)]
pub struct EndorsementToSign<'a> {
    /// What was reviewed: its content root must be the one that the edition's header names.
    pub reviewed: Controlled<'a>,
    /// The area.
    pub area: AreaId,
    /// The edition (utgåva).
    pub edition: EditionId,
    /// Which round.
    pub round: u32,
    /// How the edition is agreed on.
    pub track: Track,
    /// From when, inclusive, until when, exclusive.
    pub period: (Timestamp, Timestamp),
    /// Who answers.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// What it answers.
    pub verdict: Verdict,
    /// See [`reservation_commitment`]; also there when nothing is reserved.
    pub reservation_commitment: Digest,
}

/// The canonical payload of an endorsement.
#[must_use]
pub fn endorsement_payload(answer: &EndorsementToSign<'_>) -> Vec<u8> {
    let (from, to) = answer.period;
    let reviewed = answer.reviewed.reviewed();
    let verdict = match answer.verdict {
        Verdict::Endorsed => 1,
        Verdict::Reserved => 2,
        Verdict::Objected => 3,
    };
    Writer::default()
        .i64(1, 1)
        .text(2, &reviewed.domain)
        .text(3, &reviewed.agreement)
        .digest(4, &reviewed.descriptor_digest)
        .text(5, answer.area.as_str())
        .text(6, answer.edition.as_str())
        .i64(7, answer.round.into())
        .text(8, answer.track.as_str())
        .i64(9, from.micros())
        .i64(10, to.micros())
        .digest(11, &reviewed.content_root)
        .digest(12, &reviewed.basis_commitment)
        .text(13, answer.party.as_str())
        .text(14, answer.role.as_str())
        .i64(15, verdict)
        .digest(16, &answer.reservation_commitment)
        .done()
}

/// Signs the payload of an endorsement: Ed25519 over its pre-authentication encoding.
#[must_use]
pub fn sign(key: &SigningKey, payload: &[u8]) -> [u8; 64] {
    key.sign(&Payload::Endorsement.to_sign(payload)).to_bytes()
}

/// The commitment to the text of a reservation or objection, empty when there is none. `salt` is
/// drawn anew for each answer; the text is in Unicode normalization form C.
#[must_use]
pub fn reservation_commitment(salt: &Digest, text: &str) -> Digest {
    hash(Use::Reservation, &[salt, text.as_bytes()])
}
