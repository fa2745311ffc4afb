//! Three nodes of NATS with JetStream on the same certificates, and those who publish into a stream
//! that all three hold. Its protocol is text: what is needed of it is spoken here.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rustls::ClientConfig;
use samsyn_client::Profile;
use samsyn_tests::raw::{Failure, tls};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::load::Worker;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// So often a stream is asked for until the nodes have come together.
const TRIES: usize = 100;
/// Where answers come, and what is published.
const INBOX: &str = "_INBOX.samsyn";
const SUBJECT: &str = "messages";
/// The first version that can be told to sync each write before it acknowledges.
const SYNCS_FROM: (u32, u32) = (2, 10);

/// A cluster that ends with this.
pub(crate) struct Nats {
    dir: TempDir,
    nodes: Vec<Child>,
    clients: Vec<u16>,
    config: Arc<ClientConfig>,
    /// What was measured: version and durability.
    pub(crate) what: String,
}

/// The version of a program; none where there is no such program.
pub(crate) fn version(program: &Path) -> Option<(u32, u32, String)> {
    let told = Command::new(program).arg("--version").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let version = told.trim().rsplit('v').next()?.to_owned();
    let mut parts = version.split('.');
    let mut number = || parts.next()?.parse().ok();
    Some((number()?, number()?, version))
}

impl Nats {
    /// Three members, with the certificates of the nodes of a domain.
    pub(crate) async fn start(
        program: &Path,
        domain: &Path,
        like: Profile,
    ) -> Result<Self, Failure> {
        let (major, minor, version) = version(program).ok_or("there is no nats-server")?;
        let syncs = (major, minor) >= SYNCS_FROM;
        let durability = if syncs { "sync_interval always" } else { "no sync before an answer" };
        let read = |name: &str| fs::read_to_string(domain.join("nodes").join(name));
        let (ca_pem, certificate_pem, key_pem) = (read("ca.pem")?, read("1.pem")?, read("1.key")?);
        let mut config = tls(&Profile { ca_pem, certificate_pem, key_pem, ..like })?;
        config.alpn_protocols.clear();
        let dir = tempfile::tempdir()?;
        let held = (0..6).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let held = held.collect::<Result<Vec<_>, _>>()?;
        let ports = held.iter().map(|one| Ok(one.local_addr()?.port()));
        let ports = ports.collect::<Result<Vec<_>, Failure>>()?;
        drop(held);
        let (clients, routes) = ports.split_at(3);
        let mut this = Self {
            dir,
            nodes: Vec::new(),
            clients: clients.to_vec(),
            config: Arc::new(config),
            what: format!("NATS {version}, R3, file, {durability}"),
        };
        for (node, client) in clients.iter().enumerate() {
            let path = this.configure(domain, node, (*client, routes), syncs)?;
            let log = File::create(this.dir.path().join(format!("n{node}.log")))?;
            let mut server = Command::new(program);
            server.arg("-c").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            this.nodes.push(server.spawn()?);
        }
        Ok(this)
    }

    /// Writes the configuration of a node.
    fn configure(
        &self,
        domain: &Path,
        node: usize,
        (client, routes): (u16, &[u16]),
        syncs: bool,
    ) -> Result<PathBuf, Failure> {
        let file = |name: String| domain.join("nodes").join(name).display().to_string();
        let (pem, key) = (file(format!("{}.pem", node + 1)), file(format!("{}.key", node + 1)));
        let authority = file("ca.pem".to_owned());
        let tls = format!(
            "tls {{ cert_file: \"{pem}\", key_file: \"{key}\", ca_file: \"{authority}\", \
             verify: true }}"
        );
        let own = routes.get(node).ok_or("no port")?;
        let routes: Vec<String> =
            routes.iter().map(|port| format!("\"nats-route://127.0.0.1:{port}\"")).collect();
        let store = self.dir.path().join(format!("n{node}"));
        let sync = if syncs { ", sync_interval: always" } else { "" };
        let text = format!(
            "server_name: n{node}\nlisten: \"127.0.0.1:{client}\"\n{tls}\n\
             jetstream {{ store_dir: \"{}\"{sync} }}\n\
             cluster {{ name: c, listen: \"127.0.0.1:{own}\", routes: [{}], {tls} }}\n",
            store.display(),
            routes.join(", "),
        );
        let path = self.dir.path().join(format!("n{node}.conf"));
        fs::write(&path, text)?;
        Ok(path)
    }

