//! The gateway that the demo talks to: the real one, in this process, behind its own port.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use samsyn_gateway::{App, BadConfig, Checked};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::clock;

/// Why there is no gateway, or no longer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// Itself.
    #[error(transparent)]
    App(#[from] samsyn_gateway::Error),
    /// Its task ended without a word.
    #[error("the gateway's task broke off; report what stands above")]
    BrokeOff(#[from] tokio::task::JoinError),
}

/// A gateway that serves.
pub(super) struct Gateway {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), samsyn_gateway::Error>>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("gateway")
    }
}

impl Gateway {
    /// Starts it from its configuration file.
    ///
    /// # Errors
    /// When the configuration or the ledger's files do not hold.
    pub(super) async fn start(config: &Path, listener: TcpListener) -> Result<Self, Error> {
        let checked = Checked::load(config, &BTreeMap::new())?;
        let app = App::build(checked, Arc::new(clock::now)).await?;
        let (stop, stopped) = oneshot::channel();
        let told = async move {
            // A sender that is gone means the same.
            let _ = stopped.await;
        };
        let serving = tokio::spawn(app.serve(listener, told));
        Ok(Self { stop, serving })
    }

    /// Lets it drain and end.
    ///
    /// # Errors
    /// When it had failed.
    pub(super) async fn stop(self) -> Result<(), Error> {
        // It may have ended by itself; then its outcome says why.
        let _ = self.stop.send(());
        Ok(self.serving.await??)
    }
}
