//! Configuration: one TOML file, environment overrides, everything checked before a port is bound.

mod anchor;
mod attachments;
mod backup;
mod cluster;
mod limits;
mod link;
mod material;
mod operations;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use samsyn_domain::{
    FeatureLevel,
    registry::{BadRegistry, Document},
};
use samsyn_ledger::{AttachmentsIn, Levels};
use serde::Deserialize;

use crate::{
    links, nodes,
    telemetry::{Collector, Exported},
};

pub use self::{
    anchor::{AnchorFiles, SharedAnchorFiles, SharedService},
    attachments::Attachments,
    backup::Backup,
    cluster::{Apart, Cluster, Other},
    limits::Limits,
    link::Link,
    operations::Operations,
};
pub(crate) use self::{
    backup::SealedTo,
    material::{Material, TlsSource},
};

/// What stands before the name of a setting in the environment.
pub const ENVIRONMENT_PREFIX: &str = "SAMSYN_";

/// What content the process may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Synthetic content only, and it says so.
    Demo,
    /// Synthetic content, for those who integrate.
    Test,
    /// Real content.
    Production,
}

/// The configuration as it is written. Paths are relative to the file's folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What content the process may hold.
    pub mode: Mode,
    /// The domain's name.
    pub domain: String,
    /// Where to listen, as `127.0.0.1:7443`.
    pub listen: SocketAddr,
    /// The folder of log, state and keys.
    pub data: PathBuf,
    /// The registry that founds the domain.
    pub registry: PathBuf,
    /// The folder with `samsyn.cedarschema` and `samsyn.cedar`.
    pub policy: PathBuf,
    /// The limits of connections and calls.
    #[serde(default)]
    pub limits: Limits,
    /// What those who run the process see of it.
    #[serde(default)]
    pub operations: Operations,
    /// The other nodes; none where this one is alone.
    pub cluster: Option<Cluster>,
    /// Links with other domains; none where this one has none.
    pub link: Option<Link>,
    /// To whom backups are sealed; none where they are not to be made.
    pub backup: Option<Backup>,
    /// Where attachments are kept; of a node that is alone in its data, where it is not written.
    pub attachments: Option<Attachments>,
    /// The server's certificate.
    pub tls: TlsFiles,
    /// The organisations' own authorities, whose clients are let in.
    #[serde(default)]
    pub anchors: Vec<AnchorFiles>,
    /// Authorities that organisations share, whose registered clients are let in.
    #[serde(default)]
    pub shared_anchors: Vec<SharedAnchorFiles>,
}

/// The server's certificate chain and key, as PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What is wrong with a configuration: which file, what, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// A file cannot be read.
    #[error("cannot read `{}`: {why}; check the path and the rights", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        why: std::io::Error,
    },
    /// A file does not parse, with line and column.
    #[error("`{}` does not hold: {why}", file.display())]
    Unparsed {
        /// Which file.
        file: PathBuf,
        /// What, and where in the file.
        why: String,
    },
    /// The registry does not hold together.
    #[error("`{}` does not hold together: {why}", file.display())]
    Registry {
        /// Which file.
        file: PathBuf,
        /// Every fault.
        #[source]
        why: BadRegistry,
    },
    /// An anchor names an organisation that is not registered.
    #[error("anchor `{0}` is not a registered organisation; register it or take the anchor away")]
    UnknownAnchor(String),
    /// A shared anchor names a service that is not registered.
    #[error(
        "shared anchor `{anchor}` names `{service}`, which is not a registered service; write it \
         as it is registered, or take it away"
    )]
    UnknownService {
        /// Which anchor.
        anchor: String,
        /// As configured.
        service: String,
    },
    /// A key's pin is not a SHA-256.
    #[error(
        "the pin of `{service}` in shared anchor `{anchor}` is not 64 hex digits; make it with \
         `openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum`"
    )]
    KeyPin {
        /// Which anchor.
        anchor: String,
        /// Whose.
        service: String,
    },
    /// A limit lets nothing through, or does not fit another.
    #[error("`limits.{limit}` does not hold; {mend}")]
    Limit {
        /// Which one.
        limit: &'static str,
        /// The mend.
        mend: &'static str,
    },
    /// The collector's address is none.
    #[error(
        "`operations.otlp` is `{0}`; write an address as `http://127.0.0.1:4317`, of a collector \
         on this machine or in its network: it is spoken to without TLS"
    )]
    Collector(String),
    /// The nodes do not hold together.
    #[error("`[cluster]` does not hold: {0}")]
    Cluster(String),
    /// Links cannot be had so.
    #[error("`[link]` does not hold: {0}")]
    Link(String),
    /// Backups cannot be sealed so.
    #[error("`[backup]` does not hold: {0}")]
    Backup(String),
    /// Production needs what does not exist yet.
    #[error(
        "`mode = \"production\"` is refused: erasure by key destruction and the evidence logs do \
         not exist yet, and real content must not be held without them; use `demo` or `test`"
    )]
    Production,
    /// The policy does not hold.
    #[error("`{}` does not hold: {why}", file.display())]
    Policy {
        /// Which folder.
        file: PathBuf,
        /// What.
        #[source]
        why: samsyn_policy::BadPolicy,
    },
}

