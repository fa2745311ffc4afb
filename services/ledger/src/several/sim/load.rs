//! Writers, readers, and who looks at the nodes meanwhile.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use samsyn_domain::{Sealed, Secret, UnitKey};
use tokio::task::JoinSet;

use super::{
    super::{
        PATIENCE,
        dice::Dice,
        record, recorded,
        wire::{Connected, Wire},
    },
    observed::{Acknowledged, Asked, Observed, Read},
};
use crate::{Error, Place};

const WRITERS: u64 = 8;
const READERS: u64 = 2;
/// So many numbers are each writer's own.
const NUMBERS: u64 = 1_000_000;
/// So long a writer waits for its answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How often it is looked at how far the nodes are.
const SAMPLE: Duration = Duration::from_millis(4);
/// It is looked at what opens every so many samples.
const LOOK_EVERY: u32 = 40;
/// So many units are sealed under at a time; rivals for the key of one are then made now and then.
const UNITS: u64 = 4;

/// What writes, reads and looks.
pub(super) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    wire: Arc<Wire>,
    is_over: AtomicBool,
    observed: Mutex<Observed>,
}

impl Load {
    pub(super) fn start(wire: &Arc<Wire>, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            wire: Arc::clone(wire),
            is_over: AtomicBool::new(false),
            observed: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            let dice = Dice::of(seed, 10 + writer);
            tasks.spawn(Arc::clone(&shared).write(dice, writer * NUMBERS));
        }
        for reader in 0..READERS {
            tasks.spawn(Arc::clone(&shared).read(Dice::of(seed, 100 + reader)));
        }
        tasks.spawn(Arc::clone(&shared).watch());
        Self { shared, tasks }
    }

    /// Whether no node gave up.
    pub(super) fn all_go_on(&self) -> bool {
        self.shared.observed(|observed| observed.gave_up.is_empty())
    }

    /// Ends, and tells what was observed.
    pub(super) async fn stop(mut self) -> Observed {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let all = async { while self.tasks.join_next().await.transpose().unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("writers and readers end");
        std::mem::take(&mut self.shared.observed.lock().unwrap())
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    fn observed<T>(&self, note: impl FnOnce(&mut Observed) -> T) -> T {
        note(&mut self.observed.lock().unwrap())
    }

    /// The nodes that serve, or have begun and may serve again.
    fn nodes(&self) -> Vec<Connected> {
        let nodes = self.wire.nodes().into_iter();
        nodes.filter(|node| node.life.has_begun() && !node.life.is_over()).collect()
    }

    async fn write(self: Arc<Self>, mut dice: Dice, first: u64) {
        for number in first.. {
            tokio::time::sleep(dice.millis(0, 25)).await;
            if !self.goes_on() {
                return;
            }
            match dice.below(10) {
                0 | 1 => self.seal_and_record(number, &mut dice).await,
                2 => {
                    if let Some(node) = dice.pick(&self.nodes()) {
                        // A key that the leader may have made too, or makes later.
                        seal(&node, number);
                    }
                }
                3.. => {
                    if let Some(node) = dice.pick(&self.nodes()) {
                        self.record(&node, number, None).await;
                    }
                }
            }
        }
    }

    async fn seal_and_record(&self, number: u64, dice: &mut Dice) {
        let mut nodes = self.nodes();
        nodes.retain(|node| node.ledger.place() == Place::Here);
        let Some(node) = dice.pick(&nodes) else { return };
        let Some(sealed) = seal(&node, number) else { return };
        tokio::time::sleep(dice.millis(0, 5)).await;
        // As a change is ordered: by the node that sealed it, if its key there still counts.
        if node.ledger.inner.keys.is_of_now(&sealed) && node.ledger.place() == Place::Here {
            self.record(&node, number, Some(sealed)).await;
        }
    }

    async fn record(&self, node: &Connected, number: u64, sealed: Option<Sealed>) {
        let written = tokio::time::timeout(ANSWER_MAX, record(&node.ledger, number)).await;
        let id = node.life.node();
        self.observed(|observed| match written {
            _ if node.life.is_over() => {}
            Ok(Ok(at)) => {
                observed.acknowledged.push(Acknowledged { number, node: id, at, sealed });
            }
            Ok(Err(error)) if is_not_ordered(&error) => {
                observed.refused.insert(number, error.to_string());
            }
            Ok(Err(_)) | Err(_) => {}
        });
        self.read_at(node, Asked::Node(id), self.promised(Asked::Node(id)));
    }

    async fn read(self: Arc<Self>, mut dice: Dice) {
        while self.goes_on() {
            tokio::time::sleep(dice.millis(5, 60)).await;
            let Some(node) = dice.pick(&self.nodes()) else { continue };
            let id = node.life.node();
            if node.ledger.place() == Place::Here {
                let asked = Asked::Leader(id);
                let promised = self.promised(asked);
                let barrier = node.ledger.inner.consensus.barrier();
                let passed = tokio::time::timeout(ANSWER_MAX, barrier).await;
                if matches!(passed, Ok(Ok(()))) {
                    self.read_at(&node, asked, promised);
                }
            } else {
                self.read_at(&node, Asked::Node(id), self.promised(Asked::Node(id)));
            }
        }
    }

    /// The numbers that a read must show that begins now.
    fn promised(&self, asked: Asked) -> Vec<u64> {
        self.observed(|observed| {
            let all = observed.acknowledged.iter();
            let promised = all.filter(|record| match asked {
                Asked::Node(node) => record.node == node,
                Asked::Leader(_) => true,
            });
            promised.map(|record| record.number).collect()
        })
    }

    fn read_at(&self, node: &Connected, asked: Asked, promised: Vec<u64>) {
        let shown: BTreeSet<u64> = recorded(&node.ledger).into_iter().collect();
        if node.life.is_over() {
            return;
        }
        let missing = promised.into_iter().filter(|number| !shown.contains(number)).collect();
        self.observed(|observed| observed.reads.push(Read { asked, missing }));
    }

    /// Looks at all nodes, over and over.
    async fn watch(self: Arc<Self>) {
        let mut looks = 0_u32;
        while self.goes_on() {
            tokio::time::sleep(SAMPLE).await;
            looks = looks.wrapping_add(1);
            for node in self.wire.nodes() {
                self.look(&node, looks.is_multiple_of(LOOK_EVERY));
            }
        }
    }

    fn look(&self, node: &Connected, also_opens: bool) {
        let (id, ledger) = (node.life.node(), &node.ledger);
        let reason = ledger.inner.consensus.fatal().borrow().as_ref().map(ToString::to_string);
        let gave_up = node.life.trouble().or(reason);
        self.observed(|observed| {
            if node.life.is_over() {
                return;
            }
            observed.gave_up.extend(gave_up.map(|why| (id, why)));
            observed.sample(id, ledger);
            if also_opens && node.life.has_begun() {
                observed.look(id, ledger);
            }
        });
    }
}

/// Seals something under a unit, whose key is made where there is none.
fn seal(node: &Connected, number: u64) -> Option<Sealed> {
    let _work = node.life.work()?;
    let unit = number % NUMBERS / 20 * UNITS + number % UNITS;
    let secret = Secret { note: Some(number.to_string()), coordinates: None };
    let unit = UnitKey::named(&format!("stad|skarholmen|{unit}"));
    node.ledger.inner.keys.seal_secret(&unit, "o", &secret).unwrap()
}

/// Whether an error says that nothing was ordered.
const fn is_not_ordered(error: &Error) -> bool {
    matches!(
        error,
        Error::Overloaded
            | Error::NoLeader
            | Error::ClockBehind
            | Error::TooLarge { .. }
            | Error::Closed
    )
}
