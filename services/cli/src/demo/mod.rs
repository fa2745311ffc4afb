//! `samsyn demo`: a city on this machine, told from its first own picture to the record of who
//! received what. A real gateway serves it; whoever acts has a certificate of its own and nothing
//! else. Everything lies in a temporary folder that goes with the demo.

mod clock;
mod gateway;
mod memory;
mod print;
mod stage;
mod story;

use std::{process::ExitCode, time::Instant};

use self::{
    gateway::Gateway,
    print::{Checks, rule, seconds, tell},
    stage::Stage,
    story::Story,
};

/// How the demo runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Args {
    /// Ends when the story is told, instead of serving on.
    pub(crate) once: bool,
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
    /// The gateway does not start, or has failed.
    #[error(transparent)]
    Gateway(#[from] gateway::Error),
}

/// Tells the story; succeeds when every check held.
pub(crate) async fn run(args: Args) -> ExitCode {
    match tell_all(args).await {
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

async fn tell_all(args: Args) -> Result<Checks, Error> {
    let started = Instant::now();
    let listener = stage::listen().await.map_err(Error::Listen)?;
    let at = listener.local_addr().map_err(Error::Listen)?;
    let stage = Stage::build(at, clock::now())?;
    let gateway = Gateway::start(&stage.config(), listener).await?;
    let told = async {
        let checks = Story::new(&stage, at, started).tell().await;
        summary(checks, &stage, started);
        if !args.once {
            invitation();
            // Without a signal handler only the end of the process ends the demo.
            let _ = tokio::signal::ctrl_c().await;
        }
        checks
    };
    // What is interrupted is removed all the same.
    let checks = tokio::select! {
        checks = told => Some(checks),
        _ = tokio::signal::ctrl_c() => None,
    };
    gateway.stop().await?;
    stage.remove()?;
    if !args.once || checks.is_none() {
        tell("\n Stopped; everything is removed.\n");
    }
    Ok(checks.unwrap_or_else(Checks::interrupted))
}

fn summary(checks: Checks, stage: &Stage, started: Instant) {
    let mut parts = vec![checks.to_string(), seconds(started.elapsed())];
    parts.extend(memory::peak_mebibytes().map(|peak| format!("peak {peak} MiB")));
    tell(&format!(
        "{}\n {}\n All files are under {}\n",
        rule(),
        parts.join(" · "),
        stage.dir().display()
    ));
}

fn invitation() {
    tell(
        " Still serving; Ctrl-C stops and removes everything. In another terminal, from this folder:\n   \
         cargo run --release -- joint get sthlm-skarholmen 2025-09 --as sdf-skarholmen\n   \
         cargo run --release -- partner watch --as raddningstjansten\n   \
         cargo run --release -- disclosures --as auditor\n",
    );
}
