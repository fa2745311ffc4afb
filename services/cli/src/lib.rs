//! `samsyn`: a gateway, its demo city, and the tool of parties, partners and operators. A library
//! only so that fuzz targets reach what reads files; its interface is the command line.

mod clock;
mod commands;
mod demo;
mod export;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
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
use samsyn_gateway::{LogFormat, Telemetry};

/// What commands log that run no gateway when `RUST_LOG` does not say: their answer says the rest,
/// also of elections and closed links in a demo.
const LOGGED_BY_CLIENTS: &str = "warn,openraft=error,samsyn_federation::session=error";

/// Runs the command that the arguments of the process say.
pub fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    // A gateway's log goes where its configuration says.
    if !cli.serves()
        && let Err(why) = Telemetry::lines(LogFormat::Text, LOGGED_BY_CLIENTS)
    {
        eprintln!("samsyn: {why}");
        return ExitCode::from(5);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("the system gives no threads: {why}");
            return ExitCode::from(5);
        }
    };
    runtime.block_on(commands::run(cli))
}
