//! A legitimate caller, which goes on as every day and measures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, wire};
use samsyn_tests::{observed::AREA, raw::Failure};
use tokio::task::JoinHandle;

/// How often it calls.
const PACE: Duration = Duration::from_millis(25);
/// How often it connects anew.
const RECONNECTS: usize = 40;

/// What it noticed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Noticed {
    calls: Vec<Duration>,
    connects: Vec<Duration>,
    pub(crate) failed: usize,
}

impl Noticed {
    /// The duration that so many of a hundred calls stay below; zero without a call.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.calls, percent)
    }

    /// The same of a new connection with its first call.
    pub(crate) fn connect(&self, percent: usize) -> Duration {
        percentile(&self.connects, percent)
    }

    /// How many calls it made.
    pub(crate) fn made(&self) -> usize {
        self.calls.len() + self.connects.len() + self.failed
    }
}

/// The duration that so many of a hundred stay below; zero without any.
pub(crate) fn percentile(all: &[Duration], percent: usize) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// A caller at work.
pub(crate) struct Caller {
    stop: Arc<AtomicBool>,
    work: JoinHandle<Noticed>,
}

impl Caller {
    /// Begins to call.
    pub(crate) async fn begin(profile: Profile) -> Result<Self, Failure> {
        let client = Client::connect(&profile).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let work = tokio::spawn(work(client, Arc::clone(&stop)));
        Ok(Self { stop, work })
    }

    /// Ends, and says what was noticed.
    pub(crate) async fn end(self) -> Result<Noticed, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.work.await?)
    }
}

async fn work(mut client: Client, stop: Arc<AtomicBool>) -> Noticed {
    let mut noticed = Noticed::default();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 1_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pace.tick().await;
        let started = Instant::now();
        let anew = round.is_multiple_of(RECONNECTS);
        let done = if anew { reconnect(&mut client).await } else { read(&client).await };
        match done {
            Ok(()) if anew => noticed.connects.push(started.elapsed()),
            Ok(()) => noticed.calls.push(started.elapsed()),
            Err(why) => {
                eprintln!("a legitimate call failed: {why}");
                noticed.failed += 1;
            }
        }
    }
    noticed
}

async fn reconnect(client: &mut Client) -> Result<(), Failure> {
    *client = Client::connect(client.profile()).await?;
    client.access.clone().get_access(wire::GetAccessRequest::default()).await?;
    Ok(())
}

async fn read(client: &Client) -> Result<(), Failure> {
    let request = wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-09".to_owned() }),
        ..wire::GetJointPictureRequest::default()
    };
    client.joint.clone().get_joint_picture(request).await?;
    Ok(())
}
