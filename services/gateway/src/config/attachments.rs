//! Where attachments of messages are kept, as it is written.

use std::path::{Path, PathBuf};

use samsyn_ledger::AttachmentsIn;
use serde::Deserialize;

use super::Config;

/// Where attachments of messages are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachments {
    /// The folder of their parts, which are sealed. It is there, and all nodes of a domain name the
    /// same one, on a disk that they share.
    pub folder: PathBuf,
}

/// The folder that is written; else, of a node that is alone, one in its data.
pub(super) fn kept_in(config: &Config, of: &Path) -> Option<AttachmentsIn> {
    match &config.attachments {
        Some(Attachments { folder }) => Some(AttachmentsIn::Shared(of.join(folder))),
        None if config.cluster.is_none() => Some(AttachmentsIn::Data),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_alone_keeps_them_in_its_data_and_one_among_others_where_it_is_written() {
        let sample = include_str!("../../../../config/gateway.toml");
        let alone: Config = toml::from_str(sample).unwrap();
        let of = Path::new("/etc/samsyn");
        assert_eq!(kept_in(&alone, of), Some(AttachmentsIn::Data));
        let cluster = "[cluster]\nnode = 1\nlisten = \"10.0.0.1:7402\"\nchain = \"a\"\n\
                       key = \"b\"\nbundle = \"c\"\n";
        let among: Config = toml::from_str(&format!("{sample}\n{cluster}")).unwrap();
        assert_eq!(kept_in(&among, of), None);
        let written = format!("{sample}\n{cluster}\n[attachments]\nfolder = \"shared\"\n");
        let written: Config = toml::from_str(&written).unwrap();
        let shared = AttachmentsIn::Shared(PathBuf::from("/etc/samsyn/shared"));
        assert_eq!(kept_in(&written, of), Some(shared));
    }
}
