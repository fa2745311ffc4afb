//! Which headers a handler sees: those on the list, and nothing else.
//!
//! Identity comes from the certificate. What claims an identity, a time or an organisation is gone
//! before anything could read it, whatever it is called.

use http::{HeaderMap, HeaderName, header};

/// What passes: the framing of gRPC, who made the client, and trace context (W3C).
fn passes(name: &HeaderName) -> bool {
    const NAMED: [&str; 6] = [
        "te",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "traceparent",
        "tracestate",
    ];
    *name == header::CONTENT_TYPE || *name == header::USER_AGENT || NAMED.contains(&name.as_str())
}

/// Takes everything else away.
pub(super) fn strip(headers: &mut HeaderMap) {
    let gone: Vec<HeaderName> = headers.keys().filter(|name| !passes(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t14_row51_nothing_that_claims_an_identity_passes() {
        let mut headers = HeaderMap::new();
        let claims = [
            "x-forwarded-for",
            "x-forwarded-client-cert",
            "forwarded",
            "x-real-ip",
            "x-org",
            "x-now",
            "authorization",
            "cookie",
            "samsyn-caller",
            "x-samsyn-trace-bin",
            "grpc-previous-rpc-attempts",
        ];
        for name in claims {
            headers.append(name, "police".parse().unwrap());
            headers.append(name, http::HeaderValue::from_bytes(b"\xe5").unwrap());
        }
        for name in ["content-type", "te", "grpc-timeout", "traceparent", "user-agent"] {
            headers.insert(name, "x".parse().unwrap());
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-type", "grpc-timeout", "te", "traceparent", "user-agent"]);
    }
}
