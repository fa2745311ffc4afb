//! Three nodes of etcd on the same certificates, and those who put and get.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use http::uri::PathAndQuery;
use samsyn_tests::raw::Failure;
use tempfile::TempDir;
use tokio::{sync::mpsc, time::sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Streaming,
    client::Grpc,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_prost::ProstCodec;

use crate::{empty::Asker, fanout::Watcher, load::Worker};

/// A put (etcdserverpb.PutRequest).
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// Its answer, of which nothing is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

/// A linearizable get of one key (etcdserverpb.RangeRequest).
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// Its answer.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    found: Vec<KeyValue>,
}

/// A key with its value (mvccpb.KeyValue).
#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

/// Begins to watch a key (etcdserverpb.WatchRequest).
#[derive(Clone, PartialEq, prost::Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create: Option<WatchCreate>,
}

/// Which key (etcdserverpb.WatchCreateRequest).
#[derive(Clone, PartialEq, prost::Message)]
struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// That watching has begun, or what happened (etcdserverpb.WatchResponse).
#[derive(Clone, PartialEq, prost::Message)]
struct WatchResponse {
    #[prost(message, repeated, tag = "11")]
    events: Vec<WatchEvent>,
}

/// A change (mvccpb.Event).
#[derive(Clone, PartialEq, prost::Message)]
struct WatchEvent {
    #[prost(message, optional, tag = "2")]
    pair: Option<KeyValue>,
}

/// A cluster that ends with this.
pub(crate) struct Etcd {
    _dir: TempDir,
    nodes: Vec<Child>,
    tls: ClientTlsConfig,
    first: String,
}

