//! Attacks a real gateway over real sockets, and measures what a legitimate caller notices.
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p samsyn-tests --bin attack -- --seconds 15
//! cargo run --release -p samsyn-tests --bin attack -- reconnect
//! ```
//!
//! Each wave runs in a process of its own at the lowest priority: an attacker has machines of its
//! own, and must not be stronger here because it shares ours. What the gateway spends on it counts.
//! Ends with a table, and with 1 when something got through or the gateway suffered.

mod caller;
mod reconnect;
mod report;
mod stage;
mod target;
mod waves;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use samsyn_tests::raw::Failure;

use self::{report::Report, stage::Stage, target::Target};

#[derive(Debug, Parser)]
#[command(about = "Attacks a gateway of its own and says what its callers noticed")]
struct Cli {
    /// How long each wave lasts.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Only waves whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// The `samsyn` binary; beside this program unless named.
    #[arg(long, value_name = "FILE")]
    samsyn: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// No attack: the gateway falls, and all who watched come back at once.
    Reconnect {
        /// How many streams, each on a connection of its own.
        #[arg(long, default_value_t = 5_000)]
        streams: usize,
    },
    /// One wave, against a gateway that serves: used by the program itself.
    #[command(hide = true)]
    Wave {
        /// Which one.
        name: String,
        /// The domain's folder.
        #[arg(long)]
        domain: PathBuf,
        /// The gateway's port.
        #[arg(long)]
        port: u16,
        /// How long.
        #[arg(long)]
        seconds: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Wave { name, domain, port, seconds }) => {
            let target = Target::new(&domain, port, Duration::from_secs(seconds));
            wave(&name, &target).await.map(|()| true)
        }
        Some(Command::Reconnect { streams }) => {
            reconnect::measure(cli.samsyn, streams).await.map(|()| true)
        }
        None => attack(cli).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("the attack could not be carried out: {why}");
            ExitCode::from(2)
        }
    }
}

async fn wave(name: &str, target: &Target) -> Result<(), Failure> {
    let wave = waves::ALL.iter().find(|wave| wave.name == name).ok_or("no such wave")?;
    let tally = (wave.run)(target.clone()).await?;
    println!("{}", serde_json::to_string(&tally)?);
    Ok(())
}

async fn attack(cli: Cli) -> Result<bool, Failure> {
    let seconds = Duration::from_secs(cli.seconds);
    let stage = Stage::open(cli.samsyn, "")?;
    let mut report = Report::begin(&stage, seconds).await?;
    for wave in waves::ALL {
        if cli.only.as_ref().is_none_or(|only| wave.name.contains(only.as_str())) {
            report.wave(&stage, wave).await?;
        }
    }
    report.end(&stage).await
}
