//! Writers, readers, and who looks at the nodes meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use samsyn_domain::{Sealed, Secret, UnitKey};
use samsyn_policy::Why;
use tokio::task::JoinSet;

use super::{
    super::{
        PATIENCE,
        dice::Dice,
        record, recorded,
        trade::{Party, Reads},
        wire::{Connected, Wire},
    },
    observed::{Acknowledged, Asked, Observed, Read},
};
use crate::{Error, Place, Rejection};

const WRITERS: u64 = 8;
const READERS: u64 = 2;
/// So many follow of each kind of reader.
const STREAMS: u64 = 2;
/// So many numbers are each writer's own.
const NUMBERS: u64 = 1_000_000;
/// So long who asks waits for an answer.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(2);
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
    streams: JoinSet<()>,
}

/// What all of them share.
pub(super) struct Shared {
    wire: Arc<Wire>,
    is_over: AtomicBool,
    /// Up to which revision streams go on, once that is known; `None` in it: no further.
    goals: Mutex<Option<Goals>>,
    observed: Mutex<Observed>,
}

/// Where the views of the kinds of readers are in the end; none where that does not matter.
type Goals = Option<BTreeMap<Reads, u64>>;

impl Load {
    pub(super) fn start(wire: &Arc<Wire>, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            wire: Arc::clone(wire),
            is_over: AtomicBool::new(false),
            goals: Mutex::default(),
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
        for (name, number) in Party::NAMES.into_iter().zip(0..) {
            tasks.spawn(Arc::clone(&shared).publish(name, number, Dice::of(seed, 200 + number)));
            tasks.spawn(Arc::clone(&shared).look_in(number, Dice::of(seed, 300 + number)));
        }
        let mut streams = JoinSet::new();
        for (reads, number) in Reads::ALL.into_iter().cycle().zip(0..3 * STREAMS) {
            let dice = Dice::of(seed, 400 + number);
            streams.spawn(Arc::clone(&shared).follow(reads, number, dice));
        }
        tasks.spawn(Arc::clone(&shared).watch());
        Self { shared, tasks, streams }
    }

    /// Whether no node gave up.
    pub(super) fn all_go_on(&self) -> bool {
        self.shared.observed(|observed| observed.gave_up.is_empty())
    }

    /// Ends all but the streams.
    pub(super) async fn calm(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let all = async { while self.tasks.join_next().await.transpose().unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("writers and readers end");
    }

    /// Waits until streams have come to their goals, or too long; tells what was observed.
    pub(super) async fn stop(mut self, goals: Goals) -> Observed {
        *self.shared.goals.lock().unwrap() = Some(goals);
        let mut all =
            async || while self.streams.join_next().await.transpose().unwrap().is_some() {};
        if tokio::time::timeout(PATIENCE, all()).await.is_err() {
            *self.shared.goals.lock().unwrap() = Some(None);
            tokio::time::timeout(PATIENCE, all()).await.expect("streams end");
        }
        std::mem::take(&mut self.shared.observed.lock().unwrap())
    }
}

impl Shared {
    pub(super) fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    /// Where the view of a kind of reader is in the end, once all is calm; none in it where streams
    /// are to end wherever they are.
    pub(super) fn goal(&self, reads: Reads) -> Option<Option<u64>> {
        let goals = self.goals.lock().unwrap();
        goals.as_ref().map(|goals| goals.as_ref().and_then(|goals| goals.get(&reads).copied()))
    }

    pub(super) fn observed<T>(&self, note: impl FnOnce(&mut Observed) -> T) -> T {
        note(&mut self.observed.lock().unwrap())
    }

    /// The nodes that serve, or have begun and may serve again.
    pub(super) fn nodes(&self) -> Vec<Connected> {
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

/// Whether who is refused so comes back by itself.
pub(super) const fn is_passing(rejection: &Rejection) -> bool {
    match rejection {
        Rejection::Failed(_) | Rejection::NotReached { .. } => true,
        Rejection::Denied(denial) => matches!(denial.why, Why::Undecided),
        Rejection::Refused(_)
        | Rejection::Answer(_)
        | Rejection::Signature(_)
        | Rejection::Manifest(_)
        | Rejection::Attachment(_)
        | Rejection::Edition(_)
        | Rejection::CursorInvalid
        | Rejection::CursorTooOld
        | Rejection::Level(_) => false,
    }
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
