//! Why policy says no.

use std::fmt;

/// What is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The certificate names a service that is not registered.
    UnknownService,
    /// The service is shut out.
    Suspended,
    /// The certificate of the connection has expired.
    CertificateEnded,
    /// The service does not speak for this party.
    NotYourParty,
    /// The party has not signed this area's agreement, or does not answer for the sub-area.
    NotYourArea,
    /// The service does not act in a role that allows this.
    NotAllowed,
    /// No release row covers what is asked for.
    NoReleaseRow,
    /// The scope is wider than the release rows.
    ScopeTooWide,
    /// The purpose is not registered, or no right of the caller has it.
    PurposeNotCovered,
    /// The legal basis is not registered, or no right of the caller has it.
    BasisNotCovered,
    /// The legal basis asks for a recorded weighing of interests.
    WeighingRequired,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The level is above what the recipient may have.
    AboveCeiling,
    /// It is at home in another domain.
    HomeElsewhere,
    /// The view that another domain delivers is not whole.
    ViewIncomplete,
    /// Policy could not decide; denied.
    Undecided,
    /// The gateway failed; the cause is for its log alone.
    Internal(&'static str),
}

impl Why {
    /// Its stable id, as in the table of errors.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::UnknownService => "UNKNOWN_SERVICE",
            Self::Suspended => "SUSPENDED",
            Self::CertificateEnded => "CERTIFICATE_ENDED",
            Self::NotYourParty => "NOT_YOUR_PARTY",
            Self::NotYourArea => "NOT_YOUR_AREA",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::NoReleaseRow => "NO_RELEASE_ROW",
            Self::ScopeTooWide => "SCOPE_TOO_WIDE",
            Self::PurposeNotCovered => "PURPOSE_NOT_COVERED",
            Self::BasisNotCovered => "BASIS_NOT_COVERED",
            Self::WeighingRequired => "WEIGHING_REQUIRED",
            Self::NotFound => "NOT_FOUND",
            Self::AboveCeiling => "ABOVE_CEILING",
            Self::HomeElsewhere => "HOME_ELSEWHERE",
            Self::ViewIncomplete => "VIEW_INCOMPLETE",
            Self::Undecided => "POLICY_UNDECIDED",
            Self::Internal(_) => "INTERNAL",
        }
    }
}

/// A denial: what is in the way, by which rule, at which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What is in the way.
    pub why: Why,
    /// The rule, where one is named.
    pub rule: String,
    /// The path of the field; empty when it is about the whole.
    pub field: String,
}

impl Denial {
    /// About the whole request.
    #[must_use]
    pub fn of(why: Why) -> Self {
        Self { why, rule: String::new(), field: String::new() }
    }

    /// By a rule.
    #[must_use]
    pub fn by(self, rule: &str) -> Self {
        Self { rule: rule.to_owned(), ..self }
    }

    /// About one field.
    #[must_use]
    pub fn at(self, field: impl Into<String>) -> Self {
        Self { field: field.into(), ..self }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Why::UnknownService => {
                "this certificate's service is not registered; ask the registrar"
            }
            Why::Suspended => "this service is suspended; ask the registrar",
            Why::CertificateEnded => {
                "the certificate of this connection has expired; get a new one and connect again"
            }
            Why::NotYourParty => "this service does not speak for that party",
            Why::NotYourArea => "that party has no part in this area",
            Why::NotAllowed => "this service does not act in a role that allows this",
            Why::NoReleaseRow => {
                "no release row covers this; the originators would have to add one"
            }
            Why::ScopeTooWide => "the scope is wider than the release rows; ask for less",
            Why::PurposeNotCovered => "no right of the caller has this purpose",
            Why::BasisNotCovered => "no right of the caller has this legal basis",
            Why::WeighingRequired => {
                "this legal basis asks for the reference of a recorded weighing"
            }
            Why::NotFound => "there is no such thing, or you may not know of it",
            Why::AboveCeiling => "the level is above what the recipient may have",
            Why::HomeElsewhere => "it is at home in another domain; turn to that one",
            Why::ViewIncomplete => {
                "the view of this area is not whole; ask again, and tell the operator if that lasts"
            }
            Why::Undecided => "policy could not decide, so it is denied; tell the operator",
            Why::Internal(_) => "the gateway failed; the cause is in its log",
        })
    }
}

impl std::error::Error for Denial {}
