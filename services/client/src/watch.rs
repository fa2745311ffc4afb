//! A subscription that resumes by itself.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use samsyn_proto::{
    Reason,
    v1::{Event, Scope, WatchEventsRequest, WatchEventsResponse, event::What},
};
use tonic::{Code, Streaming};

use crate::{Client, ConnectError, Profile, Refused};

/// How many event ids are remembered, to drop what comes twice.
const SEEN_MAX: usize = 10_000;
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);
/// The longest that a gateway's own word is waited for.
const PAUSE_TOLD: Duration = Duration::from_mins(5);

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
                    self.pause = PAUSE_FIRST;
                    match &event.what {
                        Some(What::Heartbeat(_)) => {}
                        Some(What::Closing(closing)) if closing.reason == "ACCESS_ENDED" => {}
                        Some(What::Closing(closing)) => {
                            let told = u64::from(closing.retry_after_seconds);
                            self.stream = None;
                            self.rest(Duration::from_secs(told).min(PAUSE_TOLD)).await;
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
                    self.rest(Duration::ZERO).await;
                }
                Err(status) => self.broken(Refused::from(status)).await?,
            }
        }
    }

    async fn open(&mut self) -> Result<(), Refused> {
        let next = self.profile.turned();
        let last = std::mem::replace(&mut self.profile, next);
        let client = match Client::connect(&last).await {
            Ok(client) => client,
            Err(ConnectError::Profile(why)) => {
                return Err(
                    tonic::Status::invalid_argument(format!("{}; {}", why.seen, why.mend)).into()
                );
            }
            Err(ConnectError::Unreachable { .. }) => {
                self.rest(Duration::ZERO).await;
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
                self.stream = Some(answer.into_inner());
                Ok(())
            }
            Err(status) => self.broken(Refused::from(status)).await,
        }
    }

    async fn broken(&mut self, refused: Refused) -> Result<(), Refused> {
        self.stream = None;
        if !is_passing(&refused) {
            return Err(refused);
        }
        self.rest(Duration::ZERO).await;
        Ok(())
    }

    async fn rest(&mut self, told: Duration) {
        let mut byte = [0];
        // Without randomness all clients pause alike, which is slower but not wrong.
        let _ = getrandom::fill(&mut byte);
        let chance = f64::from(byte.first().copied().unwrap_or(0)) / 256.0;
        tokio::time::sleep(self.pause_after(told, chance)).await;
    }

    /// As long as was told, and a while of its own that grows from try to try and differs from
    /// client to client: up to half as long again.
    fn pause_after(&mut self, told: Duration, chance: f64) -> Duration {
        let pause = told + self.pause + self.pause.mul_f64(chance / 2.0);
        self.pause = self.pause.saturating_mul(2).min(PAUSE_LONGEST);
        pause
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

/// Whether a later try may succeed. What carries no reason comes from the connection or from
/// something between, and then its code tells.
fn is_passing(refused: &Refused) -> bool {
    match refused.reason {
        Some(reason) => reason.retryable() || reason == Reason::Draining,
        None => !matches!(
            refused.status.code(),
            Code::InvalidArgument
                | Code::NotFound
                | Code::PermissionDenied
                | Code::Unauthenticated
                | Code::Unimplemented
                | Code::OutOfRange
                | Code::FailedPrecondition
        ),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn a_lost_connection_passes_and_a_refusal_does_not() {
        let passes = |code| is_passing(&Status::new(code, "").into());
        for code in [Code::Unavailable, Code::Unknown, Code::Internal, Code::Cancelled] {
            assert!(passes(code), "{code:?}");
        }
        for code in [Code::Unauthenticated, Code::PermissionDenied, Code::Unimplemented] {
            assert!(!passes(code), "{code:?}");
        }
    }

    #[test]
    fn a_pause_grows_and_keeps_to_what_was_told() {
        let text = String::new;
        let profile = Profile {
            endpoint: text(),
            others: Vec::new(),
            ca_pem: text(),
            certificate_pem: text(),
            key_pem: text(),
            purpose: text(),
            legal_basis: text(),
            weighing_ref: text(),
            party: text(),
            descriptor: text(),
            endorsement_keys: std::collections::BTreeMap::new(),
            registry_key: None,
            publisher_key: None,
        };
        let mut watch = Watch::new(&profile, Scope::default(), text());
        let mut pause = |told, chance| watch.pause_after(Duration::from_secs(told), chance);
        assert_eq!(pause(0, 0.0), Duration::from_millis(200));
        assert_eq!(pause(0, 1.0), Duration::from_millis(600));
        assert_eq!(pause(30, 0.5), Duration::from_millis(31_000));
        for _ in 0..10 {
            pause(0, 0.0);
        }
        assert_eq!(pause(0, 0.0), PAUSE_LONGEST);
    }
}
