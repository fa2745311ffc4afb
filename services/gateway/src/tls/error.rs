//! What can be wrong with the material of a listener.

use std::fmt;

use rustls::{pki_types::pem, server::VerifierBuilderError};

/// Why certificates, keys, anchors or limits do not hold. Each message names the part and the mend.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A text is not PEM.
    #[error("{part} is not readable PEM: write the file anew, as its issuer gave it")]
    Pem {
        /// Which text.
        part: Part,
        /// What the reader said.
        source: pem::Error,
    },
    /// A text holds nothing of its kind.
    #[error("{part} is empty: the file must hold at least one section of its kind")]
    Empty {
        /// Which text.
        part: Part,
    },
    /// A certificate cannot be used.
    #[error("{part} holds a certificate that cannot be used: have it issued anew")]
    Unusable {
        /// Which text.
        part: Part,
        /// What the library said.
        source: rustls::Error,
    },
    /// A bundle holds a certificate that is no authority.
    #[error(
        "{part} holds a certificate that is no authority: list only certificates with \
         `CA:TRUE` and the key use `keyCertSign`"
    )]
    NotAuthority {
        /// Which bundle.
        part: Part,
    },
    /// One authority stands in the anchors of two organisations.
    #[error(
        "anchors `{first}` and `{second}` list the same authority: give each organisation one of \
         its own, or make it a shared anchor"
    )]
    AuthorityTwice {
        /// The first anchor.
        first: String,
        /// The second anchor.
        second: String,
    },
    /// A revocation list cannot be used.
    #[error("{part} cannot be used: fetch it anew from the authority")]
    RevocationList {
        /// Which list.
        part: Part,
        /// What the library said.
        source: VerifierBuilderError,
    },
    /// There is no anchor.
    #[error("there is no trust anchor: add the authority of at least one organisation")]
    NoAnchors,
    /// A trust domain has characters it may not have.
    #[error(
        "`{trust_domain}` cannot be a trust domain: write 1–255 lower-case letters, digits, `.`, \
         `-` or `_`"
    )]
    TrustDomain {
        /// As configured.
        trust_domain: String,
    },
    /// Two anchors have the same trust domain.
    #[error("trust domain `{trust_domain}` stands in two anchors: keep one")]
    TrustDomainTwice {
        /// As configured.
        trust_domain: String,
    },
    /// An object identifier does not parse.
    #[error("`{oid}` in anchor `{anchor}` is no object identifier: write it as `2.5.4.97`")]
    Oid {
        /// Which anchor.
        anchor: String,
        /// As configured.
        oid: String,
    },
    /// A row's organisation number does not parse.
    #[error("`{orgnr}` in anchor `{anchor}` is no organisation number: write ten digits")]
    Orgnr {
        /// Which anchor.
        anchor: String,
        /// As configured.
        orgnr: String,
    },
    /// A row's service name has characters it may not have.
    #[error(
        "`{service}` in anchor `{anchor}` cannot be a service: write letters, digits, `.`, `-` \
         or `_`"
    )]
    Service {
        /// Which anchor.
        anchor: String,
        /// As configured.
        service: String,
    },
    /// The server's certificate and key do not go together.
    #[error(
        "the server's certificate and key cannot be used together: give the key that the \
         certificate was issued for"
    )]
    Server {
        /// What the library said.
        source: rustls::Error,
    },
    /// The server's certificate has a URI name alone, or none.
    #[error(
        "the server's certificate has neither a DNS name nor an IP address: have it issued with \
         the names that clients connect to"
    )]
    ServerNames,
    /// The TLS library refuses the settings.
    #[error("the TLS settings cannot be used")]
    Settings {
        /// What the library said.
        source: rustls::Error,
    },
    /// A limit is zero.
    #[error("limit `{limit}` is zero: set it to 1 or more")]
    Limit {
        /// Which one.
        limit: &'static str,
    },
}

/// Which text of the material an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The server's certificate chain.
    ServerChain,
    /// The server's key.
    ServerKey,
    /// The bundle of an anchor, by trust domain or name.
    Bundle(String),
    /// The revocation lists of an anchor, by trust domain or name.
    RevocationList(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerChain => f.write_str("the server's certificate chain"),
            Self::ServerKey => f.write_str("the server's key"),
            Self::Bundle(anchor) => write!(f, "the bundle of anchor `{anchor}`"),
            Self::RevocationList(anchor) => write!(f, "the revocation list of anchor `{anchor}`"),
        }
    }
}
