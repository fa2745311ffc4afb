//! Several nodes of one domain, each a process: a folder that `samsyn demo --nodes --write` made.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use samsyn_client::{
    Client, Profile, Refused,
    admin::{
        AddLearnerRequest, GetClusterRequest, GetClusterResponse, NodeRole, PromoteNodeRequest,
    },
    wire,
};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::samsyn;

/// Long enough for whatever must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PAUSE: Duration = Duration::from_millis(50);
pub(crate) const OPERATOR: &str = "drift";
pub(crate) const COUNT: u64 = 3;

/// Three nodes of one domain.
pub(crate) struct Cluster {
    dir: TempDir,
    /// The first of their numbers.
    first: u64,
    running: BTreeMap<u64, Child>,
}

impl Cluster {
    /// Three voters.
    pub(crate) async fn start() -> Self {
        let mut this = Self::written();
        this.grow().await;
        this
    }

    /// Three nodes on disk that do not run.
    pub(crate) fn written() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut written = samsyn();
        written.args(["demo", "--nodes", "3", "--write"]).arg(dir.path());
        let written = written.output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let this = Self { dir, first: 1, running: BTreeMap::new() };
        this.free_port();
        this
    }

    /// Starts the first node, and lets the others join it as voters.
    pub(crate) async fn grow(&mut self) {
        self.run(self.first);
        for node in self.nodes().skip(1) {
            let client = self.client(self.first, OPERATOR).await;
            let address = self.setting(node, "cluster", "listen");
            let request = AddLearnerRequest { node, address };
            client.cluster.clone().add_learner(request).await.unwrap();
            self.run(node);
            self.promote(&client, node).await;
        }
    }

    /// Goes over to three new nodes, which are written and do not run.
    pub(crate) fn renew(&mut self) {
        let before: Vec<u64> = self.nodes().collect();
        before.into_iter().for_each(|node| self.kill(node));
        self.first += COUNT;
        let authority = self.dir.path().join("new-nodes");
        let pki = |arguments: &[&str]| {
            let done = samsyn().arg("pki").args(arguments).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        let domain = self.setting(1, "", "domain");
        pki(&["init", authority.to_str().unwrap(), "--trust-domain", &domain]);
        let free: Vec<_> = (0..2 * COUNT).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
        let mut free = free.iter().map(|held| held.as_ref().unwrap().local_addr().unwrap());
        let mut first = None;
        for node in self.nodes() {
            let (id, folder) = (node.to_string(), authority.to_str().unwrap());
            pki(&["issue", folder, "--node", &id, "--ip", "127.0.0.1", "--dns", "localhost"]);
            let text = fs::read_to_string(self.config(1)).unwrap();
            let mut config: toml::Table = text.parse().unwrap();
            let at = free.next().unwrap().to_string();
            let mut cluster = toml::toml! {
                bundle = "new-nodes/ca.pem"
                crl = "new-nodes/crl.pem"
            };
            cluster.insert("node".into(), i64::try_from(node).unwrap().into());
            cluster.insert("listen".into(), at.clone().into());
            cluster.insert("founds".into(), (node == self.first).into());
            let issued = format!("new-nodes/issued/node-{node}");
            cluster.insert("chain".into(), format!("{issued}.pem").into());
            cluster.insert("key".into(), format!("{issued}.key").into());
            if let Some((node, address)) = &first {
                let other = toml::Table::from_iter([
                    ("node".to_owned(), toml::Value::Integer(*node)),
                    ("address".to_owned(), toml::Value::String(String::clone(address))),
                ]);
                cluster.insert("others".into(), vec![other].into());
            }
            first.get_or_insert_with(|| (i64::try_from(node).unwrap(), at));
            config.insert("cluster".into(), cluster.into());
            config.insert("listen".into(), free.next().unwrap().to_string().into());
            config.insert("data".into(), format!("data-{node}").into());
            fs::write(self.config(node), config.to_string()).unwrap();
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = u64> + use<> {
        self.first..self.first + COUNT
    }

    /// The first node of a written domain listens at a known port: tests take another.
    fn free_port(&self) {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let known = self.setting(1, "", "listen");
        for file in fs::read_dir(self.dir.path()).unwrap().flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "toml") {
                replace(&file, &known, &free.to_string());
            }
        }
        for profile in fs::read_dir(self.dir.path().join("profiles")).unwrap().flatten() {
            replace(&profile.path().join("profile.toml"), &known, &free.to_string());
        }
    }

    pub(crate) fn config(&self, node: u64) -> PathBuf {
        self.dir.path().join(format!("node-{node}.toml"))
    }

    pub(crate) fn setting(&self, node: u64, section: &str, name: &str) -> String {
        let table: toml::Table = fs::read_to_string(self.config(node)).unwrap().parse().unwrap();
        let table = if section.is_empty() { &table } else { table[section].as_table().unwrap() };
        table[name].as_str().unwrap().to_owned()
    }

    pub(crate) fn run(&mut self, node: u64) {
        let log = self.dir.path().join(format!("node-{node}.log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = samsyn()
            .args(["serve", "--config"])
            .arg(self.config(node))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running.insert(node, child);
    }

    pub(crate) fn kill(&mut self, node: u64) {
        let mut child = self.running.remove(&node).expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks a node to end, and waits until it has.
    pub(crate) async fn terminate(&mut self, node: u64) {
        let mut child = self.running.remove(&node).expect("it runs");
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let since = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it does not end");
            sleep(PAUSE).await;
        }
    }

    /// Stops a node in its tracks, or lets it go on.
    pub(crate) fn signal(&self, node: u64, signal: &str) {
        let id = self.running[&node].id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn log(&self, node: u64) -> String {
        fs::read_to_string(self.dir.path().join(format!("node-{node}.log"))).unwrap()
    }

    /// The profile of a service that knows one node alone.
    pub(crate) fn profile(&self, node: u64, name: &str) -> Profile {
        let profile = self.whole(name);
        Profile { endpoint: self.endpoint(node), others: Vec::new(), ..profile }
    }

    /// The profile of a service that knows all nodes.
    pub(crate) fn whole(&self, name: &str) -> Profile {
        let profile = Profile::load(&self.dir.path().join("profiles").join(name)).unwrap();
        let others = self.nodes().skip(1).map(|node| self.endpoint(node)).collect();
        Profile { endpoint: self.endpoint(self.first), others, ..profile }
    }

    fn endpoint(&self, node: u64) -> String {
        format!("https://{}", self.setting(node, "", "listen"))
    }

    pub(crate) async fn client(&self, node: u64, name: &str) -> Client {
        let profile = self.profile(node, name);
        let since = Instant::now();
        loop {
            match Client::connect(&profile).await {
                Ok(client) => return client,
                Err(why) if since.elapsed() > PATIENCE => panic!("{why:?}\n{}", self.log(node)),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    pub(crate) async fn promote(&self, client: &Client, node: u64) {
        let since = Instant::now();
        loop {
            let promoted = client.cluster.clone().promote_node(PromoteNodeRequest { node }).await;
            match promoted.map_err(Refused::from) {
                Ok(_) => return,
                Err(refused) => assert!(refused.is_retryable(), "{refused}"),
            }
            let logs = || format!("{}\n{}", self.log(self.first), self.log(node));
            assert!(since.elapsed() < PATIENCE, "it does not catch up\n{}", logs());
            sleep(PAUSE).await;
        }
    }

    pub(crate) async fn status(&self, node: u64) -> GetClusterResponse {
        let client = self.client(node, OPERATOR).await;
        client.cluster.clone().get_cluster(GetClusterRequest {}).await.unwrap().into_inner()
    }

    /// The node that leads, as a node knows it that is not among some.
    pub(crate) async fn leader(&self, besides: Option<u64>) -> u64 {
        let since = Instant::now();
        loop {
            for node in self.nodes().filter(|node| Some(*node) != besides) {
                let status = self.status(node).await;
                let leads = status.nodes.iter().find(|node| node.role() == NodeRole::Leader);
                if let Some(leader) = leads.map(|node| node.node).filter(|n| Some(*n) != besides) {
                    return leader;
                }
            }
            assert!(since.elapsed() < PATIENCE, "nobody leads");
            sleep(PAUSE).await;
        }
    }

    /// Waits until all nodes have the same state.
    pub(crate) async fn alike(&self) {
        let since = Instant::now();
        loop {
            let status = self.status(self.first).await;
            let health: Option<Vec<_>> = status.nodes.iter().map(|n| n.health.clone()).collect();
            let alike = health.is_some_and(|health| {
                health
                    .windows(2)
                    .all(|two| (two[0].applied, &two[0].root) == (two[1].applied, &two[1].root))
            });
            if alike {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{status:?}");
            sleep(PAUSE).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Publishes; what may go through later is repeated under its key, beyond what the client itself
/// repeats: a machine that does other work may be slow to elect.
pub(crate) async fn published(
    client: &Client,
    request: &wire::PublishPictureRequest,
) -> wire::PublishPictureResponse {
    let since = Instant::now();
    loop {
        match client.publish(request.clone()).await {
            Ok(answer) => return answer,
            Err(refused) => assert!(refused.is_retryable(), "{refused}"),
        }
        assert!(since.elapsed() < PATIENCE, "it was not taken in time");
    }
}

/// The ids that a delta sends.
pub(crate) fn sent(request: &wire::PublishPictureRequest) -> Vec<String> {
    let Some(wire::publish_picture_request::Change::Delta(delta)) = &request.change else {
        panic!("a delta was sent");
    };
    delta.upserts.iter().map(|observation| observation.id.clone()).collect()
}
