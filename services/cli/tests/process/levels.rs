//! Three nodes are upgraded under load, one after the other, and their domain is raised: from a
//! binary that was built before, where one is named, and to a version to come.

use std::{
    env,
    future::Future,
    io,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
    time::{Duration, Instant},
};

use samsyn_domain::{FeatureLevel, Timestamp};
use samsyn_gateway::{App, Checked, LogFormat, Telemetry};
use samsyn_tests::cluster::{Cluster, OPERATOR, PATIENCE, Plan};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{harness::samsyn, writing::Writing};

/// Names a binary of an earlier version, on demand. Not among the names that a gateway reads.
const EARLIER: &str = "EARLIER_SAMSYN";
/// Names the configuration of a node of a version to come.
const LATER: &str = "LATER_NODE_CONFIG";
const COUNT: u64 = 3;

/// What a version to come knows: a level more.
fn later() -> FeatureLevel {
    FeatureLevel::of(FeatureLevel::NEWEST.number() + 1).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a node's clock")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// Runs in a process of its own: a node of a version to come, until it is told to stop or whoever
/// started it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_of_a_version_to_come() {
    let Ok(config) = env::var(LATER) else { return };
    let checked = Checked::load(Path::new(&config), &[].into()).unwrap().knowing(later());
    let _telemetry = Telemetry::start(&checked, LogFormat::Text, "samsyn=info,warn").unwrap();
    let at = checked.listen();
    let app = Box::pin(App::build(checked, Arc::new(now))).await.unwrap();
    let listener = TcpListener::bind(at).await.unwrap();
    Box::pin(app.serve(listener, told_to_stop())).await.unwrap();
}

fn told_to_stop() -> impl Future<Output = ()> {
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let (closed, told) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // One that cannot be read is closed too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        drop(closed);
    });
    async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = told => {}
        }
    }
}

fn built() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_samsyn"))
}

/// Starts a node as one of a version to come.
fn run_later(cluster: &mut Cluster, node: u64) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "levels::node_of_a_version_to_come", "--nocapture"]);
    command.env(LATER, cluster.config(node));
    cluster.run_as(node, command).unwrap();
}

fn of_cluster(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = samsyn();
    command.current_dir(cluster.path()).arg("cluster").args(arguments);
    command.args(["--output", "json", "--profiles", "profiles", "--as", OPERATOR]);
    command.output().unwrap()
}

/// Raises the level by the command; what it says, or what is in the way.
fn raised(cluster: &Cluster, level: Option<FeatureLevel>) -> Result<String, String> {
    let level = level.map(|level| level.to_string());
    let arguments: Vec<&str> = ["raise-level"].into_iter().chain(level.as_deref()).collect();
    let output = of_cluster(cluster, &arguments);
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).unwrap());
    }
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    Ok(said["done"].as_str().unwrap().to_owned())
}

/// The level of the domain and what each node knows, by the command.
fn shown(cluster: &Cluster) -> (u64, Vec<u64>) {
    let output = of_cluster(cluster, &["status"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = status["nodes"].as_array().unwrap().iter();
    let knows = nodes.map(|node| node["health"]["level"].as_u64().unwrap()).collect();
    (status["level"].as_u64().unwrap(), knows)
}

async fn has_said(cluster: &Cluster, node: u64, what: &str) {
    let since = Instant::now();
    while !cluster.log(node).contains(what) {
        assert!(since.elapsed() < PATIENCE, "node {node} does not say `{what}`");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_upgraded_under_load_and_half_way_back_and_then_raised() {
    let mut cluster = Cluster::start(built(), Plan::default()).await.unwrap();
    let (first, newest) = (FeatureLevel::NEWEST, u64::from(FeatureLevel::NEWEST.number()));
    let writing = Writing::start(&cluster).await;
    assert_eq!(shown(&cluster), (newest, vec![newest; 3]));
    assert_eq!(raised(&cluster, None), Ok(format!("the domain is at level {first}")));
    let below = |node: u64| format!("node {node}: it knows the log up to level {first}");
    let refused = raised(&cluster, Some(later())).unwrap_err();
    assert!(refused.contains("FEATURE_LEVEL_NOT_RAISED"), "{refused}");
    assert!((1..=COUNT).all(|node| refused.contains(&below(node))), "{refused}");

    // Two of three, one of them back again, and then all.
    for (node, is_later) in [(1, true), (2, true), (2, false), (2, true), (3, true)] {
        cluster.terminate(node).await.unwrap();
        if is_later {
            run_later(&mut cluster, node);
        } else {
            cluster.run(node).unwrap();
        }
        cluster.alike().await.unwrap();
        if node == 2 && is_later {
            assert_eq!(shown(&cluster), (newest, vec![newest + 1, newest + 1, newest]));
            let refused = raised(&cluster, Some(later())).unwrap_err();
            assert!(refused.contains(&below(3)), "{refused}");
            assert!(!refused.contains("node 1") && !refused.contains("node 2"), "{refused}");
        }
    }
    cluster.terminate(3).await.unwrap();
    let refused = raised(&cluster, Some(later())).unwrap_err();
    assert!(refused.contains("node 3: it does not answer"), "{refused}");
    run_later(&mut cluster, 3);
    cluster.alike().await.unwrap();
    assert_eq!(raised(&cluster, None), Ok(format!("the domain is at level {}", later())));
    assert_eq!(shown(&cluster), (newest + 1, vec![newest + 1; 3]));

    // There is no way back.
    cluster.terminate(1).await.unwrap();
    cluster.run(1).unwrap();
    let told = format!(
        "this version knows the log up to level {first}, and the domain is at level {0}; install \
         a version that knows level {0}",
        later()
    );
    has_said(&cluster, 1, &told).await;
    assert!(!cluster.ended(1).await.unwrap().success());
    run_later(&mut cluster, 1);
    writing.end(&cluster).await;
}

/// From a binary that was built before: `EARLIER_SAMSYN=/path/to/samsyn`. Without one the nodes
/// are restarted under load by the binary that they ran.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_fails_no_call_be_it_an_upgrade() {
    let earlier = env::var_os(EARLIER).map_or_else(|| built().to_owned(), PathBuf::from);
    let mut cluster = Cluster::start(&earlier, Plan::default()).await.unwrap();
    let writing = Writing::start(&cluster).await;
    for (node, program) in [(1, built()), (2, built()), (2, &earlier), (2, built()), (3, built())] {
        cluster.terminate(node).await.unwrap();
        cluster.run_by(program, node).unwrap();
        cluster.alike().await.unwrap();
    }
    let newest = FeatureLevel::NEWEST;
    assert_eq!(raised(&cluster, None), Ok(format!("the domain is at level {newest}")));
    writing.end(&cluster).await;
}
