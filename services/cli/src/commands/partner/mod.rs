//! `samsyn partner`: for agencies that receive.

mod kit;
mod poll;
mod verify;

use clap::Subcommand;

use super::joint::watch;
use crate::{failure::Failure, session::Globals};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Watch(watch::Args),
    Poll(poll::Poll),
    Verify(verify::Verify),
    Kit(kit::Kit),
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Watch(args) => Box::pin(watch::run(globals, args)).await,
        Command::Poll(args) => poll::run(globals, args).await,
        Command::Verify(args) => verify::run(globals, args).await,
        Command::Kit(args) => kit::run(globals, args),
    }
}
