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
    samsyn pki init --dir pki --trust-domain stockholm.example\n  \
    samsyn pki issue --dir pki sdf-skarholmen\n  \
    samsyn pki issue --dir pki node-1 --dns gateway.stockholm.example --ip 127.0.0.1\n  \
    samsyn pki revoke --dir pki sdf-skarholmen\n  \
    samsyn pki refresh --dir pki")]
pub(super) enum Command {
    /// Makes an authority with an empty revocation list.
    Init {
        #[command(flatten)]
        folder: Folder,
        /// The organisation's trust domain, as registered.
        #[arg(long, value_name = "NAME")]
        trust_domain: String,
    },
    /// Issues a certificate with a fresh key, good for 90 days.
    Issue(Issue),
    /// Revokes all certificates of a name, and writes the revocation list anew.
    Revoke {
        #[command(flatten)]
        folder: Folder,
        /// Whose certificates.
        name: String,
    },
    /// Writes the revocation list anew: at least every seven days, or nobody gets in.
    Refresh {
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(Debug, Args)]
pub(super) struct Folder {
    /// The authority's folder.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// For a service, unless it is given names or addresses: then for a gateway.
#[derive(Debug, Args)]
pub(super) struct Issue {
    #[command(flatten)]
    folder: Folder,
    /// The service's or gateway's name.
    name: String,
    /// A name that clients connect to; may be repeated.
    #[arg(long, value_name = "NAME")]
    dns: Vec<String>,
    /// An address that clients connect to; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<IpAddr>,
}

pub(super) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let seconds = clock::now().as_second();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let written = match command {
        Command::Init { folder, trust_domain } => pki::init(&folder.dir, &trust_domain, now)?,
        Command::Issue(Issue { folder, name, dns, ip: ips }) => {
            let server = !dns.is_empty() || !ips.is_empty();
            let kind = if server { Kind::Server { dns, ips } } else { Kind::Service };
            pki::issue(&folder.dir, &name, &kind, now)?
        }
        Command::Revoke { folder, name } => pki::revoke(&folder.dir, &name, now)?,
        Command::Refresh { folder } => pki::refresh(&folder.dir, now)?,
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
