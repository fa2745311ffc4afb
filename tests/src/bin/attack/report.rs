//! What was done, and what a legitimate caller noticed of it.

use std::time::{Duration, Instant};

use samsyn_client::{Client, Profile};
use samsyn_tests::{
    observed::{PARTY, delta, observation},
    raw::Failure,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    caller::{Caller, Noticed},
    stage::Stage,
    target::Target,
    waves::Wave,
};

/// Who calls as every day.
const CALLER: &str = "lpo-skarholmen";
/// How much slower a legitimate call may become, at the 99th percentile.
const SLOWER_MAX: u32 = 2;
/// How much memory more than before the gateway may hold when all is over, in MiB.
const MEMORY_MAX: u64 = 64;
/// So many observations make a picture worth reading.
const OBSERVATIONS: u32 = 200;

/// A report that grows line by line.
pub(crate) struct Report {
    seconds: Duration,
    profile: Profile,
    calm: Noticed,
    memory: u64,
    faults: Vec<String>,
}

impl Report {
    /// Fills the domain and measures a calm while.
    pub(crate) async fn begin(stage: &Stage, seconds: Duration) -> Result<Self, Failure> {
        let target = Target::new(stage.path(), stage.port(), seconds);
        let city = reached(&target.profile(PARTY)?).await?;
        let all =
            (0..OBSERVATIONS).map(|number| observation(&format!("A{number}"), 1 + number % 5));
        city.publish(delta(PARTY, 0, all.collect())).await?;
        let profile = target.profile(CALLER)?;
        println!("binary   {}", stage.binary().display());
        println!("waves of {} s each; load {}", seconds.as_secs(), load()?);
        println!(
            "{:<46} {:>8} {:>8} {:>8} {:>7} {:>15} {:>11} {:>6} {:>6}",
            "wave",
            "tries",
            "refused",
            "served",
            "through",
            "p50/p99 ms",
            "connect p99",
            "MiB",
            "CPU s"
        );
        let before = stage.ticks()?;
        let caller = Caller::begin(profile.clone()).await?;
        tokio::time::sleep(seconds).await;
        let calm = caller.end().await?;
        let memory = stage.memory()?;
        let spent = stage.ticks()?.saturating_sub(before);
        line("(calm)", "", &calm, memory, spent);
        let mut report = Self { seconds, profile, calm, memory, faults: Vec::new() };
        report.healthy(stage).await;
        Ok(report)
    }

    /// Has one wave come, and says what was noticed.
    pub(crate) async fn wave(&mut self, stage: &Stage, wave: &Wave) -> Result<(), Failure> {
        let before = stage.ticks()?;
        let caller = Caller::begin(self.profile.clone()).await?;
        let tally = stage.run(wave, self.seconds).await?;
        let noticed = caller.end().await?;
        let spent = stage.ticks()?.saturating_sub(before);
        let counts = format!(
            "{:>8} {:>8} {:>8} {:>7}",
            tally.tries, tally.refused, tally.served, tally.through
        );
        line(
            &format!("{} ({})", wave.name, wave.threats),
            &counts,
            &noticed,
            stage.memory()?,
            spent,
        );
        let mut fault = |what: String| self.faults.push(format!("{}: {what}", wave.name));
        if tally.through > 0 {
            fault(format!("{} got through", tally.through));
        }
        if tally.tries == 0 {
            fault("tried nothing".to_owned());
        }
        if noticed.failed > 0 {
            fault(format!("{} of {} legitimate calls failed", noticed.failed, noticed.made()));
        }
        let (now, calm) = (noticed.percentile(99), self.calm.percentile(99));
        if now > calm * SLOWER_MAX {
            let times = now.as_secs_f64() / calm.as_secs_f64();
            fault(format!("legitimate calls were {times:.1} times slower at the 99th percentile"));
        }
        self.healthy(stage).await;
        Ok(())
    }

    /// Sums up; whether the gateway held.
    pub(crate) async fn end(mut self, stage: &Stage) -> Result<bool, Failure> {
        let before = stage.ticks()?;
        let caller = Caller::begin(self.profile.clone()).await?;
        tokio::time::sleep(self.seconds).await;
        let after = caller.end().await?;
        let memory = stage.memory()?;
        line("(calm again)", "", &after, memory, stage.ticks()?.saturating_sub(before));
        if memory > self.memory + MEMORY_MAX {
            let more = memory - self.memory;
            self.faults.push(format!("the gateway holds {more} MiB more than before"));
        }
        for error in stage.errors()? {
            self.faults.push(format!("the log has an error: {error}"));
        }
        println!("log lines {}", stage.lines()?);
        for fault in &self.faults {
            println!("fault: {fault}");
        }
        println!("{}", if self.faults.is_empty() { "held" } else { "did not hold" });
        Ok(self.faults.is_empty())
    }

    async fn healthy(&mut self, stage: &Stage) {
        if let Err(why) = health(&self.profile).await {
            self.faults.push(format!("health is not green: {why}"));
        }
        if stage.memory().is_err() {
            self.faults.push("the process has ended".to_owned());
        }
    }
}

async fn health(profile: &Profile) -> Result<(), Failure> {
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&profile.ca_pem))
        .identity(Identity::from_pem(&profile.certificate_pem, &profile.key_pem));
    let endpoint = Endpoint::from_shared(profile.endpoint.clone())?.tls_config(tls)?;
    let mut client = HealthClient::new(endpoint.connect().await?);
    client.check(HealthCheckRequest::default()).await?;
    Ok(())
}

fn line(name: &str, counts: &str, noticed: &Noticed, memory: u64, ticks: u64) {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    let calls = format!("{:.1}/{:.1}", ms(noticed.percentile(50)), ms(noticed.percentile(99)));
    let connect = format!("{:.1}", ms(noticed.connect(99)));
    let seconds = format!("{}.{}", ticks / 100, ticks % 100 / 10);
    println!("{name:<46} {counts:>34} {calls:>15} {connect:>11} {memory:>6} {seconds:>6}");
}

/// A client, as soon as the gateway answers.
pub(crate) async fn reached(profile: &Profile) -> Result<Client, Failure> {
    let started = Instant::now();
    loop {
        match Client::connect(profile).await {
            Ok(client) => return Ok(client),
            Err(why) if started.elapsed() > Duration::from_secs(60) => return Err(why.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn load() -> Result<String, Failure> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}