impl Etcd {
    /// Three members, with the certificates of the nodes of a domain.
    pub(crate) async fn start(domain: &Path) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let free = || Ok::<_, Failure>(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        let held = (0..6).map(|_| free()).collect::<Result<Vec<_>, _>>()?;
        let ports = held.iter().map(|one| Ok(one.local_addr()?.port()));
        let ports = ports.collect::<Result<Vec<_>, Failure>>()?;
        drop(held);
        let at = |port: &u16| format!("https://127.0.0.1:{port}");
        let (clients, peers) = ports.split_at(3);
        let members: Vec<String> =
            peers.iter().enumerate().map(|(node, port)| format!("n{node}={}", at(port))).collect();
        let mut nodes = Vec::new();
        for (node, (client, peer)) in clients.iter().zip(peers).enumerate() {
            let file = |name: &str| domain.join("nodes").join(name);
            let (pem, key) =
                (file(&format!("{}.pem", node + 1)), file(&format!("{}.key", node + 1)));
            let (client, peer) = (at(client), at(peer));
            let log = File::create(dir.path().join(format!("n{node}.log")))?;
            let mut etcd = Command::new("etcd");
            etcd.args(["--name", &format!("n{node}"), "--data-dir"])
                .arg(dir.path().join(format!("n{node}")))
                .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
                .args(["--initial-cluster", &members.join(",")])
                .args(["--client-cert-auth", "--peer-client-cert-auth"]);
            for (option, path) in [
                ("--cert-file", &pem),
                ("--key-file", &key),
                ("--trusted-ca-file", &file("ca.pem")),
                ("--peer-cert-file", &pem),
                ("--peer-key-file", &key),
                ("--peer-trusted-ca-file", &file("ca.pem")),
            ] {
                etcd.arg(option).arg(path);
            }
            nodes.push(etcd.stdout(Stdio::null()).stderr(log).spawn()?);
        }
        let read = |name: &str| std::fs::read(domain.join("nodes").join(name));
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(read("ca.pem")?))
            .identity(Identity::from_pem(read("1.pem")?, read("1.key")?));
        let first = clients.first().map(at).ok_or("no port")?;
        let this = Self { _dir: dir, nodes, tls, first };
        for _ in 0..100 {
            if let Ok(mut putter) = this.putter(0, 8).await
                && putter.once().await.is_ok()
            {
                return Ok(this);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err("etcd does not answer".into())
    }

    async fn connected(&self) -> Result<Channel, Failure> {
        let endpoint = Endpoint::from_shared(self.first.clone())?.tls_config(self.tls.clone())?;
        Ok(endpoint.connect().await?)
    }

    async fn channel(&self) -> Result<Grpc<Channel>, Failure> {
        Ok(Grpc::new(self.connected().await?))
    }

    /// So many who ask for nothing.
    pub(crate) async fn askers(&self, count: usize) -> Result<Vec<Asker>, Failure> {
        let mut askers = Vec::new();
        for _ in 0..count {
            askers.push(Asker::new(self.connected().await?));
        }
        Ok(askers)
    }

    /// So many who watch the key that the first putter puts.
    pub(crate) async fn watchers(&self, count: usize) -> Result<Vec<Observer>, Failure> {
        let key = self.putter(0, 0).await?.key;
        let mut watchers = Vec::new();
        for _ in 0..count {
            let (ask, asked) = mpsc::channel(1);
            ask.send(WatchRequest { create: Some(WatchCreate { key: key.clone() }) }).await?;
            let mut grpc = self.channel().await?;
            grpc.ready().await?;
            let path = PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
            let codec = ProstCodec::<WatchRequest, WatchResponse>::default();
            let request = tonic::Request::new(ReceiverStream::new(asked));
            let answers = grpc.streaming(request, path, codec).await?.into_inner();
            watchers.push(Observer { answers, _ask: ask });
        }
        Ok(watchers)
    }

    async fn putter(&self, number: usize, bytes: usize) -> Result<Putter, Failure> {
        let (grpc, key) = (self.channel().await?, format!("key-{number}").into_bytes());
        Ok(Putter { grpc, key, value: vec![b'x'; bytes], count: 0 })
    }

    /// So many who put, each its own key, a value of so many bytes.
    pub(crate) async fn putters(&self, count: usize, bytes: usize) -> Result<Vec<Putter>, Failure> {
        let mut putters = Vec::new();
        for number in 0..count {
            putters.push(self.putter(number, bytes).await?);
        }
        Ok(putters)
    }

    /// So many who get one value of so many bytes.
    pub(crate) async fn getters(&self, count: usize, bytes: usize) -> Result<Vec<Getter>, Failure> {
        let mut putter = self.putter(0, bytes).await?;
        putter.once().await?;
        let mut getters = Vec::new();
        for _ in 0..count {
            getters.push(Getter { grpc: self.channel().await?, key: putter.key.clone() });
        }
        Ok(getters)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may have ended already.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

/// One that puts.
pub(crate) struct Putter {
    grpc: Grpc<Channel>,
    key: Vec<u8>,
    value: Vec<u8>,
    count: u64,
}

impl Worker for Putter {
    async fn once(&mut self) -> Result<(), Failure> {
        self.count += 1;
        let mut value = self.value.clone();
        for (place, byte) in value.iter_mut().zip(self.count.to_be_bytes()) {
            *place = byte;
        }
        let request = tonic::Request::new(PutRequest { key: self.key.clone(), value });
        self.grpc.ready().await?;
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
        let codec = ProstCodec::<PutRequest, PutResponse>::default();
        self.grpc.unary(request, path, codec).await?;
        Ok(())
    }
}

/// One that watches.
pub(crate) struct Observer {
    answers: Streaming<WatchResponse>,
    /// The stream lasts as long as it may be asked for more.
    _ask: mpsc::Sender<WatchRequest>,
}

impl Watcher for Observer {
    async fn told(&mut self) -> Result<(), Failure> {
        self.answers.message().await?.ok_or("the stream has ended")?;
        Ok(())
    }
}

/// One that gets.
pub(crate) struct Getter {
    grpc: Grpc<Channel>,
    key: Vec<u8>,
}

impl Worker for Getter {
    async fn once(&mut self) -> Result<(), Failure> {
        let request = tonic::Request::new(RangeRequest { key: self.key.clone() });
        self.grpc.ready().await?;
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Range");
        let codec = ProstCodec::<RangeRequest, RangeResponse>::default();
        let answer = self.grpc.unary(request, path, codec).await?.into_inner();
        if answer.found.iter().any(|found| !found.value.is_empty()) {
            Ok(())
        } else {
            Err("nothing".into())
        }
    }
}
