//! The same work by three nodes of Samsyn and by three nodes of etcd, or of NATS with JetStream
//! where it is messages, side by side on one machine.
//!
//! ```sh
//! cargo build --release --workspace --bin samsyn --bin compare
//! target/release/compare --seconds 5 --rounds 3
//! ```
//!
//! Both run on loopback with TLS and client certificates, and acknowledge after fsync on a quorum.
//! Rounds alternate, ours, theirs, ours, theirs; the middle round of each is told. What is read off
//! a small, shared machine is the ratio and not the figure.

mod empty;
mod etcd;
mod fanout;
mod load;
mod messages;
mod nats;
mod ours;

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use samsyn_tests::raw::Failure;

use self::{
    etcd::Etcd,
    fanout::Audience,
    load::{Round, Worker, middle, round},
    nats::Nats,
    ours::{FILLER, Ours},
};

/// About the size of a publication of one observation with a note, in bytes.
const VALUE_BYTES: usize = 1024;
/// About the size of a joint picture of 100 findings, in bytes.
const PICTURE_BYTES: usize = 40 * 1024;

/// So many send messages at a time: as many as publish.
const SENDERS: usize = 28;
/// So many changes each round of watching has.
const CHANGES: usize = 10;

#[derive(Debug, Parser)]
#[command(about = "Does the same work by Samsyn and by etcd, and says how they compare")]
struct Cli {
    /// How long a round lasts.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,
    /// Rounds of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many write or read at a time.
    #[arg(long, default_value_t = 64)]
    workers: usize,
    /// How many watch at a time.
    #[arg(long, default_value_t = 1000)]
    watchers: usize,
    /// Which nats-server stands beside.
    #[arg(long, value_name = "PROGRAM", default_value = "nats-server")]
    nats: PathBuf,
    /// What is done; all of it unless given.
    #[arg(long, value_enum, value_delimiter = ',')]
    work: Vec<Work>,
}

