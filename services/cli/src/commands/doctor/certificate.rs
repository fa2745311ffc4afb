//! Certificates in PEM or DER: how long they are good, and what they name.

use jiff::{SignedDuration, Timestamp};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, pem::Pem, prelude::FromDer as _,
};

use super::report::Line;

/// So long before its end a certificate should be renewed.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(21 * 24);

/// What is looked at in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) uris: Vec<String>,
    pub(super) hosts: Vec<String>,
    pub(super) authority: bool,
}

/// The certificates of a PEM file.
///
/// # Errors
/// What does not read.
pub(super) fn of_pem(pem: &str) -> Result<Vec<(Facts, Vec<u8>)>, String> {
    let mut all = Vec::new();
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.map_err(|why| format!("does not read as PEM: {why}"))?;
        if block.label == "CERTIFICATE" {
            all.push((of_der(&block.contents)?, block.contents));
        }
    }
    if all.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(all) }
}

/// One certificate.
///
/// # Errors
/// What does not read.
pub(super) fn of_der(der: &[u8]) -> Result<Facts, String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|why| format!("is no certificate: {why}"))?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.clone()).unwrap_or_default();
    let mut facts = Facts {
        not_before: timestamp(certificate.validity().not_before.timestamp()),
        not_after: timestamp(certificate.validity().not_after.timestamp()),
        uris: Vec::new(),
        hosts: Vec::new(),
        authority: certificate.is_ca(),
    };
    for name in names {
        match host_or_uri(&name) {
            Some(Ok(host)) => facts.hosts.push(host),
            Some(Err(uri)) => facts.uris.push(uri),
            None => {}
        }
    }
    Ok(facts)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library may add names")]
fn host_or_uri(name: &GeneralName<'_>) -> Option<Result<String, String>> {
    match name {
        GeneralName::URI(uri) => Some(Err((*uri).to_owned())),
        GeneralName::DNSName(name) => Some(Ok((*name).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let any = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            any.ok().map(|address| Ok(address.to_string()))
        }
        _ => None,
    }
}

/// A moment of X.509, which has whole seconds.
pub(super) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whole days from one moment to another.
pub(super) fn days(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// How long a certificate is good. `renew` says how to get a new one.
pub(super) fn validity(name: &str, facts: &Facts, now: Timestamp, renew: &str) -> Line {
    let until = facts.not_after.strftime("%F");
    if now < facts.not_before {
        let from = facts.not_before;
        let mend = "check this machine's clock; if it is right, wait or get another certificate";
        return Line::failed(name, format!("not good before {from}"), mend);
    }
    if now >= facts.not_after {
        return Line::failed(name, format!("ended on {until}"), renew);
    }
    let left = format!("{} days left, until {until}", days(now, facts.not_after));
    if facts.not_after.duration_since(now) < RENEW_BEFORE {
        return Line::warning(name, left, renew);
    }
    Line::good(name, left)
}

#[cfg(test)]
pub(super) mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;
    use crate::{
        commands::doctor::report::Verdict,
        pki::{Authority, CERTIFICATE_VALIDITY},
    };

    /// An authority of ten years from a moment on.
    pub(in crate::commands::doctor) fn authority(now: Timestamp) -> Authority {
        let validity = Duration::days(3650);
        Authority::create("a.example", "a", validity, offset(now)).unwrap()
    }

    pub(in crate::commands::doctor) fn offset(at: Timestamp) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap()
    }

    pub(in crate::commands::doctor) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_certificate_that_ends_soon_has_ended_or_has_not_begun_is_told() {
        let issued_at = at("2026-01-01T00:00:00Z");
        let issued = authority(issued_at).issue_service("n", offset(issued_at)).unwrap();
        let all = of_pem(issued.certificate_pem()).unwrap();
        let [(facts, _)] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(facts.uris, ["spiffe://a.example/svc/n"]);
        assert!(!facts.authority && CERTIFICATE_VALIDITY == Duration::days(90));
        for (now, verdict, word) in [
            ("2026-01-02T00:00:00Z", Verdict::Good, "89 days"),
            ("2026-03-20T00:00:00Z", Verdict::Warning, "12 days"),
            ("2026-04-02T00:00:00Z", Verdict::Failed, "ended on 2026-04-01"),
            ("2025-12-01T00:00:00Z", Verdict::Failed, "not good before"),
        ] {
            let line = validity("c", facts, at(now), "renew");
            assert_eq!(line.verdict, verdict, "{now}: {line:?}");
            assert!(line.found.contains(word), "{now}: {line:?}");
            assert_eq!(line.mend.is_empty(), verdict == Verdict::Good);
        }
    }

    #[test]
    fn what_is_no_certificate_says_so() {
        assert!(of_pem("").unwrap_err().contains("no certificate"));
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(of_pem(cut).unwrap_err().contains("is no certificate"));
    }

    #[test]
    fn names_and_addresses_of_a_server_are_seen() {
        let now = at("2026-01-01T00:00:00Z");
        let dns = ["localhost".to_owned()];
        let ips = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        let uri = "spiffe://a.example/node/1";
        let issued = authority(now).issue_server(&dns, &ips, uri, offset(now)).unwrap();
        let all = of_pem(issued.certificate_pem()).unwrap();
        assert_eq!(all[0].0.hosts, ["localhost", "127.0.0.1", "::1"]);
    }
}
