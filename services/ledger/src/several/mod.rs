//! Several nodes over a network in memory: the whole ledger on real files, with faults on purpose.

mod clocks;
pub(crate) mod dice;
mod ends;
mod failover;
mod faults;
mod keys;
mod levels;
mod members;
pub(crate) mod seeds;
mod sim;
mod streams;
mod trade;
mod wire;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use samsyn_domain::{
    Timestamp,
    command::Reply,
    disclosure::{Disclosure, Object},
};
use tempfile::TempDir;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    Card, Clock, Error, Ledger, Levels, Node, Nodes, Options, Place, Role, Timing, Transport,
    fetch_key_file,
    platter::{Image, Platter},
    samples::{NOW, numbered},
    tests::{document, policy},
};

use self::wire::{End, Life, Wire};

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes of one domain.
struct Several {
    dir: TempDir,
    wire: Arc<Wire>,
    nodes: BTreeMap<u64, Running>,
    /// What is known of each node's disk.
    disks: BTreeMap<u64, Arc<Platter>>,
    /// How far each node's clock is off, in milliseconds.
    clocks: BTreeMap<u64, Arc<AtomicI64>>,
    /// What each node's program knows.
    levels: BTreeMap<u64, Levels>,
    /// On which threads each talks with the others.
    threads: BTreeMap<u64, Handle>,
    started: Instant,
}

/// A node that runs.
struct Running {
    ledger: Ledger,
    life: Arc<Life>,
    disk: Arc<Platter>,
    /// It begins, and then looks after itself.
    keeping: JoinHandle<()>,
}

/// How far apart the nodes' clocks are.
const APART: Duration = Duration::from_millis(200);

/// A node's clock: it goes, from a moment that the registry covers, and may be off.
fn going(started: Instant, node: u64, off_millis: Arc<AtomicI64>) -> Clock {
    let ahead = APART * u32::try_from(node).unwrap();
    Arc::new(move || {
        let micros = i64::try_from((started.elapsed() + ahead).as_micros()).unwrap();
        let off = off_millis.load(Ordering::SeqCst) * 1_000;
        Timestamp::from_micros(NOW.micros() + micros + off)
    })
}

fn node(id: u64) -> Node {
    Node { id, address: format!("node-{id}:7402") }
}

impl Several {
    /// Three voters with one domain.
    async fn start() -> Self {
        Self::with(3).await
    }

    /// So many voters with one domain.
    async fn with(voters: u64) -> Self {
        Self::knowing(voters, Levels::default()).await
    }

    /// Three voters, each of which talks with the others on some threads.
    async fn talking_on(threads: impl Fn(u64) -> Handle) -> Self {
        Self::of(3, Levels::default(), threads).await
    }

    /// So many voters with one domain, by a program that knows other levels.
    async fn knowing(voters: u64, levels: Levels) -> Self {
        Self::of(voters, levels, |_| Handle::current()).await
    }

    async fn of(voters: u64, levels: Levels, threads: impl Fn(u64) -> Handle) -> Self {
        let mut this = Self {
            dir: tempfile::tempdir().unwrap(),
            wire: Arc::default(),
            nodes: BTreeMap::new(),
            disks: BTreeMap::new(),
            clocks: BTreeMap::new(),
            levels: (1..=5).map(|id| (id, levels)).collect(),
            threads: (1..=5).map(|id| (id, threads(id))).collect(),
            started: Instant::now(),
        };
        this.open(1).await;
        for id in 2..=voters {
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

    /// Sets a node's clock so many milliseconds off.
    fn set_clock(&self, id: u64, off_millis: i64) {
        self.clocks.get(&id).expect("it has a clock").store(off_millis, Ordering::SeqCst);
    }

    /// Takes all from a node that does not run.
    fn wipe(&mut self, id: u64) {
        fs::remove_dir_all(self.folder(id)).unwrap();
        self.disks.remove(&id);
    }

    fn at(&self, id: u64) -> &Ledger {
        &self.nodes.get(&id).expect("it runs").ledger
    }

    /// Adds a node and starts it.
    async fn join(&mut self, id: u64) {
        let add = async |leader: Ledger| leader.add_learner(node(id)).await;
        self.change(add, || self.at(1).has_member(id)).await;
        self.open(id).await;
    }

    async fn promote(&self, id: u64) {
        let is_voter = || {
            let members = self.at(1).cluster().members;
            members.iter().any(|member| member.node.id == id && member.role != Role::Learner)
        };
        self.change(async |leader: Ledger| leader.promote(id).await, is_voter).await;
    }

    /// Changes the members, at the node that leads by then: anew where a leader had lost touch, and
    /// not where it came about.
    async fn change<F>(&self, change: impl Fn(Ledger) -> F, is_done: impl Fn() -> bool)
    where
        F: Future<Output = Result<(), Error>>,
    {
        let deadline = Instant::now() + PATIENCE;
        while !is_done() {
            if let Err(error) = change(self.leader().await.clone()).await {
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
        self.start_node(id).await.unwrap_or_else(|error| panic!("node {id}: {error}"))
    }

    /// Starts a node, if its files are good.
    async fn start_node(&mut self, id: u64) -> Result<Arc<Life>, Error> {
        let life = Life::of(id);
        let end = End { wire: Arc::clone(&self.wire), life: Arc::clone(&life) };
        let transport: Arc<dyn Transport> = Arc::new(end);
        let dir = self.folder(id);
        let disk = self.disks.entry(id).or_insert_with(|| Platter::watch(&dir));
        let disk = Arc::clone(disk);
        let levels = self.levels[&id];
        if id != 1 {
            let others = [1, 2, 3, 4, 5].map(node);
            let asked = fetch_key_file(&dir, &transport, &others, levels);
            tokio::time::timeout(PATIENCE, asked).await.expect("it gets the keys")?;
        }
        let off = Arc::clone(self.clocks.entry(id).or_default());
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
                threads: self.threads[&id].clone(),
            }),
            clock: going(self.started, id, off),
            watcher: Arc::new(|_| ()),
            levels,
            attachments: None,
        };
        let ledger = Ledger::open(options, policy, recorder).await?;
        self.wire.connect(Arc::clone(&life), ledger.clone());
        let keeping = tokio::spawn(keep(ledger.clone(), Arc::clone(&life)));
        let running = Running { ledger, life: Arc::clone(&life), disk, keeping };
        self.nodes.insert(id, running);
        Ok(life)
    }

    fn running(&self) -> impl Iterator<Item = &Ledger> {
        self.nodes.values().map(|running| &running.ledger)
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

/// Records at a node, over and over, until one is acknowledged.
async fn goes_on(nodes: &Several, node: u64, number: &mut u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        *number += 1;
        match record(nodes.at(node), *number).await {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < deadline, "node {node}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The number of a record, where it is a numbered one.
fn number_of(row: &Disclosure) -> Option<u64> {
    (row.object == Object::Duties).then(|| row.serial.parse().unwrap())
}

/// The numbers that a node has, in order.
fn recorded(ledger: &Ledger) -> Vec<u64> {
    ledger.read(|state| {
        let rows = state.evidence().disclosures();
        rows.iter().filter_map(|row| number_of(row)).collect()
    })
}

async fn within(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
