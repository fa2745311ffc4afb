//! What is followed, as a stream: each ends by a stop signal and a last message that says why.

use std::{collections::VecDeque, future::Future, pin::Pin, time::Duration};

use samsyn_ledger::{Feed, Inbox, Rejection, Woken};
use samsyn_policy::Why;
use samsyn_proto::{
    Reason,
    sealed::{Close, Encoded},
    v1::{WatchEventsResponse, WatchInboxResponse},
};
use tokio::{sync::watch, time::Instant};
use tokio_stream::Stream;
use tonic::Status;
use tracing::Span;

use crate::{edge::Held, status, telemetry::Meter, tls::Leaving};

/// How much is recorded and sent at a time.
const BATCH_MAX: usize = 200;
/// After so long without anything new a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After which time a client comes back, in seconds.
const RETRY_SECONDS: u32 = 1;
/// When all must come back at once, each is given one of so many seconds.
const SPREAD_SECONDS: u64 = 10;

type Item<M> = Result<Encoded<M>, Status>;
/// What is to be sent, each with the cursor behind it.
type Waiting<M> = VecDeque<(String, Encoded<M>)>;

/// What a stream follows.
pub(super) trait Followed: Send {
    /// What is sent.
    type Message;

    /// The next of it; none when there is nothing new. It is recorded by then.
    fn next(
        &mut self,
    ) -> impl Future<Output = Result<Option<Waiting<Self::Message>>, Rejection>> + Send;
    /// Until something may be new, or so long.
    fn wait(&mut self, longest: Duration) -> impl Future<Output = ()> + Send;
    /// What woke it for what it has just given.
    fn woken(&mut self) -> Woken;
    /// The epoch in force.
    fn epoch(&self) -> u64;
    /// Who follows still may.
    fn holds(&self) -> Result<(), Rejection>;
    /// Where to go on from; empty where what is sent says it itself.
    fn cursor(&self) -> Result<String, samsyn_ledger::Error>;
    /// Nothing new, at a cursor.
    fn heartbeat(cursor: &str) -> Encoded<Self::Message>;
    /// The last message, at a cursor.
    fn closing(cursor: &str, why: Close, retry_seconds: u32) -> Encoded<Self::Message>;
}

impl Followed for Feed {
    type Message = WatchEventsResponse;

    async fn next(&mut self) -> Result<Option<Waiting<Self::Message>>, Rejection> {
        let view = self.next(BATCH_MAX).await?;
        Ok(view.map(|view| {
            let cursors = view.content().events.iter().map(|event| event.cursor.clone());
            cursors.zip(Encoded::<WatchEventsResponse>::events(&view)).collect()
        }))
    }

    async fn wait(&mut self, longest: Duration) {
        self.wait(longest).await;
    }

    fn woken(&mut self) -> Woken {
        self.woken()
    }

    fn epoch(&self) -> u64 {
        self.epoch()
    }

    fn holds(&self) -> Result<(), Rejection> {
        self.holds()
    }

    fn cursor(&self) -> Result<String, samsyn_ledger::Error> {
        self.cursor()
    }

    fn heartbeat(cursor: &str) -> Encoded<Self::Message> {
        Encoded::<WatchEventsResponse>::heartbeat(cursor)
    }

    fn closing(cursor: &str, why: Close, retry_seconds: u32) -> Encoded<Self::Message> {
        Encoded::<WatchEventsResponse>::closing(cursor, why, retry_seconds)
    }
}

/// Its messages are numbered: they need no cursors.
impl Followed for Inbox {
    type Message = WatchInboxResponse;

    async fn next(&mut self) -> Result<Option<Waiting<Self::Message>>, Rejection> {
        let view = self.next(BATCH_MAX).await?;
        Ok(view.map(|view| {
            let entries = Encoded::<WatchInboxResponse>::entries(&view).into_iter();
            entries.map(|entry| (String::new(), entry)).collect()
        }))
    }

