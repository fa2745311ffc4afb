//! Why a command did not do what it was asked, by whose fault; each fault has its exit code.

use std::{error::Error, fmt, path::Path, process::ExitCode};

use samsyn_client::{BadProfile, ConnectError, NoChange, NotEndorsed, Refused, verify};
use tonic::{Code, Status};

use crate::{import, pki};

/// The exit codes, as the help shows them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused by the gateway; the message names reason, rule and remedy
  2  the command line does not hold
  3  the gateway cannot be reached, or the connection broke
  4  what should be verified does not hold
  5  a local file, profile or key does not hold";

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The gateway refused; exit code 1.
    Refused(Box<Refused>),
    /// The gateway would refuse, or did refuse some of it; exit code 1.
    Rejected(String),
    /// What is asked for does not hold; exit code 2.
    Usage(String),
    /// No connection came about, or it broke; exit code 3.
    Unreachable(String),
    /// A proof, root or signature does not hold; exit code 4.
    Unverified(String),
    /// A local file does not hold; exit code 5.
    Local(String),
}

impl Failure {
    /// A local file that cannot be read or written.
    pub(crate) fn file(verb: &str, file: &Path, why: &std::io::Error) -> Self {
        let file = file.display();
        Self::Local(format!("cannot {verb} `{file}`: {why}; check the path and the rights"))
    }

    /// The exit code.
    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Rejected(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Unverified(_) => 4,
            Self::Local(_) => 5,
        }
    }

    /// The exit code for the system.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// Whether the gateway refused for this reason.
    pub(crate) fn is(&self, reason: &str) -> bool {
        match self {
            Self::Refused(refused) => refused.reason.is_some_and(|own| own.id() == reason),
            Self::Rejected(_)
            | Self::Usage(_)
            | Self::Unreachable(_)
            | Self::Unverified(_)
            | Self::Local(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => {
                write!(f, "{refused}")?;
                let swedish = refused.reason.map(|reason| reason.text_sv());
                swedish.map_or(Ok(()), |text| write!(f, "\n  sv: {text}"))
            }
            Self::Rejected(why)
            | Self::Usage(why)
            | Self::Unreachable(why)
            | Self::Unverified(why)
            | Self::Local(why) => f.write_str(why),
        }
    }
}

impl Error for Failure {}

/// A status without a stable reason of ours, of a code that the transport itself gives, is a
/// broken connection.
impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let of_transport = matches!(
            refused.status.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled
        );
        if refused.reason.is_none() && of_transport {
            return Self::Unreachable(format!(
                "the connection broke: {}; try again",
                with_causes(&refused.status)
            ));
        }
        Self::Refused(Box::new(refused))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Refused::from(status).into()
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match &error {
            ConnectError::Profile(_) => Self::Local(with_causes(&error)),
            ConnectError::Unreachable { .. } => Self::Unreachable(with_causes(&error)),
        }
    }
}

impl From<BadProfile> for Failure {
    fn from(bad: BadProfile) -> Self {
        Self::Local(bad.to_string())
    }
}

impl From<pki::Error> for Failure {
    fn from(error: pki::Error) -> Self {
        use pki::Error;
        match &error {
            Error::TrustDomain(_)
            | Error::Name(_)
            | Error::NoAddress
            | Error::DnsName(_)
            | Error::Uri(_)
            | Error::ForeignName { .. } => Self::Usage(error.to_string()),
            Error::Ended
            | Error::Exists { .. }
            | Error::NothingIssued { .. }
            | Error::Read { .. }
            | Error::Write { .. }
            | Error::Index { .. }
            | Error::Authority { .. }
            | Error::Make { .. }
            | Error::Random { .. } => Self::Local(with_causes(&error)),
        }
    }
}

impl From<import::BadFile> for Failure {
    fn from(bad: import::BadFile) -> Self {
        Self::Local(bad.to_string())
    }
}

impl From<NotEndorsed> for Failure {
    fn from(why: NotEndorsed) -> Self {
        match why {
            NotEndorsed::Refused(refused) => refused.into(),
            NotEndorsed::Rejected(rejected) => rejected.into(),
            NotEndorsed::OtherRoot { .. } | NotEndorsed::NewRound | NotEndorsed::Incomplete(_) => {
                Self::Unverified(format!("{why}: nothing was signed"))
            }
        }
    }
}

impl From<NoChange> for Failure {
    fn from(why: NoChange) -> Self {
        match why {
            NoChange::Refused(refused) => refused.into(),
            NoChange::UnknownRow(_) | NoChange::OtherDigest => {
                Self::Unverified(format!("{why}: nothing was signed"))
            }
            NoChange::Registry(_)
            | NoChange::Change(_)
            | NoChange::NoKey
            | NoChange::KeyUnknown => Self::Local(why.to_string()),
        }
    }
}

impl From<verify::Rejected> for Failure {
    fn from(rejected: verify::Rejected) -> Self {
        Self::Unverified(rejected.to_string())
    }
}

/// An error with what caused it, each once.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    fn refusal(code: Code, reason: &str) -> Failure {
        let details = ErrorDetails::with_error_info(reason, "samsyn", HashMap::new());
        Status::with_error_details(code, "no", details).into()
    }

    #[test]
    fn each_fault_has_its_exit_code() {
        let io = std::io::Error::other("no");
        let cases = [
            (refusal(Code::PermissionDenied, "NO_RELEASE_ROW"), 1),
            (refusal(Code::Unavailable, "DRAINING"), 1),
            (Status::invalid_argument("no").into(), 1),
            (Failure::Rejected("no".into()), 1),
            (Failure::Usage("no".into()), 2),
            (pki::Error::NoAddress.into(), 2),
            (Status::unavailable("no").into(), 3),
            (Status::deadline_exceeded("no").into(), 3),
            (Failure::Unverified("no".into()), 4),
            (Failure::file("read", Path::new("x"), &io), 5),
            (pki::Error::Ended.into(), 5),
            (import::BadFile::TooLarge.into(), 5),
        ];
        for (failure, code) in cases {
            assert_eq!(failure.number(), code, "{failure}");
        }
    }

    #[test]
    fn the_help_lists_every_code_once() {
        for code in 0..=5 {
            assert_eq!(EXIT_CODES.matches(&format!("\n  {code}  ")).count(), 1, "{code}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_both_languages() {
        let text = refusal(Code::PermissionDenied, "NO_RELEASE_ROW").to_string();
        assert!(text.contains("NO_RELEASE_ROW") && text.contains("\n  sv: "), "{text}");
        assert!(refusal(Code::Aborted, "VERSION_CONFLICT").is("VERSION_CONFLICT"));
    }
}
