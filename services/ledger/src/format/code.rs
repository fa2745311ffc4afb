//! Enums: each value has its own name and number in the log.

use samsyn_domain::{
    Basis, Form, Kind, Reason, Regime, Trend,
    edition::{Phase, Verdict},
    merge::Field,
    registry::{Effect, FieldGroup, Role, Track, Variant},
    row::What,
};
use samsyn_proto::log;

use super::Damaged;

/// An enum that has a number in the log.
pub(super) trait Coded: Copy {
    /// Its number; never 0.
    fn code(self) -> i32;

    /// Reads its number.
    fn of_code(code: i32, field: &'static str) -> Result<Self, Damaged>;
}

/// Both ways from one list of names: those of the domain are those of the log.
macro_rules! coded {
    ($($name:ident: $($value:ident)+;)+) => {
        $(
            impl Coded for $name {
                fn code(self) -> i32 {
                    match self {
                        $(Self::$value => log::$name::$value.into(),)+
                    }
                }

                fn of_code(code: i32, field: &'static str) -> Result<Self, Damaged> {
                    match log::$name::try_from(code) {
                        $(Ok(log::$name::$value) => Ok(Self::$value),)+
                        Ok(log::$name::Unspecified) | Err(_) => Err(Damaged::Invalid(field)),
                    }
                }
            }
        )+

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn every_value_comes_back_and_zero_is_refused() {
                $(
                    $(assert_eq!($name::of_code($name::$value.code(), "f"), Ok($name::$value));)+
                    for code in [0, -1, i32::MAX] {
                        assert_eq!($name::of_code(code, "f"), Err(Damaged::Invalid("f")));
                    }
                )+
            }

            #[test]
            fn a_reason_has_the_number_that_the_domain_gives_it() {
                for reason in Reason::ALL {
                    assert_eq!(u32::try_from(reason.code()), Ok(reason.number()), "{reason:?}");
                }
            }
        }
    };
}

coded! {
    Basis: Fact Assessment Estimate;
    Effect: Tightens Loosens;
    Field: Class Severity Trend Counts;
    FieldGroup: Identity Place Time Counts Assessment Text Provenance;
    Form: Observation Series Assessment;
    Kind: ReportedCrime ObservedDisorder PerceivedInsecurity Environment SystemThreat;
    Phase: Collecting InReview Contested Endorsed Released Superseded Recalled;
    Reason: VersionConflict RevisionStale KeyReused KeyExpired EpochStale NotFound
        EditionWrongState EditionRoundStale RootMismatch AlreadyAnswered NotAnEndorser
        ConflictSettled ConflictUnknownValue EditionUnderWay ViewStale TooLarge
        WrongGenesis DuplicateId RegistryBaseStale RegistryInvalid ProposalLimit ProposalClosed
        OwnProposal NotTheProposer PartGone UploadLimit FeatureLevelTooLow UnknownAddress InboxFull
        LinkFull MessageClosed LinkClosed LinkStale EnvelopeUnfit;
    Regime: Nonpersonal Gdpr CrimeData;
    Role: Publisher Reader Coordinator Kommunpolis Endorser Registrar Auditor Operator;
    Track: Operative Strategic;
    Trend: Down Flat Up;
    Variant: Exact SubArea District;
    Verdict: Endorsed Reserved Objected;
    What: Publication Decision Dissent EmbargoEnd RetentionEnd;
}
