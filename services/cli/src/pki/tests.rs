//! The authority in a folder, its certificates read by another parser.

use std::{os::unix::fs::PermissionsExt, process::Command};

use tempfile::TempDir;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, pem::Pem, prelude::FromDer,
    revocation_list::CertificateRevocationList,
};

use super::*;

const DOMAIN: &str = "norrmalm.example";

fn noon() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap()
}

fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path(), DOMAIN, noon()).unwrap();
    dir
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).unwrap()
}

fn section(pem: &str) -> Vec<u8> {
    Pem::iter_from_buffer(pem.as_bytes()).next().unwrap().unwrap().contents
}

/// URI names, DNS names and IP addresses of a certificate.
fn names(cert: &X509Certificate<'_>) -> (Vec<String>, Vec<String>, Vec<Vec<u8>>) {
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for name in &cert.subject_alternative_name().unwrap().unwrap().value.general_names {
        if let GeneralName::URI(uri) = name {
            all.0.push((*uri).to_owned());
        } else if let GeneralName::DNSName(dns) = name {
            all.1.push((*dns).to_owned());
        } else if let GeneralName::IPAddress(ip) = name {
            all.2.push(ip.to_vec());
        } else {
            panic!("unexpected name {name:?}");
        }
    }
    all
}

fn listed(dir: &TempDir) -> Vec<String> {
    let der = section(&read(dir, "crl.pem"));
    let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
    list.iter_revoked_certificates().map(|one| hex::encode(one.raw_serial())).collect()
}

fn server() -> Kind {
    Kind::Server { dns: vec!["localhost".to_owned()], ips: vec![[127, 0, 0, 1].into()] }
}

#[test]
fn an_authority_signs_certificates_and_lists_for_five_years() {
    let dir = folder();
    let der = section(&read(&dir, "ca.pem"));
    let (_, cert) = X509Certificate::from_der(&der).unwrap();
    let ca = cert.basic_constraints().unwrap().unwrap().value;
    assert!(ca.ca && ca.path_len_constraint == Some(0));
    let usage = cert.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
    let end = noon().saturating_add(AUTHORITY_VALIDITY).unix_timestamp();
    assert_eq!(cert.validity().not_after.timestamp(), end);
    assert_eq!(listed(&dir), Vec::<String>::new());
}

#[test]
fn a_service_has_one_uri_name_and_may_only_be_a_client() {
    let dir = folder();
    let written = issue(dir.path(), "lagesbild", &Kind::Service, noon()).unwrap();
    let der = section(&read(&dir, "issued/lagesbild.pem"));
    let (_, cert) = X509Certificate::from_der(&der).unwrap();
    let uri = vec!["spiffe://norrmalm.example/svc/lagesbild".to_owned()];
    assert_eq!(names(&cert), (uri, vec![], vec![]));
    let extended = cert.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && !extended.server_auth && !extended.any);
    let usage = cert.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign());
    assert!(!cert.is_ca());
    let end = noon().saturating_add(CERTIFICATE_VALIDITY);
    assert_eq!(cert.validity().not_after.timestamp(), end.unix_timestamp());
    assert_eq!(written.until, end);
    assert_eq!(written.serials, [hex::encode(cert.serial.to_bytes_be())]);
}

#[test]
fn a_server_has_one_uri_name_beside_its_addresses() {
    let dir = folder();
    issue(dir.path(), "gw1", &server(), noon()).unwrap();
    let der = section(&read(&dir, "issued/gw1.pem"));
    let (_, cert) = X509Certificate::from_der(&der).unwrap();
    let uri = vec!["spiffe://norrmalm.example/node/gw1".to_owned()];
    assert_eq!(names(&cert), (uri, vec!["localhost".to_owned()], vec![vec![127, 0, 0, 1]]));
    let extended = cert.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && !extended.client_auth);
}

#[test]
fn a_link_has_one_uri_name_and_both_connects_and_is_connected_to() {
    let dir = folder();
    let link = Kind::Link { dns: vec!["link.example".to_owned()], ips: vec![[10, 0, 0, 1].into()] };
    issue(dir.path(), "link-1", &link, noon()).unwrap();
    let der = section(&read(&dir, "issued/link-1.pem"));
    let (_, cert) = X509Certificate::from_der(&der).unwrap();
    let uri = vec!["spiffe://norrmalm.example/link/link-1".to_owned()];
    assert_eq!(names(&cert), (uri, vec!["link.example".to_owned()], vec![vec![10, 0, 0, 1]]));
    let extended = cert.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && extended.client_auth && !extended.any);
    assert!(!cert.is_ca());
    let bare = Kind::Link { dns: vec![], ips: vec![] };
    assert!(matches!(issue(dir.path(), "link", &bare, noon()), Err(Error::NoAddress)));
    assert!(matches!(issue(dir.path(), "../x", &link, noon()), Err(Error::Name(_))));
}

#[test]
fn serial_numbers_are_sixteen_random_bytes() {
    let authority = Authority::create(DOMAIN, "x", AUTHORITY_VALIDITY, noon()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let serial = authority.issue_service("a", noon()).unwrap().serial().to_owned();
        assert_eq!(serial.len(), 32);
        assert!(matches!(serial.as_bytes()[0], b'4'..=b'7'), "{serial}");
        assert!(seen.insert(serial));
    }
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    let authority = Authority::create(DOMAIN, "x", Duration::days(10), noon()).unwrap();
    let late = noon().saturating_add(Duration::days(9));
    assert_eq!(authority.issue_service("a", late).unwrap().not_after(), authority.not_after());
    let over = noon().saturating_add(Duration::days(10));
    assert!(matches!(authority.issue_service("a", over), Err(Error::Ended)));
}