impl Cli {
    fn includes(&self, work: Work) -> bool {
        self.work.is_empty() || self.work.contains(&work)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Many publish at a time.
    Publish,
    /// One publishes.
    Alone,
    /// Many read one picture.
    Read,
    /// Many watch, and one publishes.
    Fanout,
    /// Many ask for nothing: what is left is transport.
    Empty,
    /// Many send messages at a time, and one alone.
    Message,
}

impl Work {
    /// Whether etcd does it too.
    const fn is_of_etcd(self) -> bool {
        !matches!(self, Self::Message)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match compare(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("the comparison broke off: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(cli: &Cli) -> Result<(), Failure> {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{} rounds of {} s each, in turn; load {}", cli.rounds, cli.seconds, load.trim());
    let ours = Ours::start().await?;
    if cli.work.is_empty() || cli.work.iter().any(|work| work.is_of_etcd()) {
        beside_etcd(cli, &ours).await?;
    }
    if cli.includes(Work::Message) {
        beside_nats(cli, &ours).await?;
    }
    Ok(())
}

/// Messages by us and by JetStream.
async fn beside_nats(cli: &Cli, ours: &Ours) -> Result<(), Failure> {
    if nats::version(&cli.nats).is_none() {
        println!("skipped: there is no `nats-server`; say where with --nats");
        return Ok(());
    }
    let length = Duration::from_secs(cli.seconds);
    let nats = Nats::start(&cli.nats, ours.path(), ours.profile(FILLER)?).await?;
    println!("{}\n{}", nats.what, heading());
    for count in [SENDERS, 1] {
        let senders = ours.senders(count).await?;
        let publishers = nats.publishers(count, VALUE_BYTES).await?;
        let what = format!("message 1 KiB, {count} senders");
        side_by_side(&what, senders, publishers, (length, cli.rounds)).await?;
    }
    Ok(())
}

async fn beside_etcd(cli: &Cli, ours: &Ours) -> Result<(), Failure> {
    if std::process::Command::new("etcd").arg("--version").output().is_err() {
        println!("skipped: there is no `etcd`; install it with `apt-get install etcd-server`");
        return Ok(());
    }
    let length = (Duration::from_secs(cli.seconds), cli.rounds);
    let etcd = Etcd::start(ours.path()).await?;

    println!("{}", heading());
    if cli.includes(Work::Publish) {
        let publishers = ours.publishers(cli.workers).await?;
        let count = publishers.len();
        let putters = etcd.putters(count, VALUE_BYTES).await?;
        let what = format!("publish 1 KiB, {count} writers");
        side_by_side(&what, publishers, putters, length).await?;
    }
    if cli.includes(Work::Alone) {
        let publishers = ours.publishers(1).await?;
        let putters = etcd.putters(1, VALUE_BYTES).await?;
        side_by_side("publish 1 KiB, one writer", publishers, putters, length).await?;
    }
    if cli.includes(Work::Read) {
        let readers = ours.readers(cli.workers, 100).await?;
        let getters = etcd.getters(cli.workers, PICTURE_BYTES).await?;
        let what = format!("read 100 findings, {} readers", cli.workers);
        side_by_side(&what, readers, getters, length).await?;
    }
    if cli.includes(Work::Empty) {
        let (askers, theirs) = (ours.askers(cli.workers).await?, etcd.askers(cli.workers).await?);
        let what = format!("a call that does nothing, {}", cli.workers);
        side_by_side(&what, askers, theirs, length).await?;
    }
    if cli.includes(Work::Fanout) {
        fan_out(cli, ours, &etcd).await?;
    }
    Ok(())
}

/// One change that many wait for. Each side's watchers leave before the other's come.
async fn fan_out(cli: &Cli, ours: &Ours, etcd: &Etcd) -> Result<(), Failure> {
    let mut publisher = ours.filled(1).await?;
    let mut putter = etcd.putters(1, VALUE_BYTES).await?.pop().ok_or("nobody puts")?;
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    let before = ours.memory()?;
    for round in 0..cli.rounds {
        let mut audience = Audience::gather(ours.watchers(cli.watchers)?).await?;
        // Later rounds have the memory that the first one left.
        if round == 0 {
            let each = ours.memory()?.saturating_sub(before) / u64::try_from(cli.watchers)?;
            println!("an idle stream takes {each} KiB at the node that serves it");
        }
        of_ours.push(audience.round(CHANGES, &mut publisher).await?);
        drop(audience);
        let mut audience = Audience::gather(etcd.watchers(cli.watchers).await?).await?;
        of_theirs.push(audience.round(CHANGES, &mut putter).await?);
    }
    tell(&format!("one change to {} streams", cli.watchers), &of_ours, &of_theirs)
}

fn heading() -> String {
    format!(
        "{:<34} {:>9} {:>9} {:>6}   {:>15} {:>15} {:>6} {:>6}",
        "", "ours/s", "its/s", "ratio", "ours p50/p99 ms", "its p50/p99 ms", "p50", "p99"
    )
}

async fn side_by_side<A: Worker, B: Worker>(
    what: &str,
    mut ours: Vec<A>,
    mut theirs: Vec<B>,
    (length, rounds): (Duration, usize),
) -> Result<(), Failure> {
    let (mut of_ours, mut of_theirs): (Vec<Round>, Vec<Round>) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (workers, came_to) = round(ours, length).await?;
        ours = workers;
        of_ours.push(came_to);
        let (workers, came_to) = round(theirs, length).await?;
        theirs = workers;
        of_theirs.push(came_to);
    }
    tell(what, &of_ours, &of_theirs)
}

/// Prints the middle rounds of both, and how they compare.
fn tell(what: &str, of_ours: &[Round], of_theirs: &[Round]) -> Result<(), Failure> {
    let (a, b) = middle(of_ours).zip(middle(of_theirs)).ok_or("no rounds")?;
    let millis = |took: Duration| took.as_secs_f64() * 1_000.0;
    let times = |round: Round| format!("{:.1}/{:.1}", millis(round.p50), millis(round.p99));
    let spread = |rounds: &[Round]| {
        let rates = || rounds.iter().map(|round| round.rate);
        format!("{:.0}–{:.0}", rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max))
    };
    println!(
        "{what:<34} {:>9.0} {:>9.0} {:>6.2}   {:>15} {:>15} {:>6.2} {:>6.2}   ours {}, its {}",
        a.rate,
        b.rate,
        a.rate / b.rate,
        times(a),
        times(b),
        millis(a.p50) / millis(b.p50),
        millis(a.p99) / millis(b.p99),
        spread(of_ours),
        spread(of_theirs),
    );
    Ok(())
}
