//! Answers to an edition: that a signed statement is what the answer says, of this round, by the
//! registered key.

use std::fmt;

use samsyn_domain::{
    KeyId, PartyId, State,
    commit::{
        descriptor::{Function, PublicKey},
        dsse::{PayloadType, pre_authentication},
        endorsement::{self, Endorsement, reservation_commitment},
        salt::Salt,
    },
    edition::{Edition, Round, Verdict},
    registry::{Endorser, Role},
};

use super::basis::{self, Signed};
use crate::signature;

/// An answer as it comes in.
#[derive(Clone, Copy)]
pub struct SignedAnswer<'a> {
    /// Whose.
    pub party: &'a PartyId,
    /// In which role.
    pub role: Role,
    /// What it says.
    pub verdict: Verdict,
    /// The reservation or objection, in NFC; empty when there is none.
    pub text: &'a str,
    /// The salt of the text's commitment, 32 bytes.
    pub text_salt: &'a [u8],
    /// The signed payload.
    pub statement: &'a [u8],
    /// The signature over its pre-authentication encoding, 64 bytes.
    pub signature: &'a [u8],
    /// With which registered key.
    pub key: &'a KeyId,
}

impl fmt::Debug for SignedAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answer of {} as {} under {}", self.party, self.role.as_str(), self.key)
    }
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAnswer {
    /// The payload is no endorsement in canonical form.
    Malformed,
    /// The payload is of an earlier or later round than the current one.
    RoundStale {
        /// The current round.
        current: u32,
    },
    /// The content root or the basis is not that of the round.
    RootMismatch,
    /// The payload names another domain, agreement, descriptor, area, edition, track or period.
    OtherEdition,
    /// The payload says another party, role, verdict or text than the answer around it; the field
    /// is that of the answer.
    OtherAnswer(&'static str),
    /// The agreement does not ask this party and role for an answer.
    NotAnEndorser,
    /// The key is not the one registered for this party and role and named by the descriptor.
    KeyUnknown,
    /// The signature does not fit payload and key.
    BadSignature,
    /// There is no round to answer.
    NoRound,
    /// The agreement has no descriptor that fits it.
    NoDescriptor,
}

impl BadAnswer {
    /// Its stable id, as in the table of errors.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Malformed | Self::OtherEdition | Self::OtherAnswer(_) => "BAD_FIELD",
            Self::BadSignature => "BAD_SIGNATURE",
            Self::RoundStale { .. } => "EDITION_ROUND_STALE",
            Self::RootMismatch => "ROOT_MISMATCH",
            Self::NotAnEndorser => "NOT_AN_ENDORSER",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::NoRound => "EDITION_WRONG_STATE",
            Self::NoDescriptor => "INTERNAL",
        }
    }

    /// The path of the field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Malformed | Self::RoundStale { .. } | Self::RootMismatch | Self::OtherEdition => {
                "answer.statement"
            }
            Self::OtherAnswer(field) => field,
            Self::NotAnEndorser => "answer.party",
            Self::KeyUnknown => "answer.key_id",
            Self::BadSignature => "answer.signature",
            Self::NoRound | Self::NoDescriptor => "edition_id",
        }
    }
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the statement is no endorsement in canonical form; make it anew",
            Self::RoundStale { .. } => "the edition was locked anew; review the new round",
            Self::RootMismatch => {
                "the content root or basis is not that of the current round; review it again"
            }
            Self::OtherEdition => "the statement is of another edition; sign this one's",
            Self::OtherAnswer(_) => "the statement says something else than the answer around it",
            Self::NotAnEndorser => "the agreement does not ask this party and role for an answer",
            Self::KeyUnknown => "the key is not registered for this party and role; use that one",
            Self::BadSignature => "the signature does not fit the statement; sign its exact bytes",
            Self::NoRound => "the edition is not locked; wait for its lock",
            Self::NoDescriptor => "the agreement has no descriptor; tell the operator",
        })
    }
}

impl std::error::Error for BadAnswer {}

