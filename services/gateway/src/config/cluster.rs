//! The other nodes of a domain, as they are written.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use samsyn_ledger::{Node, Timing};
use serde::Deserialize;

use super::{BadConfig, text};
use crate::nodes::Material;

/// A node among others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its number, from 1; no other node ever had it.
    pub node: u64,
    /// Where it listens for nodes, as `10.0.0.1:7402`.
    pub listen: SocketAddr,
    /// How other nodes reach it; where it listens, if that is not written.
    pub address: Option<String>,
    /// It begins the domain's log when there is none in its folder. One node of a new domain does;
    /// all others wait until they are added.
    #[serde(default)]
    pub founds: bool,
    /// How far apart the nodes are.
    #[serde(default)]
    pub apart: Apart,
    /// The chain of its certificate, PEM.
    pub chain: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The authority of all nodes, PEM. It issues certificates for nodes and nothing else.
    pub bundle: PathBuf,
    /// Its revocation list, PEM.
    pub crl: Option<PathBuf>,
    /// Nodes that a new one asks for the domain's keys.
    #[serde(default)]
    pub others: Vec<Other>,
}

/// How far apart nodes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// At one site.
    #[default]
    Site,
    /// At sites that are 10 to 30 ms apart.
    Sites,
}

/// Another node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Its number.
    pub node: u64,
    /// How it is reached.
    pub address: String,
}

impl Cluster {
    /// Checks that it holds together.
    ///
    /// # Errors
    /// What does not, with the mend.
    pub(super) fn check(&self) -> Result<(), BadConfig> {
        let mut seen = BTreeSet::from([self.node]);
        if self.node == 0 {
            return Err(BadConfig::Cluster("number nodes from 1".to_owned()));
        }
        if self.address.is_none() && self.listen.ip().is_unspecified() {
            let mend = "write in `address` how other nodes reach this one";
            return Err(BadConfig::Cluster(mend.to_owned()));
        }
        for other in &self.others {
            if !seen.insert(other.node) {
                let what = format!("node {} stands there twice; give each its number", other.node);
                return Err(BadConfig::Cluster(what));
            }
        }
        Ok(())
    }

    /// Reads its files.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub(super) fn read(&self, domain: &str, folder: &Path) -> Result<Material, BadConfig> {
        let read = |file: &Path| text(&folder.join(file));
        Ok(Material {
            trust_domain: domain.to_owned(),
            node: self.node,
            chain_pem: read(&self.chain)?,
            key_pem: read(&self.key)?,
            bundle_pem: read(&self.bundle)?,
            crl_pem: self.crl.as_deref().map(read).transpose()?,
        })
    }

    /// How other nodes reach it.
    pub(crate) fn address(&self) -> String {
        self.address.clone().unwrap_or_else(|| self.listen.to_string())
    }

    pub(crate) const fn timing(&self) -> Timing {
        match self.apart {
            Apart::Site => Timing::Site,
            Apart::Sites => Timing::Sites,
        }
    }

    pub(crate) fn others(&self) -> Vec<Node> {
        let node = |other: &Other| Node { id: other.node, address: other.address.clone() };
        self.others.iter().map(node).collect()
    }
}