/// A configuration whose files were read and hold together.
#[derive(Debug)]
pub struct Checked {
    pub(crate) config: Config,
    pub(crate) document: Document,
    pub(crate) files: TlsSource,
    pub(crate) material: Material,
    pub(crate) node: Option<nodes::Material>,
    pub(crate) link: Option<links::Files>,
    pub(crate) backups: Option<SealedTo>,
    pub(crate) attachments: Option<AttachmentsIn>,
    pub(crate) schema: String,
    pub(crate) policies: String,
    pub(crate) exported: Exported,
    /// What its node knows of the log.
    pub(crate) levels: Levels,
}

impl Checked {
    /// Reads a configuration file, applies overrides (`SAMSYN_LISTEN`, `SAMSYN_DATA` …, without
    /// the prefix), and checks everything it names.
    ///
    /// # Errors
    /// The first thing that does not hold, with its file and the mend.
    pub fn load(path: &Path, overrides: &BTreeMap<String, String>) -> Result<Self, BadConfig> {
        let unparsed = |why: toml::de::Error| BadConfig::Unparsed {
            file: path.to_owned(),
            why: why.to_string().trim_end().replace('\n', "\n  "),
        };
        let mut table: toml::Table = toml::from_str(&text(path)?).map_err(unparsed)?;
        for (name, value) in overrides {
            table.insert(name.to_ascii_lowercase(), toml::Value::String(value.clone()));
        }
        // Written out again, so that a fault names its line in the whole.
        let config: Config = if overrides.is_empty() {
            toml::from_str(&text(path)?).map_err(unparsed)?
        } else {
            table.try_into().map_err(unparsed)?
        };
        Self::check(config, path.parent().unwrap_or_else(|| Path::new(".")))
    }

    fn check(mut config: Config, folder: &Path) -> Result<Self, BadConfig> {
        if config.mode == Mode::Production {
            return Err(BadConfig::Production);
        }
        config.limits.check()?;
        config.operations.check()?;
        config.data = folder.join(&config.data);
        let registry = folder.join(&config.registry);
        let document = document(&registry)?;
        let files = TlsSource::of(&config, &document, folder);
        let material = files.read()?;
        if let Some(cluster) = &config.cluster {
            cluster.check()?;
        }
        let node = config.cluster.as_ref();
        let node = node.map(|cluster| cluster.read(&config.domain, folder)).transpose()?;
        let link = config.link.as_ref();
        let link = link.map(|link| link.files(&config.domain, folder)).transpose()?;
        let backups = config.backup.as_ref().map(Backup::check).transpose()?;
        let attachments = attachments::kept_in(&config, folder);
        let policy = folder.join(&config.policy);
        let schema = text(&policy.join("samsyn.cedarschema"))?;
        let policies = text(&policy.join("samsyn.cedar"))?;
        let exported = Exported::default();
        let levels = Levels::default();
        Ok(Self {
            config,
            document,
            files,
            material,
            node,
            link,
            backups,
            attachments,
            schema,
            policies,
            exported,
            levels,
        })
    }

    /// As a program of another version, which knows the log up to a level.
    #[must_use]
    pub const fn knowing(mut self, level: FeatureLevel) -> Self {
        self.levels = Levels::up_to(level);
        self
    }

    /// The collector that gets spans, lines and metrics.
    pub(crate) fn collector(&self) -> Option<Collector> {
        let endpoint = self.config.operations.otlp.clone()?;
        Some(Collector::new(endpoint, self.config.domain.clone()))
    }

    /// Where to listen.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.config.listen
    }
}

fn document(path: &Path) -> Result<Document, BadConfig> {
    let document: Document = toml::from_str(&text(path)?).map_err(|why| BadConfig::Unparsed {
        file: path.to_owned(),
        why: why.to_string().trim_end().replace('\n', "\n  "),
    })?;
    samsyn_domain::registry::Registry::build(&document)
        .map_err(|why| BadConfig::Registry { file: path.to_owned(), why })?;
    Ok(document)
}

