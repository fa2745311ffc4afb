//! The nodes that the demo runs on when there are several: each a process of its own.

use std::{
    fs::File,
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use samsyn_client::{
    BadProfile, Client, ConnectError, Profile, Refused,
    admin::{
        AddLearnerRequest, GetClusterRequest, GetClusterResponse, NodeRole, PromoteNodeRequest,
    },
};
use tokio::{sync::Mutex, time::sleep};

use super::stage::{NodeAt, Stage};

/// Who looks after the nodes.
const OPERATOR: &str = "drift";
/// How long a node may take to start, to be added, to catch up.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// How closely it is watched whether somebody leads.
const LOOK: Duration = Duration::from_millis(10);

/// Why the nodes do not come up.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A process does not start.
    #[error("node {node} does not start")]
    Start {
        /// Which.
        node: u64,
        /// Why.
        #[source]
        why: io::Error,
    },
    /// A profile.
    #[error(transparent)]
    Profile(#[from] BadProfile),
    /// A node does not answer.
    #[error("the nodes do not answer; their logs are in `{}`", folder.display())]
    Silent {
        /// Where their logs are.
        folder: PathBuf,
        /// Why.
        #[source]
        why: ConnectError,
    },
    /// A node refuses.
    #[error("the nodes do not come together")]
    Refused(#[from] Refused),
    /// It takes too long.
    #[error("{0} took too long; the nodes' logs are in the demo's folder")]
    TooLate(&'static str),
}

/// The nodes.
#[derive(Debug)]
pub(super) struct Nodes {
    folder: PathBuf,
    operator: Profile,
    at: Vec<NodeAt>,
    processes: Mutex<Vec<Process>>,
}

#[derive(Debug)]
struct Process {
    node: u64,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

/// What it was like when a leader was killed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Killed {
    /// Which node led.
    pub(super) node: u64,
    /// Which leads now.
    pub(super) next: u64,
    /// How long nobody led that another node knew of.
    pub(super) leaderless: Duration,
}

impl Nodes {
    /// Starts them, and makes all of them voters.
    ///
    /// # Errors
    /// When they do not come together.
    pub(super) async fn start(stage: &Stage) -> Result<Self, Error> {
        let folder = stage.dir().to_owned();
        let process = |node| Process {
            node,
            config: stage.config(node),
            log: folder.join(format!("node-{node}.log")),
            child: None,
        };
        let at = stage.nodes().to_vec();
        let count = u64::try_from(at.len()).unwrap_or(u64::MAX);
        let processes = (1..=count).map(process).collect();
        let operator = stage.profile(OPERATOR)?;
        let this = Self { folder, operator, at, processes: Mutex::new(processes) };
        this.run(1).await?;
        let client = this.client().await?;
        for (node, at) in (1..).zip(&this.at).skip(1) {
            let address = at.nodes.to_string();
            let request = AddLearnerRequest { node, address };
            client.cluster.clone().add_learner(request).await.map_err(Refused::from)?;
            this.run(node).await?;
            this.promote(&client, node).await?;
        }
        Ok(this)
    }

    async fn run(&self, node: u64) -> Result<(), Error> {
        let mut processes = self.processes.lock().await;
        let found = processes.iter_mut().find(|process| process.node == node);
        let Some(process) = found else { return Ok(()) };
        let failed = |why| Error::Start { node, why };
        let log = File::options().create(true).append(true).open(&process.log).map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let child = Command::new(program)
            .args(["serve", "--until-stdin-closes", "--config"])
            .arg(&process.config)
            // It closes with this process, and the node ends: none outlives the demo.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        process.child = Some(child);
        Ok(())
    }

    /// A connection to whichever node answers.
    async fn client(&self) -> Result<Client, Error> {
        let since = Instant::now();
        loop {
            match Client::connect(&self.operator).await {
                Ok(client) => return Ok(client),
                Err(why) if since.elapsed() > PATIENCE => {
                    return Err(Error::Silent { folder: self.folder.clone(), why });
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn promote(&self, client: &Client, node: u64) -> Result<(), Error> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let promoted = client.cluster.clone().promote_node(PromoteNodeRequest { node }).await;
            match promoted.map_err(Refused::from) {
                Ok(_) => return Ok(()),
                Err(refused) if refused.is_retryable() => sleep(PAUSE).await,
                Err(refused) => return Err(refused.into()),
            }
        }
        Err(Error::TooLate("a new node's log"))
    }

    /// The cluster as one node knows it; none when it does not answer.
    async fn asked(&self, node: u64) -> Option<GetClusterResponse> {
        let at = usize::try_from(node).ok()?.checked_sub(1)?;
        let endpoint = format!("https://{}", self.at.get(at)?.clients);
        let profile = Profile { endpoint, others: Vec::new(), ..self.operator.clone() };
        let client = Client::connect(&profile).await.ok()?;
        let answer = client.cluster.clone().get_cluster(GetClusterRequest {}).await;
        answer.ok().map(tonic::Response::into_inner)
    }

    /// Kills the node that leads, as a power cut would, and waits until another leads.
    ///
    /// # Errors
    /// When none does.
    pub(super) async fn kill_leader(&self) -> Result<Killed, Error> {
        let client = self.client().await?;
        let status = client.cluster.clone().get_cluster(GetClusterRequest {}).await;
        let status = status.map_err(Refused::from)?.into_inner();
        let node = leader(&status).ok_or(Error::TooLate("an election"))?;
        self.kill(node).await;
        let since = Instant::now();
        let others = (1..).zip(&self.at).map(|(other, _)| other).filter(|other| *other != node);
        let others: Vec<u64> = others.collect();
        while since.elapsed() < PATIENCE {
            for other in &others {
                let next = self.asked(*other).await.as_ref().and_then(leader);
                if let Some(next) = next.filter(|next| *next != node) {
                    return Ok(Killed { node, next, leaderless: since.elapsed() });
                }
            }
            sleep(LOOK).await;
        }
        Err(Error::TooLate("an election"))
    }

    async fn kill(&self, node: u64) {
        let mut processes = self.processes.lock().await;
        let found = processes.iter_mut().find(|process| process.node == node);
        if let Some(mut child) = found.and_then(|process| process.child.take()) {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts a node again, and waits until all nodes have the same state; gives the digest over
    /// it and its position.
    ///
    /// # Errors
    /// When they do not come to it.
    pub(super) async fn bring_back(&self, node: u64) -> Result<(String, u64), Error> {
        self.run(node).await?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(same) = self.asked(node).await.as_ref().and_then(alike) {
                return Ok(same);
            }
            sleep(PAUSE).await;
        }
        Err(Error::TooLate("the node that came back"))
    }

    /// Has all of them drain and end.
    pub(super) async fn stop(self) {
        let processes = self.processes.into_inner();
        for child in processes.iter().filter_map(|process| process.child.as_ref()) {
            terminate(child);
        }
        for mut process in processes {
            let Some(mut child) = process.child.take() else { continue };
            let ended = tokio::task::spawn_blocking(move || child.wait()).await;
            // Whatever it ended with: it is gone.
            let _ = ended;
        }
    }
}

#[cfg(unix)]
fn terminate(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(id) = id {
        // It may have ended by itself.
        let _ = kill_process(id, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_: &Child) {}

fn leader(status: &GetClusterResponse) -> Option<u64> {
    status.nodes.iter().find(|node| node.role() == NodeRole::Leader).map(|node| node.node)
}

/// The digest that all nodes have at the last position that they compare.
fn alike(status: &GetClusterResponse) -> Option<(String, u64)> {
    let health = status.nodes.iter().map(|node| node.health.as_ref());
    let health = health.collect::<Option<Vec<_>>>()?;
    let first = health.first()?;
    let same = |other: &&samsyn_client::admin::NodeHealth| {
        other.applied == first.applied
            && (&other.root, other.root_position) == (&first.root, first.root_position)
    };
    health.iter().all(same).then(|| (first.root.clone(), first.root_position))
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // A node must not outlive the demo.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
