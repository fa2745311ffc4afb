//! A domain on three nodes, linked with another: leaders are killed while messages cross, and the
//! other domain's process too.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    time::{Duration, Instant},
};

use samsyn_client::{Client, wire};
use samsyn_tests::cluster::{Cluster, Plan};
use serde_json::Value;

use crate::{
    harness::{PARTY, samsyn, written},
    linked::{
        CITY_NUMBER, OPERATOR, PATIENCE, PRISON_SERVICE, PRISON_SERVICE_NUMBER, REGISTRARS, Side,
        done, question,
    },
};

const DOMAIN: &str = "stockholm.example";
const FEDERATION: &str = "f.example";
const MESSAGES: usize = 60;

/// Three nodes that can be linked.
struct Three {
    cluster: Cluster,
    ports: Vec<u16>,
}

impl Three {
    /// Written, with the revocation list of the other domain; nothing is started yet.
    async fn written(list: &std::path::Path) -> Self {
        let cluster = written(Plan::default()).await;
        let registry = cluster.path().join("registry.toml");
        let mut table: toml::Table =
            toml::from_str(&fs::read_to_string(&registry).unwrap()).unwrap();
        let functions = table["functions"].as_array_mut().unwrap();
        functions.retain(|one| one["organisation"].as_str() != Some(PRISON_SERVICE));
        fs::write(&registry, toml::to_string(&table).unwrap()).unwrap();
        let free: Vec<TcpListener> = cluster
            .nodes()
            .iter()
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
            .collect();
        let ports: Vec<u16> = free.iter().map(|one| one.local_addr().unwrap().port()).collect();
        drop(free);
        let this = Self { cluster, ports };
        let mut init = samsyn();
        init.args(["pki", "init", "--trust-domain", DOMAIN]).arg(this.links());
        done(&init.output().unwrap());
        let mut issue = samsyn();
        issue.args(["pki", "issue"]).arg(this.links()).args(["--link", "--ip", "127.0.0.1"]);
        done(&issue.output().unwrap());
        for (node, port) in this.cluster.nodes().iter().zip(&this.ports) {
            let config = this.cluster.config(*node);
            let text = fs::read_to_string(&config).unwrap();
            let link = format!(
                "\n[link]\nfederation = \"{FEDERATION}\"\nlisten = \"127.0.0.1:{port}\"\n\
                 chain = \"links/issued/link.pem\"\nkey = \"links/issued/link.key\"\n\
                 authority = \"links/ca.pem\"\nlists = [{list:?}]\n"
            );
            fs::write(&config, text + &link).unwrap();
        }
        this
    }

    fn links(&self) -> PathBuf {
        self.cluster.path().join("links")
    }

    /// Runs a command as somebody; what it answers.
    fn done(&self, who: &str, args: &[&str]) -> Value {
        let profiles = self.cluster.path().join("profiles");
        let mut command = samsyn();
        command.args(args).args(["--as", who, "--output", "json", "--profiles"]).arg(profiles);
        serde_json::from_str(&done(&command.output().unwrap())).unwrap()
    }

    /// Its invitation, which names all nodes.
    fn invitation(&self) -> (String, String) {
        let file = self.cluster.path().join("invitation.json").display().to_string();
        let endpoints: Vec<String> =
            self.ports.iter().map(|port| format!("--endpoint=127.0.0.1:{port}")).collect();
        let mut args = vec!["invite", "--out", &file];
        args.extend(endpoints.iter().map(String::as_str));
        let told = self.done(OPERATOR, &args);
        (file, told["fingerprint"].as_str().unwrap().to_owned())
    }

    fn accept(&self, (file, fingerprint): (&str, &str)) {
        for registrar in REGISTRARS {
            self.done(
                registrar,
                &[
                    "accept",
                    file,
                    "--fingerprint",
                    fingerprint,
                    "--ceiling",
                    "2",
                    "--kinds",
                    "information_request,answer",
                    "--organisation",
                    PRISON_SERVICE_NUMBER,
                    "--reason",
                    "drill",
                ],
            );
        }
    }
}

/// The subjects in an inbox, in order.
async fn inbox(client: &Client) -> Vec<String> {
    let mut subjects = Vec::new();
    loop {
        let after = subjects.len() as u64;
        let entries = client.inbox(&client.profile().function, after, 0).await.unwrap();
        if entries.is_empty() {
            return subjects;
        }
        subjects.extend(entries.into_iter().map(|entry| entry.head.unwrap().subject));
    }
}

async fn has_all(client: &Client, expected: &[String]) {
    let since = Instant::now();
    loop {
        let there = inbox(client).await;
        if there.len() >= expected.len() || since.elapsed() > PATIENCE {
            return assert_eq!(there, expected);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_leaders_on_a_link_lose_nothing_and_double_nothing() {
    let mut b = Side::written("b.example", "stockholms-stad");
    let mut a = Three::written(&b.links().join("crl.pem")).await;
    b.configure_for(&a.links().join("crl.pem"), FEDERATION);
    a.cluster.come_together().await.unwrap();
    b.domain.start();
    let prison = b.domain.client(PRISON_SERVICE).await;
    let (of_a, of_b) = (a.invitation(), b.invitation());
    a.accept((&of_b.0, &of_b.1));
    b.accept((&of_a.0, &of_a.1), CITY_NUMBER);
    b.becomes("open", PATIENCE).await;

    let city = Client::connect(&a.cluster.whole(1, PARTY).unwrap()).await.unwrap();
    let answers = prison.profile().function.clone();
    let asks = city.profile().function.clone();
    let mut expected = Vec::new();
    let mut down = None;
    for n in 0..MESSAGES {
        let subject = format!("fråga {n}");
        let asked =
            wire::SendMessageRequest { subject: subject.clone(), ..question(&city, &answers) };
        city.send_message(asked).await.unwrap();
        expected.push(subject);
        match n {
            10 | 40 => {
                let leader = a.cluster.leader(&a.cluster.nodes()).await.unwrap();
                a.cluster.kill(leader).unwrap();
                down = Some(leader);
            }
            25 => {
                // The other side too; and the node that was killed comes back.
                b.domain.kill();
                a.cluster.run(down.take().unwrap()).unwrap();
                b.domain.start();
            }
            _ => {}
        }
    }
    a.cluster.run(down.take().unwrap()).unwrap();
    let prison = b.domain.client(PRISON_SERVICE).await;
    has_all(&prison, &expected).await;
    let mut back = Vec::new();
    for n in 0..10 {
        let subject = format!("svar {n}");
        let mut answer = question(&prison, &asks);
        answer.subject.clone_from(&subject);
        prison.send_message(answer).await.unwrap();
        back.push(subject);
        if n == 5 {
            let leader = a.cluster.leader(&a.cluster.nodes()).await.unwrap();
            a.cluster.kill(leader).unwrap();
            down = Some(leader);
        }
    }
    has_all(&city, &back).await;
    a.cluster.run(down.unwrap()).unwrap();
    a.cluster.alike().await.unwrap();
    // The word for what came last may still be on its way.
    let since = Instant::now();
    let link = loop {
        let link = b.becomes("open", PATIENCE).await;
        if link["lag"] == 0 || since.elapsed() > PATIENCE {
            break link;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((&link["lag"], &link["quarantined"]), (&0.into(), &0.into()), "{link}");
    for tracked in city.track_messages(&asks, None).await.unwrap() {
        let [delivery] = tracked.deliveries.try_into().unwrap();
        let steps: Vec<i32> = delivery.receipts.iter().map(|receipt| receipt.step).collect();
        assert!(steps.is_sorted() && steps.contains(&4), "{steps:?}");
    }
}
