//! The place in a trace that a client says it is in: read strictly, and never believed.
//!
//! `tracestate` is not taken up: it is text of the client's own, and would go to the collector.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header (W3C Trace Context, section 3.2).
const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// From the headers of a call; none when there is none, several, or it is malformed. Only the
/// version 00 is known.
pub(super) fn of(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => parse(value),
        (None | Some(_), _) => None,
    }
}

fn parse(value: &HeaderValue) -> Option<SpanContext> {
    let mut parts = value.to_str().ok()?.split('-');
    let [version, trace, span, flags] =
        [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    if version != "00" || parts.next().is_some() {
        return None;
    }
    let trace = TraceId::from_bytes(hex(trace)?);
    let span = SpanId::from_bytes(hex(span)?);
    let [flags] = hex(flags)?;
    let sampled = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, sampled, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// Bytes from so many digits, in lower case as the header has them.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(values: &[&str]) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        of(&headers)
    }

    #[test]
    fn a_whole_one_is_read() {
        let context = read(&[GOOD]).unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
        let unsampled = GOOD.replace("-01", "-00");
        assert!(!read(&[&unsampled]).unwrap().is_sampled());
    }

    #[test]
    fn what_is_malformed_is_as_if_it_were_not_there() {
        let bad = [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        ];
        for value in bad {
            assert!(read(&[value]).is_none(), "{value}");
        }
        assert!(read(&[GOOD, GOOD]).is_none(), "two are none");
    }
}
