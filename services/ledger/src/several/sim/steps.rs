//! What fails, by seed.

use std::{collections::BTreeSet, time::Duration};

use crate::several::dice::Dice;

/// So many steps has a schedule, waits not counted.
const STEPS: usize = 14;
/// So many of a hundred seeds have five voters; the others have three.
const FIVE_PERCENT: u64 = 25;
/// A clock jumps by so much at most, in milliseconds: more than what nodes bear, and no longer than
/// a run waits for it.
const JUMP_MILLIS_MAX: i64 = 6_000;

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
    /// Cuts a node's power; what it had not synced is decided by this seed.
    CutPower(u64, u64),
    /// Cuts the power of the node that leads.
    CutLeaderPower(u64),
    /// Cuts the power of all at once.
    CutAllPower(u64),
    /// Sets a node's clock so many milliseconds off.
    SetClock(u64, i64),
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

/// How many voters a seed has.
pub(super) fn voters(seed: u64) -> u64 {
    if Dice::of(seed, 2).percent(FIVE_PERCENT) { 5 } else { 3 }
}

/// The steps of a seed. Most of the time a quorum runs and hears each other; now and then all end.
pub(super) fn schedule(seed: u64) -> Vec<Step> {
    let mut dice = Dice::of(seed, 1);
    let mut nodes = Model::of(voters(seed));
    let mut steps = Vec::new();
    let mut waits = 25;
    for _ in 0..STEPS {
        steps.push(wait(&mut dice, waits));
        let step = nodes.next(&mut dice);
        let falls =
            matches!(step, Step::CrashLeader | Step::CutLeaderPower(_) | Step::IsolateLeader);
        waits = if falls { 80 } else { 25 };
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
struct Model {
    all: Vec<u64>,
    down: BTreeSet<u64>,
    learner: Option<u64>,
    is_cut: bool,
    /// The node that led is down.
    leader_fell: bool,
    /// Whose clock is off.
    off: Option<u64>,
}

impl Model {
    fn of(voters: u64) -> Self {
        Self {
            all: (1..=voters).collect(),
            down: BTreeSet::new(),
            learner: None,
            is_cut: false,
            leader_fell: false,
            off: None,
        }
    }

    /// Whether a quorum runs without one more.
    fn can_spare(&self) -> bool {
        (self.down.len() + 1) * 2 < self.all.len()
    }

    fn next(&mut self, dice: &mut Dice) -> Step {
        if let Some(mend) = self.mend(dice) {
            return mend;
        }
        let up: Vec<u64> = self.all.iter().copied().filter(|id| !self.down.contains(id)).collect();
        let Some(id) = dice.pick(&up) else { return Step::Heal };
        match dice.below(100) {
            0..9 => {
                self.is_cut = true;
                Step::IsolateLeader
            }
            9..16 => {
                self.is_cut = true;
                Step::Isolate(id)
            }
            16..26 => {
                self.is_cut = true;
                let other = self.all.iter().copied().find(|other| *other != id).unwrap_or(id);
                if dice.percent(50) { Step::Cut(id, other) } else { Step::Cut(other, id) }
            }
            26..32 if self.can_spare() => {
                self.down.insert(id);
                Step::Stop(id)
            }
            32..44 if !self.leader_fell => {
                self.leader_fell = true;
                if dice.percent(50) {
                    Step::CrashLeader
                } else {
                    Step::CutLeaderPower(dice.below(1_000))
                }
            }
            44..60 if self.can_spare() || dice.percent(40) => {
                self.down.insert(id);
                if dice.percent(40) {
                    Step::Crash(id)
                } else {
                    Step::CutPower(id, dice.below(1_000))
                }
            }
            60..65 => {
                self.down.extend(&self.all);
                Step::CutAllPower(dice.below(1_000))
            }
            65..75 => Step::HandOver(id),
            75..82 => match self.learner.take() {
                Some(learner) => Step::Promote(learner),
                None => {
                    self.learner = Some(id);
                    Step::Demote(id)
                }
            },
            82..88 if self.off.is_none() => {
                self.off = Some(id);
                let sides = JUMP_MILLIS_MAX.unsigned_abs() * 2;
                Step::SetClock(id, JUMP_MILLIS_MAX.saturating_sub_unsigned(dice.below(sides)))
            }
            _ => Step::Snapshot(id),
        }
    }

    /// Ends something of what fails, by chance.
    fn mend(&mut self, dice: &mut Dice) -> Option<Step> {
        let down: Vec<u64> = self.down.iter().copied().collect();
        if self.leader_fell && dice.percent(50) {
            (self.leader_fell, self.down) = (false, BTreeSet::new());
            return Some(Step::StartAll);
        }
        if let Some(id) = dice.pick(&down)
            && dice.percent(if down.len() == self.all.len() { 90 } else { 55 })
        {
            self.down.remove(&id);
            return Some(Step::Start(id));
        }
        if self.is_cut && dice.percent(50) {
            self.is_cut = false;
            return Some(Step::Heal);
        }
        let off = self.off.take_if(|_| dice.percent(30))?;
        Some(Step::SetClock(off, 0))
    }
}
