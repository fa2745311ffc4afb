//! Who follows what happens in an area, over all that is done to the nodes.

use std::time::{Duration, Instant};

use samsyn_client::{Profile, Watch, wire};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::raw::Failure;

/// It comes back by itself, after pauses that grow with each try.
const FOLLOWS_MAX: Duration = Duration::from_mins(3);

/// A subscription that goes on by itself; it ends with this.
#[derive(Debug)]
pub(super) struct Reader {
    reached: watch::Receiver<u64>,
    following: JoinHandle<Failure>,
}

impl Reader {
    /// Follows an area.
    pub(super) fn start(profile: &Profile, area: &str) -> Self {
        let scope = wire::Scope { areas: vec![area.to_owned()], ..wire::Scope::default() };
        let mut events = Watch::new(profile, scope, String::new());
        let (reach, reached) = watch::channel(0);
        let following = tokio::spawn(async move {
            loop {
                let event = match events.next().await {
                    Ok(event) => event,
                    Err(refused) => return refused.into(),
                };
                let before = *reach.borrow();
                if event.revision < before {
                    let now = event.revision;
                    return format!("the stream went back from {before} to {now}").into();
                }
                reach.send_replace(event.revision);
            }
        });
        Self { reached, following }
    }

    /// Waits until it has seen a revision; tells how long.
    pub(super) async fn reaches(&self, revision: u64) -> Result<Duration, Failure> {
        let since = Instant::now();
        let mut reached = self.reached.clone();
        let seen = timeout(FOLLOWS_MAX, reached.wait_for(|reached| *reached >= revision)).await;
        match seen {
            Ok(Ok(_)) => Ok(since.elapsed()),
            Ok(Err(_)) => Err("the reader's stream has ended for good, or went back".into()),
            Err(_) => Err(format!("the reader has not seen revision {revision}").into()),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.following.abort();
    }
}
