//! `samsyn demo`: a city on this machine, told from its first own picture to the record of who
//! received what. A real gateway serves it; whoever acts has a certificate of its own and nothing
//! else. Everything lies in a temporary folder that goes with the demo.

mod clock;
mod cluster;
mod federated;
mod gateway;
mod memory;
mod print;
mod sandbox;
mod stage;
mod story;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::Pin,
    process::ExitCode,
    time::{Duration, Instant},
};

use self::{
    cluster::Nodes,
    gateway::Gateway,
    print::{Checks, rule, seconds, spread, tell},
    stage::Stage,
    story::Story,
};

/// How the demo runs.
#[derive(Debug, Clone)]
pub(crate) struct Args {
    /// On how many nodes it runs.
    pub(crate) nodes: u64,
    /// Tells of four domains that are linked, instead of one.
    pub(crate) federated: bool,
    /// Ends when the story is told, instead of serving on.
    pub(crate) once: bool,
    /// Writes the city's domain to this folder instead of telling the story.
    pub(crate) write: Option<PathBuf>,
}

/// How a sandbox runs.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    /// Tells the story first, so that there is an edition.
    pub(crate) story: bool,
    /// How long it is from one publication to the next.
    pub(crate) every: Duration,
    /// When it ends by itself; none where it does not.
    pub(crate) length: Option<Duration>,
    /// From what the news is drawn.
    pub(crate) seed: u64,
}

/// What happens on the stage.
enum Play {
    /// The story; then it is served on, or not.
    Story { once: bool },
    /// News without end.
    Sandbox(Sandbox),
}

