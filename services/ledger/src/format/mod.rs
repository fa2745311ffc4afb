//! The bytes of log and state store: our own messages, never the memory layout or serde of a
//! library. What a type of the trade does not have is damage and is refused, never made up for: two
//! nodes that read the same bytes have the same facts.

mod backup;
mod code;
mod command;
mod contribution;
mod delivered_edition;
mod delivery;
mod edition;
mod effect;
mod evidence;
mod item;
mod key;
mod level;
mod link;
mod merge;
mod message;
mod observation;
mod raft;
mod record;
mod registry;
mod reply;
mod row;

use std::collections::BTreeSet;

use prost::Message as _;
use samsyn_domain::{
    Observation, Period, Timestamp,
    command::{Digest, IdempotencyKey, Submission},
    registry::Document,
    row::Row,
};
use samsyn_proto::log;

pub(crate) use key::{RowWrite, write_of};
pub(crate) use raft::{
    NoUserData, StoredLogId, StoredPayload, StoredVote, decode_head, decode_log_id,
    decode_stored_membership, decode_vote, encode_head, encode_log_id, encode_stored_membership,
    encode_vote,
};
pub(crate) use record::{RECORD_BYTES_MAX, damaged, read_record, write_record};

/// A field of a record is not what was written. Names the field, never what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damaged {
    /// The bytes are no message.
    #[error("`{0}` cannot be read; restore this node from a snapshot or another node")]
    Unreadable(&'static str),
    /// A field that is always set is not.
    #[error("`{0}` is missing; restore this node from a snapshot or another node")]
    Missing(&'static str),
    /// A field holds what its type does not have.
    #[error("`{0}` holds no valid value; restore this node from a snapshot or another node")]
    Invalid(&'static str),
}

/// What a submission looks like in the log.
#[must_use]
pub(crate) fn encode_submission(submission: &Submission) -> log::Submission {
    submission.encode()
}

/// Reads a submission from the log.
///
/// # Errors
/// When a field is damaged.
pub(crate) fn decode_submission(message: log::Submission) -> Result<Submission, Damaged> {
    Submission::decode(message)
}

/// What an observation looks like in the log.
#[must_use]
pub(crate) fn encode_observation(observation: &Observation) -> log::Observation {
    observation.encode()
}

/// What a fact looks like in the state store.
#[must_use]
pub(crate) fn encode_row(row: &Row) -> log::Row {
    row.encode()
}

/// Reads a fact.
///
/// # Errors
/// When a field is damaged.
pub(crate) fn decode_row(message: log::Row) -> Result<Row, Damaged> {
    Row::decode(message)
}

/// Reads a fact from the value that [`write_of`] puts under its key.
///
/// # Errors
/// When the bytes are no message or a field is damaged.
pub(crate) fn read_row(value: &[u8]) -> Result<Row, Damaged> {
    decode_row(log::Row::decode(value).map_err(|_| Damaged::Unreadable("row"))?)
}

/// A type of the trade that has a message in the log.
pub(crate) trait Stored: Sized {
    /// Its message.
    type Message;

    /// The message that holds it.
    fn encode(&self) -> Self::Message;

    /// Reads it from its message.
    fn decode(message: Self::Message) -> Result<Self, Damaged>;
}

fn encode_all<T: Stored>(all: &[T]) -> Vec<T::Message> {
    all.iter().map(T::encode).collect()
}

fn decode_all<T: Stored>(messages: Vec<T::Message>) -> Result<Vec<T>, Damaged> {
    messages.into_iter().map(T::decode).collect()
}

/// A message that is always set.
fn required<T: Stored>(message: Option<T::Message>, field: &'static str) -> Result<T, Damaged> {
    T::decode(message.ok_or(Damaged::Missing(field))?)
}

/// A message that may be absent.
fn optional<T: Stored>(message: Option<T::Message>) -> Result<Option<T>, Damaged> {
    message.map(T::decode).transpose()
}

/// An id, or anything else that is parsed from text.
fn parsed<T, E>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    field: &'static str,
) -> Result<T, Damaged> {
    parse(text).map_err(|_| Damaged::Invalid(field))
}

/// A set of ids or texts.
fn parsed_set<T: Ord, E>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
    field: &'static str,
) -> Result<BTreeSet<T>, Damaged> {
    texts.iter().map(|text| parsed(text, &parse, field)).collect()
}

fn period(code: &str, field: &'static str) -> Result<Period, Damaged> {
    parsed(code, str::parse, field)
}

/// A period that may be left out.
fn covered(code: &str, field: &'static str) -> Result<Option<Period>, Damaged> {
    if code.is_empty() { Ok(None) } else { period(code, field).map(Some) }
}

/// A value that a constructor of the domain lets through or not.
fn checked<T>(value: Option<T>, field: &'static str) -> Result<T, Damaged> {
    value.ok_or(Damaged::Invalid(field))
}

fn digest(bytes: &[u8], field: &'static str) -> Result<Digest, Damaged> {
    bytes.try_into().map_err(|_| Damaged::Invalid(field))
}

fn idempotency_key(bytes: &[u8], field: &'static str) -> Result<IdempotencyKey, Damaged> {
    let uuid = bytes.try_into().map_err(|_| Damaged::Invalid(field))?;
    checked(IdempotencyKey::of(u128::from_be_bytes(uuid)), field)
}

const fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// A registry as it was written: JSON with fields in the order of the type and maps in the order
/// of their keys, so equal documents have equal bytes.
fn encode_document(document: &Document) -> Vec<u8> {
    // Every key of its maps is text, so it has a JSON form; no bytes are refused on reading.
    serde_json::to_vec(document).unwrap_or_default()
}

fn decode_document(json: &[u8], field: &'static str) -> Result<Document, Damaged> {
    serde_json::from_slice(json).map_err(|_| Damaged::Invalid(field))
}

#[cfg(test)]
mod tests;
