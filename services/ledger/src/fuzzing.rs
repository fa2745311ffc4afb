//! What fuzz targets read: the ledger's own formats. Only there when it is built for fuzzing.

use prost::Message as _;
use samsyn_proto::log;

use crate::format;

/// A submission of the log: what reads is written the same.
///
/// # Panics
/// When it is not.
pub fn submission(bytes: &[u8]) {
    let Ok(message) = log::Submission::decode(bytes) else { return };
    let Ok(submission) = format::decode_submission(message) else { return };
    let again = format::decode_submission(format::encode_submission(&submission));
    assert_eq!(again.ok(), Some(submission), "another submission");
}

/// A row of the state store: what reads is written the same.
///
/// # Panics
/// When it is not.
pub fn row(bytes: &[u8]) {
    let Ok(row) = format::read_row(bytes) else { return };
    let again = format::decode_row(format::encode_row(&row));
    assert_eq!(again.ok(), Some(row), "another row");
}

/// A record of the log.
pub fn record(bytes: &[u8]) {
    let _ = format::read_record(bytes);
}

/// The head of the state store.
pub fn head(bytes: &[u8]) {
    let _ = format::decode_head(bytes);
}
