//! Why a handshake was refused: one stable word for the log, nothing more for the peer.

use std::{fmt, io};

use rustls::{CertificateError, Error};

/// Why a handshake was refused. The words are stable: alarms are built on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The handshake took longer than it may.
    Deadline,
    /// It gave way to a new one while all places were taken.
    CrowdedOut,
    /// The peer does not offer HTTP/2 in ALPN.
    NoHttp2,
    /// The peer offers no version, group or suite that we take, or breaks the protocol.
    Protocol,
    /// The peer refused us.
    RefusedByPeer,
    /// The peer went away.
    Disconnected,
    /// The peer has no certificate.
    NoCertificate,
    /// The chain has more bytes or certificates than it may.
    ChainTooLarge,
    /// A certificate does not parse.
    Malformed,
    /// The leaf is an authority or may sign certificates.
    AuthorityAsLeaf,
    /// The leaf of a SPIFFE name lacks the key use `digitalSignature`.
    KeyUse,
    /// The leaf has several URI names.
    SeveralNames,
    /// The URI name is not of the form `spiffe://<trust-domain>/svc/<name>`.
    NotServiceName,
    /// No own anchor has the trust domain.
    UnknownTrustDomain,
    /// No row of a shared anchor fits policy, organisation number and key.
    NoRow,
    /// Several rows fit.
    SeveralRows,
    /// The chain does not lead to the one chosen anchor.
    UnknownIssuer,
    /// A certificate is outside its period.
    Expired,
    /// A certificate is revoked.
    Revoked,
    /// The revocation list is too old.
    RevocationListExpired,
    /// No revocation list answers for a certificate.
    RevocationUnknown,
    /// The leaf is not meant for clients.
    Purpose,
    /// The chain does not hold for another reason.
    Chain,
    /// The service has as many connections as it may.
    TooMany,
}

impl Reason {
    /// What the chain building says, in our words.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library may add errors")]
    pub(super) fn of_chain(error: &Error) -> Self {
        let Error::InvalidCertificate(error) = error else { return Self::Chain };
        match error {
            CertificateError::BadEncoding => Self::Malformed,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::UnknownRevocationStatus => Self::RevocationUnknown,
            CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => Self::RevocationListExpired,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::Purpose
            }
            _ => Self::Chain,
        }
    }

    /// What the handshake says, in our words.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            None => Self::Disconnected,
            Some(Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(Error::AlertReceived(_)) => Self::RefusedByPeer,
            Some(Error::NoApplicationProtocol) => Self::NoHttp2,
            Some(_) => Self::Protocol,
        }
    }

    /// What the peer is told: access denied, whatever of ours it was.
    pub(super) const fn alert() -> Error {
        Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::CrowdedOut => "crowded_out",
            Self::NoHttp2 => "no_http2",
            Self::Protocol => "protocol",
            Self::RefusedByPeer => "refused_by_peer",
            Self::Disconnected => "disconnected",
            Self::NoCertificate => "no_certificate",
            Self::ChainTooLarge => "chain_too_large",
            Self::Malformed => "malformed",
            Self::AuthorityAsLeaf => "authority_as_leaf",
            Self::KeyUse => "key_use",
            Self::SeveralNames => "several_names",
            Self::NotServiceName => "not_service_name",
            Self::UnknownTrustDomain => "unknown_trust_domain",
            Self::NoRow => "no_row",
            Self::SeveralRows => "several_rows",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::RevocationListExpired => "revocation_list_expired",
            Self::RevocationUnknown => "revocation_unknown",
            Self::Purpose => "purpose",
            Self::Chain => "chain",
            Self::TooMany => "too_many",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
