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
    /// Lets nothing from one node to another.
    Cut(u64, u64),
    /// Ends all cuts.
    Heal,
    /// Stops a node in good order.
    Stop(u64),
    /// Has a node end at once.
    Crash(u64),
    /// Starts a node that does not run.
    Start(u64),
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
    for _ in 0..STEPS {
        steps.push(Step::Wait(dice.millis(50, 600)));
        steps.push(nodes.next(&mut dice));
    }
    steps.push(Step::Wait(dice.millis(50, 600)));
    steps
}

/// How the nodes are after the steps so far.
#[derive(Default)]
struct Model {
    down: BTreeSet<u64>,
    learner: Option<u64>,
    is_cut: bool,
}

impl Model {
    fn next(&mut self, dice: &mut Dice) -> Step {
        let down: Vec<u64> = self.down.iter().copied().collect();
        let up: Vec<u64> = NODES.into_iter().filter(|id| !self.down.contains(id)).collect();
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
            0..15 => {
                self.is_cut = true;
                Step::Isolate(id)
            }
            15..30 => {
                self.is_cut = true;
                let other = NODES.into_iter().find(|other| *other != id).unwrap_or(id);
                if dice.percent(50) { Step::Cut(id, other) } else { Step::Cut(other, id) }
            }
            30..40 if self.down.is_empty() => {
                self.down.insert(id);
                Step::Stop(id)
            }
            30..62 if self.down.is_empty() || dice.percent(40) => {
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
