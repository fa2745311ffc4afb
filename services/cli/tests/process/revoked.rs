//! Certificates that are revoked while their streams live.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, Refused, wire};
use samsyn_tests::cluster::{Cluster, Plan};
use tempfile::TempDir;

use crate::harness::{Domain, samsyn};

const BOUND: Duration = Duration::from_secs(5);
const ORGANISATION: &str = "stockholms-stad";
const ROUNDS: usize = 5;
/// Two certificates for each of ten services make twenty streams a round.
const SERVICES: usize = 10;
const CERTIFICATES: usize = 2;

/// An authority in the place of the city's own, whose key the test has.
pub(crate) struct Authority {
    dir: TempDir,
    list: PathBuf,
}

impl Authority {
    /// Takes the city's place in a domain that is not served yet.
    pub(crate) fn of_the_city(domain: &Domain) -> Self {
        Self::of(ORGANISATION, domain.path())
    }

    /// Takes an organisation's place in a domain's folder.
    pub(crate) fn of(organisation: &str, folder: &Path) -> Self {
        let registry = fs::read_to_string(folder.join("registry.toml")).unwrap();
        let registry: toml::Table = toml::from_str(&registry).unwrap();
        let organisations = registry["organisations"].as_array().unwrap();
        let found = organisations.iter().find(|o| o["id"].as_str() == Some(organisation)).unwrap();
        let trust_domain = found["trust_domain"].as_str().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let list = folder.join(format!("anchors/{organisation}.crl.pem"));
        let authority = Self { dir, list };
        authority.pki(&["init"], &["--trust-domain", trust_domain]);
        let bundle = folder.join(format!("anchors/{organisation}.pem"));
        fs::copy(authority.path().join("ca.pem"), bundle).unwrap();
        authority.publish();
        authority
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn pki(&self, verb: &[&str], rest: &[&str]) {
        let made = samsyn().arg("pki").args(verb).arg(self.path()).args(rest).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// A profile with a fresh certificate.
    pub(crate) fn issue(&self, domain: &Domain, service: &str) -> Profile {
        self.issue_like(domain, service, service)
    }

    /// The same for a service that has no profile: it calls as another does.
    pub(crate) fn issue_like(&self, domain: &Domain, service: &str, like: &str) -> Profile {
        self.certified(service, domain.profile(like))
    }

    /// A profile with a fresh certificate of a service in place of its own.
    pub(crate) fn certified(&self, service: &str, profile: Profile) -> Profile {
        self.pki(&["issue"], &["--service", service]);
        let read = |kind| {
            let file = self.path().join(format!("issued/{service}.{kind}"));
            fs::read_to_string(file).unwrap()
        };
        Profile { certificate_pem: read("pem"), key_pem: read("key"), ..profile }
    }

    pub(crate) fn revoke(&self, service: &str) {
        self.pki(&["revoke"], &[service]);
    }

    /// Lets the gateway have the list, as a fetcher would: written aside, then renamed.
    pub(crate) fn publish(&self) {
        let aside = self.list.with_extension("new");
        fs::copy(self.path().join("crl.pem"), &aside).unwrap();
        fs::rename(aside, &self.list).unwrap();
    }
}

fn watch(client: &Client) -> wire::WatchEventsRequest {
    wire::WatchEventsRequest {
        context: Some(client.profile().read_context()),
        ..wire::WatchEventsRequest::default()
    }
}

/// How a stream ended: the reason of its last message, its status, and when.
async fn end(mut stream: tonic::Streaming<wire::WatchEventsResponse>) -> (String, String, Instant) {
    let mut closing = String::new();
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                let what = message.entry.and_then(|entry| entry.what);
                assert!(closing.is_empty(), "nothing comes after the last message");
                if let Some(wire::event::What::Closing(last)) = what {
                    closing = last.reason;
                }
            }
            Ok(None) => return (closing, String::new(), Instant::now()),
            Err(status) => {
                let reason = Refused::from(status).reason.map(|reason| reason.id().to_owned());
                return (closing, reason.unwrap_or_default(), Instant::now());
            }
        }
    }
}

