//! Who publishes, and what is known of what was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, Reason, Refused, wire};
use tokio::{sync::watch, time::sleep};

use crate::{cluster::PATIENCE, observed, raw::Failure};

/// A party rests so long between two publications.
const REST: Duration = Duration::from_millis(20);
/// What one delta withdraws at most.
const WITHDRAWN_MAX: usize = 500;

/// When parties got their answers in a round.
#[derive(Debug, Default)]
pub(super) struct Acknowledged(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    last: Option<Instant>,
    /// From one answer to the next, whoever got it.
    silent: Duration,
    /// From a party's call to its answer.
    waited: Duration,
    by: BTreeMap<String, Instant>,
}

impl Acknowledged {
    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was until now.
    pub(super) fn begin(&self) {
        *self.times() = Times { last: Some(Instant::now()), ..Times::default() };
    }

    fn note(&self, who: &str, began: Instant) {
        let (mut times, now) = (self.times(), Instant::now());
        if let Some(last) = times.last.replace(now) {
            times.silent = times.silent.max(now.duration_since(last));
        }
        times.waited = times.waited.max(now.duration_since(began));
        times.by.insert(who.to_owned(), now);
    }

    /// Until so many have had an answer after a moment.
    pub(super) async fn by_all_after(&self, moment: Instant, count: usize) {
        while self.times().by.values().filter(|at| **at > moment).count() < count {
            sleep(REST).await;
        }
    }

    /// The longest time without an answer to anyone, and the longest that one party waited.
    pub(super) fn longest(&self) -> (Duration, Duration) {
        let times = self.times();
        (times.silent, times.waited)
    }
}

/// A party that publishes one observation after the other, each under an id of its own.
#[derive(Debug)]
pub(super) struct Writer {
    client: Client,
    party: String,
    area: String,
    version: u64,
    revision: u64,
    /// Acknowledged, and not withdrawn yet.
    held: BTreeSet<String>,
    /// So many versions were missing, and so many too many, when it published.
    out_of_step: (u64, u64),
}

impl Writer {
    /// A party with its own picture of an area; none when it may not publish there.
    pub(super) async fn start(
        profile: &Profile,
        (party, area): (String, String),
    ) -> Result<Option<Self>, Failure> {
        let client = Client::connect(profile).await?;
        let (held, out_of_step) = (BTreeSet::new(), (0, 0));
        let mut this = Self { client, party, area, version: 0, revision: 0, held, out_of_step };
        let request = this.observed();
        match this.client.publish(request.1).await {
            Ok(answer) => {
                this.took(request.0, &answer);
                Ok(Some(this))
            }
            Err(refused) if refused.is_retryable() => Err(refused.into()),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn party(&self) -> &str {
        &self.party
    }

    pub(super) fn area(&self) -> &str {
        &self.area
    }

    /// The area's revision of its last answer.
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) const fn out_of_step(&self) -> (u64, u64) {
        self.out_of_step
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.held.len()
    }

    fn change(&self, delta: wire::PictureDelta) -> wire::PublishPictureRequest {
        let area = self.area.clone();
        wire::PublishPictureRequest { area, ..observed::change(&self.party, self.version, delta) }
    }

    /// The next observation, and the id that it has.
    fn observed(&self) -> (String, wire::PublishPictureRequest) {
        let id = format!("R-{}", self.version);
        let observation = wire::Observation {
            // No round leaves a finding as the one before did: who was away sees a change.
            count: u32::try_from(self.version + 1).ok(),
            location: Some(wire::observation::Location::AreaId(self.area.clone())),
            ..observed::observation(&id, 2)
        };
        let upserts = vec![observation];
        (id, self.change(wire::PictureDelta { upserts, ..wire::PictureDelta::default() }))
    }

    fn took(&mut self, id: String, answer: &wire::PublishPictureResponse) {
        self.out_of_step.1 += answer.version.saturating_sub(self.version + 1);
        self.out_of_step.0 += (self.version + 1).saturating_sub(answer.version);
        (self.version, self.revision) = (answer.version, answer.revision);
        self.held.insert(id);
    }

    /// Publishes; what may go through later is repeated under its key, beyond what the client
    /// itself repeats.
    async fn publish(
        &mut self,
        request: wire::PublishPictureRequest,
    ) -> Result<wire::PublishPictureResponse, Failure> {
        let since = Instant::now();
        loop {
            match self.client.publish(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(refused) if refused.is_retryable() && since.elapsed() < PATIENCE => {}
                Err(refused) => return Err(self.explained(&refused)),
            }
        }
    }

    fn explained(&self, refused: &Refused) -> Failure {
        let (party, version) = (&self.party, self.version);
        if refused.reason == Some(Reason::VersionConflict) {
            let current = refused.current;
            return format!(
                "{party} was acknowledged version {version}, and version {current} is there: {}",
                if current < version { "something is lost" } else { "something is doubled" }
            )
            .into();
        }
        format!("{party} after version {version}: {refused}").into()
    }

    /// Publishes until it is stopped, and ends between two publications.
    pub(super) async fn write(
        mut self,
        acknowledged: Arc<Acknowledged>,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        while !*stopped.borrow() {
            let (id, request) = self.observed();
            let began = Instant::now();
            let answer = self.publish(request).await?;
            acknowledged.note(&self.party, began);
            self.took(id, &answer);
            sleep(REST).await;
        }
        Ok(self)
    }

    /// What a node holds of its picture beside what was acknowledged: how much is lost, how much
    /// doubled.
    pub(super) async fn compare(&self, client: &Client) -> Result<(u64, u64), Failure> {
        let (version, found) = observed::own_picture(client, &self.party, &self.area).await?;
        let there: BTreeSet<&String> = found.iter().collect();
        let lost = self.held.iter().filter(|id| !there.contains(id)).count();
        let twice = found.len() - there.len();
        let strange = there.iter().filter(|id| !self.held.contains(**id)).count();
        Ok((
            u64::try_from(lost)?.max(self.version.saturating_sub(version)),
            u64::try_from(twice + strange)?.max(version.saturating_sub(self.version)),
        ))
    }

    /// Withdraws what was read back, so that pictures do not grow with the rounds.
    pub(super) async fn withdraw(&mut self) -> Result<(), Failure> {
        while !self.held.is_empty() {
            let withdrawn: Vec<String> = self.held.iter().take(WITHDRAWN_MAX).cloned().collect();
            let (reason, withdrawn_ids) = ("read back".to_owned(), withdrawn.clone());
            let delta = wire::PictureDelta { reason, withdrawn_ids, ..Default::default() };
            let answer = self.publish(self.change(delta)).await?;
            (self.version, self.revision) = (answer.version, answer.revision);
            withdrawn.iter().for_each(|id| {
                self.held.remove(id);
            });
        }
        self.out_of_step = (0, 0);
        Ok(())
    }
}
