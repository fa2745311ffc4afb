//! Why a session ends.

use std::fmt;

use samsyn_domain::{Reason, link::FrozenFor};
use samsyn_ledger::{NotTaken, Rejection};
use samsyn_policy::BadEnvelope;

macro_rules! closings {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// Why a session ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Closing {
            $($(#[$doc])* $name,)+
        }

        impl Closing {
            /// Its stable code, as it is sent.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Parses a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }

            /// In a sentence, with what to do.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

closings! {
    /// The node does not lead.
    NotLeading = "NOT_LEADING", "that node does not lead its domain; another is tried";
    /// The node stops.
    Draining = "DRAINING", "that node stops; another is tried";
    /// Another session of this link was opened.
    Replaced = "REPLACED", "another session of this link was opened";
    /// An operator has stopped the link.
    Paused = "PAUSED", "an operator has paused the link";
    /// The link stands still.
    Frozen = "FROZEN", "the link stands still: see why it was frozen";
    /// The domain is not registered as a peer.
    NotRegistered = "NOT_REGISTERED", "the domain is not registered as a peer there; have it added";
    /// Its certificate has ended, was revoked, or its authority is not registered any more.
    NotTrusted = "NOT_TRUSTED", "the certificate has ended or was revoked; a new one is needed";
    /// It says that it is another domain, or speaks to another.
    WrongDomain = "WRONG_DOMAIN", "the other side is another domain, or takes us for another";
    /// The federations differ.
    WrongFederation = "WRONG_FEDERATION", "the domains are of different federations";
    /// The protocol is unknown.
    ProtocolUnknown = "PROTOCOL_UNKNOWN", "the versions have no protocol in common; upgrade one";
    /// Something is not signed by who sends it.
    BadSignature = "BAD_SIGNATURE", "something has no registered signature; compare the keys";
    /// An envelope is missing.
    Gap = "GAP", "an envelope is missing before one that came";
    /// There are two histories.
    Fork = "FORK", "two different envelopes have one number; the link stands still";
    /// The other side was set back.
    Regression = "REGRESSION", "one side has forgotten what it had said; the link stands still";
    /// The chain is not the one in force.
    EpochUnknown = "EPOCH_UNKNOWN", "one side has begun the link anew; the other has to as well";
    /// More was sent than was asked for.
    OverQuota = "OVER_QUOTA", "more was sent than was granted, or more was set aside than is kept";
    /// An envelope is too large.
    TooLarge = "TOO_LARGE", "an envelope is larger than 256 KiB";
    /// Something cannot be read.
    Malformed = "MALFORMED", "something that came cannot be read";
    /// Nothing came for too long.
    Silent = "SILENT", "nothing came for 15 seconds";
    /// The connection broke.
    Broken = "BROKEN", "the connection broke";
    /// This side failed; the cause is in its log.
    Failed = "FAILED", "that side failed; the cause is in its log";
}

impl Closing {
    /// Whether it is worth a line in the log above the ordinary.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        matches!(
            self,
            Self::BadSignature
                | Self::Fork
                | Self::Regression
                | Self::Gap
                | Self::EpochUnknown
                | Self::OverQuota
                | Self::TooLarge
                | Self::Malformed
                | Self::NotTrusted
                | Self::WrongDomain
                | Self::WrongFederation
        )
    }
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.text())
    }
}

impl From<FrozenFor> for Closing {
    fn from(why: FrozenFor) -> Self {
        match why {
            FrozenFor::Fork => Self::Fork,
            FrozenFor::Regression => Self::Regression,
        }
    }
}

impl From<&NotTaken> for Closing {
    fn from(why: &NotTaken) -> Self {
        match why {
            NotTaken::Bad(BadEnvelope::Signature) => Self::BadSignature,
            NotTaken::Bad(BadEnvelope::Malformed) => Self::Malformed,
            NotTaken::Bad(BadEnvelope::TooLarge) => Self::TooLarge,
            NotTaken::Bad(BadEnvelope::Federation) => Self::WrongFederation,
            NotTaken::Gap(_) => Self::Gap,
            NotTaken::Epoch(_) => Self::EpochUnknown,
            NotTaken::Replaced => Self::Replaced,
            NotTaken::Frozen(_, why) => (*why).into(),
            NotTaken::Rejected(rejection) => rejection.into(),
        }
    }
}

impl From<&Rejection> for Closing {
    fn from(why: &Rejection) -> Self {
        if matches!(why, Rejection::Failed(samsyn_ledger::Error::NoLeader)) {
            return Self::NotLeading;
        }
        let refused =
            if let Rejection::Refused(refusal) = why { Some(refusal.reason) } else { None };
        match refused {
            Some(Reason::LinkClosed) => Self::Paused,
            Some(Reason::LinkFull) => Self::OverQuota,
            Some(_) | None => Self::Failed,
        }
    }
}
