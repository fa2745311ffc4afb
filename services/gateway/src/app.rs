//! The process, put together: configuration before ports, a drain before the end.

use std::{fmt, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use samsyn_domain::row::Event;
use samsyn_ledger::{Clock, Cluster, Happened, Ledger, Place, Role};
use samsyn_policy::Policy;
use samsyn_proto::{
    admin::v1::{
        backup_service_server::BackupServiceServer, cluster_service_server::ClusterServiceServer,
        link_service_server::LinkServiceServer, registry_service_server::RegistryServiceServer,
    },
    v1::{
        access_service_server::AccessServiceServer, edition_service_server::EditionServiceServer,
        joint_picture_service_server::JointPictureServiceServer,
        message_service_server::MessageServiceServer, picture_service_server::PictureServiceServer,
    },
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time};
use tonic::{service::Routes, transport::Server};

use crate::{
    Checked, Reload,
    alarms::Alarms,
    attachments,
    config::{BadConfig, Config, Limits, TlsSource},
    denials::Denials,
    edge::Edge,
    links::{BadLink, Files, Linked},
    nodes::{Among, BadNode, Forward, Identity},
    operations::{Operations, Told},
    services::{Bounds, Linking, Shared, Uploads},
    telemetry::{self, Calls, Exported, Metrics, NoTelemetry},
    tls::{Connections, Leaving, Tls, TlsError},
};

/// How often time acts on state.
const TICK: Duration = Duration::from_secs(1);
/// Headers of one call, in bytes.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// The largest frame, in bytes.
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// What one call may send before it is read, in bytes.
const CALL_WINDOW: u32 = 256 * 1024;
/// What one connection may send before it is read, in bytes.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Calls that were reset by the peer before they were begun: more is an attack (CVE-2023-44487).
const RESETS_MAX: usize = 20;
/// Calls that were reset because the peer broke the protocol.
const FAULTS_MAX: usize = 64;
/// How long another node may take to take over.
const HAND_OVER_MAX: Duration = Duration::from_secs(1);
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
    /// The metrics cannot be made.
    #[error(transparent)]
    Telemetry(#[from] NoTelemetry),
    /// The operations listener has no address.
    #[error("cannot listen on `{at}`; choose another in `operations.listen`")]
    Operations {
        /// Where it was to listen.
        at: SocketAddr,
        /// Why it cannot.
        #[source]
        why: std::io::Error,
    },
    /// The system gives no threads.
    #[error("the system gives no more threads; raise the limit of processes")]
    Threads(#[source] std::io::Error),
    /// This node among others.
    #[error(transparent)]
    Node(#[from] BadNode),
    /// Links with other domains.
    #[error(transparent)]
    Link(#[from] BadLink),
    /// The transport failed.
    #[error("the transport failed")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors do not load.
    #[error("the descriptors do not load")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The descriptors do not decode.
    #[error("the descriptors do not decode")]
    Descriptors(#[from] prost::DecodeError),
}

/// A built process: everything is open but the port.
pub struct App {
    ledger: Ledger,
    among: Option<Among>,
    tls: Tls,
    files: TlsSource,
    reload: Reload,
    limits: Limits,
    metrics: Metrics,
    exported: Exported,
    operations: Option<Operations>,
    services: Routes,
    denials: Denials,
    stopped: watch::Sender<bool>,
    for_nodes: Option<JoinHandle<()>>,
    linked: Option<Linked>,
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
        self.identity()?;
        self.link.as_ref().map(Files::check).transpose()?;
        self.policy().map(drop)
    }

    fn identity(&self) -> Result<Option<Identity>, Error> {
        Ok(self.node.as_ref().map(Identity::load).transpose()?)
    }

    fn tls(&self) -> Result<Tls, Error> {
        let material = self.material.clone();
        Ok(Tls::load(&material.server, material.anchors, self.config.limits.of_connections())?)
    }

    fn policy(&self) -> Result<(Policy, samsyn_policy::Recorder), Error> {
        #[expect(clippy::disallowed_methods, reason = "the app loads the policy")]
        let loaded = Policy::load(&self.schema, &self.policies);
        let file = self.config.policy.clone();
        Ok(loaded.map_err(|why| BadConfig::Policy { file, why })?)
    }
}

impl App {
    /// Opens the domain. A node among others serves them from here on, and waits until it has what
    /// they have.
    ///
    /// # Errors
    /// When certificates, policy or the ledger's files do not hold.
    pub async fn build(checked: Checked, clock: Clock) -> Result<Self, Error> {
        let tls = checked.tls()?;
        let among = checked.identity()?.map(Among::new).transpose().map_err(Error::Threads)?;
        let (policy, recorder) = checked.policy()?;
        let metrics = Metrics::new(checked.collector().as_ref())?;
        let Checked {
            config, document, files, exported, backups, link, levels, attachments, ..
        } = checked;
        let among = config.cluster.as_ref().zip(among);
        let nodes = match &among {
            None => None,
            Some((cluster, among)) => Some(among.nodes((cluster, &config.data), levels).await?),
        };
        let options = samsyn_ledger::Options {
            dir: config.data.clone(),
            node: config.cluster.as_ref().map_or(1, |cluster| cluster.node),
            domain: config.domain.clone(),
            document: Arc::new(document),
            nodes,
            clock: Arc::clone(&clock),
            watcher: metrics.watcher(),
            levels,
            attachments,
        };
        let ledger = Ledger::open(options, policy, recorder).await?;
        let linked = linked(&config, link, (&ledger, &clock)).await?;
        let limits = config.limits;
        let (stopped, stopping) = watch::channel(false);
        let denials = Denials::default();
        let shared = Shared {
            ledger: ledger.clone(),
            clock,
            stopping: stopping.clone(),
            denials: denials.clone(),
            uploads: Uploads::default(),
            backups,
            links: linked.as_ref().map(|linked| linking(linked, &config)),
            bounds: Bounds { age_max: limits.age_max(), lag_max: limits.of_calls().lag_max },
        };
        let services = services(&shared, &limits).await?;
        let for_nodes = match &among {
            None => None,
            Some((cluster, among)) => {
                let edge = Edge::new(limits.of_calls(), samsyn_proto::DESCRIPTORS, stopping)?;
                let behind = (tls.clone(), edge, services.clone());
                Some(among.serve(cluster.listen, ledger.clone(), behind).await?)
            }
        };
        ledger.begin().await?;
        let operations = operations(config.operations.listen).await?;
        let reload = Reload::default();
        Ok(Self {
            ledger,
            among: among.map(|(_, among)| among),
            tls,
            files,
            reload,
            limits,
            metrics,
            exported,
            operations,
            services,
            denials,
            stopped,
            for_nodes,
            linked,
        })
    }

    /// Asks for certificates and revocation lists to be read anew; they are also when they change.
    #[must_use]
    pub fn reload(&self) -> Reload {
        self.reload.clone()
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
        let Self { ledger, tls, files, limits, metrics, denials, stopped, .. } = self;
        let stopping = stopped.subscribe();
        let edge = Edge::new(limits.of_calls(), samsyn_proto::DESCRIPTORS, stopping.clone())?;
        let calls = Calls::new(metrics.clone(), samsyn_proto::DESCRIPTORS)?;
        let among = self.among;
        let forward = Forward::new(ledger.clone(), among.as_ref());
        let mut router = server(&limits).layer(calls).layer(edge).layer(forward);
        let router = router.add_routes(self.services);
        let stops = |mut stopping: watch::Receiver<bool>| async move {
            // The sender is gone only after the serving ended.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let incoming = tls.clone().incoming(listener, stops(stopping.clone()));
        let incoming = incoming.map_err(Error::Threads)?;
        let alarms = Alarms::default();
        metrics.of_ledger(&ledger);
        metrics.of_listener(&tls);
        metrics.of_alarms(&alarms);
        if let Some(linked) = &self.linked {
            metrics.of_links(&ledger, &linked.links());
        }
        metrics.of_process(self.exported);
        let told =
            Told { metrics: metrics.clone(), ledger: ledger.clone(), stopping: stopping.clone() };
        let telling = self.operations.map(|operations| tokio::spawn(operations.run(told)));
        let links = self.linked.as_ref().map(Linked::links);
        let linking = self.linked.map(|linked| tokio::spawn(linked.run(alarms.clone())));
        let keeping = among.as_ref().map(|among| among.keep(ledger.clone()));
        let ticking = tokio::spawn(tick(ledger.clone(), denials));
        let ending = tokio::spawn(end_suspended(ledger.clone(), tls.connections()));
        let cutting = tokio::spawn(end_cut_off(ledger.clone(), tls.connections()));
        let reloading = tokio::spawn(self.reload.keep(tls.clone(), files, alarms));
        let sweeping = tokio::spawn(tls.keep());
        let tidying = tokio::spawn(attachments::sweep(ledger.clone()));
        let serving = router.serve_with_incoming_shutdown(incoming, stops(stopping));
        tokio::pin!(serving);
        let outcome = tokio::select! {
            served = &mut serving => served.map_err(Error::from),
            why = ledger.failed() => Err(Error::Stopped(why)),
            () = stop => Ok(()),
        };
        if outcome.is_ok() {
            hand_over(&ledger).await;
        }
        stopped.send_replace(true);
        if let Some(links) = links {
            links.drain();
        }
        if outcome.is_ok() && time::timeout(DRAIN_MAX, &mut serving).await.is_err() {
            tracing::warn!("some calls did not end in time; they are cut off");
        }
        ticking.abort();
        ending.abort();
        cutting.abort();
        reloading.abort();
        sweeping.abort();
        tidying.abort();
        for task in [linking, keeping, telling].into_iter().flatten() {
            task.abort();
        }
        let last = tokio::task::spawn_blocking(move || metrics.end(telemetry::END_MAX));
        // Nobody misses what cannot be sent any more.
        let _ = last.await;
        ledger.close().await;
        if let Some(for_nodes) = self.for_nodes {
            for_nodes.abort();
        }
        outcome
    }
}

/// The listener of those who run the process, where there is one.
async fn operations(listen: Option<SocketAddr>) -> Result<Option<Operations>, Error> {
    let Some(at) = listen else { return Ok(None) };
    let bound = Operations::bind(at).await;
    bound.map(Some).map_err(|why| Error::Operations { at, why })
}

/// The links with other domains, where there are any.
async fn linked(
    config: &Config,
    files: Option<Files>,
    (ledger, clock): (&Ledger, &Clock),
) -> Result<Option<Linked>, Error> {
    let Some((link, files)) = config.link.as_ref().zip(files) else { return Ok(None) };
    Ok(Some(Linked::open(files, link, (ledger.clone(), Arc::clone(clock))).await?))
}

/// What operators are told of links.
fn linking(linked: &Linked, config: &Config) -> Linking {
    let link = config.link.as_ref();
    Linking {
        links: linked.links(),
        identity: linked.identity(),
        federation: link.map_or_else(String::new, |link| link.federation.clone()),
        node: config.cluster.as_ref().map_or(1, |cluster| cluster.node),
        address: linked.address().to_owned(),
        authority: linked.authority().to_owned(),
    }
}

/// What is served, whoever asks.
async fn services(shared: &Shared, limits: &Limits) -> Result<Routes, Error> {
    let of_calls = limits.of_calls();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(samsyn_proto::DESCRIPTORS)
    };
    macro_rules! limited {
        ($server:ident) => {
            $server::new(shared.clone())
                .max_decoding_message_size(of_calls.request_bytes_max)
                .max_encoding_message_size(of_calls.answer_bytes_max)
        };
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let routes = Routes::new(limited!(PictureServiceServer))
        .add_service(limited!(JointPictureServiceServer))
        .add_service(limited!(EditionServiceServer))
        .add_service(limited!(MessageServiceServer))
        .add_service(limited!(AccessServiceServer))
        .add_service(limited!(RegistryServiceServer))
        .add_service(limited!(ClusterServiceServer))
        .add_service(limited!(BackupServiceServer))
        .add_service(limited!(LinkServiceServer))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(routes)
}

/// The server of clients, with its bounds.
fn server(limits: &Limits) -> Server {
    Server::builder()
        .max_concurrent_streams(limits.calls_per_connection)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(FAULTS_MAX))
        .max_connection_age(limits.age_max())
}

/// Hands leadership to another voter, where this node leads and one has what it has.
async fn hand_over(ledger: &Ledger) {
    if ledger.place() != Place::Here {
        return;
    }
    let Cluster { node, members, .. } = ledger.cluster();
    let others = members.iter().filter(|m| m.role == Role::Voter && m.node.id != node);
    for other in others {
        let asked = ledger.transfer(other.node.id).await.is_ok();
        let since = time::Instant::now();
        while asked && since.elapsed() < HAND_OVER_MAX {
            if ledger.place() != Place::Here {
                return;
            }
            time::sleep(Duration::from_millis(10)).await;
        }
    }
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

/// Has all connections end while this node has lost the others: their clients go on with another.
async fn end_cut_off(ledger: Ledger, connections: Connections) {
    let mut interval = time::interval(TICK);
    loop {
        interval.tick().await;
        if ledger.is_cut_off() {
            let told = connections.leave(Leaving::CutOff, |_| true);
            if told > 0 {
                tracing::warn!(
                    told,
                    "this node has lost the others, or its clock is off; its connections leave"
                );
            }
        }
    }
}

/// Has the connections of suspended services end.
async fn end_suspended(ledger: Ledger, connections: Connections) {
    let mut events = ledger.events();
    loop {
        match events.recv().await.map(|Happened { event, .. }| event) {
            Ok(Event::Suspended(_)) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Ok(
                Event::Revised { .. }
                | Event::Edition(_)
                | Event::Epoch(_)
                | Event::Advanced(_)
                | Event::Inboxed(_)
                | Event::Receipt(_)
                | Event::Linked(_)
                | Event::Received(_),
            ) => {
                continue;
            }
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
        let registry = ledger.registry();
        let told = connections.leave(Leaving::Suspended, |peer| {
            let id = format!("{}/{}", peer.organisation(), peer.service());
            registry.services().any(|s| s.suspended && s.id.as_str() == id)
        });
        tracing::info!(told, "connections of suspended services are told to leave");
    }
}
