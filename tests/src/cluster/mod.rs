//! A domain on several nodes, each a process of the built binary: started, killed, held, told apart
//! from the others.
//!
//! A node ends when whoever started it does, however that ends: its standard input closes then.

mod dialler;
mod led;
mod proxy;
mod renew;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use samsyn_client::{
    Client, Profile, Refused,
    admin::{
        AddLearnerRequest, GetClusterRequest, GetClusterResponse, NodeRole, PromoteNodeRequest,
    },
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

pub use self::proxy::{Proxy, Way};
use crate::raw::Failure;

/// Whoever looks after the nodes.
pub const OPERATOR: &str = "drift";
/// Long enough for whatever must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// A node that is asked how things are answers within so long, or is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// How a cluster is set up.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// How many nodes there are; all of them vote.
    pub nodes: u64,
    /// What goes to the end of each node's configuration, TOML.
    pub settings: &'a str,
    /// The nodes are told that they stand at several sites.
    pub sites: bool,
    /// What nodes say to each other goes through a [`Proxy`] of this seed; directly without one.
    pub proxy: Option<u64>,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self { nodes: 3, settings: "", sites: false, proxy: None }
    }
}

/// The nodes; they end with this.
#[derive(Debug)]
pub struct Cluster {
    dir: TempDir,
    program: PathBuf,
    places: BTreeMap<u64, Place>,
    proxy: Option<Proxy>,
    running: BTreeMap<u64, Child>,
}

/// Where a node listens.
#[derive(Debug, Clone, Copy)]
struct Place {
    clients: SocketAddr,
    nodes: SocketAddr,
}

impl Cluster {
    /// Writes a domain and starts its nodes, by the binary at this path.
    ///
    /// # Errors
    /// When it cannot be written, or the nodes do not come together.
    pub async fn start(program: &Path, plan: Plan<'_>) -> Result<Self, Failure> {
        let mut this = Self::written(program, plan).await?;
        this.come_together().await?;
        Ok(this)
    }