fn text(path: &Path) -> Result<String, BadConfig> {
    fs::read_to_string(path).map_err(|why| BadConfig::Unreadable { file: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_configuration_is_one() {
        let sample = include_str!("../../../../config/gateway.toml");
        let config: Config = toml::from_str(sample).unwrap();
        assert_eq!((config.mode, config.domain.as_str()), (Mode::Test, "stockholm.example"));
        let more = format!("unknown = 1\n{sample}");
        let refused = toml::from_str::<Config>(&more).unwrap_err().to_string();
        assert!(refused.contains("unknown"), "{refused}");
    }

    /// The sample lists every limit with the value that the code has.
    #[test]
    fn the_sample_lists_the_limits_as_they_are() {
        let sample: toml::Table = include_str!("../../../../config/gateway.toml").parse().unwrap();
        let written = sample["limits"].as_table().unwrap();
        let limits: Limits = written.clone().try_into().unwrap();
        assert_eq!(limits, Limits::default());
        // Each is written: without it another value would do as well.
        let code = format!("{:?}", Limits::default());
        assert_eq!(written.len(), code.matches(": ").count());
    }

    /// The sample lists what is there for operators, commented out where it is off.
    #[test]
    fn the_sample_of_operations_is_one() {
        let sample = include_str!("../../../../config/gateway.toml");
        let (_, rest) = sample.split_once("[operations]\n").unwrap();
        let (section, _) = rest.split_once("\n\n").unwrap();
        let off: Operations = toml::from_str(section).unwrap();
        assert_eq!(off, Operations::default());
        let on: Operations = toml::from_str(&section.replace("# listen", "listen")).unwrap();
        assert!(on.listen.is_some_and(|at| at.ip().is_loopback()));
        let on: Operations = toml::from_str(&section.replace("# otlp", "otlp")).unwrap();
        on.check().unwrap();
        assert!(on.otlp.is_some());
    }

    #[test]
    fn the_sample_of_a_shared_anchor_is_one() {
        let sample = include_str!("../../../../config/gateway.toml");
        let (before, shared) = sample.split_once("# [[shared_anchors]]").unwrap();
        let uncommented = shared.replace("\n# ", "\n");
        let text = format!("{before}[[shared_anchors]]{uncommented}");
        let config: Config = toml::from_str(&text).unwrap();
        assert_eq!(config.shared_anchors.len(), 1);
        assert_eq!(config.shared_anchors[0].services.len(), 1);
    }

    #[test]
    fn the_sample_of_other_nodes_is_one() {
        let sample = include_str!("../../../../config/gateway.toml");
        let (_, rest) = sample.split_once("# [cluster]").unwrap();
        let (section, _) = rest.split_once("\n\n").unwrap();
        let text = format!("[cluster]{}", section.replace("\n# ", "\n"));
        let table: toml::Table = text.parse().unwrap();
        let cluster: Cluster = table["cluster"].clone().try_into().unwrap();
        cluster.check().unwrap();
        assert_eq!((cluster.node, cluster.others.len()), (1, 1));
        let other = Other { node: 1, ..cluster.others[0].clone() };
        let twice = Cluster { others: vec![other], ..cluster };
        let refused = twice.check().unwrap_err().to_string();
        assert!(refused.contains("node 1 stands there twice"), "{refused}");
    }

    fn sample_of_links() -> Link {
        let sample = include_str!("../../../../config/gateway.toml");
        let (_, rest) = sample.split_once("# [link]").unwrap();
        let (section, _) = rest.split_once("\n\n").unwrap();
        toml::from_str(&section.replace("\n# ", "\n")).unwrap()
    }

    #[test]
    fn the_sample_of_links_is_one() {
        let link = sample_of_links();
        assert_eq!(link.lists.len(), 1);
        let files = link.files("stockholm.example", Path::new("/etc/samsyn")).unwrap();
        assert_eq!(files.address, "link.stockholm.example:7446");
        assert_eq!(files.chain, Path::new("/etc/samsyn/links/link.pem"));
        let listen = "0.0.0.0:7446".parse().unwrap();
        let nowhere = Link { address: None, listen, ..link };
        let refused = nowhere.files("stockholm.example", Path::new(".")).unwrap_err().to_string();
        assert!(refused.contains("write in `address` how other domains reach"), "{refused}");
    }

    #[test]
    fn files_of_other_domains_are_bounded_within_bounds() {
        let link = sample_of_links();
        let unwritten = Link { files_mib_a_day: None, ..link.clone() };
        assert_eq!(unwritten.file_bytes_a_day(), link.file_bytes_a_day());
        for (mib, is_one) in [(31, false), (32, true), (1_048_576, true), (1_048_577, false)] {
            let link = Link { files_mib_a_day: Some(mib), ..link.clone() };
            assert_eq!(link.files("stockholm.example", Path::new(".")).is_ok(), is_one, "{mib}");
            assert_eq!(link.file_bytes_a_day(), mib << 20);
        }
    }

    #[test]
    fn the_sample_of_backups_is_one() {
        let sample = include_str!("../../../../config/gateway.toml");
        let (_, rest) = sample.split_once("# [backup]").unwrap();
        let (section, _) = rest.split_once("\n\n").unwrap();
        let backup: Backup = toml::from_str(&section.replace("\n# ", "\n")).unwrap();
        assert_eq!(backup.check().unwrap().keys_days, 35);
        let refused = Backup { keys_days: 0, ..backup.clone() }.check().unwrap_err().to_string();
        assert!(refused.contains("`keys_days` is 0; write 1 to 400"), "{refused}");
        let unread = vec!["age1unread".to_owned()];
        let refused = Backup { recipients: unread, ..backup }.check().unwrap_err().to_string();
        assert!(refused.contains("`age1unread` is no public key"), "{refused}");
    }

    #[test]
    fn production_is_refused_and_says_why() {
        let sample = include_str!("../../../../config/gateway.toml");
        let config: Config = toml::from_str(sample).unwrap();
        let production = Config { mode: Mode::Production, ..config };
        let refused = Checked::check(production, Path::new(".")).unwrap_err().to_string();
        assert!(refused.contains("erasure") && refused.contains("evidence"), "{refused}");
    }
}
