//! A small certificate authority for one organisation, in a folder.
//!
//! ```text
//! ca.pem             the authority's certificate: give it to the gateways as the bundle
//! ca.key             its key, readable by the owner alone
//! crl.pem            its revocation list; good for seven days, then nobody gets in
//! index.toml         what was issued, and what of it is revoked
//! issued/<name>.pem  certificates
//! issued/<name>.key  their keys, readable by the owner alone
//! lock               held by the command that runs
//! ```
//!
//! An organisation that has an authority of its own (SPIRE, AD CS) uses that instead.

mod authority;
mod error;
mod files;
mod index;
#[cfg(test)]
mod tests;

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use time::{Duration, OffsetDateTime};

use self::{
    files::{Folder, Mode},
    index::{Index, Row},
};

pub(crate) use self::{
    authority::{Authority, Revoked},
    error::Error,
};

/// How long an authority is good.
pub(crate) const AUTHORITY_VALIDITY: Duration = Duration::days(5 * 365);
/// How long a certificate is good: for services and servers alike.
pub(crate) const CERTIFICATE_VALIDITY: Duration = Duration::days(90);
/// How long a revocation list is good.
pub(crate) const CRL_VALIDITY: Duration = Duration::days(7);

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A service that calls gateways.
    Service,
    /// A gateway, with the names and addresses that clients connect to.
    Server {
        /// DNS names.
        dns: Vec<String>,
        /// IP addresses.
        ips: Vec<IpAddr>,
    },
    /// A node among the nodes of a domain, with the names and addresses that they connect to.
    Node {
        /// Its number.
        node: u64,
        /// DNS names.
        dns: Vec<String>,
        /// IP addresses.
        ips: Vec<IpAddr>,
    },
    /// A domain's links, with the names and addresses that other domains connect to.
    Link {
        /// DNS names.
        dns: Vec<String>,
        /// IP addresses.
        ips: Vec<IpAddr>,
    },
}

/// What a command wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The files, in the order they were written.
    pub(crate) files: Vec<PathBuf>,
    /// The serial numbers that it is about: lower-case hex.
    pub(crate) serials: Vec<String>,
    /// Until when the newest of it is good.
    pub(crate) until: OffsetDateTime,
}

/// Makes an authority for a trust domain, with an empty revocation list.
///
/// # Errors
/// [`Error::Exists`] when the folder holds one; otherwise what is wrong with the name or the
/// folder.
pub(crate) fn init(dir: &Path, trust_domain: &str, now: OffsetDateTime) -> Result<Written, Error> {
    fs::create_dir_all(dir).map_err(|source| Error::Write { path: dir.to_owned(), source })?;
    let folder = Folder::open(dir)?;
    if folder.holds("ca.key") {
        return Err(Error::Exists { dir: dir.to_owned() });
    }
    let name = format!("{trust_domain} certificate authority");
    let authority = Authority::create(trust_domain, &name, AUTHORITY_VALIDITY, now)?;
    let index = Index::new(trust_domain, authority.not_after());
    let files = vec![
        folder.write("index.toml", &index.to_toml()?, Mode::Public)?,
        folder.write("crl.pem", &authority.crl(&[], now)?, Mode::Public)?,
        folder.write("ca.pem", authority.certificate_pem(), Mode::Public)?,
        // The key comes last: where it stands, everything else does.
        folder.write("ca.key", &authority.key_pem(), Mode::Secret)?,
    ];
    Ok(Written { files, serials: Vec::new(), until: authority.not_after() })
}

/// Issues a certificate with a fresh key. An earlier one of the same name is replaced in the
/// folder; it is good until it ends or is revoked.
///
/// # Errors
/// What is wrong with the name, the addresses or the folder.
pub(crate) fn issue(
    dir: &Path,
    name: &str,
    kind: &Kind,
    now: OffsetDateTime,
) -> Result<Written, Error> {
    let (folder, authority, mut index) = open(dir)?;
    let issued = match kind {
        Kind::Service => authority.issue_service(name, now)?,
        Kind::Server { dns, ips } => {
            let uri = authority.node_uri(name)?;
            authority.issue_server(dns, ips, &uri, now)?
        }
        Kind::Node { node, dns, ips } => authority.issue_node(dns, ips, *node, now)?,
        Kind::Link { dns, ips } => authority.issue_link(dns, ips, name, now)?,
    };
    index.add(Row::new(name, issued.serial(), issued.not_after()));
    let files = vec![
        // The index comes first: whatever is out can be revoked.
        folder.write("index.toml", &index.to_toml()?, Mode::Public)?,
        folder.write(&format!("issued/{name}.key"), issued.key_pem(), Mode::Secret)?,
        folder.write(&format!("issued/{name}.pem"), issued.certificate_pem(), Mode::Public)?,
    ];
    let serials = vec![issued.serial().to_owned()];
    Ok(Written { files, serials, until: issued.not_after() })
}

/// Revokes every certificate of a name that is still good, and writes the revocation list anew.
///
/// # Errors
/// [`Error::NothingIssued`] when there is none; otherwise what is wrong with the folder.
pub(crate) fn revoke(dir: &Path, name: &str, now: OffsetDateTime) -> Result<Written, Error> {
    let (folder, authority, mut index) = open(dir)?;
    let serials = index.revoke(name, now);
    if serials.is_empty() {
        return Err(Error::NothingIssued { name: name.to_owned() });
    }
    let index_file = folder.write("index.toml", &index.to_toml()?, Mode::Public)?;
    let list = write_crl(&folder, &authority, &index, now)?;
    Ok(Written { files: vec![index_file, list], serials, until: crl_until(now) })
}

/// Writes the revocation list anew. Where this is forgotten for [`CRL_VALIDITY`], gateways refuse
/// every certificate of the authority.
///
/// # Errors
/// What is wrong with the folder.
pub(crate) fn refresh(dir: &Path, now: OffsetDateTime) -> Result<Written, Error> {
    let (folder, authority, index) = open(dir)?;
    let files = vec![write_crl(&folder, &authority, &index, now)?];
    Ok(Written { files, serials: Vec::new(), until: crl_until(now) })
}

fn open(dir: &Path) -> Result<(Folder, Authority, Index), Error> {
    let folder = Folder::open(dir)?;
    let index = Index::from_toml(&folder.read("index.toml")?)?;
    Ok((folder, Authority::load(dir)?, index))
}

fn write_crl(
    folder: &Folder,
    authority: &Authority,
    index: &Index,
    now: OffsetDateTime,
) -> Result<PathBuf, Error> {
    folder.write("crl.pem", &authority.crl(&index.revoked(now)?, now)?, Mode::Public)
}

fn crl_until(now: OffsetDateTime) -> OffsetDateTime {
    now.saturating_add(CRL_VALIDITY)
}
