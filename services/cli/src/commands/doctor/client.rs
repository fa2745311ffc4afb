//! The way of a client to its gateway: profile, certificate, handshake, first call, rights.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use samsyn_client::{
    Client, Profile, Refused, probe,
    wire::{GetAccessRequest, GetAccessResponse},
};
use tonic::metadata::MetadataMap;

use super::{
    certificate,
    report::{Line, Report},
};
use crate::{clock, failure::with_causes, session::Globals};

const RENEW: &str = "ask your authority for a new certificate, and put it in the profile";
/// The deadline of the first call.
const DEADLINE: Duration = Duration::from_secs(10);
/// An answer to so small a question should not take longer.
const SLOW: Duration = Duration::from_secs(1);
/// Times in answers are whole seconds; observations may be two minutes ahead.
const SKEW_SEEN: SignedDuration = SignedDuration::from_secs(10);
const SKEW_MAX: SignedDuration = SignedDuration::from_secs(120);

/// Goes the way step by step, and stops where it cannot go on.
pub(super) async fn examine(globals: &Globals, report: &mut Report) {
    report.add(Line::good("program", format!("samsyn {}", env!("CARGO_PKG_VERSION"))));
    let profile = match globals.profile() {
        Ok(profile) => profile,
        Err(why) => {
            report.add(Line::failed(
                "profile",
                why.to_string(),
                "name another, or mend its folder",
            ));
            return;
        }
    };
    report.add(Line::good("profile", format!("for `{}`", profile.endpoint)));
    report.add_all(certificates(&profile, clock::now()));
    if connect(&profile, report).await {
        call(&profile, report).await;
    }
}

/// The client's certificate, and the authority that it trusts the gateway by.
fn certificates(profile: &Profile, now: Timestamp) -> Vec<Line> {
    let mut lines = Vec::new();
    match certificate::of_pem(&profile.certificate_pem) {
        Err(why) => lines.push(Line::failed("certificate", why, RENEW)),
        Ok(all) => {
            for (facts, _) in all.iter().take(1) {
                lines.push(certificate::validity("certificate", facts, now, RENEW));
                lines.push(name(&facts.uris));
            }
        }
    }
    match certificate::of_pem(&profile.ca_pem) {
        Err(why) => {
            lines.push(Line::failed("gateway's authority", why, "get `ca.pem` from the registrar"));
        }
        Ok(all) => {
            let first = all.iter().map(|(facts, _)| facts).min_by_key(|facts| facts.not_after);
            let mend = "get the new `ca.pem` from the registrar";
            lines.extend(
                first.map(|facts| certificate::validity("gateway's authority", facts, now, mend)),
            );
        }
    }
    lines
}

/// A service is known by one URI and no other; without any, by a shared authority.
fn name(uris: &[String]) -> Line {
    match uris {
        [] => Line::warning(
            "certificate's name",
            "it has no URI name",
            "this is right under a shared authority (SITHS, Efos) alone; else ask for one with \
             `spiffe://<trust domain>/svc/<name>`",
        ),
        [one] if one.starts_with("spiffe://") && one.contains("/svc/") => {
            Line::good("certificate's name", one.clone())
        }
        other => Line::failed(
            "certificate's name",
            other.join(", "),
            "ask for a certificate whose only URI name is `spiffe://<trust domain>/svc/<name>`",
        ),
    }
}

/// Whether the gateway let us in.
async fn connect(profile: &Profile, report: &mut Report) -> bool {
    let reached = probe::probe(profile).await;
    report.add_all(reached.steps.iter().map(|(step, found)| Line::good(step.name(), found)));
    if let Some(Ok(facts)) = reached.certificate.as_deref().map(certificate::of_der) {
        let mend = "tell the operator: its certificate is about to end";
        let line = certificate::validity("gateway's certificate", &facts, clock::now(), mend);
        report.add(line);
    }
    let Some(obstacle) = reached.obstacle else { return true };
    report.add(Line::failed(obstacle.at.name(), obstacle.seen, obstacle.mend));
    false
}

