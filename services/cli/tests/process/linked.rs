//! Two domains, each with its own folder, authorities and operators, are linked: by an invitation
//! each way, over mutual TLS, by the commands that their operators type.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};

use samsyn_client::{Profile, wire, write_context};
use samsyn_tests::{observed, raw};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::harness::{Domain, PARTY, samsyn};

/// Within this a revocation ends a session.
const BOUND: Duration = Duration::from_secs(5);
/// Long enough for whatever must come; a link is tried again after pauses that grow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for a session to come up that must not.
const LOOKED: Duration = Duration::from_secs(5);
pub(crate) const OPERATOR: &str = "drift";
pub(crate) const REGISTRARS: [&str; 2] = ["registrar", "registrar-polismyndigheten"];
pub(crate) const PRISON_SERVICE: &str = "kriminalvarden";
pub(crate) const PRISON_SERVICE_NUMBER: &str = "2021000225";
pub(crate) const CITY_NUMBER: &str = "2120000142";

/// A domain that can be linked.
pub(crate) struct Side {
    pub(crate) domain: Domain,
    pub(crate) name: &'static str,
    /// Where it listens for others.
    port: u16,
}

impl Side {
    /// A domain in which nobody has an address for an organisation: that is at home elsewhere.
    pub(crate) fn written(name: &'static str, without: &str) -> Self {
        let domain = Domain::written();
        domain.edit_registry(|text| {
            let mut registry: toml::Table = toml::from_str(text).unwrap();
            let functions = registry["functions"].as_array_mut().unwrap();
            functions.retain(|function| function["organisation"].as_str() != Some(without));
            toml::to_string(&registry).unwrap()
        });
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = port.local_addr().unwrap().port();
        let side = Self { domain, name, port };
        side.pki(&["init"], &["--trust-domain", name]);
        side.pki(&["issue"], &["--link", "--ip", "127.0.0.1", "--dns", "localhost"]);
        side
    }

    /// Writes its configuration, which names the other's revocation list.
    fn configure(&self, other: &Self, federation: &str) {
        self.configure_for(&other.links().join("crl.pem"), federation);
    }

    /// Writes its configuration, with the revocation list of the other.
    pub(crate) fn configure_for(&self, list: &Path, federation: &str) {
        let text = fs::read_to_string(self.domain.config()).unwrap();
        let (_, rest) = text.split_once("\ndomain = \"").unwrap();
        let (before, _) = rest.split_once('"').unwrap();
        let named = text.replace(&format!("\"{before}\""), &format!("\"{}\"", self.name));
        let link = format!(
            "\n[link]\nfederation = \"{federation}\"\nlisten = \"127.0.0.1:{}\"\n\
             chain = \"links/issued/link.pem\"\nkey = \"links/issued/link.key\"\n\
             authority = \"links/ca.pem\"\nlists = [{:?}]\n",
            self.port, list,
        );
        fs::write(self.domain.config(), format!("{named}{link}")).unwrap();
        let mut check = samsyn();
        let checked = check.args(["serve", "--check", "--config"]).arg(self.domain.config());
        done(&checked.output().unwrap());
    }

    /// The folder of its authority for links.
    pub(crate) fn links(&self) -> PathBuf {
        self.domain.path().join("links")
    }

    fn pki(&self, verb: &[&str], rest: &[&str]) {
        let mut command = samsyn();
        done(&command.arg("pki").args(verb).arg(self.links()).args(rest).output().unwrap());
    }

    /// Runs a command as somebody.
    fn run(&self, who: &str, args: &[&str]) -> Output {
        // The written profiles name the port of the configuration, not the one that is served.
        let profiles = self.domain.path().join("used");
        self.domain.profile(who).save(&profiles.join(who)).unwrap();
        let mut command = samsyn();
        command.args(args).args(["--as", who, "--output", "json", "--profiles"]).arg(profiles);
        command.output().unwrap()
    }

    /// Runs a command that succeeds; what it answers.
    pub(crate) fn done(&self, who: &str, args: &[&str]) -> Value {
        serde_json::from_str(&done(&self.run(who, args))).unwrap()
    }

