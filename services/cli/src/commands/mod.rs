//! The commands: one file each.

mod accept;
mod access;
mod backup;
mod cluster;
mod collisions;
mod completions;
mod conflict;
mod disclosures;
mod doctor;
mod duties;
mod edition;
mod export;
mod import;
mod invite;
mod joint;
mod labels;
pub(crate) mod link;
mod man;
mod message;
mod partner;
mod picture;
mod pki;
mod publish;
mod registry;
mod serve;
mod tables;
mod validate;
mod whoami;

use std::{fs, io::Read as _, path::Path, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};

use crate::{
    demo,
    failure::{EXIT_CODES, Failure},
    session::Globals,
};

/// Samsyn: situation pictures shared between parties, agreed on, and handed on with proof.
#[derive(Debug, Parser)]
#[command(name = "samsyn", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(DemoArgs),
    Sandbox(SandboxArgs),
    /// Keeps a small certificate authority in a folder.
    #[command(subcommand)]
    Pki(pki::Command),
    Whoami(whoami::Args),
    Publish(publish::Args),
    Validate(validate::Args),
    /// Publishes what other systems have written: police notices, CSV, XLSX, GeoJSON, Open311.
    #[command(subcommand)]
    Import(import::Command),
    Picture(picture::Args),
    /// The joint picture (gemensam lägesbild): get, explain, export, watch, revisions.
    #[command(subcommand)]
    Joint(joint::Command),
    /// Editions (utgåvor): open, lock, answer, release, show, export.
    #[command(subcommand)]
    Edition(edition::Command),
    /// Settles a disagreement, or records that it stands.
    #[command(subcommand)]
    Conflict(conflict::Command),
    /// Messages (meddelanden) between functions: send, inbox, read, ack, decline, thread, track.
    #[command(subcommand)]
    Message(message::Command),
    /// For partners: stream, poll, proof, and what is needed to begin.
    #[command(subcommand)]
    Partner(partner::Command),
    Duties(duties::Args),
    Collisions(collisions::Args),
    Disclosures(disclosures::Args),
    /// Explains rights.
    #[command(subcommand)]
    Access(access::Command),
    /// The registry: show, suspend, plan a change, propose, approve, lift.
    #[command(subcommand)]
    Registry(registry::Command),
    /// The nodes that carry the domain: status, add, promote, demote, remove, hand over.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Links with other domains: status, pause, resume, what was set aside.
    #[command(subcommand)]
    Link(link::Command),
    Invite(invite::Args),
    Accept(Box<accept::Args>),
    /// Backups of the running domain: key, create, verify, restore into a new cluster.
    #[command(subcommand)]
    Backup(backup::Command),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Cli {
    /// Whether it runs a gateway and nothing else.
    pub(crate) const fn serves(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }
}

/// Runs an invented city on this machine and tells its story.
///
/// The demo ends when it is told to, or after its story.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samsyn demo\n  samsyn demo --once\n  \
    samsyn demo --nodes 3\n  samsyn demo --write DIR")]
struct DemoArgs {
    /// Runs it on so many nodes, each a process of its own; the one that leads is killed in the
    /// middle.
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = nodes)]
    nodes: u64,
    /// Runs four domains that are linked with each other (city, police, region, prison and
    /// probation service), each with its own root of trust: messages, receipts, a wire that is cut.
    #[arg(long, conflicts_with_all = ["nodes", "write"])]
    federated: bool,
    /// Ends when the story is told, instead of serving on.
    #[arg(long)]
    once: bool,
    /// Writes the city's domain to a folder instead: configuration, certificates, registry and
    /// profiles, for `samsyn serve`.
    #[arg(long, value_name = "DIR", conflicts_with = "once")]
    write: Option<std::path::PathBuf>,
}

/// Runs the city of the demo, and lets its parties publish something new every few seconds.
///
/// For building a client of streams or polling against. It says where the profile of each partner
/// is, and ends when it is told to; then everything is removed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samsyn sandbox\n  samsyn sandbox --every 1 --for 600 --story")]
struct SandboxArgs {
    /// From one publication to the next.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3_600))]
    every: u32,
    /// Ends by itself after so long, of at most a week.
    #[arg(long = "for", value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=604_800))]
    length: Option<u32>,
    /// From what the news is drawn: the same number gives the same news.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Tells the story of the demo first, which leaves a released edition.
    #[arg(long)]
    story: bool,
}

/// A number of voters that survives something, or one.
fn nodes(text: &str) -> Result<u64, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("give 1, 3 or 5".to_owned()),
    }
}

impl From<SandboxArgs> for demo::Sandbox {
    fn from(args: SandboxArgs) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let SandboxArgs { every, length, seed, story } = args;
        Self { story, every: seconds(every), length: length.map(seconds), seed }
    }
}

/// Runs a command; a failure goes to standard error.
pub(crate) async fn run(cli: Cli) -> ExitCode {
    let Cli { globals, command } = cli;
    if let Command::Demo(DemoArgs { nodes, federated, once, write }) = command {
        return Box::pin(demo::run(demo::Args { nodes, federated, once, write })).await;
    }
    if let Command::Sandbox(args) = command {
        return Box::pin(demo::sandbox(args.into())).await;
    }
    if let Command::Doctor(args) = command {
        return Box::pin(doctor::run(&globals, args)).await;
    }
    match Box::pin(dispatch(&globals, command)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("samsyn: {failure}");
            failure.exit_code()
        }
    }
}

async fn dispatch(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(_) | Command::Sandbox(_) | Command::Doctor(_) => Ok(()),
        Command::Serve(args) => Box::pin(serve::run(args)).await,
        Command::Pki(command) => pki::run(globals, command),
        Command::Whoami(args) => whoami::run(globals, args).await,
        Command::Publish(args) => publish::run(globals, args).await,
        Command::Validate(args) => validate::run(globals, args).await,
        Command::Import(command) => Box::pin(import::run(globals, command)).await,
        Command::Picture(args) => picture::run(globals, args).await,
        Command::Joint(command) => Box::pin(joint::run(globals, command)).await,
        Command::Edition(command) => Box::pin(edition::run(globals, command)).await,
        Command::Conflict(command) => conflict::run(globals, command).await,
        Command::Message(command) => Box::pin(message::run(globals, command)).await,
        Command::Partner(command) => Box::pin(partner::run(globals, command)).await,
        Command::Duties(args) => duties::run(globals, args).await,
        Command::Collisions(args) => collisions::run(globals, args).await,
        Command::Disclosures(args) => disclosures::run(globals, args).await,
        Command::Access(command) => access::run(globals, command).await,
        Command::Registry(command) => Box::pin(registry::run(globals, command)).await,
        Command::Cluster(command) => cluster::run(globals, command).await,
        Command::Link(command) => link::run(globals, command).await,
        Command::Invite(args) => invite::run(globals, args).await,
        Command::Accept(args) => Box::pin(accept::run(globals, *args)).await,
        Command::Backup(command) => Box::pin(backup::run(globals, command)).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(globals, &args),
    }
}

/// The text of a file; of standard input when it is `-`.
fn text_of(file: &Path) -> Result<String, Failure> {
    if file != Path::new("-") {
        return fs::read_to_string(file).map_err(|why| Failure::file("read", file, &why));
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map(|_| text).map_err(|why| Failure::Local(format!("cannot read standard input: {why}")))
}

#[cfg(test)]
mod tests;
