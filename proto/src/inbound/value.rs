//! Single values: ids, codes, times, bytes.

use samsyn_domain::{Period, Timestamp, command::IdempotencyKey, registry::Role};

use crate::{Reason, v1};

/// The first instant that a protobuf timestamp can hold, 0001-01-01, in seconds.
const SECONDS_MIN: i64 = -62_135_596_800;
/// The last one, 9999-12-31T23:59:59Z.
const SECONDS_MAX: i64 = 253_402_300_799;
const NANOS: i32 = 1_000_000_000;
/// The text form of a UUID with hyphens (RFC 9562).
const UUID_LENGTH: usize = 36;

/// A code of a list, or the id of something registered.
pub(super) fn code<T, E>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Reason> {
    if text.is_empty() {
        return Err(Reason::MissingField);
    }
    parse(text).map_err(|_| Reason::UnknownCode)
}

/// The same, where empty means that it is not given.
pub(super) fn optional_code<T, E>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Reason> {
    if text.is_empty() { Ok(None) } else { code(text, parse).map(Some) }
}

/// The id of an object: one that cannot exist is answered like one that does not.
pub(super) fn object<T, E>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Reason> {
    if text.is_empty() {
        return Err(Reason::MissingField);
    }
    parse(text).map_err(|_| Reason::NotFound)
}

/// A function; empty means that none is named.
pub(super) fn role(code: &str) -> Result<Option<Role>, Reason> {
    optional_code(code, |code| Role::from_code(code).ok_or(()))
}

/// A point in time, cut to whole microseconds.
pub(super) fn time(time: prost_types::Timestamp) -> Result<Timestamp, Reason> {
    let in_range =
        (SECONDS_MIN..=SECONDS_MAX).contains(&time.seconds) && (0..NANOS).contains(&time.nanos);
    let micros = time.seconds.checked_mul(1_000_000);
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(time.nanos / 1_000)));
    micros.filter(|_| in_range).map(Timestamp::from_micros).ok_or(Reason::BadTime)
}

/// A point in time that must be given.
pub(super) fn required_time(asked: Option<prost_types::Timestamp>) -> Result<Timestamp, Reason> {
    time(asked.ok_or(Reason::MissingField)?)
}

/// A period that must be given.
pub(super) fn period(period: Option<v1::Period>) -> Result<Period, Reason> {
    period.ok_or(Reason::MissingField)?.code.parse().map_err(|_| Reason::BadPeriod)
}

/// An idempotency key.
pub(super) fn key(text: &str) -> Result<IdempotencyKey, Reason> {
    let uuid = (text.len() == UUID_LENGTH).then(|| uuid::Uuid::try_parse(text).ok()).flatten();
    uuid.and_then(|uuid| IdempotencyKey::of(uuid.as_u128())).ok_or(Reason::KeyMalformed)
}

/// Bytes of a fixed length that must be given.
pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32], Reason> {
    if bytes.is_empty() {
        return Err(Reason::MissingField);
    }
    bytes.try_into().map_err(|_| Reason::BadField)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_microseconds_on_both_sides_of_1970() {
        let of = |seconds, nanos| time(prost_types::Timestamp { seconds, nanos });
        assert_eq!(of(1, 1_999), Ok(Timestamp::from_micros(1_000_001)));
        assert_eq!(of(-1, 999_999_999), Ok(Timestamp::from_micros(-1)));
        assert_eq!(of(SECONDS_MAX + 1, 0), Err(Reason::BadTime));
        assert_eq!(of(SECONDS_MIN - 1, 0), Err(Reason::BadTime));
        assert_eq!(of(i64::MAX, 0), Err(Reason::BadTime));
        assert_eq!(of(0, NANOS), Err(Reason::BadTime));
        assert_eq!(of(0, -1), Err(Reason::BadTime));
    }

    #[test]
    fn a_key_is_a_hyphenated_uuid_of_version_7() {
        assert!(key("01997a6e-3c00-7000-8000-000000000001").is_ok());
        for bad in [
            "",
            "01997a6e-3c00-4000-8000-000000000001",
            "01997a6e-3c00-7000-0000-000000000001",
            "01997a6e3c0070008000000000000001",
            "{01997a6e-3c00-7000-8000-000000000001}",
        ] {
            assert_eq!(key(bad), Err(Reason::KeyMalformed), "{bad}");
        }
    }
}