/// Why there is no story to tell.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// No port.
    #[error("cannot listen on 127.0.0.1; see that the loopback interface is up")]
    Listen(#[source] std::io::Error),
    /// The city cannot be set up.
    #[error(transparent)]
    Stage(#[from] stage::Error),
    /// The nodes do not come up.
    #[error(transparent)]
    Nodes(#[from] cluster::Error),
    /// The domains cannot be set up.
    #[error(transparent)]
    Federated(#[from] federated::Error),
    /// The gateway does not start, or has failed.
    #[error(transparent)]
    Gateway(#[from] gateway::Error),
    /// The city does not come to life.
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
}

/// Tells the story; succeeds when every check held.
pub(crate) async fn run(args: Args) -> ExitCode {
    let told = match &args.write {
        Some(dir) => write(dir, args.nodes),
        None if args.federated => {
            Box::pin(federated::run(args.once, stopped())).await.map_err(Error::from)
        }
        None => Box::pin(tell_all(Play::Story { once: args.once }, args.nodes)).await,
    };
    ended(told)
}

/// Serves the city, in which something new happens by itself, until it is stopped or its time is
/// over.
pub(crate) async fn sandbox(args: Sandbox) -> ExitCode {
    ended(Box::pin(tell_all(Play::Sandbox(args), 1)).await)
}

fn ended(told: Result<Checks, Error>) -> ExitCode {
    match told {
        Ok(checks) if checks.all_held() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let mut text = format!("the demo cannot go on: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(why) = source {
                text.push_str(&format!(": {why}"));
                source = why.source();
            }
            text.push('\n');
            tell(&text);
            ExitCode::FAILURE
        }
    }
}

/// Writes the city's domain to a folder: configuration, certificates, registry, profiles.
fn write(dir: &Path, count: u64) -> Result<Checks, Error> {
    let first = SocketAddr::from((Ipv4Addr::LOCALHOST, stage::PORT));
    let nodes = stage::reserve(first, count).map_err(Error::Listen)?;
    Stage::write(dir, &nodes, clock::now())?;
    let dir = dir.display();
    let begin = if count == 1 {
        format!("  samsyn serve --config {dir}/config.toml\n")
    } else {
        format!(
            "  samsyn serve --config {dir}/node-1.toml\n  \
             samsyn cluster add-learner 2 {} --profiles {dir}/profiles --as drift\n  \
             samsyn serve --config {dir}/node-2.toml\n  \
             samsyn cluster promote 2 --profiles {dir}/profiles --as drift\n",
            nodes.get(1).map_or_else(String::new, |node| node.nodes.to_string())
        )
    };
    tell(&format!(
        "The demo city's domain is in {dir}\n{begin}  \
         samsyn whoami --profiles {dir}/profiles --as sdf-skarholmen\n\
         Its revocation lists are good for seven days, and its authorities are gone: write it anew \
         then.\n"
    ));
    Ok(Checks::default())
}

/// What carries the city: a gateway in this process, or nodes that are processes of their own.
enum Carried {
    Alone(Gateway),
    ByNodes(Box<Nodes>),
}

async fn tell_all(play: Play, count: u64) -> Result<Checks, Error> {
    let started = Instant::now();
    let listener = stage::listen().await.map_err(Error::Listen)?;
    let at = listener.local_addr().map_err(Error::Listen)?;
    let stage = Stage::build(&stage::reserve(at, count).map_err(Error::Listen)?, clock::now())?;
    let carried = if count == 1 {
        Carried::Alone(Gateway::start(&stage.config(1), listener).await?)
    } else {
        drop(listener);
        Carried::ByNodes(Box::new(Nodes::start(&stage).await?))
    };
    let nodes = match &carried {
        Carried::Alone(_) => None,
        Carried::ByNodes(nodes) => Some(&**nodes),
    };
    let stopped = std::pin::pin!(stopped());
    let story = || Story::new(&stage, at, nodes);
    let checks = match &play {
        Play::Story { once } => Ok(tell_until(story(), &stage, started, *once, stopped).await),
        Play::Sandbox(args) => live_until(story(), &stage, started, args, stopped).await,
    };
    match carried {
        Carried::Alone(gateway) => gateway.stop().await?,
        Carried::ByNodes(nodes) => nodes.stop().await,
    }
    stage.remove()?;
    tell(" Stopped; everything is removed.\n");
    Ok(checks?.unwrap_or_else(Checks::interrupted))
}

/// Tells the story where it is wanted, and lets the city live on; to be stopped is its end.
async fn live_until(
    story: Story<'_>,
    stage: &Stage,
    started: Instant,
    args: &Sandbox,
    mut stopped: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<Checks>, Error> {
    let mut checks = Checks::default();
    if args.story {
        checks = tokio::select! {
            checks = Box::pin(story.tell()) => checks,
            () = &mut stopped => return Ok(None),
        };
        summary(checks, stage, started);
    }
    tokio::select! {
        lived = Box::pin(sandbox::live(stage, args)) => lived?,
        () = &mut stopped => {}
    }
    Ok(Some(checks))
}

/// Tells the story, and serves on after it; what is interrupted is removed all the same.
async fn tell_until(
    story: Story<'_>,
    stage: &Stage,
    started: Instant,
    once: bool,
    mut stopped: Pin<&mut impl Future<Output = ()>>,
) -> Option<Checks> {
    let checks = tokio::select! {
        checks = Box::pin(story.tell()) => checks,
        () = &mut stopped => return None,
    };
    summary(checks, stage, started);
    if !once {
        invitation();
        stopped.await;
    }
    Some(checks)
}

/// Until someone ends the process: by Ctrl-C, or by asking it to end.
#[cfg(unix)]
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return interrupted().await };
    tokio::select! {
        _ = terminate.recv() => {}
        () = interrupted() => {}
    }
}

#[cfg(not(unix))]
async fn stopped() {
    interrupted().await;
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}

fn summary(checks: Checks, stage: &Stage, started: Instant) {
    let mut parts = vec![checks.to_string(), seconds(started.elapsed())];
    parts.extend(memory::peak_mebibytes().map(|peak| format!("peak {peak} MiB")));
    parts.push(format!("in {}", stage.dir().display()));
    tell(&format!("{}\n {}\n", rule(), parts.join(" · ")));
}

/// What to try: the commands as they work from here, with the program as it was called.
fn invitation() {
    let program = std::env::args().next().unwrap_or_else(|| "samsyn".to_owned());
    let commands = [
        ("joint get sthlm-skarholmen 2025-09 --as sdf-skarholmen", "the district"),
        ("partner watch --as raddningstjansten", "a partner's stream"),
        ("disclosures --as auditor", "who received what"),
    ];
    let commands = commands.map(|(arguments, what)| {
        format!("{}\n", spread(&format!("   {program} {arguments}"), what))
    });
    tell(
        " Still serving; Ctrl-C stops and removes everything. In another terminal, from this \
         folder:\n",
    );
    tell(&commands.concat());
}
