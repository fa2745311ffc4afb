//! Three nodes, each a process: leaders are killed, calls are passed on, impostors are not let in.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use samsyn_client::{
    Client, Profile, Refused,
    admin::{
        AddLearnerRequest, GetClusterRequest, GetClusterResponse, NodeRole, PromoteNodeRequest,
        TransferLeaderRequest,
    },
    wire,
};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::{AREA, PARTY, delta, observation, own_picture, samsyn};

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
const OPERATOR: &str = "drift";
const COUNT: u64 = 3;

/// Three nodes of one domain.
struct Cluster {
    dir: TempDir,
    running: Vec<Option<Child>>,
}

impl Cluster {
    /// Three voters.
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut written = samsyn();
        written.args(["demo", "--nodes", "3", "--write"]).arg(dir.path());
        let written = written.output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let mut this = Self { dir, running: vec![None, None, None] };
        this.free_port();
        this.run(1);
        for node in 2..=COUNT {
            let client = this.client(1, OPERATOR).await;
            let address = this.setting(node, "cluster", "listen");
            let request = AddLearnerRequest { node, address };
            client.cluster.clone().add_learner(request).await.unwrap();
            this.run(node);
            this.promote(&client, node).await;
        }
        this
    }

    /// The first node of a written domain listens at a known port: tests take another.
    fn free_port(&self) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
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

    fn config(&self, node: u64) -> std::path::PathBuf {
        self.dir.path().join(format!("node-{node}.toml"))
    }

    fn setting(&self, node: u64, section: &str, name: &str) -> String {
        let table: toml::Table = fs::read_to_string(self.config(node)).unwrap().parse().unwrap();
        let table = if section.is_empty() { &table } else { table[section].as_table().unwrap() };
        table[name].as_str().unwrap().to_owned()
    }

    fn run(&mut self, node: u64) {
        let log = self.dir.path().join(format!("node-{node}.log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = samsyn()
            .args(["serve", "--config"])
            .arg(self.config(node))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running[usize::try_from(node).unwrap() - 1] = Some(child);
    }

    fn kill(&mut self, node: u64) {
        let running = &mut self.running[usize::try_from(node).unwrap() - 1];
        let mut child = running.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks a node to end, and waits until it has.
    async fn terminate(&mut self, node: u64) {
        let running = &mut self.running[usize::try_from(node).unwrap() - 1];
        let mut child = running.take().expect("it runs");
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let since = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it does not end");
            sleep(PAUSE).await;
        }
    }

    /// Stops a node in its tracks, or lets it go on.
    fn signal(&self, node: u64, signal: &str) {
        let running = self.running[usize::try_from(node).unwrap() - 1].as_ref();
        let id = running.expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn log(&self, node: u64) -> String {
        fs::read_to_string(self.dir.path().join(format!("node-{node}.log"))).unwrap()
    }

    /// The profile of a service that knows one node alone.
    fn profile(&self, node: u64, name: &str) -> Profile {
        let profile = self.whole(name);
        let endpoint = format!("https://{}", self.setting(node, "", "listen"));
        Profile { endpoint, others: Vec::new(), ..profile }
    }

    /// The profile of a service that knows all nodes.
    fn whole(&self, name: &str) -> Profile {
        Profile::load(&self.dir.path().join("profiles").join(name)).unwrap()
    }

    async fn client(&self, node: u64, name: &str) -> Client {
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

    async fn promote(&self, client: &Client, node: u64) {
        let since = Instant::now();
        loop {
            let promoted = client.cluster.clone().promote_node(PromoteNodeRequest { node }).await;
            match promoted.map_err(Refused::from) {
                Ok(_) => return,
                Err(refused) => assert!(refused.is_retryable(), "{refused}"),
            }
            let logs = || format!("{}\n{}", self.log(1), self.log(node));
            assert!(since.elapsed() < PATIENCE, "it does not catch up\n{}", logs());
            sleep(PAUSE).await;
        }
    }

    async fn status(&self, node: u64) -> GetClusterResponse {
        let client = self.client(node, OPERATOR).await;
        client.cluster.clone().get_cluster(GetClusterRequest {}).await.unwrap().into_inner()
    }

    /// The node that leads, as a node knows it that is not among some.
    async fn leader(&self, besides: Option<u64>) -> u64 {
        let since = Instant::now();
        loop {
            for node in (1..=COUNT).filter(|node| Some(*node) != besides) {
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
    async fn alike(&self) {
        let since = Instant::now();
        loop {
            let status = self.status(1).await;
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
        for child in self.running.iter_mut().flatten() {
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
async fn published(
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
fn sent(request: &wire::PublishPictureRequest) -> Vec<String> {
    let Some(wire::publish_picture_request::Change::Delta(delta)) = &request.change else {
        panic!("a delta was sent");
    };
    delta.upserts.iter().map(|observation| observation.id.clone()).collect()
}

/// Leaders are killed in the middle of writing, one after the other, and come back. The writer
/// knows all nodes, and repeats what was under way under its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_leaders_lose_nothing_acknowledged_and_double_nothing() {
    const ROUNDS: usize = 5;
    let mut cluster = Cluster::start().await;
    let client = Client::connect(&cluster.whole(PARTY)).await.unwrap();
    let (mut acknowledged, mut version, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for round in 0..ROUNDS {
        let leader = cluster.leader(None).await;
        let until = Instant::now() + Duration::from_secs(4);
        let mut killed = None;
        let mut number = 0;
        while Instant::now() < until {
            if number == 5 && killed.is_none() {
                cluster.kill(leader);
                killed = Some(leader);
            }
            let request = delta(PARTY, version, observation(&format!("K-{round}-{number}"), 2));
            number += 1;
            let began = Instant::now();
            let answer = published(&client, &request).await;
            longest = longest.max(began.elapsed());
            assert_eq!(answer.version, version + 1, "doubled or lost in round {round}");
            version = answer.version;
            acknowledged.extend(sent(&request));
        }
        cluster.run(killed.expect("a leader was killed"));
        cluster.alike().await;
    }
    for node in 1..=COUNT {
        let client = cluster.client(node, PARTY).await;
        let (stored, found) = own_picture(&client, PARTY).await;
        let lost = acknowledged.iter().filter(|id| !found.contains(id)).count();
        let doubled = found.len() - acknowledged.len();
        println!(
            "node {node}: {ROUNDS} rounds, acknowledged {}, lost {lost}, doubled {doubled}, \
             longest answer {} ms",
            acknowledged.len(),
            longest.as_millis()
        );
        assert_eq!((lost, doubled, stored), (0, 0, version));
    }
    assert!(acknowledged.len() > 10 * ROUNDS, "too little was written to tell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_takes_any_call_and_reads_what_it_passed_on() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(None).await;
    let mut version = 0;
    for node in (1..=COUNT).filter(|node| *node != leader) {
        let client = cluster.client(node, PARTY).await;
        let request = delta(PARTY, version, observation(&format!("F-{node}"), 2));
        let first = client.publish(request.clone()).await.unwrap();
        version += 1;
        assert_eq!(first.version, version);
        let (stored, found) = own_picture(&client, PARTY).await;
        assert_eq!(stored, version, "it reads what it wrote");
        assert!(found.contains(&format!("F-{node}")));
        // The same under its key, at the leader: the answer that was given.
        let again = cluster.client(leader, PARTY).await.publish(request).await.unwrap();
        assert_eq!(again.version, first.version);
    }
}

/// Whose right it is not is told so by the leader, whichever node was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_row52_a_node_lends_a_caller_nothing() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(None).await;
    let follower = if leader == 1 { 2 } else { 1 };
    let partner = cluster.client(follower, "raddningstjansten").await;
    let request = delta(PARTY, 0, observation("T13", 2));
    let refused =
        Refused::from(partner.pictures.clone().publish_picture(request).await.unwrap_err());
    assert_eq!(refused.reason.map(|reason| reason.id()), Some("NOT_YOUR_PARTY"), "{refused}");
    let request = TransferLeaderRequest { node: follower };
    let refused = partner.cluster.clone().transfer_leader(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{refused}");
    // A call at the port of the nodes, by a node's own certificate but without a caller's.
    let profile = cluster.whole(PARTY);
    let read = |name: &str| fs::read_to_string(cluster.dir.path().join(name)).unwrap();
    let node = Profile {
        endpoint: format!("https://{}", cluster.setting(leader, "cluster", "listen")),
        others: Vec::new(),
        ca_pem: read("nodes/ca.pem"),
        certificate_pem: read(&format!("nodes/{follower}.pem")),
        key_pem: read(&format!("nodes/{follower}.key")),
        ..profile
    };
    let client = Client::connect(&node).await.expect("a node is let in");
    let request = delta(PARTY, 0, observation("T13", 2));
    let refused =
        Refused::from(client.pictures.clone().publish_picture(request).await.unwrap_err());
    assert_eq!(refused.reason.map(|reason| reason.id()), Some("NO_CERTIFICATE"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t34_a_service_is_not_let_in_at_the_port_of_the_nodes() {
    let cluster = Cluster::start().await;
    let at = cluster.setting(1, "cluster", "listen");
    let read = |name: &str| fs::read_to_string(cluster.dir.path().join(name)).unwrap();
    for name in [PARTY, OPERATOR] {
        let service = Profile {
            endpoint: format!("https://{at}"),
            others: Vec::new(),
            ca_pem: read("nodes/ca.pem"),
            ..cluster.whole(name)
        };
        let asked = async {
            let client = Client::connect(&service).await.ok()?;
            let request = delta(PARTY, 0, observation("T34", 2));
            client.pictures.clone().publish_picture(request).await.err()
        };
        // In TLS 1.3 the client may learn only at its first call that it was not let in.
        let refused = asked.await;
        assert!(
            refused.as_ref().is_none_or(|status| std::error::Error::source(status).is_some()),
            "the transport refuses, and no service answers: {refused:?}"
        );
    }
    assert!(cluster.log(1).contains("no node was let in"), "{}", cluster.log(1));
}

/// A node that has lost the others ends its streams within seconds, and shows nothing; a subscriber
/// that knows all nodes goes on with another, and misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_the_others_shows_nothing_and_its_streams_move() {
    const CUT_OFF_MAX: Duration = Duration::from_secs(6);
    let cluster = Cluster::start().await;
    let leader = cluster.leader(None).await;
    let writer = Client::connect(&cluster.whole(PARTY)).await.unwrap();
    writer.publish(delta(PARTY, 0, observation("C-1", 2))).await.unwrap();

    let reader = cluster.profile(leader, PARTY);
    let client = Client::connect(&reader).await.unwrap();
    let request = wire::WatchEventsRequest {
        context: Some(reader.read_context()),
        scope: Some(wire::Scope { areas: vec![AREA.to_owned()], ..wire::Scope::default() }),
        cursor: String::new(),
    };
    let mut stream = client.joint.clone().watch_events(request).await.unwrap().into_inner();
    let others: Vec<u64> = (1..=COUNT).filter(|node| *node != leader).collect();
    for node in &others {
        cluster.signal(*node, "-STOP");
    }
    let since = Instant::now();
    let closing = loop {
        let message = tokio::time::timeout(CUT_OFF_MAX, stream.message()).await;
        let message = message.expect("the stream ends in time").unwrap().expect("a last word");
        if let Some(wire::event::What::Closing(closing)) = message.entry.and_then(|e| e.what) {
            break closing;
        }
    };
    println!("the stream of the node that was cut off ended after {:?}", since.elapsed());
    assert!(since.elapsed() < CUT_OFF_MAX, "{:?}", since.elapsed());
    assert_eq!(closing.reason, "DRAINING");
    let request = wire::GetPictureRequest {
        context: Some(reader.read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        ..wire::GetPictureRequest::default()
    };
    let client = cluster.client(leader, PARTY).await;
    let refused = client.pictures.clone().get_picture(request).await.unwrap_err();
    assert!(Refused::from(refused).is_retryable());

    // The others go on; this one stands still.
    for node in &others {
        cluster.signal(*node, "-CONT");
    }
    cluster.signal(leader, "-STOP");
    let mut watch = samsyn_client::Watch::new(
        &cluster.whole(PARTY),
        wire::Scope { areas: vec![AREA.to_owned()], ..wire::Scope::default() },
        String::new(),
    );
    let mut version = 1;
    let published = async {
        // What was under way at the node that stands still is repeated at another.
        let writer = Client::connect(&cluster.whole(PARTY)).await.unwrap();
        let request = delta(PARTY, version, observation("C-2", 2));
        version = published(&writer, &request).await.version;
    };
    let seen = async {
        loop {
            let event = watch.next().await.unwrap();
            if event.revision >= 2 {
                return;
            }
        }
    };
    let both = Box::pin(async { tokio::join!(published, seen) });
    tokio::time::timeout(PATIENCE, both).await.expect("in time");
    cluster.signal(leader, "-CONT");
    cluster.alike().await;
    assert_eq!(version, 2);
}

/// One node after the other is restarted while a party writes: no call fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_fails_no_call() {
    let mut cluster = Cluster::start().await;
    let client = Client::connect(&cluster.whole(PARTY)).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(async move {
        let (mut version, mut longest) = (0, Duration::ZERO);
        while !*stopped.borrow() {
            let request = delta(PARTY, version, observation(&format!("R-{version}"), 2));
            let began = Instant::now();
            let answer = published(&client, &request).await;
            longest = longest.max(began.elapsed());
            if answer.version != version + 1 {
                return Err(format!("version {} after {version}", answer.version));
            }
            version = answer.version;
        }
        Ok((version, longest))
    });
    for node in 1..=COUNT {
        cluster.terminate(node).await;
        cluster.run(node);
        cluster.alike().await;
    }
    // A writer that has ended says why below.
    let _ = stop.send(true);
    let (version, longest) = writing.await.unwrap().unwrap();
    println!("{version} publications, longest answer {} ms", longest.as_millis());
    let (stored, found) = own_picture(&cluster.client(2, PARTY).await, PARTY).await;
    assert_eq!((stored, u64::try_from(found.len()).unwrap()), (version, version));
}
