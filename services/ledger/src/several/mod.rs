//! Several nodes over a network in memory: the whole ledger on real files, with faults on purpose.

mod dice;
mod ends;
mod failover;
mod keys;
mod members;
mod sim;
mod wire;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use samsyn_domain::{Timestamp, command::Reply};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{
    Card, Clock, Error, Ledger, Node, Nodes, Options, Place, Role, Timing, Transport,
    fetch_key_file,
    samples::{NOW, numbered},
    tests::{document, policy},
};

use self::wire::{End, Life, Wire};

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes of one domain.
struct Nodes3 {
    dir: TempDir,
    wire: Arc<Wire>,
    nodes: Vec<Option<Running>>,
    started: Instant,
}

/// A node that runs.
struct Running {
    ledger: Ledger,
    life: Arc<Life>,
    /// It begins, and then looks after itself.
    keeping: JoinHandle<()>,
}

/// How far apart the nodes' clocks are.
const APART: Duration = Duration::from_millis(200);

/// A node's clock: it goes, from a moment that the registry covers.
fn going(started: Instant, node: u64) -> Clock {
    let ahead = APART * u32::try_from(node).unwrap();
    Arc::new(move || {
        let micros = i64::try_from((started.elapsed() + ahead).as_micros()).unwrap();
        Timestamp::from_micros(NOW.micros() + micros)
    })
}

fn node(id: u64) -> Node {
    Node { id, address: format!("node-{id}:7402") }
}

impl Nodes3 {
    /// Three voters with one domain.
    async fn start() -> Self {
        let (dir, wire) = (tempfile::tempdir().unwrap(), Arc::default());
        let mut this = Self { dir, wire, nodes: vec![], started: Instant::now() };
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
        let running = self.nodes[usize::try_from(id).unwrap() - 1].as_ref();
        &running.expect("it runs").ledger
    }

    /// Adds a node and starts it.
    async fn join(&mut self, id: u64) {
        self.change(|| self.at(1).add_learner(node(id)), || self.at(1).has_member(id)).await;
        self.open(id).await;
    }

    async fn promote(&self, id: u64) {
        let is_voter = || {
            let members = self.at(1).cluster().members;
            members.iter().any(|member| member.node.id == id && member.role != Role::Learner)
        };
        self.change(|| self.at(1).promote(id), is_voter).await;
    }

    /// Changes the members: anew where a leader had lost touch, and not where it came about.
    async fn change<F>(&self, change: impl Fn() -> F, is_done: impl Fn() -> bool)
    where
        F: Future<Output = Result<(), Error>>,
    {
        let deadline = Instant::now() + PATIENCE;
        while !is_done() {
            if let Err(error) = change().await {
                assert!(Instant::now() < deadline, "{error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Starts a node, and waits until it has begun.
    async fn open(&mut self, id: u64) {
        let life = self.opened(id).await;
        within("it begins", || {
            assert_eq!(life.trouble(), None, "node {id}");
            life.has_begun()
        })
        .await;
    }

    /// Starts a node.
    async fn opened(&mut self, id: u64) -> Arc<Life> {
        let life = Life::of(id);
        let end = End { wire: Arc::clone(&self.wire), life: Arc::clone(&life) };
        let transport: Arc<dyn Transport> = Arc::new(end);
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
            clock: going(self.started, id),
            watcher: Arc::new(|_| ()),
        };
        let ledger = Ledger::open(options, policy, recorder).await.unwrap();
        self.wire.connect(Arc::clone(&life), ledger.clone());
        let keeping = tokio::spawn(keep(ledger.clone(), Arc::clone(&life)));
        let running = Running { ledger, life: Arc::clone(&life), keeping };
        self.nodes[usize::try_from(id).unwrap() - 1] = Some(running);
        life
    }

    fn running(&self) -> impl Iterator<Item = &Ledger> {
        self.nodes.iter().flatten().map(|running| &running.ledger)
    }

    /// The node that leads, once one does that a quorum has confirmed.
    async fn leader(&self) -> &Ledger {
        self.leader_but(0).await
    }

    /// As [`Self::leader`], whatever one node takes itself for.
    async fn leader_but(&self, one: u64) -> &Ledger {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for ledger in self.running().filter(|ledger| ledger.cluster().node != one) {
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
            let heads = self.running().map(|ledger| ledger.inner.consensus.reached());
            heads.collect::<Vec<_>>()
        };
        within("all have the same state", || heads().windows(2).all(|pair| pair[0] == pair[1]))
            .await;
    }
}

async fn keep(ledger: Ledger, life: Arc<Life>) {
    match ledger.begin().await {
        Ok(()) => life.begin(),
        Err(error) => return life.fail(error.to_string()),
    }
    ledger.keep().await;
}

/// Where a record came to be.
#[derive(Debug, Clone, Copy)]
struct Recorded {
    position: u64,
    sequence: u64,
}

/// Records a numbered disclosure at a node, which acknowledges it or not.
async fn record(ledger: &Ledger, number: u64) -> Result<Recorded, Error> {
    let policy = *ledger.inner.policy.digest();
    let mut submission = numbered(number);
    (submission.key, submission.epoch) = (None, ledger.epoch());
    match ledger.inner.consensus.order(submission, &policy).await? {
        (position, Reply::Recorded { first }) => Ok(Recorded { position, sequence: first }),
        (_, reply) => Err(Error::Fatal(format!("it was not recorded: {reply:?}"))),
    }
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