    /// Writes a domain; nothing is started yet.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn written(program: &Path, plan: Plan<'_>) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let count = plan.nodes.to_string();
        let mut write = Command::new(program);
        let written = write.args(["demo", "--nodes", &count, "--write"]).arg(dir.path());
        let written = written.output()?;
        if !written.status.success() {
            return Err(String::from_utf8_lossy(&written.stderr).into());
        }
        let program = program.to_owned();
        let (places, running) = (BTreeMap::new(), BTreeMap::new());
        let mut this = Self { dir, program, places, proxy: None, running };
        this.places = (1..=plan.nodes).map(|node| this.place(node)).collect::<Result<_, _>>()?;
        if let Some(seed) = plan.proxy {
            let targets = this.places.iter().map(|(node, at)| (*node, at.nodes));
            this.proxy = Some(Proxy::start(targets.collect(), seed).await?);
        }
        for node in 1..=plan.nodes {
            this.configure(node, &plan)?;
        }
        Ok(this)
    }

    /// Starts the nodes, and makes all of them voters.
    ///
    /// # Errors
    /// When they do not come together.
    pub async fn come_together(&mut self) -> Result<(), Failure> {
        let first = self.first()?;
        self.run(first)?;
        for node in self.besides(first) {
            self.join(node).await?;
        }
        Ok(())
    }

    /// Adds a node by the first one's word, starts it, and makes it a voter.
    ///
    /// # Errors
    /// When it is not taken in, or does not catch up.
    pub async fn join(&mut self, node: u64) -> Result<(), Failure> {
        let operator = self.client(self.first()?, OPERATOR).await?;
        let request = AddLearnerRequest { node, address: self.address(node)?.to_string() };
        operator.cluster.clone().add_learner(request).await.map_err(Refused::from)?;
        self.run(node)?;
        self.promote(&operator, node).await
    }

    /// Where a node is written to listen. The first of a written domain listens at a known port:
    /// here it takes another.
    fn place(&self, node: u64) -> Result<(u64, Place), Failure> {
        let table: toml::Table = fs::read_to_string(self.config(node))?.parse()?;
        let at = |table: &toml::Table| {
            let at = table.get("listen").and_then(toml::Value::as_str).ok_or("no address")?;
            Ok::<SocketAddr, Failure>(at.parse()?)
        };
        let cluster = table.get("cluster").and_then(toml::Value::as_table).ok_or("no cluster")?;
        let clients = if node == 1 { free()? } else { at(&table)? };
        Ok((node, Place { clients, nodes: at(cluster)? }))
    }

    /// Writes a node's configuration as it is planned.
    fn configure(&self, node: u64, plan: &Plan<'_>) -> Result<(), Failure> {
        let mut table: toml::Table = fs::read_to_string(self.config(node))?.parse()?;
        table.insert("listen".to_owned(), self.at(node)?.clients.to_string().into());
        let cluster = table.get_mut("cluster").and_then(toml::Value::as_table_mut);
        let cluster = cluster.ok_or("no cluster")?;
        cluster.insert("address".to_owned(), self.address(node)?.to_string().into());
        if plan.sites {
            cluster.insert("apart".to_owned(), "sites".into());
        }
        let others = cluster.get_mut("others").and_then(toml::Value::as_array_mut);
        for other in others.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
            let number = other.get("node").and_then(toml::Value::as_integer).ok_or("no number")?;
            let address = self.address(u64::try_from(number)?)?.to_string();
            other.insert("address".to_owned(), address.into());
        }
        let text = format!("{}\n{}\n", toml::to_string(&table)?, plan.settings);
        Ok(fs::write(self.config(node), text)?)
    }

    /// The folder of the domain.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The numbers of all nodes.
    #[must_use]
    pub fn nodes(&self) -> Vec<u64> {
        self.places.keys().copied().collect()
    }

    /// The node that founds the cluster.
    ///
    /// # Errors
    /// When there is none.
    pub fn first(&self) -> Result<u64, Failure> {
        Ok(*self.places.keys().next().ok_or("there are no nodes")?)
    }

    /// All nodes but one.
    #[must_use]
    pub fn besides(&self, node: u64) -> Vec<u64> {
        self.places.keys().copied().filter(|other| *other != node).collect()
    }

    /// The file of a node's configuration.
    #[must_use]
    pub fn config(&self, node: u64) -> PathBuf {
        self.path().join(format!("node-{node}.toml"))
    }

    fn at(&self, node: u64) -> Result<Place, Failure> {
        Ok(*self.places.get(&node).ok_or("there is no such node")?)
    }

    /// Where the other nodes reach a node.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn address(&self, node: u64) -> Result<SocketAddr, Failure> {
        let through = self.proxy.as_ref().and_then(|proxy| proxy.address(node));
        through.map_or_else(|| Ok(self.at(node)?.nodes), Ok)
    }

    /// What stands between the nodes.
    ///
    /// # Errors
    /// When nothing does.
    pub fn proxy(&self) -> Result<&Proxy, Failure> {
        Ok(self.proxy.as_ref().ok_or("these nodes are connected directly")?)
    }

    /// Starts a node's process.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&mut self, node: u64) -> Result<(), Failure> {
        let program = self.program.clone();
        self.run_by(&program, node)
    }

    /// As [`Self::run`], by another binary: an earlier one, or a later.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run_by(&mut self, program: &Path, node: u64) -> Result<(), Failure> {
        let mut command = Command::new(program);
        command.args(["serve", "--until-stdin-closes", "--config"]).arg(self.config(node));
        self.run_as(node, command)
    }

    /// As [`Self::run`], by a command that serves this node's configuration.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run_as(&mut self, node: u64, mut command: Command) -> Result<(), Failure> {
        let log = File::options().create(true).append(true).open(self.log_file(node))?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn()?;
        if let Some(proxy) = &self.proxy {
            proxy.knows(node, child.id());
        }
        self.running.insert(node, child);
        Ok(())
    }

    /// Ends a node's process as a power cut would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, node: u64) -> Result<(), Failure> {
        let mut child = self.running.remove(&node).ok_or("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks a node to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub async fn terminate(&mut self, node: u64) -> Result<(), Failure> {
        self.signal(node, "-TERM")?;
        self.ended(node).await.map(drop)
    }

    /// Waits until a node's process has ended by itself; how it did.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub async fn ended(&mut self, node: u64) -> Result<ExitStatus, Failure> {
        let mut child = self.running.remove(&node).ok_or("it does not run")?;
        let since = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if since.elapsed() > PATIENCE {
                child.kill()?;
                return Err(self.late(&format!("node {node} does not end")));
            }
            sleep(PAUSE).await;
        }
    }

    /// Has a node's process stand still.
    ///
    /// # Errors
    /// When it does not run.
    pub fn hold(&self, node: u64) -> Result<(), Failure> {
        self.signal(node, "-STOP")
    }

    /// Lets a node's process go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn release(&self, node: u64) -> Result<(), Failure> {
        self.signal(node, "-CONT")
    }

    /// How much memory a node takes, in KiB.
    ///
    /// # Errors
    /// When it does not run.
    pub fn memory(&self, node: u64) -> Result<u64, Failure> {
        let id = self.running.get(&node).ok_or("it does not run")?.id();
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let kept = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(kept.ok_or("it has none")?.trim().trim_end_matches(" kB").parse()?)
    }

    fn signal(&self, node: u64, signal: &str) -> Result<(), Failure> {
        let id = self.running.get(&node).ok_or("it does not run")?.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status()?;
        if sent.success() { Ok(()) } else { Err("it does not take the signal".into()) }
    }

    fn log_file(&self, node: u64) -> PathBuf {
        self.path().join(format!("node-{node}.log"))
    }

    /// What a node has logged.
    #[must_use]
    pub fn log(&self, node: u64) -> String {
        // One that was never started has logged nothing.
        fs::read_to_string(self.log_file(node)).unwrap_or_default()
    }

    /// What did not happen in time, with the end of each node's log.
    fn late(&self, what: &str) -> Failure {
        format!("{what}{}", self.logs()).into()
    }

    /// The end of each node's log.
    fn logs(&self) -> String {
        const LINES: usize = 20;
        let mut text = String::new();
        for node in self.places.keys() {
            let log = self.log(*node);
            let from = log.lines().count().saturating_sub(LINES);
            text.push_str(&format!("\n--- node {node}\n"));
            text.extend(log.lines().skip(from).flat_map(|line| [line, "\n"]));
        }
        text
    }

    /// The profile of a service that knows one node alone.
    ///
    /// # Errors
    /// When there is no such profile or node.
    pub fn profile(&self, node: u64, name: &str) -> Result<Profile, Failure> {
        let profile = Profile::load(&self.path().join("profiles").join(name))?;
        let endpoint = format!("https://{}", self.at(node)?.clients);
        Ok(Profile { endpoint, others: Vec::new(), ..profile })
    }

    /// The profile of a service that knows all nodes, and begins with one of them.
    ///
    /// # Errors
    /// When there is no such profile or node.
    pub fn whole(&self, first: u64, name: &str) -> Result<Profile, Failure> {
        let others = self.places.range(first..).skip(1).chain(self.places.range(..first));
        let others = others.map(|(_, at)| format!("https://{}", at.clients)).collect();
        Ok(Profile { others, ..self.profile(first, name)? })
    }

    /// A client of one node, as soon as it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn client(&self, node: u64, name: &str) -> Result<Client, Failure> {
        let profile = self.profile(node, name)?;
        let since = Instant::now();
        loop {
            match Client::connect(&profile).await {
                Ok(client) => return Ok(client),
                Err(why) if since.elapsed() > PATIENCE => {
                    return Err(self.late(&format!("node {node} does not answer: {why:?}")));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn promote(&self, operator: &Client, node: u64) -> Result<(), Failure> {
        let since = Instant::now();
        loop {
            let promoted = operator.cluster.clone().promote_node(PromoteNodeRequest { node }).await;
            match promoted.map_err(Refused::from) {
                Ok(_) => return Ok(()),
                Err(refused) if refused.is_retryable() => {}
                Err(refused) => return Err(refused.into()),
            }
            if since.elapsed() > PATIENCE {
                return Err(self.late(&format!("node {node} does not catch up")));
            }
            sleep(PAUSE).await;
        }
    }

    /// The cluster as a node knows it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self, node: u64) -> Result<GetClusterResponse, Failure> {
        self.ask(node)?.await
    }

    /// As [`Self::status`], to be awaited elsewhere.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn ask(
        &self,
        node: u64,
    ) -> Result<impl Future<Output = Result<GetClusterResponse, Failure>> + use<>, Failure> {
        let profile = self.profile(node, OPERATOR)?;
        let asked = async move {
            let client = Client::connect(&profile).await?;
            let answer = client.cluster.clone().get_cluster(GetClusterRequest {}).await?;
            Ok::<_, Failure>(answer.into_inner())
        };
        Ok(async { timeout(ANSWER_MAX, asked).await? })
    }

    /// Each own picture of the domain: which party, of which area.
    ///
    /// # Errors
    /// When the registry does not read.
    pub fn pictures(&self) -> Result<Vec<(String, String)>, Failure> {
        let registry: toml::Table =
            fs::read_to_string(self.path().join("registry.toml"))?.parse()?;
        let agreements = registry.get("agreements").and_then(toml::Value::as_array);
        let mut pictures = BTreeSet::new();
        for agreement in agreements.ok_or("no agreements")? {
            let text = |value: &toml::Value, name: &str| {
                value.get(name).and_then(toml::Value::as_str).map(str::to_owned)
            };
            let signatories = agreement.get("signatories").and_then(toml::Value::as_array);
            for signatory in signatories.into_iter().flatten() {
                pictures.extend(text(signatory, "party").zip(text(agreement, "area")));
            }
        }
        Ok(pictures.into_iter().collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for child in self.running.values_mut() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The node that leads, as a node knows it.
#[must_use]
pub fn leader(status: &GetClusterResponse) -> Option<u64> {
    status.nodes.iter().find(|node| node.role() == NodeRole::Leader).map(|node| node.node)
}

fn free() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
