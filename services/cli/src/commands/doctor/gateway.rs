//! A gateway on this machine, from its configuration on.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use samsyn_client::probe;
use samsyn_gateway::{Checked, Config};
use tokio::net::TcpListener;

use super::{
    authority,
    certificate::{self, Facts},
    disk, files, log,
    report::{Line, Report},
};
use crate::{clock, failure::with_causes, names};

const RENEW: &str = "issue a new one and restart the gateway";

/// Looks at everything that the configuration names.
pub(super) async fn examine(
    path: &Path,
    overrides: &BTreeMap<String, String>,
    report: &mut Report,
) {
    let now = clock::now();
    report.add(Line::good("program", format!("samsyn {}", env!("CARGO_PKG_VERSION"))));
    let config = match read(path, overrides) {
        Ok(config) => config,
        Err(why) => {
            report.add(Line::failed("configuration", why, "see `config/gateway.toml`, the sample"));
            return;
        }
    };
    report.add(whole(path, overrides));
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let services = services(&folder.join(&config.registry), report);
    report.add(files::steering("configuration file", path));
    report.add(files::secret("server key", &folder.join(&config.tls.key)));
    let data = folder.join(&config.data);
    if data.join("keys.json").exists() {
        report.add(files::secret("key file's rights", &data.join("keys.json")));
    }
    let own = server(&folder.join(&config.tls.chain), now, report);
    authorities(&config, folder, now, report);
    report.add(address(config.listen, own.as_deref()).await);
    report.add(log::clock(&data, now));
    let (there, label) = nearest(&data);
    report.add(Line::good("data folder", label));
    report.add(disk::space(&there));
    report.add(disk::sync(&there));
    report.add(disk::open_files(services));
    report.add_all(log::examine(&data));
}

/// The configuration, for the paths in it; what they lead to is looked at one by one.
fn read(path: &Path, overrides: &BTreeMap<String, String>) -> Result<Config, String> {
    let text = fs::read_to_string(path).map_err(|why| format!("`{}`: {why}", path.display()))?;
    let parsed = toml::from_str(&text).map_err(|why| why.to_string());
    let mut table: toml::Table = parsed?;
    for (name, value) in overrides {
        table.insert(name.to_ascii_lowercase(), toml::Value::String(value.clone()));
    }
    table.try_into().map_err(|why: toml::de::Error| why.to_string())
}

/// All that a start would check before it opens a port: the first thing that does not hold.
fn whole(path: &Path, overrides: &BTreeMap<String, String>) -> Line {
    let checked = Checked::load(path, overrides).map_err(|why| with_causes(&why));
    let verified = checked.and_then(|checked| checked.verify().map_err(|why| with_causes(&why)));
    match verified {
        Ok(()) => Line::good("configuration", "configuration, certificates and policy hold"),
        Err(why) => Line::failed("configuration", why, "mend it: a start would be refused"),
    }
}

/// How many services are registered.
fn services(registry: &Path, report: &mut Report) -> usize {
    match names::registry(Some(registry)) {
        Ok(registry) => {
            let count = registry.services().count();
            let suspended = registry.services().filter(|service| service.suspended).count();
            let found = format!("{count} services, {suspended} of them suspended from the start");
            report.add(Line::good("registry", found));
            count
        }
        Err(why) => {
            report.add(Line::failed("registry", why.to_string(), "mend the file that it names"));
            0
        }
    }
}

/// The gateway's own certificate; what it is, for whoever answers at the address.
fn server(chain: &Path, now: Timestamp, report: &mut Report) -> Option<Vec<u8>> {
    let text = fs::read_to_string(chain).map_err(|why| format!("`{}`: {why}", chain.display()));
    match text.and_then(|pem| certificate::of_pem(&pem)) {
        Ok(all) => {
            let (facts, der) = all.into_iter().next()?;
            report.add(certificate::validity("server certificate", &facts, now, RENEW));
            report.add(hosts(&facts));
            Some(der)
        }
        Err(why) => {
            report.add(Line::failed("server certificate", why, RENEW));
            None
        }
    }
}

