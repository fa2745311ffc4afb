//! What fails, by seed.

use std::{collections::BTreeSet, time::Duration};

use crate::several::dice::Dice;

/// So many steps has a schedule, waits not counted.
const STEPS: usize = 14;
const NODES: [u64; 3] = [1, 2, 3];

/// One thing that is done to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, for a while.
    Wait(Duration),
    /// Cuts a node off from all.
    Isolate(u64),
    /// Cuts the node that leads off from all.
    IsolateLeader,
    /// Lets nothing from one node to another.
    Cut(u64, u64),
    /// Ends all cuts.
    Heal,
    /// Stops a node in good order.
    Stop(u64),
    /// Has a node end at once.
    Crash(u64),
    /// Has the node that leads end at once.
    CrashLeader,
    /// Starts a node that does not run.
    Start(u64),
    /// Starts all that do not run.
    StartAll,
    /// Has the node that leads hand over to another.
    HandOver(u64),
    /// Makes a voter a learner.
    Demote(u64),
    /// Makes a learner a voter.
    Promote(u64),
    /// Has a node build a snapshot and cut its log down to it.
    Snapshot(u64),
}

/// The steps of a seed. Most of the time two of three nodes run and hear each other; now and then
/// all end.
pub(super) fn schedule(seed: u64) -> Vec<Step> {
    let mut dice = Dice::of(seed, 1);
    let mut nodes = Model::default();
    let mut steps = Vec::new();
    let mut waits = 25;
    for _ in 0..STEPS {
        steps.push(wait(&mut dice, waits));
        let step = nodes.next(&mut dice);
        waits = if matches!(step, Step::CrashLeader | Step::IsolateLeader) { 80 } else { 25 };
        steps.push(step);
    }
    steps.push(wait(&mut dice, waits));
    steps
}

/// A moment, or in so many of a hundred cases long enough for another to lead.
fn wait(dice: &mut Dice, percent: u64) -> Step {
    let is_long = dice.percent(percent);
    Step::Wait(if is_long { dice.millis(700, 1_400) } else { dice.millis(20, 300) })
}

/// How the nodes are after the steps so far.
#[derive(Default)]
struct Model {
    down: BTreeSet<u64>,
    learner: Option<u64>,
    is_cut: bool,
    /// The node that led is down.
    leader_fell: bool,
}

impl Model {
    fn next(&mut self, dice: &mut Dice) -> Step {
        let down: Vec<u64> = self.down.iter().copied().collect();
        let up: Vec<u64> = NODES.into_iter().filter(|id| !self.down.contains(id)).collect();
        if self.leader_fell && dice.percent(50) {
            (self.leader_fell, self.down) = (false, BTreeSet::new());
            return Step::StartAll;
        }
        if let Some(id) = dice.pick(&down)
            && dice.percent(if up.is_empty() { 90 } else { 55 })
        {
            self.down.remove(&id);
            return Step::Start(id);
        }
        if self.is_cut && dice.percent(50) {
            self.is_cut = false;
            return Step::Heal;
        }
        let Some(id) = dice.pick(&up) else { return Step::Heal };
        match dice.below(100) {
            0..10 => {
                self.is_cut = true;
                Step::IsolateLeader
            }
            10..18 => {
                self.is_cut = true;
                Step::Isolate(id)
            }
            18..30 => {
                self.is_cut = true;
                let other = NODES.into_iter().find(|other| *other != id).unwrap_or(id);
                if dice.percent(50) { Step::Cut(id, other) } else { Step::Cut(other, id) }
            }
            30..40 if self.down.is_empty() => {
                self.down.insert(id);
                Step::Stop(id)
            }
            40..50 if !self.leader_fell => {
                self.leader_fell = true;
                Step::CrashLeader
            }
            50..62 if self.down.is_empty() || dice.percent(40) => {
                self.down.insert(id);
                Step::Crash(id)
            }
            62..74 => Step::HandOver(id),
            74..84 => match self.learner.take() {
                Some(learner) => Step::Promote(learner),
                None => {
                    self.learner = Some(id);
                    Step::Demote(id)
                }
            },
            _ => Step::Snapshot(id),
        }
    }
}
