//! `samsyn partner`: for agencies that receive.

mod kit;
mod poll;
mod verify;

use clap::Subcommand;

use super::watch;
use crate::{failure::Failure, session::Globals};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Follows your view as it changes, and goes on by itself after a cut.
    Watch(watch::Args),
    /// Fetches the events since a cursor, once.
    Poll(poll::Poll),
    /// Verifies an edition's proof, over the network or from a file without it.
    Verify(verify::Verify),
    /// Writes what a new partner needs to begin.
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
