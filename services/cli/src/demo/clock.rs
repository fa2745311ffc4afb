//! Times of the demo, in the forms that others take them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use samsyn_domain::Timestamp;
use time::OffsetDateTime;

/// What time it is.
pub(super) fn now() -> Timestamp {
    Timestamp::from_micros(crate::clock::now().as_microsecond())
}

/// A time as certificates have it.
pub(super) fn date_time(at: Timestamp) -> OffsetDateTime {
    let nanos = i128::from(at.micros()).saturating_mul(1_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A time as messages have it.
pub(super) fn wire<T: From<SystemTime>>(at: Timestamp) -> T {
    let since = Duration::from_micros(u64::try_from(at.micros()).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_same_in_every_form() {
        let at = Timestamp::from_micros(1_759_000_000_250_000);
        assert_eq!(date_time(at).unix_timestamp_nanos(), 1_759_000_000_250_000_000);
        let wire: SystemTime = wire(at);
        assert_eq!(wire.duration_since(UNIX_EPOCH).unwrap().as_micros(), 1_759_000_000_250_000);
    }
}
