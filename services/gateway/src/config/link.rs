//! Links with other domains, as they are written.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::BadConfig;
use crate::links::Files;

/// The links of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The federation that this domain is in. That of a test has another name than that of
    /// production: domains of different federations are never linked.
    pub federation: String,
    /// Where it listens for other domains, as `10.0.0.1:7446`.
    pub listen: SocketAddr,
    /// How other domains reach it; where it listens, if that is not written.
    pub address: Option<String>,
    /// The chain of its certificate, PEM.
    pub chain: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The authority of this domain's links, PEM: it issues certificates for links and nothing
    /// else, and is what other domains register.
    pub authority: PathBuf,
    /// Revocation lists of other domains' authorities, PEM.
    #[serde(default)]
    pub lists: Vec<PathBuf>,
}

impl Link {
    /// Checks that it holds together, and says where its files are.
    ///
    /// # Errors
    /// What does not, with the mend.
    pub(super) fn files(&self, domain: &str, folder: &Path) -> Result<Files, BadConfig> {
        if self.address.is_none() && self.listen.ip().is_unspecified() {
            let mend = "write in `address` how other domains reach this node";
            return Err(BadConfig::Link(mend.to_owned()));
        }
        let address = self.address.clone().unwrap_or_else(|| self.listen.to_string());
        let files = Files {
            domain: domain.to_owned(),
            address,
            chain: folder.join(&self.chain),
            key: folder.join(&self.key),
            authority: folder.join(&self.authority),
            lists: self.lists.iter().map(|list| folder.join(list)).collect(),
        };
        Ok(files)
    }
}
