//! The drill: a cluster is backed up while it is written to, lost, and restored into a new one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use prost::Message as _;
use samsyn_client::{Client, NotBackedUp, Refused, admin::AddLearnerRequest, wire};
use samsyn_tests::cluster::{Cluster, OPERATOR, PATIENCE, Plan};
use tokio::time::sleep;

use crate::harness::{AREA, PARTY, delta, observation, own_picture, published, samsyn, written};

/// How long a reader waits before it asks again.
const PAUSE: Duration = Duration::from_millis(50);
const READER: &str = "lpo-skarholmen";
const AUDITOR: &str = "auditor";
/// What is published before the backup, and after it.
const BEFORE: u64 = 5;

/// What was asked and answered.
type Written = (wire::PublishPictureRequest, wire::PublishPictureResponse);

/// A client that knows all nodes.
async fn whole(cluster: &Cluster, name: &str) -> Client {
    let profile = cluster.whole(cluster.first().unwrap(), name).unwrap();
    Client::connect(&profile).await.unwrap()
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// Runs a command of backups that is to end well.
fn backup(cluster: &Cluster, arguments: &[&str]) -> serde_json::Value {
    let output = run(cluster, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = samsyn();
    command.current_dir(cluster.path()).arg("backup").args(arguments);
    command.args(["--output", "json", "--profiles", "profiles", "--as", OPERATOR]);
    command.output().unwrap()
}

/// Makes a key, and has all nodes seal backups to it.
fn sealed(cluster: &Cluster) {
    let made = backup(cluster, &["key", "--out", "backup.key"]);
    let recipient = made["recipient"].as_str().unwrap();
    for node in cluster.nodes() {
        let file = cluster.config(node);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, format!("{text}\n[backup]\nrecipients = [\"{recipient}\"]\n")).unwrap();
    }
}

async fn write(client: &Client, version: u64) -> Written {
    let request = delta(PARTY, version, observation(&format!("B-{version}"), 2));
    let answer = published(client, &request).await;
    (request, answer)
}

/// Writes on until it is told to stop.
async fn keep_writing(client: Client, from: u64, stop: Arc<AtomicBool>) -> Vec<Written> {
    let mut all = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        all.push(write(&client, from + all.len() as u64).await);
        sleep(Duration::from_millis(20)).await;
    }
    all
}

/// The next events from a cursor on, and the cursor after them.
async fn polled(client: &Client, cursor: &str) -> (Vec<wire::Event>, String) {
    let since = Instant::now();
    loop {
        let request = wire::ListEventsRequest {
            context: Some(client.profile().read_context()),
            scope: None,
            cursor: cursor.to_owned(),
            limit: 500,
            wait_seconds: 0,
        };
        match client.joint.clone().list_events(request).await.map_err(Refused::from) {
            Ok(answer) => {
                let answer = answer.into_inner();
                return (answer.events, answer.next_cursor);
            }
            Err(refused) => assert!(refused.is_retryable(), "{refused}"),
        }
        assert!(since.elapsed() < PATIENCE, "it was not answered in time");
        sleep(PAUSE).await;
    }
}

/// All events from a cursor on, and the cursor after them; while nobody writes.
async fn events(client: &Client, mut cursor: String) -> (Vec<wire::Event>, String) {
    let mut all = Vec::new();
    loop {
        let (more, next) = polled(client, &cursor).await;
        cursor = next;
        if more.is_empty() {
            return (all, cursor);
        }
        all.extend(more);
    }
}

fn ids(events: &[wire::Event]) -> Vec<String> {
    events.iter().map(|event| event.id.clone()).collect()
}

fn resets(events: &[wire::Event]) -> bool {
    events.iter().any(|event| {
        matches!(&event.what, Some(wire::event::What::SnapshotBegins(begin)) if begin.reset)
    })
}

/// The findings of the joint picture at a revision, and that revision.
async fn picture(client: &Client, revision: u64) -> (u64, Vec<Vec<u8>>) {
    let request = wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-10".to_owned() }),
        revision,
        page: Some(wire::Page { size: 500, token: String::new() }),
        ..wire::GetJointPictureRequest::default()
    };
    let answer = client.joint.clone().get_joint_picture(request).await.unwrap().into_inner();
    (answer.revision, answer.findings.iter().map(wire::Finding::encode_to_vec).collect())
}