/// The first call, and what its answer tells.
async fn call(profile: &Profile, report: &mut Report) {
    let client = match Client::connect(profile).await {
        Ok(client) => client,
        Err(why) => {
            let mend = "the steps above went well: try again, then tell the operator";
            report.add(Line::failed("first call", with_causes(&why), mend));
            return;
        }
    };
    let mut request = tonic::Request::new(GetAccessRequest {});
    request.set_timeout(DEADLINE);
    let started = Instant::now();
    let answer = client.access.clone().get_access(request).await;
    let took = started.elapsed();
    match answer {
        Ok(answer) => {
            report.add(answered(took));
            report.add(skew(answer.metadata(), clock::now()));
            report.add_all(rights(profile, answer.get_ref()));
        }
        Err(status) => {
            report.add(skew(status.metadata(), clock::now()));
            let refused = Refused::from(status);
            let page = refused.reason.map(samsyn_client::Reason::page_path).unwrap_or_default();
            let mend = format!("do as it says; more in {page}");
            let mend = if page.is_empty() { "tell the operator".to_owned() } else { mend };
            report.add(Line::failed("first call", refused.to_string(), mend));
        }
    }
}

fn answered(took: Duration) -> Line {
    let found = format!("GetAccess answered in {took:.0?}, with a deadline of {DEADLINE:?}");
    if took > SLOW {
        let mend = "look at the network first; set deadlines of at least ten times this";
        return Line::warning("first call", found, mend);
    }
    Line::good("first call", found)
}

/// This machine's clock against the time of the gateway's answer.
fn skew(headers: &MetadataMap, now: Timestamp) -> Line {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(theirs) = date.map(|date| date.timestamp()) else {
        let mend = "compare the clocks by hand";
        return Line::warning("clock", "the answer does not say when it was made", mend);
    };
    let ahead = now.duration_since(theirs);
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let found = format!("{} s {side} the gateway's", ahead.abs().as_secs());
    let mend = "have the clock kept by NTP: two minutes ahead and observations, keys and \
                certificates are refused";
    if ahead.abs() > SKEW_MAX {
        Line::failed("clock", found, mend)
    } else if ahead.abs() > SKEW_SEEN {
        Line::warning("clock", found, mend)
    } else {
        Line::good("clock", found)
    }
}

/// What is granted, and whether the profile asks for that.
fn rights(profile: &Profile, access: &GetAccessResponse) -> Vec<Line> {
    let who = format!("{}, in the roles {}", access.service, access.roles.join(", "));
    let mut lines = vec![Line::good("who you are", who)];
    let is_party = !access.parties.is_empty();
    if access.grants.is_empty() && !is_party {
        let mend = "ask the registrar whether a release row for you is in force";
        lines.push(Line::warning("what you may", "no release row gives you anything", mend));
        return lines;
    }
    let live = access.grants.iter().filter(|grant| grant.live).count();
    let found = format!(
        "grants: {}, of them live: {live}; parties: {}",
        access.grants.len(),
        if is_party { access.parties.join(", ") } else { "none".to_owned() }
    );
    lines.push(Line::good("what you may", found));
    if !access.grants.is_empty() {
        lines.push(ground(profile, access));
    }
    lines
}

