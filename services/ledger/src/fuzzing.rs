//! What fuzz targets read: the ledger's own formats, and cursors. Only there when it is built for
//! fuzzing.

use std::sync::LazyLock;

use prost::Message as _;
use samsyn_domain::OrganisationId;
use samsyn_proto::log;

use crate::{cursor::Subscription, format, keys::Keys};

/// The same in every run, so that seeds open again.
static KEYS: LazyLock<Keys> = LazyLock::new(Keys::known);

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

/// A cursor as a receiver brings it back: one that opens is the one that was sealed, to the letter,
/// and is nobody else's.
///
/// # Panics
/// When it is not.
pub fn cursor(bytes: &[u8], receiver: &OrganisationId, other: &OrganisationId) {
    let Ok(token) = str::from_utf8(bytes) else { return };
    let Some((subscription, cursor)) = Subscription::of_token(receiver, &KEYS, token) else {
        return;
    };
    let again = subscription.token(receiver, &KEYS, cursor);
    assert_eq!(again.ok().as_deref(), Some(token), "another token");
    assert_eq!(Subscription::of_token(other, &KEYS, token), None, "another's cursor");
}

/// What was sealed for a receiver, after two bytes that change it: as a cursor, or none. Changed,
/// it is none.
///
/// # Panics
/// When it is not.
pub fn sealed_cursor(bytes: &[u8], receiver: &OrganisationId, other: &OrganisationId) {
    let Some(([at, with], content)) = bytes.split_first_chunk() else { return };
    let Ok(mut sealed) = KEYS.seal_token(receiver.as_str().as_bytes(), content) else { return };
    cursor(hex::encode(&sealed).as_bytes(), receiver, other);
    let place = usize::from(*at) % sealed.len();
    sealed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= with);
    let changed = Subscription::of_token(receiver, &KEYS, &hex::encode(sealed));
    assert!(*with == 0 || changed.is_none(), "a cursor that was changed");
}