    /// What a command answers; none when it fails.
    pub(crate) fn tried(&self, who: &str, args: &[&str]) -> Option<Value> {
        let output = self.run(who, args);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Runs a command that fails with an exit code; what it says.
    pub(crate) fn refused(&self, who: &str, args: &[&str], code: i32) -> String {
        let output = self.run(who, args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    /// Its invitation: the file, and the fingerprint that its operator reads out.
    pub(crate) fn invitation(&self) -> (String, String) {
        let named = |number| self.domain.path().join(format!("invitation-{number}.json"));
        let file = (0..).map(named).find(|file| !file.exists()).unwrap().display().to_string();
        let told = self.done(OPERATOR, &["invite", "--out", &file]);
        assert_eq!(
            (&told["domain"], &told["endpoints"][0]),
            (&self.name.into(), &self.at().into())
        );
        (file, told["fingerprint"].as_str().unwrap().to_owned())
    }

    fn at(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Both registrars take an invitation; the second one approves what the first has proposed.
    pub(crate) fn accept(&self, (file, fingerprint): (&str, &str), organisation: &str) {
        let accept = [
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
        ];
        let proposed = self.done(REGISTRARS[0], &accept);
        assert!(proposed["proposed"].is_u64() && proposed["epoch"].is_null(), "{proposed}");
        assert!(self.status(None).is_empty(), "one registrar alone has made a peer");
        let approved = self.done(REGISTRARS[1], &accept);
        assert!(approved["approved"].is_u64() && approved["epoch"].is_u64(), "{approved}");
    }

    fn status(&self, peer: Option<&str>) -> Vec<Value> {
        let told = self.done(OPERATOR, &[&["link", "status"], peer.as_slice()].concat());
        assert_eq!(told["domain"], self.name);
        told["links"].as_array().unwrap().clone()
    }

    /// How its only link is.
    pub(crate) fn link(&self) -> Value {
        let [link] = self.status(None).try_into().unwrap();
        link
    }

    /// Waits until its link is so.
    pub(crate) async fn becomes(&self, state: &str, within: Duration) -> Value {
        let since = Instant::now();
        loop {
            let link = self.link();
            if link["state"] == state {
                return link;
            }
            let log = || self.domain.log();
            assert!(since.elapsed() < within, "{}: not {state}: {link}\n{}", self.name, log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whether it lets somebody in who shows a certificate at its port for links.
    async fn lets_in(&self, certificate: &Path, key: &Path) -> bool {
        let read = |file: &Path| fs::read_to_string(file).unwrap();
        let profile = Profile {
            endpoint: format!("https://{}", self.at()),
            ca_pem: read(&self.links().join("ca.pem")),
            certificate_pem: read(certificate),
            key_pem: read(key),
            ..self.domain.profile(OPERATOR)
        };
        let tcp = raw::connect(&profile, None).await.unwrap();
        let Ok(mut stream) = raw::handshake(raw::tls(&profile).unwrap(), tcp).await else {
            return false;
        };
        // In TLS 1.3 the other side judges a certificate when the handshake is over here.
        let mut first = [0; 9];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut first)).await.unwrap().is_ok()
    }
}

pub(crate) fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Two domains that run and do not know each other yet.
async fn two(federations: [&str; 2]) -> [Side; 2] {
    let sides =
        [Side::written("a.example", PRISON_SERVICE), Side::written("b.example", "stockholms-stad")];
    started(federations, sides).await
}

/// Starts two domains, with each other's revocation lists.
pub(crate) async fn started(federations: [&str; 2], mut sides: [Side; 2]) -> [Side; 2] {
    let [a, b] = &sides;
    a.configure(b, federations[0]);
    b.configure(a, federations[1]);
    for side in &mut sides {
        side.domain.start();
    }
    for side in &sides {
        drop(side.domain.client(OPERATOR).await);
    }
    sides
}

/// Two domains whose link is open, and what it took.
pub(crate) async fn linked() -> [Side; 2] {
    let sides = two(["f.example"; 2]).await;
    let [a, b] = &sides;
    let since = Instant::now();
    let (of_a, of_b) = (a.invitation(), b.invitation());
    a.accept((&of_b.0, &of_b.1), PRISON_SERVICE_NUMBER);
    b.accept((&of_a.0, &of_a.1), CITY_NUMBER);
    a.becomes("open", PATIENCE).await;
    b.becomes("open", PATIENCE).await;
    println!("linked {} ms after the first invitation was asked for", since.elapsed().as_millis());
    sides
}

/// A certificate in the folder of an authority of its own.
fn issued(folder: &Path, trust_domain: &str, args: &[&str]) {
    let mut init = samsyn();
    done(&init.args(["pki", "init", "--trust-domain", trust_domain]).arg(folder).output().unwrap());
    done(&samsyn().args(["pki", "issue"]).arg(folder).args(args).output().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_domains_are_linked_by_invitations_and_a_message_crosses() {
    let [a, b] = &linked().await;
    let link = a.link();
    assert_eq!((&link["peer"], &link["last_fault"]), (&b.name.into(), &"".into()), "{link}");
    assert!(link["clock_millis"].as_i64().unwrap().abs() < 2_000, "{link}");
    assert!(link["certificate_until"].is_string() && link["peer_level"] == 5, "{link}");
    assert!(link["authority_until"].is_string() && link["list_until"].is_string(), "{link}");
    assert_eq!(link["trust"], "fresh", "{link}");

    let (city, prison) = (a.domain.client(PARTY).await, b.domain.client(PRISON_SERVICE).await);
    let (asks, answers) = (&city.profile().function, &prison.profile().function);
    let list: Vec<u8> = "plats;antal\n".bytes().cycle().take(1_200_000).collect();
    let uploaded = city.upload_attachment(asks, "lista.csv", &list).await.unwrap();
    let attachments = vec![uploaded.attachment];
    let asked = wire::SendMessageRequest { attachments, ..question(&city, answers) };
    let id = city.send_message(asked).await.unwrap();
    let mut inbox = samsyn_client::InboxWatch::new(prison.profile(), answers, 0);
    let came = tokio::time::timeout(PATIENCE, inbox.next()).await.unwrap().unwrap();
    let head = came.head.unwrap();
    assert_eq!((&head.message_id, &head.from_function), (&id, asks));
    let (told, file) = prison.attachment(answers, &id, 1).await.unwrap();
    assert_eq!((told.name.as_str(), file), ("lista.csv", list));
    prison.message(answers, &id).await.unwrap();
    prison.mark_message(answers, &id, wire::MessageStep::Acted).await.unwrap();
    let since = Instant::now();
    loop {
        let [tracked] = city.track_messages(asks, Some(&id)).await.unwrap().try_into().unwrap();
        let [delivery] = tracked.deliveries.try_into().unwrap();
        let steps: Vec<&str> = delivery.receipts.iter().map(|r| r.step().as_str_name()).collect();
        if steps.last() == Some(&"MESSAGE_STEP_ACTED") {
            assert!(steps.contains(&"MESSAGE_STEP_READ"), "{steps:?}");
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{steps:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(a.becomes("open", BOUND).await["lag"], 0);
}

pub(crate) fn question(city: &samsyn_client::Client, to: &str) -> wire::SendMessageRequest {
    let labels = observed::observation("any", 1).labels.unwrap();
    wire::SendMessageRequest {
        context: Some(write_context("")),
        ground: Some(city.profile().read_context()),
        from_function: city.profile().function.clone(),
        to_functions: vec![to.to_owned()],
        kind: "information_request".to_owned(),
        subject: "Frigivningar, oktober".to_owned(),
        body: "Hur många väntas till stadsdelen? Endast antal.".to_owned(),
        labels: Some(wire::Labels { audience: Vec::new(), ..labels }),
        ..wire::SendMessageRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_link_is_closed_until_it_is_resumed() {
    let [a, b] = &linked().await;
    a.done(OPERATOR, &["link", "pause", b.name]);
    a.becomes("paused", BOUND).await;
    b.becomes("unreached", BOUND).await;
    tokio::time::sleep(LOOKED).await;
    let (told, seen) = (a.link(), b.link());
    assert_eq!(told["state"], "paused", "{told}");
    assert_eq!(seen["state"], "unreached", "{seen}\n{}", b.domain.log());
    assert!(seen["last_fault"].as_str().unwrap().starts_with("PAUSED"), "{seen}");
    a.done(OPERATOR, &["link", "resume", b.name]);
    a.becomes("open", PATIENCE).await;
    b.becomes("open", PATIENCE).await;
    let unknown = a.refused(OPERATOR, &["link", "status", "nobody.example"], 2);
    assert!(unknown.contains("`nobody.example` is not registered as a peer"), "{unknown}");
    a.refused(OPERATOR, &["link", "pause", "nobody.example"], 1);
    a.refused(PARTY, &["link", "pause", b.name, "--role", "operator"], 1);
    a.becomes("open", BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_link_certificate_ends_the_session_within_five_seconds() {
    let [a, b] = &linked().await;
    let revoked = Instant::now();
    b.pki(&["revoke"], &["link"]);
    a.becomes("unreached", BOUND).await;
    println!("ended {} ms after the revocation", revoked.elapsed().as_millis());
    let until = Instant::now() + LOOKED;
    while Instant::now() < until {
        assert_eq!(a.link()["state"], "unreached");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    b.pki(&["issue"], &["--link", "--ip", "127.0.0.1"]);
    a.becomes("open", PATIENCE).await;
    b.becomes("open", PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_link_certificate_of_a_registered_domain_gets_in() {
    let [a, b] = &linked().await;
    let pem = |folder: &Path, name: &str| {
        let file = |kind| folder.join(format!("issued/{name}.{kind}"));
        (file("pem"), file("key"))
    };
    let (good, key) = pem(&b.links(), "link");
    assert!(a.lets_in(&good, &key).await, "the certificate of a peer is refused");

    // Of the peer's own authority for links, but for other uses.
    b.pki(&["issue"], &["--node", "1", "--ip", "127.0.0.1"]);
    b.pki(&["issue"], &["--service", "link-service"]);
    for name in ["node-1", "link-service"] {
        let (certificate, key) = pem(&b.links(), name);
        assert!(!a.lets_in(&certificate, &key).await, "{name} is let in");
    }
    // Of an organisation of this very domain.
    let organisation = a.domain.path().join("profiles").join(PARTY);
    let (certificate, key) = (organisation.join("client.pem"), organisation.join("client.key"));
    assert!(!a.lets_in(&certificate, &key).await, "an organisation is let in");
    // Of a domain that is not registered, and of one that only says that it is the peer.
    let dir = tempfile::tempdir().unwrap();
    for (folder, domain) in [("stranger", "c.example"), ("forger", b.name)] {
        let folder = dir.path().join(folder);
        issued(&folder, domain, &["--link", "--ip", "127.0.0.1"]);
        let (certificate, key) = pem(&folder, "link");
        assert!(!a.lets_in(&certificate, &key).await, "{} is let in", folder.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_taken_only_as_its_operator_read_it_out() {
    let [a, b] = &two(["f.example", "test.f.example"]).await;
    let (file, fingerprint) = b.invitation();
    let accept = |file: &str, more: &[&str]| {
        let args = ["accept", file, "--ceiling", "1", "--kinds", "notice", "--reason", "drill"];
        [&args[..], more].concat().iter().map(ToString::to_string).collect::<Vec<String>>()
    };
    let refused = |file: &str, more: &[&str], code| {
        let args = accept(file, more);
        a.refused(REGISTRARS[0], &args.iter().map(String::as_str).collect::<Vec<_>>(), code)
    };
    let said = refused(&file, &["--fingerprint", &fingerprint], 4);
    assert!(said.contains("test.f.example") && said.contains("never linked"), "{said}");
    let (own, fingerprint) = a.invitation();
    let said = refused(&own, &["--fingerprint", &fingerprint], 2);
    assert!(said.contains("the invitation of `a.example` itself"), "{said}");
    let forged = a.domain.path().join("forged.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&forged, text.replace(&hex::encode("b.example"), &hex::encode("x.example"))).unwrap();
    let said = refused(forged.to_str().unwrap(), &[], 4);
    assert!(said.contains("changed after it was signed"), "{said}");
    assert!(a.status(None).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_invitation_can_be_a_file_for_the_registrars() {
    let [a, b] = &two(["f.example"; 2]).await;
    let (file, fingerprint) = b.invitation();
    let folder = a.domain.path().join("change");
    fs::create_dir(&folder).unwrap();
    let (rows, now) = (folder.join("b.toml"), folder.join("now.toml"));
    let (rows, now) = (rows.to_str().unwrap(), now.to_str().unwrap());
    let accept = ["accept", &file, "--ceiling", "1", "--kinds", "notice", "--out", rows];
    let said = a.refused(OPERATOR, &accept, 2);
    assert!(said.contains("call the operator of `b.example`"), "{said}");
    let other = fingerprint.replace(char::is_alphanumeric, "0");
    let said = a.refused(OPERATOR, &[&accept[..], &["--fingerprint", &other]].concat(), 4);
    assert!(said.contains("call them again"), "{said}");
    assert!(!said.contains(fingerprint.split_at(9).0), "it tells what was to be read out: {said}");
    assert!(!Path::new(rows).exists());
    a.done(OPERATOR, &[&accept[..], &["--fingerprint", &fingerprint]].concat());
    a.done(REGISTRARS[0], &["registry", "export", "--to", now]);
    let from = ["registry", "apply", "--from", folder.to_str().unwrap(), "--reason", "drill"];
    for registrar in REGISTRARS {
        a.done(registrar, &from);
    }
    assert_eq!(a.link()["peer"], b.name);
}
