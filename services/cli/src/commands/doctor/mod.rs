//! `samsyn doctor`: what stands in the way of a gateway, or of a client, with what to do.

mod authority;
mod certificate;
mod client;
mod disk;
mod files;
mod gateway;
mod log;
mod report;

use std::{path::PathBuf, process::ExitCode};

use self::report::Report;
use super::serve;
use crate::{failure::Failure, session::Globals};

/// Examines a gateway (`--config`), or a client's way to one (`--as`).
///
/// Each line says `ok`, `warning` or `failed`, with what to do. Nothing is changed: a file of a few
/// kilobytes is written to the gateway's data folder and removed again, to see how fast the disk
/// is. The exit code is 0 when all is well, 1 after a warning, 2 when something failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn doctor --config /etc/samsyn/gateway.toml\n  \
    samsyn doctor --as region-stockholm\n  \
    samsyn doctor --as region-stockholm --output json")]
pub(super) struct Args {
    /// The configuration of the gateway on this machine, TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) async fn run(globals: &Globals, args: Args) -> ExitCode {
    match examined(globals, args).await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("samsyn: {failure}");
            ExitCode::from(report::FAILED)
        }
    }
}

async fn examined(globals: &Globals, args: Args) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    match args.config {
        Some(config) => {
            let overrides = serve::overrides(std::env::vars())?;
            Box::pin(gateway::examine(&config, &overrides, &mut report)).await;
        }
        None => Box::pin(client::examine(globals, &mut report)).await,
    }
    globals.show(|| report.json(), || report.to_string())?;
    Ok(ExitCode::from(report.exit_code()))
}
