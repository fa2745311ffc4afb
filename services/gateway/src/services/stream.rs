//! A subscription as a stream: every stream ends by a stop signal and a last message that says why.

use std::{collections::VecDeque, future::Future, pin::Pin, time::Duration};

use samsyn_ledger::{Feed, Rejection};
use samsyn_policy::Why;
use samsyn_proto::{
    Reason,
    sealed::{Close, Encoded},
    v1::WatchEventsResponse,
};
use tokio::{sync::watch, time::Instant};
use tokio_stream::Stream;
use tonic::Status;
use tracing::Span;

use crate::{edge::Held, status, telemetry::Meter, tls::Leaving};

/// How many events are recorded and sent at a time.
const BATCH_MAX: usize = 200;
/// After so long without an event a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After which time a client comes back, in seconds.
const RETRY_SECONDS: u32 = 1;
/// When all must come back at once, each is given one of so many seconds.
const SPREAD_SECONDS: u64 = 10;

type Item = Result<Encoded<WatchEventsResponse>, Status>;

/// What a stream does next.
enum Phase {
    Serving,
    /// The status after the last message.
    Ending(Option<Status>),
    Ended,
}

struct Serving {
    feed: Feed,
    held: Held,
    meter: Meter,
    stopping: watch::Receiver<bool>,
    bounds: Bounds,
    /// The span in which what waits is sent, in the trace of what caused it.
    sending: Option<Span>,
    /// What waits to be sent, each with its cursor.
    waiting: VecDeque<(String, Encoded<WatchEventsResponse>)>,
    /// The epoch under which that was made.
    epoch: u64,
    /// The cursor of the last event that was sent; empty before the first.
    sent: String,
    /// When the last message was made. What a receiver does not see must not move its heartbeats.
    spoke: Instant,
    /// What was sent is paid for by then.
    paid_at: Instant,
    phase: Phase,
}

/// The bounds of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How old it becomes, with its connection.
    pub(crate) age_max: Duration,
    /// After so long untaken a message lags.
    pub(crate) lag_max: Duration,
}

/// The events of a feed until it is stopped, its access ends, it lags, or it becomes too old.
pub(super) fn events(
    feed: Feed,
    held: Held,
    meter: Meter,
    stopping: watch::Receiver<bool>,
    bounds: Bounds,
) -> Pin<Box<dyn Stream<Item = Item> + Send>> {
    let now = Instant::now();
    let serving = Serving {
        epoch: feed.epoch(),
        feed,
        held,
        meter,
        stopping,
        bounds,
        sending: None,
        waiting: VecDeque::new(),
        sent: String::new(),
        spoke: now,
        paid_at: now,
        phase: Phase::Serving,
    };
    Box::pin(futures::stream::unfold(serving, |mut serving| async move {
        let item = serving.next().await?;
        Some((item, serving))
    }))
}

