//! The content of rounds that were lately read, kept for a while, so that all pages of a round are
//! made from one.
//!
//! It is what the parties commit to, before anyone's rights. What a reader sees of it is decided
//! anew for each page.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use samsyn_domain::{
    EditionId, State, Timestamp, UnitKey,
    command::Digest,
    commit::{hash, salt::Salt},
    edition::{Edition, Round},
};

use super::{Unmade, content::Content};
use crate::Known;

/// So many rounds are kept.
pub(super) const ROUNDS_MAX: usize = 16;
/// So many bytes of them are kept. Larger content is made for each page.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// So long one is kept after it was last asked for.
const KEPT_SECONDS: i64 = 60;

/// The content of a round, made again.
pub(super) struct Reopened {
    pub(super) content: Content,
    pub(super) basis_salt: Salt,
}

impl Reopened {
    pub(super) fn of(
        state: &State,
        known: &dyn Known,
        edition: &Edition,
        round: &Round,
    ) -> Result<Arc<Self>, Unmade> {
        let (content, basis_salt) = Content::reopened(state, known, edition, round)?;
        Ok(Arc::new(Self { content, basis_salt }))
    }
}

/// What is kept of the content of rounds. It holds what stands under seal in the clear, so it is
/// given only while every key is there under which it was made, and dropped when it rests.
#[derive(Default)]
pub struct Contents(Mutex<Rounds>);

#[derive(Default)]
struct Rounds {
    /// Under which epoch they were made.
    epoch: u64,
    kept: BTreeMap<Name, Kept>,
}

/// An edition and the content root of one of its rounds.
type Name = (EditionId, Digest);

struct Kept {
    place: Arc<Place>,
    bytes: usize,
    asked_at: Timestamp,
}

/// Where content stands once it is made; who asks meanwhile waits.
type Place = Mutex<Option<Made>>;

struct Made {
    reopened: Arc<Reopened>,
    units: BTreeSet<UnitKey>,
    keys: Digest,
}

impl Made {
    /// Whether the keys under which it was made are there, and are the same.
    fn holds(&self, known: &dyn Known) -> bool {
        keys(known, &self.units) == Some(self.keys)
    }
}

impl Contents {
    /// Drops what was not asked for in the last minute.
    pub fn expire(&self, now: Timestamp) {
        self.rounds().expire(now);
    }

    /// The content of a round of an edition in this state: what is kept of it, else made, and kept.
    pub(super) fn reopened(
        &self,
        state: &State,
        known: &dyn Known,
        (edition, round): (&Edition, &Round),
        now: Timestamp,
    ) -> Result<Arc<Reopened>, Unmade> {
        let name = (edition.id.clone(), round.locked.root);
        let place = self.rounds().place(&name, state.epoch(), now);
        let mut made = entered(&place);
        if let Some(kept) = made.as_ref().filter(|kept| kept.holds(known)) {
            return Ok(Arc::clone(&kept.reopened));
        }
        *made = None;
        let reopened = Reopened::of(state, known, edition, round)?;
        let units = reopened.content.units();
        if let Some(keys) = keys(known, &units) {
            *made = Some(Made { reopened: Arc::clone(&reopened), units, keys });
        }
        drop(made);
        self.rounds().settle(&name, reopened.content.bytes());
        Ok(reopened)
    }

    fn rounds(&self) -> MutexGuard<'_, Rounds> {
        entered(&self.0)
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "content of {} rounds", self.rounds().kept.len())
    }
}

impl Rounds {
    fn expire(&mut self, now: Timestamp) {
        // A clock that was set back must not keep anything longer either.
        let lately = now.after_seconds(-KEPT_SECONDS)..=now.after_seconds(KEPT_SECONDS);
        self.kept.retain(|_, kept| lately.contains(&kept.asked_at));
    }

    /// The place of a round, which is asked for now. Nothing is kept from one epoch to another.
    fn place(&mut self, name: &Name, epoch: u64, now: Timestamp) -> Arc<Place> {
        if self.epoch != epoch {
            *self = Self { epoch, kept: BTreeMap::new() };
        }
        self.expire(now);
        let kept = self.kept.entry(name.clone()).or_insert_with(|| Kept {
            place: Arc::default(),
            bytes: 0,
            asked_at: now,
        });
        kept.asked_at = now;
        Arc::clone(&kept.place)
    }

    /// Notes the size of what was made, and makes room.
    fn settle(&mut self, name: &Name, bytes: usize) {
        if let Some(kept) = self.kept.get_mut(name) {
            kept.bytes = bytes;
        }
        while self.kept.len() > ROUNDS_MAX || self.bytes() > BYTES_MAX {
            let rested = self.kept.iter().min_by_key(|(_, kept)| kept.asked_at);
            let Some(name) = rested.map(|(name, _)| name.clone()) else { return };
            self.kept.remove(&name);
        }
    }

    fn bytes(&self) -> usize {
        self.kept.values().map(|kept| kept.bytes).sum()
    }
}

// What is behind a lock is whole between any two statements.
fn entered<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands for the keys of some units; none when one is gone.
fn keys(known: &dyn Known, units: &BTreeSet<UnitKey>) -> Option<Digest> {
    units.iter().try_fold([0; 32], |before, unit| {
        Some(hash::hash(&[&before, unit.as_str().as_bytes(), &known.unit_key(unit)?]).0)
    })
}