/// Checks a signed answer against the current round of an edition; gives what it states.
///
/// # Errors
/// When any field of the statement is not that of the round or of the answer, the key is not the
/// endorser's, or the signature does not verify strictly.
pub fn verify_answer(
    state: &State,
    edition: &Edition,
    answer: &SignedAnswer<'_>,
) -> Result<Endorsement, BadAnswer> {
    let round = edition.current().ok_or(BadAnswer::NoRound)?;
    let stated = Endorsement::decode(answer.statement).map_err(|_| BadAnswer::Malformed)?;
    if stated.edition != edition.id.as_str() {
        return Err(BadAnswer::OtherEdition);
    }
    if stated.round != round.number {
        return Err(BadAnswer::RoundStale { current: round.number });
    }
    if stated.content_root.0 != round.locked.root || stated.basis.0 != round.locked.basis {
        return Err(BadAnswer::RootMismatch);
    }
    let registry = state.registry_of(edition);
    let signed = basis::descriptor(state, registry, &edition.area, edition.track)
        .map_err(|_| BadAnswer::NoDescriptor)?;
    of_edition(&stated, edition, round, &signed)?;
    of_answer(&stated, answer)?;
    let endorser = Endorser { party: answer.party.clone(), role: answer.role };
    if !state.required(edition).contains(&endorser) {
        return Err(BadAnswer::NotAnEndorser);
    }
    let key = key(state, edition, &signed, answer).ok_or(BadAnswer::KeyUnknown)?;
    let bytes = pre_authentication(PayloadType::Endorsement, answer.statement);
    if !signature::holds(&key, &bytes, answer.signature) {
        return Err(BadAnswer::BadSignature);
    }
    Ok(stated)
}

fn of_edition(
    stated: &Endorsement,
    edition: &Edition,
    round: &Round,
    signed: &Signed,
) -> Result<(), BadAnswer> {
    let descriptor = &signed.descriptor;
    let (from, to) = edition.period.bounds();
    let same = stated.domain == descriptor.domain
        && stated.agreement == descriptor.agreement
        && stated.descriptor.0 == round.descriptor
        && stated.area == edition.area.as_str()
        && stated.track == edition.track.as_str()
        && stated.from == from.micros()
        && stated.to == to.micros();
    if same { Ok(()) } else { Err(BadAnswer::OtherEdition) }
}

pub(crate) fn of_answer(stated: &Endorsement, answer: &SignedAnswer<'_>) -> Result<(), BadAnswer> {
    let verdict = match answer.verdict {
        Verdict::Endorsed => endorsement::Verdict::Endorse,
        Verdict::Reserved => endorsement::Verdict::Reserve,
        Verdict::Objected => endorsement::Verdict::Object,
    };
    let salt = answer.text_salt.try_into().ok().map(Salt::new);
    let salt = salt.ok_or(BadAnswer::OtherAnswer("answer.text_salt"))?;
    let text = reservation_commitment(&salt, answer.text);
    for (same, field) in [
        (stated.party == answer.party.as_str(), "answer.party"),
        (stated.role == answer.role.as_str(), "answer.actor_role"),
        (stated.verdict == verdict, "answer.verdict"),
        (text.as_ref() == Ok(&stated.reservation), "answer.text"),
    ] {
        if !same {
            return Err(BadAnswer::OtherAnswer(field));
        }
    }
    Ok(())
}

/// The key of an answer, when it is registered for its function and the descriptor names it: a
/// proof verifies with the descriptor's key alone.
fn key(
    state: &State,
    edition: &Edition,
    signed: &Signed,
    answer: &SignedAnswer<'_>,
) -> Option<PublicKey> {
    let registered = state.registry().key(answer.key)?;
    if registered.party != *answer.party || registered.role != answer.role {
        return None;
    }
    let key = PublicKey::from_hex(&registered.public_key)?;
    let function =
        Function { party: answer.party.as_str().to_owned(), role: answer.role.as_str().to_owned() };
    let named = signed.descriptor.tracks.get(edition.track.as_str())?.get(&function)?;
    (*named == key).then_some(key)
}
