//! Single values.

use samsyn_domain::{Period, Timestamp, Trend};

use crate::v1;

pub(super) fn time(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.micros().rem_euclid(1_000_000);
    // The remainder is below a million: as nanoseconds it fits.
    let nanos = i32::try_from(micros.saturating_mul(1_000)).unwrap_or_default();
    prost_types::Timestamp { seconds: at.micros().div_euclid(1_000_000), nanos }
}

pub(super) fn period(period: Period) -> v1::Period {
    v1::Period { code: period.to_string() }
}

/// The number of a trend; 0 when there is none.
pub(super) fn trend(trend: Option<Trend>) -> i32 {
    trend.map_or(0, |trend| i32::from(trend.number()))
}

pub(super) fn codes<'a>(codes: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    codes.into_iter().map(str::to_owned).collect()
}
