//! A subscription that resumes by itself.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use samsyn_proto::{
    Reason,
    v1::{Event, Scope, WatchEventsRequest, WatchEventsResponse, event::What},
};
use tonic::Streaming;

use crate::{Client, ConnectError, Profile, Refused};

/// How many event ids are remembered, to drop what comes twice.
const SEEN_MAX: usize = 10_000;
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);

/// A subscription to a view. After a cut it goes on from its cursor: nothing is lost, and what
/// comes twice is dropped.
#[derive(Debug)]
pub struct Watch {
    profile: Profile,
    scope: Scope,
    cursor: String,
    stream: Option<Streaming<WatchEventsResponse>>,
    seen: BTreeSet<String>,
    order: VecDeque<String>,
    pause: Duration,
    resumed: u32,
}

impl Watch {
    /// Subscribes from a cursor; with an empty one, a snapshot comes first.
    #[must_use]
    pub fn new(profile: &Profile, scope: Scope, cursor: String) -> Self {
        Self {
            profile: profile.clone(),
            scope,
            cursor,
            stream: None,
            seen: BTreeSet::new(),
            order: VecDeque::new(),
            pause: PAUSE_FIRST,
            resumed: 0,
        }
    }

    /// Where it would go on from.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// How often it has gone on after a cut.
    #[must_use]
    pub const fn resumed(&self) -> u32 {
        self.resumed
    }

    /// Cuts the stream, as a broken connection would; the next call goes on from the cursor.
    pub fn cut(&mut self) {
        self.stream = None;
    }

    /// The next event. Heartbeats are not told; a closing stream is opened anew, unless access
    /// ended.
    ///
    /// # Errors
    /// When the gateway refuses for good: access ended, the cursor does not hold.
    pub async fn next(&mut self) -> Result<Event, Refused> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.message().await {
                Ok(Some(WatchEventsResponse { entry: Some(event) })) => {
                    self.pause = PAUSE_FIRST;
                    match &event.what {
                        Some(What::Heartbeat(_)) => {}
                        Some(What::Closing(closing)) if closing.reason == "ACCESS_ENDED" => {}
                        Some(What::Closing(_)) => self.stream = None,
                        Some(_) | None => {
                            self.cursor.clone_from(&event.cursor);
                            if self.is_new(&event.id) {
                                return Ok(event);
                            }
                        }
                    }
                }
                Ok(Some(WatchEventsResponse { entry: None })) => {}
                Ok(None) => self.stream = None,
                Err(status) => self.broken(Refused::from(status)).await?,
            }
        }
    }

    async fn open(&mut self) -> Result<(), Refused> {
        let client = match Client::connect(&self.profile).await {
            Ok(client) => client,
            Err(ConnectError::Profile(why)) => {
                return Err(tonic::Status::from_error(Box::new(why)).into());
            }
            Err(ConnectError::Unreachable { .. }) => {
                self.rest().await;
                return Ok(());
            }
        };
        let request = WatchEventsRequest {
            context: Some(self.profile.read_context()),
            scope: Some(self.scope.clone()),
            cursor: self.cursor.clone(),
        };
        match client.joint.clone().watch_events(request).await {
            Ok(answer) => {
                self.resumed += u32::from(!self.cursor.is_empty());
                self.stream = Some(answer.into_inner());
                Ok(())
            }
            Err(status) => self.broken(Refused::from(status)).await,
        }
    }

    async fn broken(&mut self, refused: Refused) -> Result<(), Refused> {
        self.stream = None;
        let lost = refused.reason.is_none() || refused.reason == Some(Reason::Draining);
        if !lost && !refused.is_retryable() {
            return Err(refused);
        }
        self.rest().await;
        Ok(())
    }

    async fn rest(&mut self) {
        let mut byte = [0];
        // Without randomness all clients pause alike, which is slower but not wrong.
        let _ = getrandom::fill(&mut byte);
        let jitter = self.pause.mul_f64(f64::from(byte.first().copied().unwrap_or(0)) / 512.0);
        tokio::time::sleep(self.pause.saturating_add(jitter)).await;
        self.pause = self.pause.saturating_mul(2).min(PAUSE_LONGEST);
    }

    fn is_new(&mut self, id: &str) -> bool {
        if !self.seen.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}