/// All that is recorded of who received what, the oldest first.
async fn disclosures(client: &Client) -> Vec<(String, String, String, u64)> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListDisclosuresRequest {
            context: Some(client.profile().read_context()),
            page: Some(wire::Page { size: 500, token }),
            ..wire::ListDisclosuresRequest::default()
        };
        let page = client.access.clone().list_disclosures(request).await.unwrap().into_inner();
        let row = |row: wire::Disclosure| (row.id, row.service, row.object_ref, row.revision);
        all.extend(page.disclosures.into_iter().map(row));
        token = page.next_page_token;
        if token.is_empty() {
            all.reverse();
            return all;
        }
    }
}

/// What was seen of the first cluster.
struct Seen {
    manifest: serde_json::Value,
    written: Vec<Written>,
    /// The joint picture at each revision.
    pictures: Vec<(u64, Vec<Vec<u8>>)>,
    disclosures: Vec<(String, String, String, u64)>,
    /// The events of the reader until the backup was made, and all; where it was before, and where
    /// it was at last.
    shared: Vec<wire::Event>,
    events: Vec<wire::Event>,
    before: String,
    after: String,
}

/// Writes, backs up while writing goes on, and writes more that will be lost.
async fn lived(cluster: &Cluster) -> Seen {
    let city = whole(cluster, PARTY).await;
    let reader = whole(cluster, READER).await;
    let mut written = Vec::new();
    for version in 0..BEFORE {
        written.push(write(&city, version).await);
    }
    let (_, before) = events(&reader, String::new()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(keep_writing(city.clone(), BEFORE, Arc::clone(&stop)));
    sleep(Duration::from_secs(1)).await;
    let (shared, _) = polled(&reader, &before).await;
    let made = tokio::task::block_in_place(|| backup(cluster, &["create", "--to", "backup"]));
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    written.extend(writing.await.unwrap());
    let (events, after) = events(&reader, before.clone()).await;
    let mut pictures = Vec::new();
    for revision in 1..=written.len() as u64 {
        pictures.push(picture(&city, revision).await);
    }
    let auditor = whole(cluster, AUDITOR).await;
    let disclosures = disclosures(&auditor).await;
    let manifest = made["manifest"].clone();
    Seen { manifest, written, pictures, disclosures, shared, events, before, after }
}

/// The first node of a new cluster is restored, and carries the domain with two others.
async fn restored(cluster: &mut Cluster) {
    cluster.renew().unwrap();
    for node in 1..=3 {
        fs::remove_dir_all(cluster.path().join(format!("data-{node}"))).unwrap();
    }
    let first = cluster.first().unwrap();
    let config = cluster.config(first);
    let restore = |config: &Path| {
        let config = config.to_str().unwrap().to_owned();
        let from = ["restore", "--from", "backup", "--identity", "backup.key", "--config"];
        run(cluster, &[from.as_slice(), &[&config]].concat())
    };
    let old = said(&restore(&cluster.config(1)));
    assert!(old.contains("node 1 carried the domain before"), "{old}");
    let done = restore(&config);
    assert!(done.status.success(), "{}", said(&done));
    let again = said(&restore(&config));
    assert!(again.contains("is not empty; restore into an empty folder"), "{again}");
    cluster.come_together().await.unwrap();
    let operator = cluster.client(first, OPERATOR).await.unwrap();
    let request = AddLearnerRequest { node: 2, address: "127.0.0.1:1".to_owned() };
    let refused = Refused::from(operator.cluster.clone().add_learner(request).await.unwrap_err());
    let reason = refused.reason.map(|reason| reason.id());
    assert_eq!(reason, Some("MEMBERS_UNCHANGED"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t35_the_drill_a_lost_cluster_is_restored_into_a_new_one() {
    let mut cluster = written(Plan::default()).await;
    sealed(&cluster);
    cluster.come_together().await.unwrap();
    let seen = lived(&cluster).await;
    let held = backup(&cluster, &["verify", "--from", "backup", "--identity", "backup.key"]);
    assert_eq!(held["manifest"], seen.manifest, "what was made is what is there");
    restored(&mut cluster).await;
    for node in cluster.nodes() {
        same_up_to_the_backup(&cluster, node, &seen).await;
    }
    readers_go_on(&cluster, &seen).await;
    writer_goes_on(&cluster, &seen).await;
    cluster.alike().await.unwrap();
}

/// Pictures and disclosures are those that the first cluster had up to the backup's position.
async fn same_up_to_the_backup(cluster: &Cluster, node: u64, seen: &Seen) {
    let city = cluster.client(node, PARTY).await.unwrap();
    let (version, ids) = own_picture(&city, PARTY).await;
    let count = |name: &str| seen.manifest["counts"][name].as_u64().unwrap();
    assert_eq!((version, ids.len() as u64), (count("versions"), count("versions")));
    assert!(version > BEFORE && version < seen.written.len() as u64, "backed up in the middle");
    let place = usize::try_from(version).unwrap() - 1;
    assert_eq!(picture(&city, 0).await, seen.pictures[place], "node {node}");
    let auditor = cluster.client(node, AUDITOR).await.unwrap();
    let recorded = disclosures(&auditor).await;
    let shared = usize::try_from(count("disclosures")).unwrap();
    assert!(shared > 0 && shared < seen.disclosures.len());
    assert_eq!(recorded[..shared], seen.disclosures[..shared], "node {node}");
}

/// A cursor from before the backup resumes, under the same events; one from after it is told to
/// begin anew, also when the view has come as far again.
async fn readers_go_on(cluster: &Cluster, seen: &Seen) {
    let reader = whole(cluster, READER).await;
    let (from_before, _) = events(&reader, seen.before.clone()).await;
    assert!(!resets(&from_before), "it resumes");
    let (old, new) = (ids(&seen.shared), ids(&from_before));
    assert!(!old.is_empty());
    assert_eq!(new[..old.len()], old, "what it may have had comes under the ids that it had");
    let (from_after, next) = events(&reader, seen.after.clone()).await;
    assert!(resets(&from_after), "it begins anew");
    let (rest, _) = events(&reader, next).await;
    assert!(rest.is_empty(), "{rest:?}");
    let context = Some(samsyn_client::write_context(""));
    let lost = wire::AcknowledgeEventsRequest { context, cursor: seen.after.clone() };
    let refused = Refused::from(reader.joint.clone().acknowledge_events(lost).await.unwrap_err());
    let reason = refused.reason.map(|reason| reason.id());
    assert_eq!(reason, Some("CURSOR_INVALID"), "{refused}");
}

/// The writer repeats all that it was answered, under its keys: what the backup holds is known, and
/// what was lost takes effect once more.
async fn writer_goes_on(cluster: &Cluster, seen: &Seen) {
    let city = whole(cluster, PARTY).await;
    for (request, answer) in &seen.written {
        let again = published(&city, request).await;
        assert_eq!(again.version, answer.version);
    }
    let (version, found) = own_picture(&city, PARTY).await;
    assert_eq!((version, found.len()), (seen.written.len() as u64, seen.written.len()));
    // The view is as far as it was, by other steps: the cursor of then is still of what was lost.
    let reader = whole(cluster, READER).await;
    let (anew, _) = events(&reader, seen.after.clone()).await;
    assert!(resets(&anew), "it begins anew");
    let (from_before, _) = events(&reader, seen.before.clone()).await;
    let (old, new) = (ids(&seen.events), ids(&from_before));
    assert!(new.iter().any(|id| !old.contains(id)), "what is new has ids of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_without_a_recipient_or_by_another_is_refused() {
    let mut cluster = written(Plan::default()).await;
    cluster.run(1).unwrap();
    let operator = cluster.client(1, OPERATOR).await.unwrap();
    let told = |refused: NotBackedUp| {
        let NotBackedUp::Refused(refused) = refused else { panic!("{refused}") };
        refused.reason.map(|reason| reason.id())
    };
    let to = |name: &str| -> PathBuf { cluster.path().join(name) };
    let refused = operator.back_up(&to("none"), |_| ()).await.unwrap_err();
    assert_eq!(told(refused), Some("NO_BACKUP_RECIPIENT"));
    let city = cluster.client(1, PARTY).await.unwrap();
    let refused = city.back_up(&to("other"), |_| ()).await.unwrap_err();
    assert_eq!(told(refused), Some("NOT_ALLOWED"));
    assert!(!to("other").join("manifest.json").exists());
    let unfinished = run(&cluster, &["verify", "--from", "other"]);
    assert_eq!(unfinished.status.code(), Some(4), "{}", said(&unfinished));
    assert!(said(&unfinished).contains("is no backup, or one that was not finished"));
}
