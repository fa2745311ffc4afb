//! Why an edition cannot be made.

use samsyn_domain::commit;

/// Why the content of an edition cannot be made, or made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmade {
    /// The agreement has no descriptor, or one that names another domain or other endorsers.
    #[error("the agreement has no descriptor of its endorsers; register the one they have signed")]
    NoDescriptor,
    /// Not all who must endorse may see the analysis.
    #[error("not all who must endorse may see the analysis; address it to the signatories")]
    AnalysisWithheld,
    /// Of what all endorsers may see nothing is from a municipal party, or from the police.
    #[error("the basis lacks a contribution of a municipal party or of the police")]
    BasisIncomplete,
    /// More objects than the tree has room for.
    #[error("{objects} objects exceed the {limit} that the tree has room for; use less at a time")]
    TooManyObjects {
        /// How many there are.
        objects: usize,
        /// How many fit.
        limit: u32,
    },
    /// Policy has not decided what a receiver of cells may have. See
    /// [`undecided`](super::undecided).
    #[error("what a receiver of cells may have is not decided; decide it first")]
    Undecided,
    /// The data key of a unit of erasure is not there.
    #[error("a data key is missing; restore the key file")]
    KeyMissing,
    /// What is made now is not what was locked.
    #[error("the content root is not the one that was locked; tell the operator")]
    RootDiffers,
    /// State lacks something that it always has.
    #[error("what the edition is made from is not whole; tell the operator")]
    NotWhole,
    /// A value has no canonical form.
    #[error("a value has no canonical form; tell the operator")]
    Malformed(#[from] commit::Error),
}

impl Unmade {
    /// Its stable id, as in the table of errors.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::TooManyObjects { .. } => "TOO_MANY_OBJECTS",
            Self::AnalysisWithheld => "ANALYSIS_WITHHELD",
            Self::BasisIncomplete => "BASIS_INCOMPLETE",
            Self::Undecided => "POLICY_UNDECIDED",
            Self::NoDescriptor
            | Self::KeyMissing
            | Self::RootDiffers
            | Self::NotWhole
            | Self::Malformed(_) => "INTERNAL",
        }
    }

    /// What is wrong, for the log.
    pub(super) const fn cause(&self) -> &'static str {
        match self {
            Self::NoDescriptor => "the agreement has no descriptor of its endorsers",
            Self::AnalysisWithheld => "not all who must endorse may see the analysis",
            Self::BasisIncomplete => "the basis is one side's alone",
            Self::TooManyObjects { .. } => "an edition has more objects than its tree has room for",
            Self::Undecided => "what a receiver of cells may have is not decided",
            Self::KeyMissing => "a data key of an edition is missing",
            Self::RootDiffers => "an edition's content root is not the one that was locked",
            Self::NotWhole => "what an edition is made from is not whole",
            Self::Malformed(_) => "a value of an edition has no canonical form",
        }
    }
}