    async fn wait(&mut self, longest: Duration) {
        self.wait(longest).await;
    }

    fn woken(&mut self) -> Woken {
        self.woken()
    }

    fn epoch(&self) -> u64 {
        self.epoch()
    }

    fn holds(&self) -> Result<(), Rejection> {
        self.holds()
    }

    fn cursor(&self) -> Result<String, samsyn_ledger::Error> {
        Ok(String::new())
    }

    fn heartbeat(_: &str) -> Encoded<Self::Message> {
        Encoded::<WatchInboxResponse>::heartbeat()
    }

    fn closing(_: &str, why: Close, retry_seconds: u32) -> Encoded<Self::Message> {
        Encoded::<WatchInboxResponse>::closing(why, retry_seconds)
    }
}

/// What a stream does next.
enum Phase {
    Serving,
    /// The status after the last message.
    Ending(Option<Status>),
    Ended,
}

struct Serving<F: Followed> {
    followed: F,
    held: Held,
    meter: Meter,
    stopping: watch::Receiver<bool>,
    bounds: Bounds,
    /// The span in which what waits is sent, in the trace of what caused it.
    sending: Option<Span>,
    /// What waits to be sent, each with its cursor.
    waiting: Waiting<F::Message>,
    /// The epoch under which that was made.
    epoch: u64,
    /// The cursor of the last that was sent; empty before the first.
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

/// What is followed, until it is stopped, its access ends, it lags, or it becomes too old.
pub(super) fn served<F: Followed + 'static>(
    followed: F,
    held: Held,
    meter: Meter,
    stopping: watch::Receiver<bool>,
    bounds: Bounds,
) -> Pin<Box<dyn Stream<Item = Item<F::Message>> + Send>> {
    let now = Instant::now();
    let serving = Serving {
        epoch: followed.epoch(),
        followed,
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

impl<F: Followed> Serving<F> {
    async fn next(&mut self) -> Option<Item<F::Message>> {
        loop {
            self.still_may();
            if let Some((cursor, message)) = self.waiting.pop_front() {
                self.sent = cursor;
                return Some(Ok(message));
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
        let epoch = self.followed.epoch();
        if epoch != self.epoch && !self.waiting.is_empty() {
            match self.followed.holds() {
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
        let epoch = self.followed.epoch();
        let mut access = self.held.access.clone();
        let next = tokio::select! {
            biased;
            // What is to be recorded may wait for other nodes, and a last word must not.
            _ = access.leaving() => return,
            next = self.followed.next() => next,
        };
        match next {
            Ok(Some(new)) => {
                let now = Instant::now();
                self.paid_at = now + self.held.spending.rows(new.len(), now);
                self.told(new.len());
                self.waiting.extend(new);
                (self.epoch, self.spoke) = (epoch, Instant::now());
            }
            Ok(None) if self.spoke.elapsed() >= HEARTBEAT => match self.followed.cursor() {
                Ok(cursor) => {
                    let beat = F::heartbeat(&cursor);
                    self.waiting.push_back((cursor, beat));
                    (self.epoch, self.spoke) = (epoch, Instant::now());
                }
                Err(error) => self.phase = Phase::Ending(Some(status::rejection(&error.into()))),
            },
            Ok(None) => {
                let silence = HEARTBEAT.saturating_sub(self.spoke.elapsed());
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = self.followed.wait(silence.min(age_left)) => {}
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
        let woken = self.followed.woken();
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
            | Rejection::Attachment(_)
            | Rejection::Failed(_) => false,
        };
        let reason = if ended { Close::AccessEnded } else { Close::Draining };
        self.close(reason, Some(status::rejection(rejection)));
    }

    fn close(&mut self, reason: Close, status: Option<Status>) {
        let cursor =
            if self.sent.is_empty() { self.followed.cursor() } else { Ok(self.sent.clone()) };
        self.phase = match cursor {
            Ok(cursor) => {
                let retry = self.retry_seconds(reason);
                let last = F::closing(&cursor, reason, retry);
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
