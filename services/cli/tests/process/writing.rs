//! A party that publishes while nodes come and go.

use std::time::{Duration, Instant};

use samsyn_client::Client;
use samsyn_tests::cluster::Cluster;
use tokio::{sync::watch, task::JoinHandle};

use crate::harness::{PARTY, delta, observation, own_picture, published};

/// Between one publication and the next.
const REST: Duration = Duration::from_millis(20);

/// A party that publishes until it is stopped; it knows all nodes.
pub(crate) struct Writing {
    stop: watch::Sender<bool>,
    task: JoinHandle<(u64, Duration)>,
}

impl Writing {
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let client = Client::connect(&cluster.whole(1, PARTY).unwrap()).await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let (mut version, mut longest) = (0, Duration::ZERO);
            while !*stopped.borrow() {
                let request = delta(PARTY, version, observation(&format!("P-{version}"), 2));
                let began = Instant::now();
                let answer = published(&client, &request).await;
                longest = longest.max(began.elapsed());
                assert_eq!(answer.version, version + 1, "lost or doubled");
                version = answer.version;
                tokio::time::sleep(REST).await;
            }
            (version, longest)
        });
        Self { stop, task }
    }

    /// Ends it, and makes sure that each node holds what was acknowledged and nothing else. Tells
    /// the longest time that it waited.
    pub(crate) async fn end(self, cluster: &Cluster) -> Duration {
        // One that has ended says why below.
        let _ = self.stop.send(true);
        let (version, longest) = self.task.await.unwrap();
        cluster.alike().await.unwrap();
        for node in cluster.nodes() {
            let client = cluster.client(node, PARTY).await.unwrap();
            let (stored, mut found) = own_picture(&client, PARTY).await;
            let mut expected: Vec<String> = (0..version).map(|at| format!("P-{at}")).collect();
            expected.sort();
            found.sort();
            assert_eq!((stored, found), (version, expected), "node {node}");
        }
        println!("{version} acknowledged, longest answer {} ms", longest.as_millis());
        longest
    }
}
