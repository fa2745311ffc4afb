//! When a peer that was not reached is tried again.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest wait for a peer that answers, and with which there is no session for now: it may be
/// let go on, or begin anew, at any moment.
const LONGEST_ANSWERED: Duration = Duration::from_secs(4);

/// Waits that double, each drawn between its half and the whole: peers that lost each other at once
/// do not come back at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The wait before the next try, by a draw of 0–255.
    pub(crate) fn wait(&mut self, draw: u8) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(LONGEST);
        let half = whole / 2;
        half.saturating_add(half.mul_f64(f64::from(draw) / 255.0))
    }

    /// The peer was there, and had no session for us.
    pub(crate) fn answered(&mut self) {
        self.next = self.next.min(LONGEST_ANSWERED);
    }

    /// There was a session.
    pub(crate) const fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// A draw; in the middle where the system has no randomness.
pub(crate) fn draw() -> u8 {
    let mut bytes = [128];
    // Jitter is no secret: without it all waits are of one length.
    let _ = getrandom::fill(&mut bytes);
    let [drawn] = bytes;
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_lie_in_the_upper_half() {
        let mut backoff = Backoff::new();
        let mut whole = FIRST;
        for _ in 0..10 {
            let (mut low, mut high) = (backoff, backoff);
            assert_eq!(low.wait(0), whole / 2);
            assert_eq!(high.wait(255), whole);
            let _ = backoff.wait(7);
            whole = (whole * 2).min(LONGEST);
        }
        assert_eq!(whole, LONGEST);
        for _ in 0..10 {
            backoff.answered();
            assert!(backoff.wait(255) <= LONGEST_ANSWERED);
        }
        backoff.reset();
        assert_eq!(backoff.wait(255), FIRST);
    }
}
