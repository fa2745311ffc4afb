//! A domain on three nodes, linked with another: leaders are killed while messages cross, and the
//! other domain's process too.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
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
    /// Written, in which nobody has an address for an organisation: that is at home elsewhere.
    async fn written(name: &str, without: &str) -> Self {
        let mut cluster = written(Plan::default()).await;
        if name != DOMAIN {
            // Its nodes have certificates of this name.
            for node in cluster.nodes() {
                let config = cluster.config(node);
                let text = fs::read_to_string(&config).unwrap();
                let named = text.replace(&format!("\"{DOMAIN}\""), &format!("{name:?}"));
                fs::write(&config, named).unwrap();
            }
            cluster.renew().unwrap();
        }
        let registry = cluster.path().join("registry.toml");
        let mut table: toml::Table =
            toml::from_str(&fs::read_to_string(&registry).unwrap()).unwrap();
        let functions = table["functions"].as_array_mut().unwrap();
        functions.retain(|one| one["organisation"].as_str() != Some(without));
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
        init.args(["pki", "init", "--trust-domain", name]).arg(this.links());
        done(&init.output().unwrap());
        let mut issue = samsyn();
        issue.args(["pki", "issue"]).arg(this.links()).args(["--link", "--ip", "127.0.0.1"]);
        done(&issue.output().unwrap());
        this
    }

    /// Writes the configuration of its nodes, with the revocation list of the other domain.
    fn configure_for(&self, list: &Path) {
        for (node, port) in self.cluster.nodes().iter().zip(&self.ports) {
            let config = self.cluster.config(*node);
            let text = fs::read_to_string(&config).unwrap();
            let link = format!(
                "\n[link]\nfederation = \"{FEDERATION}\"\nlisten = \"127.0.0.1:{port}\"\n\
                 chain = \"links/issued/link.pem\"\nkey = \"links/issued/link.key\"\n\
                 authority = \"links/ca.pem\"\nlists = [{list:?}]\n"
            );
            fs::write(&config, text + &link).unwrap();
        }
    }

    fn links(&self) -> PathBuf {
        self.cluster.path().join("links")
    }

    /// Runs a command as somebody; what it answers.
    fn done(&self, who: &str, args: &[&str]) -> Value {
        // The written profiles name the ports of the nodes that were written first.
        let profiles = self.cluster.path().join("used");
        let first = self.cluster.nodes()[0];
        self.cluster.whole(first, who).unwrap().save(&profiles.join(who)).unwrap();
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

    fn accept(&self, (file, fingerprint): (&str, &str), organisation: &str) {
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
                    organisation,
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
    let mut a = Three::written(DOMAIN, PRISON_SERVICE).await;
    a.configure_for(&b.links().join("crl.pem"));
    b.configure_for(&a.links().join("crl.pem"), FEDERATION);
    a.cluster.come_together().await.unwrap();
    b.domain.start();
    let prison = b.domain.client(PRISON_SERVICE).await;
    let (of_a, of_b) = (a.invitation(), b.invitation());
    a.accept((&of_b.0, &of_b.1), PRISON_SERVICE_NUMBER);
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

impl Three {
    /// Kills whoever leads; which node that was.
    async fn loses_its_leader(&mut self) -> u64 {
        let leader = self.cluster.leader(&self.cluster.nodes()).await.unwrap();
        self.cluster.kill(leader).unwrap();
        leader
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clusters_catch_up_while_leaders_are_killed_on_both_sides() {
    let mut b = Three::written("b.example", "stockholms-stad").await;
    let mut a = Three::written(DOMAIN, PRISON_SERVICE).await;
    a.configure_for(&b.links().join("crl.pem"));
    b.configure_for(&a.links().join("crl.pem"));
    let together = tokio::join!(a.cluster.come_together(), b.cluster.come_together());
    together.0.and(together.1).unwrap();
    let of = |cluster: &Cluster, who| cluster.whole(cluster.nodes()[0], who).unwrap();
    let city = Client::connect(&of(&a.cluster, PARTY)).await.unwrap();
    let prison = Client::connect(&of(&b.cluster, PRISON_SERVICE)).await.unwrap();
    let (asks, answers) = (city.profile().function.clone(), prison.profile().function.clone());
    let (of_a, of_b) = (a.invitation(), b.invitation());
    a.accept((&of_b.0, &of_b.1), PRISON_SERVICE_NUMBER);
    b.accept((&of_a.0, &of_a.1), CITY_NUMBER);
    // Both ways at once, and a leader fewer on one side or the other all the time.
    let (mut there, mut back, mut down) = (Vec::new(), Vec::new(), None);
    for n in 0..MESSAGES {
        for (from, to, sent, what) in
            [(&city, &answers, &mut there, "fråga"), (&prison, &asks, &mut back, "underrättelse")]
        {
            let subject = format!("{what} {n}");
            let asked = wire::SendMessageRequest { subject: subject.clone(), ..question(from, to) };
            from.send_message(asked).await.unwrap();
            sent.push(subject);
        }
        if n % 15 == 10 {
            if let Some((side, node)) = down.take() {
                let side: &mut Three = if side == 0 { &mut a } else { &mut b };
                side.cluster.run(node).unwrap();
            }
            let side = n / 15 % 2;
            let loses = if side == 0 { &mut a } else { &mut b };
            down = Some((side, loses.loses_its_leader().await));
        }
    }
    has_all(&prison, &there).await;
    has_all(&city, &back).await;
    let (side, node) = down.unwrap();
    if side == 0 { &mut a } else { &mut b }.cluster.run(node).unwrap();
    a.cluster.alike().await.unwrap();
    b.cluster.alike().await.unwrap();
}
