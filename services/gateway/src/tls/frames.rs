//! Frames that only ask for an answer, counted.

use std::time::Duration;

use tokio::time::Instant;

/// So many of them a connection may send in a second. Libraries that measure a path's delay send
/// one a round trip, while they are given data.
const ASKED_MAX: u32 = 1_000;
const PER: Duration = Duration::from_secs(1);

/// What a client says first (RFC 9113, section 3.4), in bytes.
const PREFACE_BYTES: usize = 24;
/// Length, type, flags and stream before each frame (RFC 9113, section 4.1), in bytes.
const HEAD_BYTES: usize = 9;
const PRIORITY: u8 = 2;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

/// Follows what a client sends from frame to frame, and counts what makes work and is bounded by
/// nothing else: pings, settings, priorities, and frames of types that nobody knows.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes until the next head.
    skip: usize,
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have come.
    have: usize,
    asked: u32,
    since: Instant,
}

impl Frames {
    /// Of a connection that has said nothing.
    pub(super) fn new() -> Self {
        let head = [0; HEAD_BYTES];
        Self { skip: PREFACE_BYTES, head, have: 0, asked: 0, since: Instant::now() }
    }

    /// Follows the next bytes; false when they ask for more than a connection may.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_first() else { return true };
            bytes = rest;
            if let Some(place) = self.head.get_mut(self.have) {
                *place = *first;
            }
            self.have += 1;
            if self.have == HEAD_BYTES && !self.begin() {
                return false;
            }
        }
    }

    /// Begins the frame whose head has come.
    fn begin(&mut self) -> bool {
        self.have = 0;
        let [high, middle, low, kind, ..] = self.head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        self.skip = usize::try_from(length).unwrap_or(usize::MAX);
        if !matches!(kind, PRIORITY | SETTINGS | PING) && kind <= CONTINUATION {
            return true;
        }
        self.asked = self.asked.saturating_add(1);
        if self.asked <= ASKED_MAX {
            return true;
        }
        let now = Instant::now();
        let within = now.saturating_duration_since(self.since) < PER;
        (self.asked, self.since) = (1, now);
        !within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
    }

    fn started() -> Frames {
        let mut frames = Frames::new();
        assert!(frames.follow(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        frames
    }

    /// How many frames of a kind are taken, of two thousand at once.
    fn taken(kind: u8) -> usize {
        let mut frames = started();
        (0..2 * ASKED_MAX).take_while(|_| frames.follow(&frame(kind, &[0; 8]))).count()
    }

    #[test]
    fn t24_what_only_asks_is_bounded_and_what_carries_is_not() {
        for kind in 0..=CONTINUATION {
            let asks = matches!(kind, PRIORITY | SETTINGS | PING);
            assert_eq!(taken(kind), if asks { 1_000 } else { 2_000 }, "type {kind}");
        }
        assert_eq!(taken(0xbe), 1_000, "a type that nobody knows");
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_each_second_are_taken() {
        let mut frames = started();
        for _ in 0..5 {
            assert!((0..ASKED_MAX).all(|_| frames.follow(&frame(PING, &[0; 8]))));
            tokio::time::advance(PER).await;
        }
    }

    #[test]
    fn frames_are_followed_however_their_bytes_come() {
        // Nine bytes of data that look like the head of a ping do not count.
        let bytes = [frame(0, &frame(PING, &[])), frame(PING, &[0; 8])].concat();
        for at_once in 1..bytes.len() {
            let mut frames = started();
            assert!(bytes.chunks(at_once).all(|part| frames.follow(part)));
            assert_eq!((frames.asked, frames.have, frames.skip), (1, 0, 0), "{at_once} at once");
        }
    }
}
