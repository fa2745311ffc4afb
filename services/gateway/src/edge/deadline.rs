//! Deadlines: read strictly, bounded, and kept for streams as well.

use std::time::Duration;

use http::HeaderMap;
use samsyn_proto::Reason;
use tokio::time::Instant;

use super::{limits::CallLimits, method::Kind};

/// The header (gRPC over HTTP/2, "Timeout").
const HEADER: &str = "grpc-timeout";
/// Digits of its value.
const DIGITS_MAX: usize = 8;
/// A library that rounds up states so much more than it was told. The call gets no more time by it.
const GRACE: Duration = Duration::from_secs(1);
/// So long before the deadline a call that waits gives its answer.
const MARGIN: Duration = Duration::from_millis(500);

/// When a call ends at the latest; requests carry it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// From the headers of a call of this kind, at this moment.
    ///
    /// # Errors
    /// [`Reason::BadDeadline`] when it is malformed or longer than allowed,
    /// [`Reason::DeadlineExceeded`] when it has passed already.
    pub(super) fn of(
        headers: &HeaderMap,
        kind: Kind,
        limits: &CallLimits,
        now: Instant,
    ) -> Result<Self, Reason> {
        let mut values = headers.get_all(HEADER).iter();
        let told = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => Some(timeout(value.as_bytes()).ok_or(Reason::BadDeadline)?),
            (Some(_), Some(_)) => return Err(Reason::BadDeadline),
        };
        if told == Some(Duration::ZERO) {
            return Err(Reason::DeadlineExceeded);
        }
        let longest = match kind {
            // It ends by its age at the latest; a longer deadline changes nothing.
            Kind::Stream => return Ok(Self(told.and_then(|told| now.checked_add(told)))),
            Kind::Unary | Kind::Waiting => limits.deadline_max,
        };
        let allowed = match (told, kind) {
            (Some(told), _) if told > longest + GRACE => return Err(Reason::BadDeadline),
            (Some(told), _) => told.min(longest),
            (None, Kind::Waiting) => longest,
            (None, Kind::Unary | Kind::Stream) => limits.deadline_default,
        };
        Ok(Self(now.checked_add(allowed)))
    }

    /// The moment itself; none for a stream without one.
    pub(super) const fn at(self) -> Option<Instant> {
        self.0
    }

    /// When a call that waits for news answers that there is none.
    pub(crate) fn answer_by(self, longest: Duration) -> Instant {
        let now = Instant::now();
        let asked = now + longest;
        self.0.map_or(asked, |at| asked.min(at.checked_sub(MARGIN).unwrap_or(now)))
    }
}

/// One to eight digits and a unit.
fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3_600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[&'static str], kind: Kind) -> Result<Option<Duration>, Reason> {
        let mut headers = HeaderMap::new();
        for value in value {
            headers.append(HEADER, value.parse().unwrap());
        }
        let now = Instant::now();
        let deadline = Deadline::of(&headers, kind, &CallLimits::default(), now)?;
        Ok(deadline.at().map(|at| at - now))
    }

    #[test]
    fn row42_a_malformed_deadline_is_refused() {
        let bad =
            ["", "S", "1", "1s", "-1S", "+1S", "1.5S", " 1S", "1S ", "123456789S", "0x1S", "1h"];
        for value in bad {
            for kind in [Kind::Unary, Kind::Waiting, Kind::Stream] {
                assert_eq!(of(&[value], kind), Err(Reason::BadDeadline), "{value:?}");
            }
        }
        assert_eq!(of(&["1S", "1S"], Kind::Unary), Err(Reason::BadDeadline));
    }

    #[test]
    fn row43_a_passed_deadline_is_exceeded_at_once() {
        for value in ["0S", "0n", "00000000H"] {
            assert_eq!(of(&[value], Kind::Stream), Err(Reason::DeadlineExceeded), "{value}");
        }
    }

    #[test]
    fn a_deadline_is_taken_bounded_and_given_where_there_is_none() {
        let limits = CallLimits::default();
        assert_eq!(of(&["1500m"], Kind::Unary), Ok(Some(Duration::from_millis(1_500))));
        assert_eq!(of(&["1M"], Kind::Unary), Ok(Some(Duration::from_secs(60))));
        assert_eq!(of(&["62S"], Kind::Unary), Err(Reason::BadDeadline));
        assert_eq!(of(&["99999999H"], Kind::Unary), Err(Reason::BadDeadline));
        assert_eq!(of(&[], Kind::Unary), Ok(Some(limits.deadline_default)));
        assert_eq!(of(&[], Kind::Waiting), Ok(Some(limits.deadline_max)));
        assert_eq!(of(&[], Kind::Stream), Ok(None));
        assert_eq!(of(&["2H"], Kind::Stream), Ok(Some(Duration::from_secs(7_200))));
    }

    #[test]
    fn row42_the_longest_deadline_rounded_up_is_taken_for_it_and_gives_no_more_time() {
        let longest = CallLimits::default().deadline_max;
        for kind in [Kind::Unary, Kind::Waiting] {
            for rounded in ["60001m", "60000001u", "61S", "61000m"] {
                assert_eq!(of(&[rounded], kind), Ok(Some(longest)), "{rounded}");
            }
            for longer in ["61001m", "61000001u", "62S", "2M"] {
                assert_eq!(of(&[longer], kind), Err(Reason::BadDeadline), "{longer}");
            }
        }
    }
}
