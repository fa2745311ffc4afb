//! `samsyn serve`: runs a gateway until it is told to stop.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use samsyn_domain::Timestamp;
use samsyn_gateway::{App, BadConfig, Checked, ENVIRONMENT_PREFIX, Reload, Telemetry};
use tokio::net::TcpListener;

use crate::{
    clock,
    failure::{Failure, with_causes},
    output,
};

/// What a gateway logs when `RUST_LOG` does not say. That a caller went away while its write was
/// under way is no warning: openraft's responder finds nobody to tell.
const LOGGED: &str = "samsyn=info,warn,openraft::raft::responder=error";
/// The settings that the environment may override.
const OVERRIDABLE: [&str; 6] = ["MODE", "DOMAIN", "LISTEN", "DATA", "REGISTRY", "POLICY"];
/// What other commands read from the environment.
const OF_OTHERS: [&str; 1] = ["PROFILES"];

/// Runs a gateway.
///
/// Everything is checked before a port is opened. `SAMSYN_LISTEN`, `SAMSYN_DATA` and so on go
/// before the file. Certificates, keys and revocation lists are taken up while it runs, when their
/// files change or at a hangup signal. Logs go to standard error; `RUST_LOG` says how much.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn serve --config /etc/samsyn/gateway.toml\n  \
    samsyn serve --check --config gateway.toml\n  \
    SAMSYN_LISTEN=127.0.0.1:7443 samsyn serve --config gateway.toml")]
pub(super) struct Args {
    /// Checks configuration, certificates and policy, and opens no port.
    #[arg(long)]
    check: bool,
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How lines of the log are written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Ends, after a drain, also when standard input closes: with whoever started it, however that
    /// ends.
    #[arg(long, conflicts_with = "check")]
    until_stdin_closes: bool,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// For programs: an object a line.
    Json,
}

impl From<LogFormat> for samsyn_gateway::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let checked = Checked::load(&args.config, &overrides(std::env::vars())?)?;
    let format = args.log_format.into();
    if args.check {
        Telemetry::lines(format, LOGGED).map_err(samsyn_gateway::Error::from)?;
        checked.verify()?;
        let line = format!("{} holds\n", args.config.display());
        return output::text(&line).map_err(|why| Failure::file("write", &args.config, &why));
    }
    let started = Telemetry::start(&checked, format, LOGGED);
    let telemetry = started.map_err(samsyn_gateway::Error::from)?;
    let at = checked.listen();
    let mut closed = std::pin::pin!(stdin_closed(args.until_stdin_closes));
    let app = tokio::select! {
        app = Box::pin(App::build(checked, Arc::new(now))) => app?,
        // One that waits for other nodes may wait for long.
        () = &mut closed => {
            tracing::info!("told to stop before the start");
            telemetry.end().await;
            return Ok(());
        }
    };
    let listener = TcpListener::bind(at).await.map_err(|why| {
        Failure::Local(format!("cannot listen on `{at}`: {why}; choose another in `listen`"))
    })?;
    tokio::spawn(reload_when_told(app.reload()));
    tracing::info!(%at, "serving");
    let served = Box::pin(app.serve(listener, told_to_stop(closed))).await;
    telemetry.end().await;
    Ok(served?)
}

fn now() -> Timestamp {
    Timestamp::from_micros(clock::now().as_microsecond())
}

/// The overrides among the variables of an environment, by setting.
///
/// # Errors
/// When one of ours is no setting: a misspelt one would change nothing, unseen.
pub(super) fn overrides(
    all: impl Iterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut overrides = BTreeMap::new();
    for (name, value) in all {
        let Some(setting) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        if OVERRIDABLE.contains(&setting) {
            overrides.insert(setting.to_owned(), value);
        } else if !OF_OTHERS.contains(&setting) {
            let known = OVERRIDABLE.join(", ");
            return Err(Failure::Usage(format!(
                "`{name}` overrides no setting; after `{ENVIRONMENT_PREFIX}` stands one of {known}"
            )));
        }
    }
    Ok(overrides)
}

/// Ends at the first interrupt or termination signal, or when standard input is closed where that
/// counts.
async fn told_to_stop(closed: impl Future<Output = ()>) {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler only the system can end the process.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
        () = closed => {}
    }
    tracing::info!("told to stop; draining");
}

/// Ends when standard input does, where that counts; what comes over it is not looked at.
async fn stdin_closed(counts: bool) {
    if !counts {
        return std::future::pending().await;
    }
    let (closed, told) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait at its end for one that reads.
    std::thread::spawn(move || {
        // One that cannot be read is closed too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        // Whoever waited may have ended for another reason.
        let _ = closed.send(());
    });
    // A thread that is gone reads no more.
    let _ = told.await;
}

/// Has certificates and revocation lists read anew at each hangup signal.
#[cfg(unix)]
async fn reload_when_told(reload: Reload) {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler a hangup ends the process, as it does by default.
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        reload.now();
    }
}

#[cfg(not(unix))]
async fn reload_when_told(_reload: Reload) {}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

impl From<BadConfig> for Failure {
    fn from(bad: BadConfig) -> Self {
        Self::Local(with_causes(&bad))
    }
}

impl From<samsyn_gateway::Error> for Failure {
    fn from(error: samsyn_gateway::Error) -> Self {
        Self::Local(with_causes(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_are_overridden_from_the_environment() {
        let all = [
            ("SAMSYN_LISTEN", "127.0.0.1:1"),
            ("SAMSYN_PROFILES", "/profiles"),
            ("LISTEN", "x"),
            ("HOME", "y"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let expected = BTreeMap::from([("LISTEN".to_owned(), "127.0.0.1:1".to_owned())]);
        assert_eq!(overrides(all.map(owned).into_iter()).unwrap(), expected);
        let misspelt = overrides([owned(("SAMSYN_LISTN", "127.0.0.1:1"))].into_iter());
        assert!(misspelt.unwrap_err().to_string().contains("LISTEN"));
    }
}