impl Serving {
    async fn next(&mut self) -> Option<Item> {
        loop {
            self.still_may();
            if let Some((cursor, event)) = self.waiting.pop_front() {
                self.sent = cursor;
                return Some(Ok(event));
            }
            match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Ended => return None,
                Phase::Ending(status) => return status.map(Err),
                Phase::Serving => {
                    self.phase = Phase::Serving;
                    self.sending = None;
                    self.more().await;
                }
            }
        }
    }

    /// What waits is sent only as long as it still may be: a reader can leave it waiting for long.
    fn still_may(&mut self) {
        if !matches!(self.phase, Phase::Serving) {
            return;
        }
        if let Some(why) = self.held.access.left() {
            self.waiting.clear();
            return match why {
                Leaving::Certificate => self.ended(Reason::CertificateEnded),
                Leaving::Suspended => self.ended(Reason::Suspended),
                Leaving::CutOff => self.close(Close::Draining, None),
            };
        }
        let epoch = self.feed.epoch();
        if epoch != self.epoch && !self.waiting.is_empty() {
            match self.feed.holds() {
                Ok(()) => self.epoch = epoch,
                Err(rejection) => {
                    self.waiting.clear();
                    self.refused(&rejection);
                }
            }
        }
    }

    /// Fills what waits to be sent.
    async fn more(&mut self) {
        let age_left = self.held.access.stays(self.bounds.age_max);
        if *self.stopping.borrow() {
            return self.close(Close::Draining, None);
        }
        if age_left.is_zero() {
            return self.close(Close::MaxAge, None);
        }
        if self.held.call.lagged(self.bounds.lag_max) {
            return self.close(Close::Lagged, None);
        }
        let unpaid = self.paid_at.saturating_duration_since(Instant::now());
        if !unpaid.is_zero() {
            return self.rest(tokio::time::sleep(unpaid.min(age_left))).await;
        }
        let epoch = self.feed.epoch();
        let mut access = self.held.access.clone();
        let next = tokio::select! {
            biased;
            // What is to be recorded may wait for other nodes, and a last word must not.
            _ = access.leaving() => return,
            next = self.feed.next(BATCH_MAX) => next,
        };
        match next {
            Ok(Some(view)) => {
                let cursors = view.content().events.iter().map(|event| event.cursor.clone());
                let events = Encoded::<WatchEventsResponse>::events(&view);
                let now = Instant::now();
                self.paid_at = now + self.held.spending.rows(events.len(), now);
                self.told(events.len());
                self.waiting.extend(cursors.zip(events));
                (self.epoch, self.spoke) = (epoch, Instant::now());
            }
            Ok(None) if self.spoke.elapsed() >= HEARTBEAT => match self.feed.cursor() {
                Ok(cursor) => {
                    let beat = Encoded::<WatchEventsResponse>::heartbeat(&cursor);
                    self.waiting.push_back((cursor, beat));
                    (self.epoch, self.spoke) = (epoch, Instant::now());
                }
                Err(error) => self.phase = Phase::Ending(Some(status::rejection(&error.into()))),
            },
            Ok(None) => {
                let silence = HEARTBEAT.saturating_sub(self.spoke.elapsed());
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = self.feed.wait(silence.min(age_left)) => {}
                    // The sender is gone only when the process ends.
                    _ = stopping.wait_for(|stop| *stop) => {}
                    _ = access.leaving() => {}
                }
            }
            Err(rejection) => self.refused(&rejection),
        }
    }

    /// What is about to be sent is counted, and put under what caused it.
    fn told(&mut self, events: usize) {
        self.meter.rows(events);
        let woken = self.feed.woken();
        if let Some(since) = woken.since {
            self.meter.metrics().fed(since.elapsed());
        }
        self.sending = woken.span(|| tracing::info_span!("send", events));
    }

    /// Waits, but no longer than the stream may last.
    async fn rest(&mut self, wait: impl Future<Output = ()>) {
        tokio::select! {
            () = wait => {}
            // The sender is gone only when the process ends.
            _ = self.stopping.wait_for(|stop| *stop) => {}
            _ = self.held.access.leaving() => {}
        }
    }

    fn ended(&mut self, why: Reason) {
        self.close(Close::AccessEnded, Some(status::reason(why, "")));
    }

    fn refused(&mut self, rejection: &Rejection) {
        let ended = match rejection {
            Rejection::Denied(denial) => denial.why != Why::Undecided,
            Rejection::CursorInvalid => true,
            Rejection::Refused(_)
            | Rejection::Answer(_)
            | Rejection::Signature(_)
            | Rejection::Manifest(_)
            | Rejection::Edition(_)
            | Rejection::CursorTooOld
            | Rejection::NotReached { .. }
            | Rejection::Level(_)
            | Rejection::Failed(_) => false,
        };
        let reason = if ended { Close::AccessEnded } else { Close::Draining };
        self.close(reason, Some(status::rejection(rejection)));
    }

    fn close(&mut self, reason: Close, status: Option<Status>) {
        let cursor = if self.sent.is_empty() { self.feed.cursor() } else { Ok(self.sent.clone()) };
        self.phase = match cursor {
            Ok(cursor) => {
                let retry = self.retry_seconds(reason);
                let last = Encoded::<WatchEventsResponse>::closing(&cursor, reason, retry);
                self.waiting.push_back((cursor, last));
                Phase::Ending(status)
            }
            Err(error) => Phase::Ending(Some(status::rejection(&error.into()))),
        };
    }

    /// A gateway that stops has all its streams come back: it spreads them.
    fn retry_seconds(&self, reason: Close) -> u32 {
        match reason {
            Close::Draining => {
                let share = self.held.access.number() % SPREAD_SECONDS;
                RETRY_SECONDS.saturating_add(u32::try_from(share).unwrap_or(0))
            }
            Close::MaxAge | Close::Lagged | Close::AccessEnded => RETRY_SECONDS,
        }
    }
}