/// T4: a hundred of a hundred streams end within five seconds of the list, are told why, and no
/// later call goes through; the streams of others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t4_a_revocation_ends_its_streams_within_five_seconds() {
    let mut domain = Domain::written();
    let authority = Authority::of_the_city(&domain);
    domain.start();
    let police = domain.client("lpo-skarholmen").await;
    let mut other = police.joint.clone().watch_events(watch(&police)).await.unwrap().into_inner();
    let names: Vec<String> = fs::read_dir(domain.path().join("profiles"))
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("sdf-"))
        .take(SERVICES)
        .collect();
    assert_eq!(names.len(), SERVICES);
    let (mut ended, mut slowest) = (0, Duration::ZERO);
    for _ in 0..ROUNDS {
        let mut streams = Vec::new();
        for name in names.iter().flat_map(|name| std::iter::repeat_n(name, CERTIFICATES)) {
            let client = Client::connect(&authority.issue(&domain, name)).await.unwrap();
            let stream = client.joint.clone().watch_events(watch(&client)).await.unwrap();
            streams.push((client, tokio::spawn(end(stream.into_inner()))));
        }
        names.iter().for_each(|name| authority.revoke(name));
        let published = Instant::now();
        authority.publish();
        for (client, stream) in streams {
            let stream = tokio::time::timeout(BOUND, stream).await.expect("ended in time");
            let (closing, reason, at) = stream.unwrap();
            let told = (closing.as_str(), reason.as_str());
            assert_eq!(told, ("ACCESS_ENDED", "CERTIFICATE_ENDED"));
            let took = at.duration_since(published);
            assert!(took <= BOUND, "{took:?}");
            slowest = slowest.max(took);
            let asked = client.access.clone().get_access(wire::GetAccessRequest::default()).await;
            assert!(asked.is_err(), "a call goes through after the revocation");
            assert!(Client::connect(client.profile()).await.is_err() || refused(&client).await);
            ended += 1;
        }
    }
    println!("{ended} of {} streams ended, the slowest after {slowest:?}", ROUNDS * SERVICES * 2);
    assert_eq!(ended, ROUNDS * SERVICES * CERTIFICATES);
    let still = tokio::time::timeout(Duration::from_millis(100), other.message()).await;
    assert!(!matches!(still, Ok(Ok(None) | Err(_))), "another's stream goes on");
}

/// T4 on several nodes: each takes up the list by itself, and ends what it serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t4_a_revocation_ends_streams_at_every_node_within_five_seconds() {
    const PARTNER: &str = "raddningstjansten";
    let program = Path::new(env!("CARGO_BIN_EXE_samsyn"));
    let mut cluster = Cluster::written(program, Plan::default()).await.unwrap();
    let authority = Authority::of(PARTNER, cluster.path());
    cluster.come_together().await.unwrap();
    let mut streams = Vec::new();
    for node in cluster.nodes() {
        let profile = authority.certified(PARTNER, cluster.profile(node, PARTNER).unwrap());
        let client = Client::connect(&profile).await.unwrap();
        let stream = client.joint.clone().watch_events(watch(&client)).await.unwrap();
        streams.push((node, client, tokio::spawn(end(stream.into_inner()))));
    }
    authority.revoke(PARTNER);
    let published = Instant::now();
    authority.publish();
    for (node, client, stream) in streams {
        let stream = tokio::time::timeout(BOUND, stream).await.expect("ended in time");
        let (closing, reason, at) = stream.unwrap();
        assert_eq!((closing.as_str(), reason.as_str()), ("ACCESS_ENDED", "CERTIFICATE_ENDED"));
        println!("node {node}: ended after {} ms", at.duration_since(published).as_millis());
        assert!(at.duration_since(published) <= BOUND);
        assert!(refused(&client).await, "node {node} lets it in again");
    }
}

/// In TLS 1.3 a client is done before the server has seen its certificate: then the first call
/// says it.
async fn refused(client: &Client) -> bool {
    let Ok(again) = Client::connect(client.profile()).await else { return true };
    again.access.clone().get_access(wire::GetAccessRequest::default()).await.is_err()
}