fn hosts(facts: &Facts) -> Line {
    if facts.hosts.is_empty() {
        let mend = "issue one with the names and addresses that clients connect to";
        return Line::failed("server names", "it has neither a DNS name nor an address", mend);
    }
    Line::good("server names", facts.hosts.join(", "))
}

fn authorities(config: &Config, folder: &Path, now: Timestamp, report: &mut Report) {
    for anchor in &config.anchors {
        let crl = anchor.crl.as_ref().map(|crl| folder.join(crl));
        let bundle = folder.join(&anchor.bundle);
        report.add_all(authority::examine(&anchor.organisation, &bundle, crl.as_deref(), now));
    }
    for anchor in &config.shared_anchors {
        let crl = anchor.crl.as_ref().map(|crl| folder.join(crl));
        let bundle = folder.join(&anchor.bundle);
        report.add_all(authority::examine(&anchor.name, &bundle, crl.as_deref(), now));
    }
}

/// Whether the port is free, or this gateway answers there.
async fn address(at: SocketAddr, own: Option<&[u8]>) -> Line {
    match TcpListener::bind(at).await {
        Ok(_) => Line::good("address", format!("`{at}` is free: no gateway runs there")),
        Err(why) if why.kind() == ErrorKind::AddrInUse => match probe::presented(at).await {
            Ok(shown) if own == Some(shown.as_slice()) => {
                Line::good("address", format!("this gateway answers at `{at}`"))
            }
            Ok(_) => {
                let mend = "restart the gateway if its certificate was changed; else end what \
                            listens there, or choose another address in `listen`";
                Line::failed("address", format!("another certificate answers at `{at}`"), mend)
            }
            Err(why) => {
                let mend = "another program has the port: end it, or choose another in `listen`";
                Line::failed(
                    "address",
                    format!("what answers at `{at}` is no gateway: {why}"),
                    mend,
                )
            }
        },
        Err(why) => {
            let mend = "choose an address of this machine in `listen`";
            Line::failed("address", format!("`{at}`: {why}"), mend)
        }
    }
}

/// The data folder, or before the first start the folder that it will lie in.
fn nearest(data: &Path) -> (PathBuf, String) {
    let there = data.ancestors().find(|folder| folder.is_dir());
    let there =
        there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let label = if there == data {
        format!("`{}`", data.display())
    } else {
        format!("`{}`, to be made in `{}`", data.display(), there.display())
    };
    (there.to_owned(), label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::{
        certificate::tests::{at, authority, offset},
        report::Verdict,
    };

    #[tokio::test]
    async fn a_port_of_another_program_and_an_address_of_another_machine_are_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let closing = tokio::spawn(async move {
            // A program that is no gateway: it takes a connection and drops it.
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream);
            }
        });
        let taken = address(at, None).await;
        closing.abort();
        assert_eq!(taken.verdict, Verdict::Failed, "{taken:?}");
        assert!(taken.mend.contains("another program"), "{taken:?}");
        let foreign = address("192.0.2.1:7443".parse().unwrap(), None).await;
        assert_eq!(foreign.verdict, Verdict::Failed, "{foreign:?}");
    }

    #[test]
    fn a_server_certificate_without_names_that_clients_ask_for_is_told() {
        let now = at("2026-01-01T00:00:00Z");
        let service = authority(now).issue_service("n", offset(now)).unwrap();
        let all = certificate::of_pem(service.certificate_pem()).unwrap();
        assert_eq!(hosts(&all[0].0).verdict, Verdict::Failed);
    }

    #[test]
    fn a_configuration_that_does_not_read_ends_the_examination() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gateway.toml");
        assert!(read(&file, &BTreeMap::new()).is_err());
        fs::write(&file, "mode = 1").unwrap();
        assert!(read(&file, &BTreeMap::new()).is_err());
        let sample = include_str!("../../../../../config/gateway.toml");
        fs::write(&file, sample).unwrap();
        let overrides = BTreeMap::from([("LISTEN".to_owned(), "127.0.0.1:1".to_owned())]);
        assert_eq!(read(&file, &overrides).unwrap().listen.port(), 1);
    }
}
