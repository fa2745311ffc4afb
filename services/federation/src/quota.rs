//! How many envelopes a peer may send.

use samsyn_domain::{Timestamp, link::WINDOW_MAX};

const MINUTE_MICROS: i64 = 60_000_000;

/// A bucket that fills by the minute. What is granted is what is in it, at most a window: a peer
/// that keeps to what it was granted is never refused, only slowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    per_minute: u32,
    /// In envelopes times a minute's microseconds.
    level: i64,
    at: Timestamp,
}

impl Quota {
    pub(crate) fn new(per_minute: u32, now: Timestamp) -> Self {
        Self { per_minute, level: i64::from(per_minute).saturating_mul(MINUTE_MICROS), at: now }
    }

    /// The same peer with what is agreed now: what it has used stays used.
    pub(crate) fn agree(&mut self, per_minute: u32, now: Timestamp) {
        self.fill(now);
        self.per_minute = per_minute;
        self.fill(now);
    }

    /// So many envelopes came.
    pub(crate) fn took(&mut self, count: u64, now: Timestamp) {
        self.fill(now);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.level = self.level.saturating_sub(count.saturating_mul(MINUTE_MICROS)).max(0);
    }

    /// How many may be under way from here on.
    pub(crate) fn credits(&mut self, now: Timestamp) -> u32 {
        self.fill(now);
        let whole = u64::try_from(self.level / MINUTE_MICROS).unwrap_or_default();
        u32::try_from(whole.min(WINDOW_MAX)).unwrap_or(u32::MAX)
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.micros().saturating_sub(self.at.micros()).max(0);
        let most = i64::from(self.per_minute).saturating_mul(MINUTE_MICROS);
        let more = passed.saturating_mul(i64::from(self.per_minute));
        self.level = self.level.saturating_add(more).min(most);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_by_the_minute() {
        let start = Timestamp::ZERO;
        let mut quota = Quota::new(120, start);
        assert_eq!(quota.credits(start), 120);
        quota.took(120, start);
        assert_eq!(quota.credits(start), 0);
        assert_eq!(quota.credits(start.after_seconds(1)), 2);
        assert_eq!(quota.credits(start.after_seconds(600)), 120);
        assert_eq!(Quota::new(1_000_000, start).credits(start), 256);
        quota.agree(60, start.after_seconds(600));
        assert_eq!(quota.credits(start.after_seconds(600)), 60);
    }
}
