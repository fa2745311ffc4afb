//! Several nodes over a network in memory: the whole ledger on real files, with faults on purpose.

mod failover;
mod keys;
mod members;
mod wire;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use samsyn_domain::Timestamp;
use tempfile::TempDir;

use crate::{
    Card, Clock, Error, Ledger, Node, Nodes, Options, Place, Timing, Transport, fetch_key_file,
    samples::{NOW, numbered},
    tests::{document, policy},
};

use self::wire::{End, Wire};

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nodes of one domain.
struct Nodes3 {
    dir: TempDir,
    wire: Arc<Wire>,
    nodes: Vec<Option<Ledger>>,
}

/// A clock that goes, from a moment that the registry covers.
fn going() -> Clock {
    let started = Instant::now();
    Arc::new(move || {
        let micros = i64::try_from(started.elapsed().as_micros()).unwrap();
        Timestamp::from_micros(NOW.micros() + micros)
    })
}

fn node(id: u64) -> Node {
    Node { id, address: format!("node-{id}:7402") }
}

impl Nodes3 {
    /// Three voters with one domain.
    async fn start() -> Self {
        let mut this =
            Self { dir: tempfile::tempdir().unwrap(), wire: Arc::default(), nodes: vec![] };
        this.nodes.resize_with(3, || None);
        this.open(1).await;
        for id in [2, 3] {
            this.join(id).await;
            within("it catches up", || {
                this.at(1).peer().health().applied == this.at(id).peer().health().applied
            })
            .await;
            this.promote(id).await;
        }
        this
    }

    fn folder(&self, id: u64) -> PathBuf {
        self.dir.path().join(format!("node-{id}"))
    }

    fn at(&self, id: u64) -> &Ledger {
        self.nodes[usize::try_from(id).unwrap() - 1].as_ref().expect("it runs")
    }

    /// Adds a node and starts it.
    async fn join(&mut self, id: u64) {
        self.at(1).add_learner(node(id)).await.unwrap();
        self.open(id).await;
    }

    async fn promote(&self, id: u64) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.at(1).promote(id).await {
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts a node, and waits until it serves.
    async fn open(&mut self, id: u64) {
        let ledger = self.opened(id).await;
        let begun = tokio::time::timeout(PATIENCE, ledger.begin()).await;
        begun.expect("it begins").unwrap();
    }

    /// Starts a node.
    async fn opened(&mut self, id: u64) -> Ledger {
        let transport: Arc<dyn Transport> =
            Arc::new(End { wire: Arc::clone(&self.wire), node: id });
        let dir = self.folder(id);
        if id != 1 {
            let others = [node(1), node(2), node(3)];
            let asked = fetch_key_file(&dir, &transport, &others);
            tokio::time::timeout(PATIENCE, asked).await.expect("it gets the keys").unwrap();
        }
        let (policy, recorder) = policy();
        let options = Options {
            dir,
            node: id,
            domain: "d".to_owned(),
            document: document().into(),
            nodes: Some(Nodes {
                address: node(id).address,
                founds: id == 1,
                card: Card::default(),
                timing: Timing::Site,
                transport,
            }),
            clock: going(),
            watcher: Arc::new(|_| ()),
        };
        let ledger = Ledger::open(options, policy, recorder).await.unwrap();
        self.wire.connect(id, ledger.peer());
        tokio::spawn(ledger.clone().keep());
        self.nodes[usize::try_from(id).unwrap() - 1] = Some(ledger.clone());
        ledger
    }

    /// Stops a node.
    async fn stop(&mut self, id: u64) {
        self.wire.disconnect(id);
        let ledger = self.nodes[usize::try_from(id).unwrap() - 1].take().expect("it runs");
        ledger.close().await;
    }

    fn running(&self) -> impl Iterator<Item = &Ledger> {
        self.nodes.iter().flatten()
    }

    /// The node that leads, once one does that a quorum has confirmed.
    async fn leader(&self) -> &Ledger {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for ledger in self.running() {
                if ledger.place() == Place::Here && ledger.inner.consensus.barrier().await.is_ok() {
                    return ledger;
                }
            }
            assert!(Instant::now() < deadline, "nobody leads");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until all nodes that run have the same state.
    async fn alike(&self) {
        let heads = || {
            let heads = self.running().map(|ledger| {
                let consensus = &ledger.inner.consensus;
                (consensus.applied(), consensus.root())
            });
            heads.collect::<Vec<_>>()
        };
        within("all have the same state", || heads().windows(2).all(|pair| pair[0] == pair[1]))
            .await;
    }
}

/// Records a numbered disclosure at a node; whether it was acknowledged.
async fn record(ledger: &Ledger, number: u64) -> Result<(), Error> {
    let policy = *ledger.inner.policy.digest();
    let mut submission = numbered(number);
    (submission.key, submission.epoch) = (None, ledger.epoch());
    ledger.inner.consensus.order(submission, &policy).await.map(drop)
}

/// The numbers that a node has, in order.
fn recorded(ledger: &Ledger) -> Vec<u64> {
    ledger.read(|state| {
        let rows = state.evidence().disclosures();
        rows.iter().map(|row| row.serial.parse().unwrap()).collect()
    })
}

async fn within(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
