//! What fuzz targets read: what strangers say. Only there when it is built for fuzzing.

use http::{HeaderMap, HeaderValue};
use samsyn_proto::inbound::PageAsked;

use crate::{edge, page::Place, tls};

/// The header that states a deadline.
pub fn deadline(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    edge::read_deadline(&HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-timeout"),
        value,
    )]));
}

/// A page token: what reads is given out the same, to the letter.
///
/// # Panics
/// When it is not.
pub fn page_token(bytes: &[u8]) {
    let Ok(token) = str::from_utf8(bytes) else { return };
    let asked = PageAsked { size: 1, token: token.to_owned() };
    if let Ok(place) = Place::of(&asked) {
        assert!(token.is_empty() || place.token(place.from) == token, "another token");
    }
}

/// The name in a certificate.
pub fn service_name(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        tls::read_name(text);
    }
}

/// A client's certificate, before anything of it is believed.
pub fn certificate(bytes: &[u8]) {
    tls::read_certificate(bytes);
}
