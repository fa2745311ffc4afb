//! Rounds of faults between three real nodes, under load.
//!
//! ```sh
//! cargo build --release --workspace --bin samsyn --bin rounds
//! target/release/rounds --rounds 200 --seed 1
//! ```
//!
//! Each round kills, restarts, cuts off, holds, delays or narrows, as the seed says; then what was
//! acknowledged is read back from every node. Ends with 1 when something was lost or doubled, or
//! did not come back. The system must tell which process a connection is of: Linux does.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use samsyn_tests::{
    raw::Failure,
    rounds::{self, Options, Report},
};

#[derive(Debug, Parser)]
#[command(about = "Strikes three nodes round by round, and looks for what is lost or doubled")]
struct Cli {
    /// How many rounds.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// From what faults and chance are drawn.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many parties publish at a time.
    #[arg(long, default_value_t = 4)]
    writers: usize,
    /// The program; that beside this one, if none is given.
    #[arg(long, value_name = "FILE")]
    samsyn: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(report) => {
            println!("\n{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("the rounds broke off: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<Report, Failure> {
    let beside = || Ok::<_, Failure>(std::env::current_exe()?.with_file_name("samsyn"));
    let samsyn = cli.samsyn.map_or_else(beside, Ok)?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{} rounds, seed {}; load {}", cli.rounds, cli.seed, load.trim());
    let options = Options::drawn(cli.rounds, cli.seed, cli.writers);
    let mut number = 0;
    let told = |round: &rounds::Round| {
        number += 1;
        println!("{number:>4}  {round}");
    };
    Box::pin(rounds::run(&samsyn, &options, told)).await
}
