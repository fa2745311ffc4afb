//! `samsyn`: a gateway, its demo city, and the tool of parties, partners and operators.

mod clock;
mod commands;
mod demo;
mod export;
mod failure;
mod import;
mod json;
mod names;
mod output;
mod pki;
mod profile_choice;
mod session;
mod world;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

/// What a gateway logs when `RUST_LOG` does not say. That a caller went away while its write was
/// under way is no warning: openraft's responder finds nobody to tell.
const LOGGED: &str = "samsyn=info,warn,openraft::raft::responder=error";
/// What the other commands log: their answer says the rest.
const LOGGED_BY_CLIENTS: &str = "warn,openraft::raft::responder=error";

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    let logged = if cli.serves() { LOGGED } else { LOGGED_BY_CLIENTS };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(logged));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("the system gives no threads: {why}");
            return ExitCode::from(5);
        }
    };
    runtime.block_on(commands::run(cli))
}
