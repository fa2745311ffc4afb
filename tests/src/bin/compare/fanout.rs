//! One change that many wait for: how long until all have it.

use std::time::{Duration, Instant};

use samsyn_tests::raw::Failure;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::load::{Round, Worker};

/// Long enough for all to hear.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between one change and the next.
const REST: Duration = Duration::from_millis(200);
/// So many begin to watch at a time.
const AT_A_TIME: usize = 100;

/// Someone who is told of changes. The first thing that is told says that the stream is open.
pub(crate) trait Watcher: Send + 'static {
    /// Waits for what is told next.
    fn told(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Those who watch, and when each was told of something.
pub(crate) struct Audience {
    count: usize,
    watching: JoinSet<()>,
    told: mpsc::UnboundedReceiver<Result<Instant, Failure>>,
}

impl Audience {
    /// Has all of them watch, and waits until all do.
    pub(crate) async fn gather<W: Watcher>(watchers: Vec<W>) -> Result<Self, Failure> {
        let (tell, told) = mpsc::unbounded_channel();
        let mut this = Self { count: watchers.len(), watching: JoinSet::new(), told };
        for (number, mut watcher) in watchers.into_iter().enumerate() {
            let tell = tell.clone();
            this.watching.spawn(async move {
                loop {
                    let told = watcher.told().await.map(|()| Instant::now());
                    let is_over = told.is_err();
                    // Whoever counts may have gone.
                    if tell.send(told).is_err() || is_over {
                        return;
                    }
                }
            });
            if (number + 1).is_multiple_of(AT_A_TIME) {
                this.hear(AT_A_TIME, Instant::now()).await?;
            }
        }
        this.hear(this.count % AT_A_TIME, Instant::now()).await?;
        Ok(this)
    }

    /// How long after a moment each of so many were told.
    async fn hear(&mut self, many: usize, since: Instant) -> Result<Vec<Duration>, Failure> {
        let mut after = Vec::with_capacity(many);
        for _ in 0..many {
            let at = timeout(PATIENCE, self.told.recv()).await?.ok_or("nobody watches")??;
            after.push(at.saturating_duration_since(since));
        }
        Ok(after)
    }

    /// Makes so many changes, one after the other: each is begun when all have heard of the last.
    pub(crate) async fn round<W: Worker>(
        &mut self,
        changes: usize,
        writer: &mut W,
    ) -> Result<Round, Failure> {
        let mut after = Vec::new();
        let began = Instant::now();
        for _ in 0..changes {
            sleep(REST).await;
            let since = Instant::now();
            writer.once().await?;
            after.extend(self.hear(self.count, since).await?);
        }
        Round::of(after, began.elapsed())
    }
}