    /// So many who publish so many bytes, each on a connection of its own to the node that leads
    /// the stream.
    pub(crate) async fn publishers(
        &self,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<Publisher>, Failure> {
        let leader = self.stream().await?;
        let port = *self.clients.get(leader).ok_or("no such node")?;
        let mut publishers = Vec::new();
        for number in 0..count {
            let wire = Wire::open(port, Arc::clone(&self.config), number).await?;
            publishers.push(Publisher { wire, payload: vec![b'x'; bytes], count: 0 });
        }
        Ok(publishers)
    }

    /// Has the stream, as soon as the nodes have come together; which of them leads it.
    async fn stream(&self) -> Result<usize, Failure> {
        let create =
            format!(r#"{{"name":"S","subjects":["{SUBJECT}"],"storage":"file","num_replicas":3}}"#);
        let port = *self.clients.first().ok_or("no node")?;
        let mut last = String::new();
        for _ in 0..TRIES {
            if let Ok(mut wire) = Wire::open(port, Arc::clone(&self.config), usize::MAX).await {
                let asked = wire.ask("$JS.API.STREAM.CREATE.S", create.as_bytes()).await;
                last = asked.unwrap_or_else(|why| why.to_string());
                let told: serde_json::Value = serde_json::from_str(&last).unwrap_or_default();
                let leader = told.pointer("/cluster/leader").and_then(serde_json::Value::as_str);
                let leader = leader.and_then(|name| name.strip_prefix('n'));
                if let Some(leader) = leader.and_then(|number| number.parse().ok()) {
                    return Ok(leader);
                }
            }
            sleep(Duration::from_millis(200)).await;
        }
        Err(format!("the nodes of NATS do not come together: {last}").into())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may have ended already.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

/// A connection.
struct Wire {
    stream: BufReader<TlsStream<TcpStream>>,
    inbox: String,
}

impl Wire {
    /// Connects, and listens for answers in an inbox of its own.
    async fn open(port: u16, config: Arc<ClientConfig>, number: usize) -> Result<Self, Failure> {
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        tcp.set_nodelay(true)?;
        // What the server tells of itself goes in clear, one line, before TLS.
        let mut info = Vec::new();
        while info.last() != Some(&b'\n') {
            info.push(timeout(PATIENCE, tcp.read_u8()).await??);
        }
        let name = rustls::pki_types::ServerName::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
        let stream = TlsConnector::from(config).connect(name, tcp).await?;
        let inbox = format!("{INBOX}.{number}");
        let mut this = Self { stream: BufReader::new(stream), inbox };
        let hello = r#"CONNECT {"verbose":false,"pedantic":false,"lang":"rust","version":"0"}"#;
        let hello = format!("{hello}\r\nSUB {} 1\r\nPING\r\n", this.inbox);
        this.stream.write_all(hello.as_bytes()).await?;
        this.stream.flush().await?;
        while this.line().await? != "PONG" {}
        Ok(this)
    }

    async fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if timeout(PATIENCE, self.stream.read_line(&mut line)).await?? == 0 {
            return Err("the connection ended".into());
        }
        let line = line.trim_end().to_owned();
        if line.starts_with("-ERR") { Err(line.into()) } else { Ok(line) }
    }

    /// Publishes, and waits for the one answer.
    async fn ask(&mut self, subject: &str, payload: &[u8]) -> Result<String, Failure> {
        let head = format!("PUB {subject} {} {}\r\n", self.inbox, payload.len());
        let message = [head.as_bytes(), payload, b"\r\n"].concat();
        self.stream.write_all(&message).await?;
        self.stream.flush().await?;
        loop {
            let line = self.line().await?;
            if line == "PING" {
                self.stream.write_all(b"PONG\r\n").await?;
                self.stream.flush().await?;
            }
            if line.starts_with("MSG ") {
                let length: usize = line.rsplit(' ').next().unwrap_or_default().parse()?;
                let mut answer = vec![0; length.saturating_add(2)];
                self.stream.read_exact(&mut answer).await?;
                return Ok(String::from_utf8(answer)?);
            }
        }
    }
}

/// One that publishes into the stream.
pub(crate) struct Publisher {
    wire: Wire,
    payload: Vec<u8>,
    count: u64,
}

impl Worker for Publisher {
    async fn once(&mut self) -> Result<(), Failure> {
        self.count += 1;
        for (place, byte) in self.payload.iter_mut().zip(self.count.to_be_bytes()) {
            *place = byte;
        }
        // It is taken when its number in the stream comes back.
        let answer = self.wire.ask(SUBJECT, &self.payload).await?;
        if answer.contains("\"seq\":") { Ok(()) } else { Err(answer.into()) }
    }
}
