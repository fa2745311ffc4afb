//! What can go wrong with an authority.

use std::{io, path::PathBuf};

/// Why a command of the authority failed. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A text cannot be a trust domain.
    #[error(
        "`{0}` cannot be a trust domain: write 1–255 lower-case letters, digits, `.`, `-` or `_`"
    )]
    TrustDomain(String),
    /// A text cannot be the name of a certificate.
    #[error(
        "`{0}` cannot be a name: write 1–63 lower-case letters, digits, `.`, `-` or `_`, \
         beginning with a letter or a digit"
    )]
    Name(String),
    /// A server without addresses.
    #[error("a server needs at least one DNS name or IP address: clients refuse it otherwise")]
    NoAddress,
    /// A DNS name has characters it may not have.
    #[error("`{0}` cannot be a DNS name: write it in ASCII, without a port")]
    DnsName(String),
    /// A URI has characters it may not have.
    #[error("`{0}` cannot be the name of a server: write it in ASCII")]
    Uri(String),
    /// A URI of another trust domain.
    #[error("`{uri}` is not of trust domain `{trust_domain}`: issue it from its own authority")]
    ForeignName {
        /// As asked for.
        uri: String,
        /// The authority's.
        trust_domain: String,
    },
    /// The authority's time is over.
    #[error("the authority has ended: make a new one in another folder and hand out its `ca.pem`")]
    Ended,
    /// The folder holds an authority already.
    #[error("`{}` already holds an authority: choose another folder", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// Nothing of the name is good.
    #[error("no certificate of `{name}` is still good: see `index.toml` for what was issued")]
    NothingIssued {
        /// As asked for.
        name: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`: run `init` first, or check the folder's rights", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: check the folder, its rights and its space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The index does not parse.
    #[error("`index.toml` cannot be read: restore it from a backup, it says what is revoked")]
    Index {
        /// What the reader said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The authority's certificate or key does not parse.
    #[error("`{file}` cannot be used: restore `ca.pem` and `ca.key` from a backup")]
    Authority {
        /// Which file.
        file: &'static str,
        /// What the library said.
        source: rcgen::Error,
    },
    /// A certificate or list cannot be made.
    #[error("{what} cannot be made: check that `ca.pem` and `ca.key` belong together")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// What the library said.
        source: rcgen::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no random numbers: try again later")]
    Random {
        /// What the system said.
        source: getrandom::Error,
    },
}
