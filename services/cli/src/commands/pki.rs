//! `samsyn pki`: a small certificate authority in a folder.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    clock,
    failure::Failure,
    output,
    pki::{self, Kind, Written},
    session::Globals,
};

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    samsyn pki init pki --trust-domain stockholm.example\n  \
    samsyn pki issue pki --service sdf-skarholmen\n  \
    samsyn pki issue pki --server --dns gateway.stockholm.example --ip 127.0.0.1\n  \
    samsyn pki revoke pki sdf-skarholmen\n  \
    samsyn pki refresh pki")]
pub(super) enum Command {
    /// Makes an authority with an empty revocation list.
    #[command(after_help = "Example:\n  samsyn pki init pki --trust-domain stockholm.example")]
    Init {
        /// The authority's folder.
        dir: PathBuf,
        /// The organisation's trust domain, as registered.
        #[arg(long, value_name = "NAME")]
        trust_domain: String,
    },
    Issue(Issue),
    /// Revokes all certificates of a name, and writes the revocation list anew.
    #[command(after_help = "Example:\n  samsyn pki revoke pki sdf-skarholmen")]
    Revoke {
        /// The authority's folder.
        dir: PathBuf,
        /// Whose certificates.
        name: String,
    },
    /// Writes the revocation list anew: at least every seven days, or nobody gets in.
    #[command(after_help = "Example:\n  samsyn pki refresh pki")]
    Refresh {
        /// The authority's folder.
        dir: PathBuf,
    },
}

/// Issues a certificate with a fresh key, good for 90 days.
///
/// For a service that calls gateways, for a gateway, for a node among nodes, or for a domain's
/// links with others.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn pki issue pki --service sdf-skarholmen\n  \
    samsyn pki issue pki --server --dns gateway.stockholm.example --ip 127.0.0.1\n  \
    samsyn pki issue nodes --node 1 --ip 10.0.0.1\n  \
    samsyn pki issue links --link --dns link.stockholm.example")]
pub(super) struct Issue {
    /// The authority's folder.
    dir: PathBuf,
    /// For a service of this name.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["server", "node", "link"])]
    service: Option<String>,
    /// For a gateway of this name; it needs a name or an address to connect to.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "gateway")]
    #[arg(conflicts_with = "service")]
    server: Option<String>,
    /// For the node of this number, by an authority that issues for nodes and nothing else.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["service", "server"])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    node: Option<u64>,
    /// For the domain's links under this name, by an authority that issues for links and nothing
    /// else.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "link")]
    #[arg(conflicts_with_all = ["service", "server", "node"])]
    link: Option<String>,
    /// A name that others connect to; may be repeated.
    #[arg(long, value_name = "NAME", conflicts_with = "service")]
    dns: Vec<String>,
    /// An address that others connect to; may be repeated.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "service")]
    ip: Vec<IpAddr>,
}

pub(super) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let seconds = clock::now().as_second();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let written = match command {
        Command::Init { dir, trust_domain } => pki::init(&dir, &trust_domain, now)?,
        Command::Issue(Issue { dir, service, server, node, link, dns, ip: ips }) => {
            let (name, kind) = match (service, node, link, server) {
                (Some(name), ..) => (name, Kind::Service),
                (None, Some(node), ..) => (format!("node-{node}"), Kind::Node { node, dns, ips }),
                (None, None, Some(name), _) => (name, Kind::Link { dns, ips }),
                (None, None, None, name) => (name.unwrap_or_default(), Kind::Server { dns, ips }),
            };
            pki::issue(&dir, &name, &kind, now)?
        }
        Command::Revoke { dir, name } => pki::revoke(&dir, &name, now)?,
        Command::Refresh { dir } => pki::refresh(&dir, now)?,
    };
    let Written { files, serials, until } = written;
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let until = until.date().to_string();
    globals.show(
        || json!({ "files": files, "serials": serials, "until": until }),
        || {
            output::pairs([
                ("wrote", files.join(", ")),
                ("serials", if serials.is_empty() { "–".into() } else { serials.join(", ") }),
                ("good until", until.clone()),
            ])
        },
    )
}
