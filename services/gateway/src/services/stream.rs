//! A subscription as a stream: every stream ends by a stop signal and a last message that says why.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use samsyn_ledger::{Feed, Rejection};
use samsyn_policy::Why;
use samsyn_proto::{
    sealed::{Close, Encoded},
    v1::WatchEventsResponse,
};
use tokio::{sync::watch, time::Instant};
use tokio_stream::Stream;
use tonic::Status;

use crate::status;

/// How many events are recorded and sent at a time.
const BATCH_MAX: usize = 200;
/// After so long without an event a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How old a stream becomes.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// After which time a client comes back, in seconds.
const RETRY_SECONDS: u32 = 1;

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
    stopping: watch::Receiver<bool>,
    waiting: VecDeque<Encoded<WatchEventsResponse>>,
    opened: Instant,
    /// When the last message was made. What a receiver does not see must not move its heartbeats.
    spoke: Instant,
    phase: Phase,
}

/// The events of a feed until it is stopped, its access ends, or it becomes too old.
pub(super) fn events(
    feed: Feed,
    stopping: watch::Receiver<bool>,
) -> Pin<Box<dyn Stream<Item = Item> + Send>> {
    let serving = Serving {
        feed,
        stopping,
        waiting: VecDeque::new(),
        opened: Instant::now(),
        spoke: Instant::now(),
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
            if let Some(event) = self.waiting.pop_front() {
                return Some(Ok(event));
            }
            match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Ended => return None,
                Phase::Ending(status) => return status.map(Err),
                Phase::Serving => {
                    self.phase = Phase::Serving;
                    self.more().await;
                }
            }
        }
    }

    /// Fills what waits to be sent.
    async fn more(&mut self) {
        if *self.stopping.borrow() {
            return self.close(Close::Draining, None);
        }
        if self.opened.elapsed() > AGE_MAX {
            return self.close(Close::MaxAge, None);
        }
        match self.feed.next(BATCH_MAX).await {
            Ok(Some(view)) => {
                self.waiting.extend(Encoded::<WatchEventsResponse>::events(&view));
                self.spoke = Instant::now();
            }
            Ok(None) if self.spoke.elapsed() >= HEARTBEAT => match self.feed.cursor() {
                Ok(cursor) => {
                    self.waiting.push_back(Encoded::<WatchEventsResponse>::heartbeat(&cursor));
                    self.spoke = Instant::now();
                }
                Err(error) => self.phase = Phase::Ending(Some(status::rejection(&error.into()))),
            },
            Ok(None) => {
                let silence = HEARTBEAT.saturating_sub(self.spoke.elapsed());
                let age = AGE_MAX.saturating_sub(self.opened.elapsed());
                tokio::select! {
                    () = self.feed.wait(silence.min(age)) => {}
                    // The sender is gone only when the process ends.
                    _ = self.stopping.wait_for(|stop| *stop) => {}
                }
            }
            Err(rejection) => {
                let ended = match &rejection {
                    Rejection::Denied(denial) => denial.why != Why::Undecided,
                    Rejection::CursorInvalid => true,
                    Rejection::Refused(_)
                    | Rejection::Answer(_)
                    | Rejection::Signature(_)
                    | Rejection::Edition(_)
                    | Rejection::CursorTooOld
                    | Rejection::NotReached
                    | Rejection::Failed(_) => false,
                };
                let reason = if ended { Close::AccessEnded } else { Close::Draining };
                self.close(reason, Some(status::rejection(&rejection)));
            }
        }
    }

    fn close(&mut self, reason: Close, status: Option<Status>) {
        self.phase = match self.feed.cursor() {
            Ok(cursor) => {
                let last = Encoded::<WatchEventsResponse>::closing(&cursor, reason, RETRY_SECONDS);
                self.waiting.push_back(last);
                Phase::Ending(status)
            }
            Err(error) => Phase::Ending(Some(status::rejection(&error.into()))),
        };
    }
}
