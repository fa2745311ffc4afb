use std::fs;

use crate::harness::{Domain, samsyn};

/// What `serve --check` says of a domain's folder after something in it was changed.
fn checked(domain: &Domain) -> (bool, String) {
    let mut check = samsyn();
    check.args(["serve", "--check", "--config"]).arg(domain.config());
    let output = check.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn edited(domain: &Domain, file: &str, from: &str, to: &str) {
    let path = domain.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no `{from}`");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_written_domain_checks_out() {
    let (holds, said) = checked(&Domain::written());
    assert!(holds, "{said}");
}

#[test]
fn what_does_not_hold_stops_the_start_and_names_file_and_mend() {
    let rows: [(&str, &str, &str, &[&str]); 7] = [
        ("config.toml", "mode = \"demo\"", "mode = \"production\"", &["erasure", "production"]),
        ("config.toml", "mode =", "moode =", &["config.toml", "moode"]),
        ("config.toml", "policy = \"policy\"", "policy = \"nowhere\"", &["nowhere", "path"]),
        (
            "registry.toml",
            "id = \"sthlm-skarholmen\"",
            "id = \"x\"",
            &["registry.toml", "skarholmen"],
        ),
        ("policy/samsyn.cedar", "principal.roles", "principal.rolls", &["policy", "rolls"]),
        ("tls/server.pem", "BEGIN CERTIFICATE", "BEGIN NOTHING", &["certificate"]),
        ("config.toml", "\"kriminalvarden\"", "\"nobody\"", &["nobody"]),
    ];
    for (file, from, to, words) in rows {
        let domain = Domain::written();
        edited(&domain, file, from, to);
        let (holds, said) = checked(&domain);
        assert!(!holds, "{file}: {to} was let through");
        for word in words {
            assert!(said.contains(word), "{file}: {to}: `{word}` is not in:\n{said}");
        }
    }
}
