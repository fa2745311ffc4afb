//! Processes whose parent is gone.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use samsyn_tests::cluster::{Cluster, Plan};

use crate::harness::{Domain, PARTY, samsyn};

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_ends_with_its_standard_input_where_it_is_told_to() {
    let mut domain = Domain::written();
    domain.start_with(&["--until-stdin-closes"], &[]);
    domain.client(PARTY).await;
    domain.close_stdin();
    assert!(domain.has_ended().await, "it goes on");
    assert!(domain.log().contains("told to stop; draining"), "{}", domain.log());
    // Without being told to, it goes on.
    domain.start();
    domain.client(PARTY).await;
    domain.close_stdin();
    tokio::time::sleep(Duration::from_secs(1)).await;
    domain.client(PARTY).await;
}

/// A node that still waits for the others ends as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_waits_for_others_ends_with_its_standard_input() {
    let program = Path::new(env!("CARGO_BIN_EXE_samsyn"));
    let cluster = Cluster::written(program, Plan::default()).await.unwrap();
    let log = cluster.path().join("waiting.log");
    let mut node = samsyn()
        .args(["serve", "--until-stdin-closes", "--config"])
        .arg(cluster.path().join("node-2.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let logged = || fs::read_to_string(&log).unwrap();
    until("it does not wait", || logged().contains("asking the other nodes")).await;
    drop(node.stdin.take());
    until("it goes on", || node.try_wait().unwrap().is_some()).await;
}

/// What `/proc` says of a process behind its name: its state and its parent first (proc(5)). None
/// when it is gone.
#[cfg(target_os = "linux")]
fn stat(id: &str) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// The processes that a process has started and that have not ended.
#[cfg(target_os = "linux")]
fn started_by(parent: &Child) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().into_string().ok());
    all.filter(|id| stat(id).is_some_and(|(_, of)| of == parent.id())).collect()
}

/// Whether a process runs; one that has ended and that nobody has asked for does not.
#[cfg(target_os = "linux")]
fn runs(id: &str) -> bool {
    stat(id).is_some_and(|(state, _)| state != "Z")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_do_not_outlive_a_demo_that_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = samsyn()
        .args(["demo", "--nodes", "3"])
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut nodes = Vec::new();
    until("the demo starts no three nodes", || {
        nodes = started_by(&demo);
        nodes.len() == 3
    })
    .await;
    assert!(nodes.iter().all(|id| runs(id)));
    demo.kill().unwrap();
    demo.wait().unwrap();
    let mut told = String::new();
    demo.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    let running = || nodes.iter().filter(|id| runs(id)).count();
    until(&format!("nodes go on\n{told}"), || running() == 0).await;
}
