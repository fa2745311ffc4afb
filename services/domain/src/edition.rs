//! Editions (utgåvor): the picture of a period that the parties agree on.

use crate::{
    AreaId, EditionId, KeyId, Labels, PartyId, Period, Sealed, Timestamp,
    command::Digest,
    registry::{Role, Track},
};

/// How often an edition may be locked.
pub const ROUNDS_MAX: usize = 100;

/// Where an edition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Contributions are collected.
    Collecting,
    /// A round is put to the endorsers.
    InReview,
    /// A signatory objects.
    Contested,
    /// All required endorsers have endorsed.
    Endorsed,
    /// It is released.
    Released,
    /// A later one of that area, period and track is released.
    Superseded,
    /// It is called back.
    Recalled,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 7] = [
        Self::Collecting,
        Self::InReview,
        Self::Contested,
        Self::Endorsed,
        Self::Released,
        Self::Superseded,
        Self::Recalled,
    ];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::InReview => "in_review",
            Self::Contested => "contested",
            Self::Endorsed => "endorsed",
            Self::Released => "released",
            Self::Superseded => "superseded",
            Self::Recalled => "recalled",
        }
    }
}

/// What a party answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It endorses.
    Endorsed,
    /// It endorses with a reservation.
    Reserved,
    /// It objects.
    Objected,
}

/// A signed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whose.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// What it says.
    pub verdict: Verdict,
    /// The reservation or objection with the salt of its commitment, under seal.
    pub text: Option<Sealed>,
    /// The signed payload.
    pub statement: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// With which registered key.
    pub key: KeyId,
    /// When it was recorded.
    pub at: Timestamp,
}

/// What a lock fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The area's revision: it pins every own-picture version and every decision.
    pub revision: u64,
    /// The content root.
    pub root: Digest,
    /// The commitment to the basis.
    pub basis: Digest,
    /// The round's salts and the analysis, under seal.
    pub secrets: Sealed,
    /// Who may have the analysis.
    pub analysis_labels: Labels,
    /// How many objects the tree holds.
    pub objects: u32,
}

/// One lock with its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Counts the locks from 1.
    pub number: u32,
    /// What was locked.
    pub locked: Locked,
    /// The digest of the agreement's descriptor.
    pub descriptor: Digest,
    /// Who locked it.
    pub locked_by: PartyId,
    /// When.
    pub locked_at: Timestamp,
    /// The answers; a new round starts without any.
    pub answers: Vec<Answer>,
}

/// The release of an edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: PartyId,
    /// Counts the domain's releases.
    pub sequence: u64,
}

/// An edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// Its id.
    pub id: EditionId,
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// How it is agreed on.
    pub track: Track,
    /// Where it stands.
    pub phase: Phase,
    /// By when the answers are wanted.
    pub due: Timestamp,
    /// That time has passed and answers are missing. It never endorses.
    pub overdue: bool,
    /// Who opened it.
    pub opened_by: PartyId,
    /// When.
    pub opened_at: Timestamp,
    /// Its rounds; the last one counts.
    pub rounds: Vec<Round>,
    /// Its release.
    pub released: Option<Released>,
}

impl Edition {
    /// The round that counts.
    #[must_use]
    pub fn current(&self) -> Option<&Round> {
        self.rounds.last()
    }

    /// Its number; 0 before the first lock.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.current().map_or(0, |round| round.number)
    }
}
