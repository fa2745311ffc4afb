//! Authorities of clients: how long they are good, and how old their revocation lists are.

use std::path::Path;

use jiff::Timestamp;
use x509_parser::{pem::Pem, prelude::FromDer as _, revocation_list::CertificateRevocationList};

use super::{
    certificate::{self, timestamp},
    report::Line,
};

const REFRESH: &str = "have its authority write a new list (`samsyn pki refresh DIR`), put it in \
                       its place and restart the gateway: past its end nobody of it gets in";
const RENEW: &str = "have the organisation send its new authority, and put it in the bundle beside \
                     the old one before that ends";

/// The authority of `name`: its bundle and its revocation list.
pub(super) fn examine(name: &str, bundle: &Path, crl: Option<&Path>, now: Timestamp) -> [Line; 2] {
    let label = format!("authority {name}");
    let bundle_line = match read(bundle).and_then(|pem| certificate::of_pem(&pem)) {
        Err(why) => Line::failed(&label, why, "put the bundle back, in PEM"),
        Ok(all) => {
            let first = all.iter().map(|(facts, _)| facts).min_by_key(|facts| facts.not_after);
            first.map_or_else(
                || Line::failed(&label, "holds no certificate", "put the bundle back, in PEM"),
                |facts| certificate::validity(&label, facts, now, RENEW),
            )
        }
    };
    let label = format!("revocations {name}");
    let list_line = match crl {
        None => Line::warning(
            &label,
            "no list is configured: a revoked certificate is let in",
            "name the authority's list as `crl` in the configuration",
        ),
        Some(file) => read(file)
            .map_or_else(|why| Line::failed(&label, why, REFRESH), |pem| list(&label, &pem, now)),
    };
    [bundle_line, list_line]
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|why| format!("cannot read `{}`: {why}", file.display()))
}

/// The list that ends first, against half of its time.
fn list(name: &str, pem: &str, now: Timestamp) -> Line {
    let times = match times(pem) {
        Ok(times) => times,
        Err(why) => return Line::failed(name, why, REFRESH),
    };
    let Some((from, until)) = times.into_iter().min_by_key(|(_, until)| *until) else {
        return Line::failed(name, "the file holds no list", REFRESH);
    };
    let (whole, age) = (until.duration_since(from), now.duration_since(from));
    let found = format!(
        "{} hours old, {} hours left",
        age.as_hours(),
        until.duration_since(now).as_hours().max(0)
    );
    if now < from {
        let mend = "check this machine's clock; if it is right, the authority's is not";
        return Line::failed(name, format!("not good before {from}"), mend);
    }
    if now >= until {
        return Line::failed(name, format!("ended at {until}"), REFRESH);
    }
    if age > whole / 2 {
        return Line::warning(name, format!("{found}: past half of its time"), REFRESH);
    }
    Line::good(name, found)
}

/// From when and until when each list of a PEM file is good.
fn times(pem: &str) -> Result<Vec<(Timestamp, Timestamp)>, String> {
    let mut all = Vec::new();
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.map_err(|why| format!("does not read as PEM: {why}"))?;
        let (_, list) = CertificateRevocationList::from_der(&block.contents)
            .map_err(|why| format!("is no revocation list: {why}"))?;
        let until = list.next_update().ok_or("says not until when it is good")?;
        all.push((timestamp(list.last_update().timestamp()), timestamp(until.timestamp())));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::commands::doctor::{
        certificate::tests::{at, authority, offset},
        report::Verdict,
    };

    #[test]
    fn a_list_is_told_past_half_of_its_time_at_its_end_and_when_it_does_not_read() {
        let made = at("2026-01-01T00:00:00Z");
        let pem = authority(made).crl(&[], offset(made)).unwrap();
        for (now, verdict, word) in [
            ("2026-01-02T00:00:00Z", Verdict::Good, "24 hours old, 144 hours left"),
            ("2026-01-05T00:00:00Z", Verdict::Warning, "past half"),
            ("2026-01-08T00:00:01Z", Verdict::Failed, "ended at"),
            ("2025-12-31T00:00:00Z", Verdict::Failed, "not good before"),
        ] {
            let line = list("l", &pem, at(now));
            assert_eq!(line.verdict, verdict, "{now}: {line:?}");
            assert!(line.found.contains(word), "{now}: {line:?}");
        }
        assert_eq!(list("l", "", at("2026-01-02T00:00:00Z")).verdict, Verdict::Failed);
        let cut = pem.replacen('A', "", 1);
        assert_eq!(list("l", &cut, at("2026-01-02T00:00:00Z")).verdict, Verdict::Failed);
    }

    #[test]
    fn a_missing_bundle_and_a_list_that_is_not_configured_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let now = at("2026-01-01T00:00:00Z");
        let gone = dir.path().join("gone.pem");
        let [bundle, list] = examine("a", &gone, None, now);
        assert_eq!((bundle.verdict, list.verdict), (Verdict::Failed, Verdict::Warning));
        let [_, list] = examine("a", &gone, Some(&gone), now);
        assert_eq!(list.verdict, Verdict::Failed);
        let file = dir.path().join("ca.pem");
        fs::write(&file, authority(now).certificate_pem()).unwrap();
        assert_eq!(examine("a", &file, None, now)[0].verdict, Verdict::Good);
        let later = at("2035-12-30T00:00:00Z");
        assert_eq!(examine("a", &file, None, later)[0].verdict, Verdict::Failed);
    }
}
