//! The place in a trace that calls say they are in (W3C Trace Context).

use std::{fmt, str::FromStr};

use tonic::{Request, Status, metadata::MetadataValue, service::Interceptor};

const HEADER: &str = "traceparent";

/// A place in a trace: what a call belongs to, for those who look for it later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace: [u8; 16],
    span: [u8; 8],
}

/// A text is no place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no `traceparent`; write `00-`, 32 hex digits, `-`, 16 hex digits, `-01`")]
pub struct BadTrace;

impl Trace {
    /// The beginning of a new one; none without randomness.
    #[must_use]
    pub fn begin() -> Option<Self> {
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        getrandom::fill(&mut trace).and_then(|()| getrandom::fill(&mut span)).ok()?;
        Some(Self { trace, span })
    }

    /// Its id, as those who run a gateway look for it.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(self.trace)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", hex::encode(self.trace), hex::encode(self.span))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Trace {
    type Err = BadTrace;

    fn from_str(text: &str) -> Result<Self, BadTrace> {
        let mut parts = text.split('-');
        let (Some("00"), Some(trace), Some(span), Some("00" | "01"), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadTrace);
        };
        let mut place = Self { trace: [0; 16], span: [0; 8] };
        hex::decode_to_slice(trace, &mut place.trace).map_err(|_| BadTrace)?;
        hex::decode_to_slice(span, &mut place.span).map_err(|_| BadTrace)?;
        let none = place.trace == [0; 16] || place.span == [0; 8];
        if none { Err(BadTrace) } else { Ok(place) }
    }
}

/// Puts calls in a trace: each in one of its own, or all in the one that is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traced(pub(crate) Option<Trace>);

impl Interceptor for Traced {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let place = self.0.or_else(Trace::begin);
        // A call without a place goes as well.
        if let Some(Ok(value)) = place.map(|place| MetadataValue::try_from(place.to_string())) {
            request.metadata_mut().insert(HEADER, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(traced: &mut Traced) -> String {
        let request = traced.call(Request::new(())).unwrap();
        request.metadata().get(HEADER).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn each_call_is_in_a_trace_of_its_own_or_all_are_in_one() {
        let mut own = Traced::default();
        assert_ne!(header(&mut own), header(&mut own));
        let place = Trace::begin().unwrap();
        let mut given = Traced(Some(place));
        assert_eq!(header(&mut given), place.to_string());
        assert_eq!(header(&mut given).parse(), Ok(place));
        assert!(place.to_string().contains(&place.id()));
    }

    #[test]
    fn what_is_no_place_in_a_trace_is_refused() {
        for bad in ["", "00-1-2-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            assert_eq!(bad.parse::<Trace>(), Err(BadTrace), "{bad}");
        }
    }
}
