//! Names of services: `spiffe://<trust-domain>/svc/<name>` (SPIFFE-ID 1.0, sections 2.1–2.3).

const URI_LENGTH_MAX: usize = 2048;
const TRUST_DOMAIN_LENGTH_MAX: usize = 255;

/// The name of a service, as its certificate says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServiceName<'a> {
    /// Whose name it is; lower case.
    pub(super) trust_domain: &'a str,
    /// The service within it.
    pub(super) service: &'a str,
}

impl<'a> ServiceName<'a> {
    /// Parses a URI; none unless it is exactly of the form. Query, fragment, port, user info,
    /// percent-encoding and further path segments fall out with the character sets.
    pub(super) fn parse(uri: &'a str) -> Option<Self> {
        if uri.len() > URI_LENGTH_MAX {
            return None;
        }
        let (trust_domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
        let service = path.strip_prefix("svc/")?;
        (is_trust_domain(trust_domain) && is_service(service))
            .then_some(Self { trust_domain, service })
    }
}

/// Whether a text can be a trust domain.
pub(crate) fn is_trust_domain(text: &str) -> bool {
    (1..=TRUST_DOMAIN_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}

/// Whether a text can be the name of a service: one path segment.
pub(crate) fn is_service(text: &str) -> bool {
    let letters = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    !matches!(text, "" | "." | "..") && text.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_has_a_trust_domain_and_a_service() {
        let name = ServiceName::parse("spiffe://norrmalm.example/svc/lagesbild").unwrap();
        assert_eq!(name.trust_domain, "norrmalm.example");
        assert_eq!(name.service, "lagesbild");
    }

    #[test]
    fn whatever_is_not_exactly_a_service_name_is_none() {
        let long = format!("spiffe://norrmalm/svc/{}", "a".repeat(URI_LENGTH_MAX));
        for uri in [
            "",
            "spiffe://",
            "spiffe://norrmalm",
            "spiffe://norrmalm/",
            "spiffe://norrmalm/svc",
            "spiffe://norrmalm/svc/",
            "spiffe://norrmalm/svc/a/",
            "spiffe://norrmalm/svc/a/b",
            "spiffe://norrmalm/svc//a",
            "spiffe://norrmalm//svc/a",
            "spiffe://norrmalm/svc/..",
            "spiffe://norrmalm/svc/.",
            "spiffe://norrmalm/node/1",
            "spiffe://norrmalm/SVC/a",
            "spiffe:///svc/a",
            "spiffe://Norrmalm/svc/a",
            "SPIFFE://norrmalm/svc/a",
            "https://norrmalm/svc/a",
            "spiffe://norrmalm:443/svc/a",
            "spiffe://user@norrmalm/svc/a",
            "spiffe://norrmalm/svc/a?x=1",
            "spiffe://norrmalm/svc/a#x",
            "spiffe://norrmalm/svc/a%2f",
            "spiffe://norrmålm/svc/a",
            "spiffe://norrmalm/svc/a\0",
            " spiffe://norrmalm/svc/a",
            &long,
        ] {
            assert_eq!(ServiceName::parse(uri), None, "{uri}");
        }
    }
}
