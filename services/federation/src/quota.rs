//! How much a peer may send.

use samsyn_domain::{Timestamp, link::WINDOW_MAX, message::SEALED_PART_BYTES_MAX};

const MINUTE_MICROS: i64 = 60_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// What a peer has left.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// Of envelopes. What is granted is what is in it, at most a window: a peer that keeps to what
    /// it was granted is never refused, only slowed.
    envelopes: Bucket,
    /// Of files, in bytes. They are fetched, so that nothing of them is refused either.
    files: Bucket,
    /// There is more to fetch than that allows.
    files_wait: bool,
}

impl Quotas {
    /// All of it: so many envelopes a minute, and so many bytes of files a day.
    pub(crate) fn new((envelopes, file_bytes): (u32, u64), now: Timestamp) -> Self {
        let envelopes = Bucket::full(envelopes.into(), MINUTE_MICROS, now);
        let files = Bucket::full(file_bytes, DAY_MICROS, now);
        Self { envelopes, files, files_wait: false }
    }

    /// The same peer with what is agreed now: what it has used stays used.
    pub(crate) fn agree(&mut self, (envelopes, file_bytes): (u32, u64), now: Timestamp) {
        self.envelopes.agree(envelopes.into(), now);
        self.files.agree(file_bytes, now);
        self.files_wait = false;
    }

    /// So many envelopes came.
    pub(crate) fn took(&mut self, count: u64, now: Timestamp) {
        self.envelopes.take(count, now);
    }

    /// How many envelopes may be under way from here on.
    pub(crate) fn credits(&mut self, now: Timestamp) -> u32 {
        u32::try_from(self.envelopes.left(now).min(WINDOW_MAX)).unwrap_or(u32::MAX)
    }

    /// So many bytes of a file came.
    pub(crate) fn fetched(&mut self, bytes: usize, now: Timestamp) {
        self.files.take(bytes as u64, now);
    }

    /// Whether one more part of a file may be fetched; one that may not waits.
    pub(crate) fn may_fetch(&mut self, now: Timestamp) -> bool {
        let left = self.files.left(now);
        let may = left >= SEALED_PART_BYTES_MAX as u64;
        // Who gets part after part as there is just room for one more still waits.
        self.files_wait = !may || self.files_wait && left < self.files.most / 16;
        may
    }

    /// There is nothing more to fetch.
    pub(crate) fn fetched_all(&mut self) {
        self.files_wait = false;
    }

    /// Whether files wait, since there is more to fetch than is allowed.
    pub(crate) const fn files_wait(&self) -> bool {
        self.files_wait
    }
}

/// A bucket that fills evenly, and is full after a period: in one that begins full twice as much
/// can be taken.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    most: u64,
    period_micros: i64,
    /// What is in it, times the period.
    level: i128,
    at: Timestamp,
}

impl Bucket {
    fn full(most: u64, period_micros: i64, at: Timestamp) -> Self {
        let bucket = Self { most, period_micros, level: 0, at };
        Self { level: bucket.brim(), ..bucket }
    }

    /// The level when it is full.
    fn brim(&self) -> i128 {
        i128::from(self.most).saturating_mul(self.period_micros.into())
    }

    fn agree(&mut self, most: u64, now: Timestamp) {
        self.fill(now);
        self.most = most;
        self.fill(now);
    }

    fn take(&mut self, count: u64, now: Timestamp) {
        self.fill(now);
        let taken = i128::from(count).saturating_mul(self.period_micros.into());
        self.level = self.level.saturating_sub(taken).max(0);
    }

    fn left(&mut self, now: Timestamp) -> u64 {
        self.fill(now);
        let whole = self.level.checked_div(self.period_micros.into()).unwrap_or_default();
        u64::try_from(whole).unwrap_or_default()
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.micros().saturating_sub(self.at.micros()).max(0);
        let more = i128::from(passed).saturating_mul(self.most.into());
        self.level = self.level.saturating_add(more).min(self.brim());
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_by_the_minute() {
        let start = Timestamp::ZERO;
        let mut quotas = Quotas::new((120, 0), start);
        assert_eq!(quotas.credits(start), 120);
        quotas.took(120, start);
        assert_eq!(quotas.credits(start), 0);
        assert_eq!(quotas.credits(start.after_seconds(1)), 2);
        assert_eq!(quotas.credits(start.after_seconds(600)), 120);
        assert_eq!(Quotas::new((1_000_000, 0), start).credits(start), 256);
        quotas.agree((60, 0), start.after_seconds(600));
        assert_eq!(quotas.credits(start.after_seconds(600)), 60);
    }

    #[test]
    fn files_are_fetched_as_far_as_a_day_allows() {
        let start = Timestamp::ZERO;
        let part = SEALED_PART_BYTES_MAX;
        let mut quotas = Quotas::new((1, 10 * part as u64), start);
        for _ in 0..10 {
            assert!(quotas.may_fetch(start));
            quotas.fetched(part, start);
        }
        // A tenth of a day later there is room for one more.
        assert!(!quotas.files_wait());
        assert!(!quotas.may_fetch(start.after_seconds(8_639)));
        assert!(quotas.may_fetch(start.after_seconds(8_640)) && !quotas.files_wait());
        // Nothing grows over for a week, and nothing overflows.
        let week = start.after_seconds(7 * 86_400);
        quotas.fetched(9 * part, week);
        assert!(quotas.may_fetch(week));
        quotas.fetched(part, week);
        assert!(!quotas.may_fetch(week));
        quotas.agree((1, u64::MAX), week);
        assert!(quotas.may_fetch(week.after_seconds(1)));
    }
}
