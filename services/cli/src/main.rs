//! `samsyn`: a gateway, its demo city, and the tool of parties, partners and operators.

mod clock;
mod commands;
mod demo;
mod failure;
mod import;
mod json;
mod names;
mod output;
mod pki;
mod profile_choice;
mod session;
mod world;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

/// What is logged when `RUST_LOG` does not say.
const LOGGED: &str = "samsyn=info,warn";

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("the system gives no threads: {why}");
            return ExitCode::from(5);
        }
    };
    runtime.block_on(commands::run(cli))
}