/// Whether some grant is for the purpose and on the basis that the profile reads with.
fn ground(profile: &Profile, access: &GetAccessResponse) -> Line {
    let asked = format!("{} on {}", profile.purpose, profile.legal_basis);
    let fits = access.grants.iter().any(|grant| {
        grant.purposes.contains(&profile.purpose)
            && grant.legal_bases.contains(&profile.legal_basis)
    });
    if fits {
        return Line::good("purpose and basis", asked);
    }
    let all: Vec<_> = access
        .grants
        .iter()
        .map(|grant| format!("{} on {}", grant.purposes.join("/"), grant.legal_bases.join("/")))
        .collect();
    let mend = format!("in `profile.toml`, use what is granted: {}", all.join("; "));
    Line::failed("purpose and basis", format!("{asked} is granted nowhere"), mend)
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::Grant;

    use super::*;
    use crate::commands::doctor::{
        certificate::tests::{at, authority, offset},
        report::Verdict::{self, Failed, Good, Warning},
    };

    fn verdicts(lines: &[Line]) -> Vec<Verdict> {
        lines.iter().map(|line| line.verdict).collect()
    }

    fn profile(now: Timestamp) -> Profile {
        let authority = authority(now);
        let issued = authority.issue_service("n", offset(now)).unwrap();
        Profile {
            endpoint: "https://127.0.0.1:1".to_owned(),
            others: Vec::new(),
            ca_pem: authority.certificate_pem().to_owned(),
            certificate_pem: issued.certificate_pem().to_owned(),
            key_pem: issued.key_pem().to_owned(),
            purpose: "p".to_owned(),
            legal_basis: "b".to_owned(),
            weighing_ref: String::new(),
            party: String::new(),
            function: String::new(),
            descriptor: String::new(),
            endorsement_keys: std::collections::BTreeMap::new(),
            registry_key: None,
            publisher_key: None,
        }
    }

    #[test]
    fn certificates_that_have_ended_and_authorities_that_do_not_read_are_told() {
        let now = at("2026-01-01T00:00:00Z");
        let whole = profile(now);
        assert_eq!(verdicts(&certificates(&whole, now)), [Good, Good, Good]);
        let late = certificates(&whole, at("2026-06-01T00:00:00Z"));
        assert_eq!(verdicts(&late), [Failed, Good, Good]);
        let bare = Profile { ca_pem: String::new(), ..whole };
        assert_eq!(verdicts(&certificates(&bare, now)), [Good, Good, Failed]);
    }

    #[test]
    fn a_certificate_has_one_name_of_a_service() {
        let uris = |all: &[&str]| all.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>();
        assert_eq!(name(&[]).verdict, Warning);
        assert_eq!(name(&uris(&["spiffe://a/svc/b"])).verdict, Good);
        assert_eq!(name(&uris(&["spiffe://a/node/b"])).verdict, Failed);
        assert_eq!(name(&uris(&["spiffe://a/svc/b", "spiffe://a/svc/c"])).verdict, Failed);
    }

    #[test]
    fn a_clock_far_from_the_gateways_is_told() {
        let answer = |date: &str| {
            let mut headers = MetadataMap::new();
            headers.insert("date", date.parse().unwrap());
            skew(&headers, at("2026-01-01T12:00:00Z"))
        };
        assert_eq!(answer("Thu, 01 Jan 2026 12:00:01 GMT").verdict, Good);
        assert_eq!(answer("Thu, 01 Jan 2026 11:59:30 GMT").verdict, Warning);
        let far = answer("Thu, 01 Jan 2026 11:00:00 GMT");
        assert_eq!(far.verdict, Failed);
        assert!(far.found.contains("3600 s ahead of"), "{far:?}");
        assert!(answer("Thu, 01 Jan 2026 13:00:00 GMT").found.contains("behind"));
        assert_eq!(answer("soon").verdict, Warning);
    }

    #[test]
    fn a_purpose_that_is_granted_nowhere_and_no_grants_at_all_are_told() {
        let profile = profile(at("2026-01-01T00:00:00Z"));
        let grant = |purpose: &str| Grant {
            purposes: vec![purpose.to_owned()],
            legal_bases: vec!["b".to_owned()],
            ..Grant::default()
        };
        let with = |grants| GetAccessResponse { grants, ..GetAccessResponse::default() };
        assert_eq!(verdicts(&rights(&profile, &with(vec![grant("p")]))), [Good, Good, Good]);
        assert_eq!(verdicts(&rights(&profile, &with(vec![grant("q")]))), [Good, Good, Failed]);
        assert_eq!(verdicts(&rights(&profile, &with(Vec::new()))), [Good, Warning]);
        assert_eq!(answered(Duration::from_secs(3)).verdict, Warning);
    }
}
