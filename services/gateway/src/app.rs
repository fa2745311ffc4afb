//! The process, put together: configuration before ports, a drain before the end.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use samsyn_domain::row::Event;
use samsyn_ledger::{Clock, Ledger};
use samsyn_policy::Policy;
use samsyn_proto::{
    admin::v1::registry_service_server::RegistryServiceServer,
    v1::{
        access_service_server::AccessServiceServer, edition_service_server::EditionServiceServer,
        joint_picture_service_server::JointPictureServiceServer,
        picture_service_server::PictureServiceServer,
    },
};
use tokio::{net::TcpListener, sync::watch, time};
use tonic::transport::{Server, server::Router};

use crate::{
    Checked,
    config::BadConfig,
    denials::Denials,
    services::Shared,
    tls::{Connections, Limits, Tls, TlsError},
};

/// The largest request.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// The largest answer: a proof is the largest of them.
const ANSWER_BYTES_MAX: usize = 72 * 1024 * 1024;
/// How often time acts on state.
const TICK: Duration = Duration::from_secs(1);
/// After a suspension streams get so long for their last message before their connection ends.
const LAST_WORD: Duration = Duration::from_secs(1);
/// How long a drain may take.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Why the process does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration does not hold.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// Certificates or keys do not hold.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ledger does not open, or failed.
    #[error(transparent)]
    Ledger(#[from] samsyn_ledger::Error),
    /// The ledger stopped, and the process with it.
    #[error("the ledger stopped: {0}")]
    Stopped(String),
    /// The transport failed.
    #[error("the transport failed")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors do not load.
    #[error("the descriptors do not load")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A built process: everything is open but the port.
pub struct App {
    ledger: Ledger,
    tls: Tls,
    clock: Clock,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("app")
    }
}

impl Checked {
    /// Checks what a load cannot see: certificates and policy.
    ///
    /// # Errors
    /// What does not hold, with the mend.
    pub fn verify(&self) -> Result<(), Error> {
        self.tls()?;
        self.policy().map(drop)
    }

    fn tls(&self) -> Result<Tls, Error> {
        Ok(Tls::load(&self.material, self.anchors.clone(), Limits::default())?)
    }

    fn policy(&self) -> Result<(Policy, samsyn_policy::Recorder), Error> {
        #[expect(clippy::disallowed_methods, reason = "the app loads the policy")]
        let loaded = Policy::load(&self.schema, &self.policies);
        let file = self.config.policy.clone();
        Ok(loaded.map_err(|why| BadConfig::Policy { file, why })?)
    }
}

impl App {
    /// Opens the domain.
    ///
    /// # Errors
    /// When certificates, policy or the ledger's files do not hold.
    pub async fn build(checked: Checked, clock: Clock) -> Result<Self, Error> {
        let tls = checked.tls()?;
        let (policy, recorder) = checked.policy()?;
        let options = samsyn_ledger::Options {
            dir: checked.config.data.clone(),
            node: 1,
            domain: checked.config.domain.clone(),
            document: Arc::new(checked.document),
            clock: Arc::clone(&clock),
        };
        let ledger = Ledger::open(options, policy, recorder).await?;
        Ok(Self { ledger, tls, clock })
    }

    /// Serves until it is told to stop or the ledger fails; then drains.
    ///
    /// # Errors
    /// When the transport or the ledger fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let Self { ledger, tls, clock } = self;
        let (stopped, stopping) = watch::channel(false);
        let denials = Denials::default();
        let shared = Shared {
            ledger: ledger.clone(),
            clock,
            stopping: stopping.clone(),
            denials: denials.clone(),
        };
        let router = router(&shared).await?;
        let ticking = tokio::spawn(tick(ledger.clone(), denials));
        let ending = tokio::spawn(end_suspended(ledger.clone(), tls.connections()));
        let told = |mut stopping: watch::Receiver<bool>| async move {
            // The sender is gone only after the serving ended.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let incoming = tls.incoming(listener, told(stopping.clone()));
        let serving = router.serve_with_incoming_shutdown(incoming, told(stopping));
        tokio::pin!(serving);
        let outcome = tokio::select! {
            served = &mut serving => served.map_err(Error::from),
            why = ledger.failed() => Err(Error::Stopped(why)),
            () = stop => Ok(()),
        };
        stopped.send_replace(true);
        if outcome.is_ok() && time::timeout(DRAIN_MAX, &mut serving).await.is_err() {
            tracing::warn!("some calls did not end in time; they are cut off");
        }
        ticking.abort();
        ending.abort();
        ledger.close().await;
        outcome
    }
}

async fn router(shared: &Shared) -> Result<Router, Error> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(samsyn_proto::DESCRIPTORS)
    };
    macro_rules! limited {
        ($server:ident) => {
            $server::new(shared.clone())
                .max_decoding_message_size(REQUEST_BYTES_MAX)
                .max_encoding_message_size(ANSWER_BYTES_MAX)
        };
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let router = Server::builder()
        .max_concurrent_streams(64)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_header_list_size(16 * 1024)
        .add_service(limited!(PictureServiceServer))
        .add_service(limited!(JointPictureServiceServer))
        .add_service(limited!(EditionServiceServer))
        .add_service(limited!(AccessServiceServer))
        .add_service(limited!(RegistryServiceServer))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(router)
}

/// Lets time act on state, and has refusals recorded.
async fn tick(ledger: Ledger, denials: Denials) {
    let mut interval = time::interval(TICK);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = ledger.tick_if_due().await {
            tracing::warn!(%error, "time could not act on state");
        }
        let denied = denials.take();
        if !denied.is_empty()
            && let Err(error) = ledger.record_denials(denied).await
        {
            tracing::warn!(%error, "refusals could not be recorded");
        }
    }
}

/// Ends the connections of services that are shut out, after their streams had a last word.
async fn end_suspended(ledger: Ledger, connections: Connections) {
    let mut events = ledger.events();
    loop {
        let suspended = match events.recv().await {
            Ok((_, Event::Suspended(service))) => Some(service),
            Ok((
                _,
                Event::Revised { .. } | Event::Edition(_) | Event::Epoch(_) | Event::Advanced(_),
            )) => {
                continue;
            }
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => None,
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        };
        time::sleep(LAST_WORD).await;
        let registry = ledger.registry();
        let ended = connections.end(|peer| {
            let id = format!("{}/{}", peer.organisation(), peer.service());
            let shut_out = registry.services().any(|s| s.suspended && s.id.as_str() == id)
                || suspended.as_ref().is_some_and(|service| service.as_str() == id);
            if shut_out {
                let (issuer, serial) = (peer.issuer(), peer.serial());
                tracing::info!(service = id, issuer, serial, "a connection is ended");
            }
            shut_out
        });
        tracing::info!(ended, "connections of suspended services ended");
    }
}
