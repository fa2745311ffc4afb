//! A subscription that resumes by itself.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use samsyn_proto::v1::{Event, Scope, WatchEventsRequest, WatchEventsResponse, event::What};
use tonic::Streaming;

use crate::{Profile, Refused, redial::Redial};

/// How many event ids are remembered, to drop what comes twice.
const SEEN_MAX: usize = 10_000;

/// A subscription to a view. After a cut it goes on from its cursor: nothing is lost, and what
/// comes twice is dropped.
#[derive(Debug)]
pub struct Watch {
    redial: Redial,
    scope: Scope,
    cursor: String,
    stream: Option<Streaming<WatchEventsResponse>>,
    seen: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Watch {
    /// Subscribes from a cursor; with an empty one, a snapshot comes first.
    #[must_use]
    pub fn new(profile: &Profile, scope: Scope, cursor: String) -> Self {
        Self {
            redial: Redial::new(profile),
            scope,
            cursor,
            stream: None,
            seen: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Where it would go on from.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The next event. Heartbeats are not told; a closing stream is opened anew when the gateway
    /// says, unless access ended.
    ///
    /// # Errors
    /// When the gateway refuses for good: access ended, the cursor does not hold, the certificate
    /// is not accepted.
    pub async fn next(&mut self) -> Result<Event, Refused> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.message().await {
                Ok(Some(WatchEventsResponse { entry: Some(event) })) => {
                    self.redial.answered();
                    match &event.what {
                        Some(What::Heartbeat(_)) => {}
                        Some(What::Closing(closing)) if closing.reason == "ACCESS_ENDED" => {}
                        Some(What::Closing(closing)) => {
                            let told = u64::from(closing.retry_after_seconds);
                            self.stream = None;
                            self.redial.rest(Duration::from_secs(told)).await;
                        }
                        Some(_) | None => {
                            self.cursor.clone_from(&event.cursor);
                            if self.is_new(&event.id) {
                                return Ok(event);
                            }
                        }
                    }
                }
                Ok(Some(WatchEventsResponse { entry: None })) => {}
                Ok(None) => {
                    self.stream = None;
                    self.redial.rest(Duration::ZERO).await;
                }
                Err(status) => {
                    self.stream = None;
                    self.redial.broken(status.into()).await?;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), Refused> {
        let Some(client) = self.redial.client().await? else { return Ok(()) };
        let request = WatchEventsRequest {
            context: Some(client.profile().read_context()),
            scope: Some(self.scope.clone()),
            cursor: self.cursor.clone(),
        };
        match client.joint.clone().watch_events(request).await {
            Ok(answer) => {
                self.stream = Some(answer.into_inner());
                Ok(())
            }
            Err(status) => self.redial.broken(status.into()).await,
        }
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
