//! Links with other domains, as they are written.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use samsyn_federation::FILE_BYTES_A_DAY;
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
    /// How much is fetched of each other domain's files at once, and then in a day, in MiB: 32 to
    /// 1,048,576; what is more waits. 4,096, if it is not written. Each node counts for itself.
    pub files_mib_a_day: Option<u64>,
}

/// More than a message may have.
const FILES_MIB_MIN: u64 = 32;
/// A TiB.
const FILES_MIB_MAX: u64 = 1 << 20;

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
        let is_allowed = |mib: u64| (FILES_MIB_MIN..=FILES_MIB_MAX).contains(&mib);
        if !self.files_mib_a_day.is_none_or(is_allowed) {
            let mend = format!("write in `files_mib_a_day` {FILES_MIB_MIN} to {FILES_MIB_MAX}");
            return Err(BadConfig::Link(mend));
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

    /// How many bytes are fetched of each other domain's files in a day.
    pub(crate) fn file_bytes_a_day(&self) -> u64 {
        let written = self.files_mib_a_day.map(|mib| mib << 20);
        written.unwrap_or(FILE_BYTES_A_DAY)
    }
}