#[test]
fn revoking_lists_every_good_certificate_of_the_name_until_it_ends() {
    let dir = folder();
    let mut both = Vec::new();
    for _ in 0..2 {
        both.extend(issue(dir.path(), "lagesbild", &Kind::Service, noon()).unwrap().serials);
    }
    issue(dir.path(), "other", &Kind::Service, noon()).unwrap();
    assert_eq!(revoke(dir.path(), "lagesbild", noon()).unwrap().serials, both);
    assert_eq!(listed(&dir), both);
    let again = revoke(dir.path(), "lagesbild", noon());
    assert!(matches!(again, Err(Error::NothingIssued { .. })));
    refresh(dir.path(), noon().saturating_add(Duration::days(30))).unwrap();
    assert_eq!(listed(&dir), both, "a new list forgets nothing");
    refresh(dir.path(), noon().saturating_add(Duration::days(91))).unwrap();
    assert_eq!(listed(&dir), Vec::<String>::new(), "ended certificates need no entry");
}

#[test]
fn keys_are_for_their_owner_alone_and_are_not_shown() {
    let dir = folder();
    issue(dir.path(), "lagesbild", &Kind::Service, noon()).unwrap();
    let mode =
        |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("ca.key"), 0o600);
    assert_eq!(mode("issued/lagesbild.key"), 0o600);
    assert_eq!(mode("ca.pem"), 0o644);
    let left = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".new-");
    let entries = || fs::read_dir(dir.path()).unwrap().map(Result::unwrap);
    assert_eq!(entries().filter(left).count(), 0);
    let authority = Authority::load(dir.path()).unwrap();
    let issued = authority.issue_service("a", noon()).unwrap();
    let shown = format!("{authority:?} {issued:?}");
    assert!(!shown.contains("PRIVATE") && !shown.contains("key"), "{shown}");
}

#[test]
fn a_second_init_does_not_overwrite_the_authority() {
    let dir = folder();
    let before = read(&dir, "ca.key");
    assert!(matches!(init(dir.path(), DOMAIN, noon()), Err(Error::Exists { .. })));
    assert_eq!(read(&dir, "ca.key"), before);
}

#[test]
fn names_that_could_leave_the_folder_or_the_domain_are_refused() {
    let dir = folder();
    let long = "a".repeat(64);
    for name in ["", ".", "..", "../x", "a/b", ".hidden", "-x", "Upper", "a b", "å", &long] {
        let refused = issue(dir.path(), name, &Kind::Service, noon());
        assert!(matches!(refused, Err(Error::Name(_))), "{name}");
        let refused = issue(dir.path(), name, &server(), noon());
        assert!(matches!(refused, Err(Error::Name(_))), "{name}");
    }
    for domain in ["", "Upper", "a/b", "a:1", "u@a"] {
        let refused = Authority::create(domain, "x", AUTHORITY_VALIDITY, noon());
        assert!(matches!(refused, Err(Error::TrustDomain(_))), "{domain}");
    }
    let authority = Authority::load(dir.path()).unwrap();
    let foreign = |uri: &str| authority.issue_server(&["a".to_owned()], &[], uri, noon());
    assert!(matches!(foreign("spiffe://police.example/node/1"), Err(Error::ForeignName { .. })));
    assert!(matches!(foreign("spiffe://norrmalm.example/"), Err(Error::ForeignName { .. })));
    assert!(matches!(foreign("spiffe://norrmalm.example/å"), Err(Error::Uri(_))));
    let bare = Kind::Server { dns: vec![], ips: vec![] };
    assert!(matches!(issue(dir.path(), "gw", &bare, noon()), Err(Error::NoAddress)));
    let port = Kind::Server { dns: vec!["a:443".to_owned()], ips: vec![] };
    assert!(matches!(issue(dir.path(), "gw", &port, noon()), Err(Error::DnsName(_))));
}

#[test]
fn a_folder_without_an_authority_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let text = issue(dir.path(), "a", &Kind::Service, noon()).unwrap_err().to_string();
    assert!(text.contains("index.toml") && text.contains("`init`"), "{text}");
}

#[test]
fn the_acceptor_takes_what_the_authority_writes() {
    let dir = folder();
    issue(dir.path(), "gw1", &server(), noon()).unwrap();
    let material = samsyn_gateway::ServerMaterial {
        chain_pem: read(&dir, "issued/gw1.pem"),
        key_pem: read(&dir, "issued/gw1.key"),
    };
    let anchor = samsyn_gateway::Anchor::Own {
        organisation: "norrmalm".to_owned(),
        trust_domain: DOMAIN.to_owned(),
        bundle_pem: read(&dir, "ca.pem"),
        crl_pem: Some(read(&dir, "crl.pem")),
    };
    let limits = samsyn_gateway::ConnectionLimits::default();
    samsyn_gateway::Tls::load(&material, vec![anchor], limits).unwrap();
}

/// Asks another implementation, where there is one.
#[test]
fn openssl_verifies_the_chain_and_the_revocation() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no openssl here");
        return;
    }
    let dir = folder();
    issue(dir.path(), "lagesbild", &Kind::Service, noon()).unwrap();
    let verify = || {
        let mut command = Command::new("openssl");
        command.current_dir(dir.path()).args(["verify", "-x509_strict", "-crl_check"]);
        command.args(["-purpose", "sslclient", "-attime"]).arg(noon().unix_timestamp().to_string());
        command.args(["-CAfile", "ca.pem", "-CRLfile", "crl.pem", "issued/lagesbild.pem"]);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (good, said) = verify();
    assert!(good, "{said}");
    revoke(dir.path(), "lagesbild", noon()).unwrap();
    let (good, said) = verify();
    assert!(!good && said.contains("revoked"), "{said}");
}
