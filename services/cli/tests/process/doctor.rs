use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use samsyn_client::Profile;
use serde_json::Value;

use crate::harness::{Domain, samsyn};

/// What `samsyn doctor` says: its exit code and, by check, verdict and what to do.
struct Said {
    code: Option<i32>,
    value: Value,
}

impl Said {
    fn of(arguments: &[&str], paths: &[&Path], listen: &str) -> Self {
        let mut doctor = samsyn();
        doctor.arg("doctor").args(["--output", "json"]);
        for (argument, path) in arguments.iter().zip(paths) {
            doctor.arg(argument).arg(path);
        }
        let output = doctor.env("SAMSYN_LISTEN", listen).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
        Self { code: output.status.code(), value }
    }

    fn verdict(&self, check: &str) -> &str {
        let checks = self.value["checks"].as_array().unwrap();
        let line = checks.iter().find(|line| line["check"] == check);
        line.unwrap_or_else(|| panic!("no {check} in {:#}", self.value))["verdict"]
            .as_str()
            .unwrap()
    }

    /// The checks that did not go well, with what to do.
    fn bad(&self) -> Vec<(&str, &str)> {
        let checks = self.value["checks"].as_array().unwrap();
        let bad = checks.iter().filter(|line| line["verdict"] == "failed");
        bad.map(|line| (line["check"].as_str().unwrap(), line["mend"].as_str().unwrap())).collect()
    }
}

fn of_gateway(domain: &Domain) -> Said {
    let listen = domain.profile("auditor").endpoint;
    Said::of(&["--config"], &[&domain.config()], listen.trim_start_matches("https://"))
}

fn of_client(profile: &Profile) -> Said {
    let dir = tempfile::tempdir().unwrap();
    profile.save(&dir.path().join("own")).unwrap();
    Said::of(&["--as", "--profiles"], &[Path::new("own"), dir.path()], "127.0.0.1:1")
}

#[tokio::test]
async fn a_gateway_is_well_before_its_start_and_while_it_serves() {
    let mut domain = Domain::written();
    let before = of_gateway(&domain);
    assert!(before.bad().is_empty(), "{:#}", before.value);
    domain.start();
    drop(domain.client("auditor").await);
    let serving = of_gateway(&domain);
    assert!(serving.bad().is_empty(), "{:#}", serving.value);
    let address = serving.value.to_string();
    assert!(address.contains("this gateway answers at"), "{address}");
    assert_eq!(serving.verdict("log"), "ok");
}

#[test]
fn each_damage_of_a_gateway_fails_the_check_that_is_for_it() {
    let edit = |file: &'static str, from: &'static str, to: &'static str| {
        move |domain: &Domain| {
            let path = domain.path().join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replacen(from, to, 1)).unwrap();
        }
    };
    type Damage = Box<dyn Fn(&Domain)>;
    let rows: [(&str, Damage); 7] = [
        ("configuration", Box::new(edit("config.toml", "mode =", "moode ="))),
        ("configuration", Box::new(edit("policy/samsyn.cedar", "principal.roles", "principal.x"))),
        ("registry", Box::new(edit("registry.toml", "id = \"sthlm-skarholmen\"", "id = \"x\""))),
        ("server certificate", Box::new(edit("tls/server.pem", "MII", "MIJ"))),
        (
            "server key",
            Box::new(|domain| {
                let open = fs::Permissions::from_mode(0o644);
                fs::set_permissions(domain.path().join("tls/server.key"), open).unwrap();
            }),
        ),
        (
            "revocations kriminalvarden",
            Box::new(|domain| {
                fs::write(domain.path().join("anchors/kriminalvarden.crl.pem"), "").unwrap()
            }),
        ),
        (
            "authority kriminalvarden",
            Box::new(|domain| {
                fs::remove_file(domain.path().join("anchors/kriminalvarden.pem")).unwrap()
            }),
        ),
    ];
    for (check, damage) in rows {
        let domain = Domain::written();
        damage(&domain);
        let said = of_gateway(&domain);
        assert_eq!((said.code, said.verdict(check)), (Some(2), "failed"), "{:#}", said.value);
        assert!(said.bad().iter().all(|(_, mend)| !mend.is_empty()), "{:#}", said.value);
    }
}

#[tokio::test]
async fn a_client_learns_at_which_step_its_way_ends() {
    let mut domain = Domain::written();
    let sound = domain.profile("raddningstjansten");
    let silent = of_client(&sound);
    assert_eq!((silent.code, silent.verdict("tcp")), (Some(2), "failed"), "{:#}", silent.value);
    domain.start();
    drop(domain.client("auditor").await);

    let well = of_client(&sound);
    assert!(well.bad().is_empty(), "{:#}", well.value);
    assert_eq!(well.verdict("let in"), "ok");
    assert_eq!(well.verdict("purpose and basis"), "ok");
    assert_eq!(well.verdict("clock"), "ok");

    let other = domain.profile("kriminalvarden");
    let other_key = Profile { key_pem: other.key_pem, ..sound.clone() };
    assert_eq!(of_client(&other_key).verdict("key and certificates"), "failed");
    let other_ca = Profile { ca_pem: forged().ca_pem, ..sound.clone() };
    let said = of_client(&other_ca);
    assert_eq!(said.verdict("tls handshake"), "failed");
    assert!(said.bad()[0].1.contains("ca.pem"), "{:#}", said.value);
    let other_host = sound.endpoint.replace("127.0.0.1", "127.0.0.2");
    let other_host = Profile { endpoint: other_host, ..sound.clone() };
    assert_eq!(of_client(&other_host).verdict("tcp"), "failed");
    let Forged { certificate_pem, key_pem, .. } = forged();
    let not_theirs = of_client(&Profile { certificate_pem, key_pem, ..sound.clone() });
    assert_eq!(not_theirs.verdict("tls handshake"), "ok");
    assert_eq!(not_theirs.verdict("let in"), "failed", "{:#}", not_theirs.value);
    let purpose = Profile { purpose: "curiosity".to_owned(), ..sound };
    assert_eq!(of_client(&purpose).verdict("purpose and basis"), "failed");
}

struct Forged {
    ca_pem: String,
    certificate_pem: String,
    key_pem: String,
}

/// The right name by an authority that nobody has registered.
fn forged() -> Forged {
    let dir = tempfile::tempdir().unwrap();
    let pki = dir.path().join("pki");
    for arguments in [
        &["init", "--trust-domain", "raddningstjansten.example"][..],
        &["issue", "--service", "raddningstjansten"],
    ] {
        let (verb, rest) = arguments.split_first().unwrap();
        let made = samsyn().args(["pki", verb]).arg(&pki).args(rest).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    let read = |name: &str| fs::read_to_string(pki.join(name)).unwrap();
    Forged {
        ca_pem: read("ca.pem"),
        certificate_pem: read("issued/raddningstjansten.pem"),
        key_pem: read("issued/raddningstjansten.key"),
    }
}
