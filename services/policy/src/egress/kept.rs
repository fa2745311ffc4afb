//! What was lately made from state and much asked for, kept for a while: the content of rounds of
//! editions, so that all pages of a round are made from one, and joint pictures as a release class
//! sees them, so that all receivers of a class are given one.
//!
//! It holds what stands under seal in the clear, so it is given only while every key is there under
//! which it was made, and dropped when it rests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use samsyn_domain::{State, Timestamp, UnitKey, command::Digest, commit::hash};

use super::{
    edition::{Reopened, RoundName},
    picture::PictureName,
};
use crate::{JointView, Known, Shared};

/// So much of each kind is kept.
pub(super) const KEPT_MAX: usize = 64;
/// So many bytes of each kind are kept. What is larger is made each time.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// So long something is kept after it was last asked for.
const KEPT_SECONDS: i64 = 60;

/// What is kept.
#[derive(Default)]
pub struct Contents {
    pub(super) rounds: Shelf<RoundName, Reopened>,
    pub(super) pictures: Shelf<PictureName, Shared<JointView>>,
}

impl Contents {
    /// Drops what was not asked for in the last minute.
    pub fn expire(&self, now: Timestamp) {
        self.rounds.entered().expire(now);
        self.pictures.entered().expire(now);
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rounds, pictures) = (self.rounds.len(), self.pictures.len());
        write!(f, "content of {rounds} rounds and {pictures} pictures")
    }
}

/// Something that was made, and what it was made with.
pub(super) struct Made<T> {
    pub(super) content: Arc<T>,
    /// About its size in memory, in bytes.
    pub(super) bytes: usize,
    /// The units whose keys opened something for it, or would have.
    pub(super) units: BTreeSet<UnitKey>,
    /// It lacks nothing that may be there a moment later.
    pub(super) is_whole: bool,
}

/// What is kept of one kind.
pub(super) struct Shelf<N, T>(Mutex<Places<N, T>>);

impl<N, T> Default for Shelf<N, T> {
    fn default() -> Self {
        Self(Mutex::new(Places { epoch: 0, kept: BTreeMap::new() }))
    }
}

struct Places<N, T> {
    /// Under which epoch it was made.
    epoch: u64,
    kept: BTreeMap<N, Kept<T>>,
}

struct Kept<T> {
    place: Arc<Place<T>>,
    bytes: usize,
    asked_at: Timestamp,
}

/// Where content stands once it is made; who asks meanwhile waits.
type Place<T> = Mutex<Option<Whole<T>>>;

struct Whole<T> {
    content: Arc<T>,
    units: BTreeSet<UnitKey>,
    keys: Digest,
}

impl<T> Whole<T> {
    /// Whether the keys under which it was made are there, and are the same.
    fn holds(&self, known: &dyn Known) -> bool {
        keys(known, &self.units) == Some(self.keys)
    }
}

impl<N: Ord + Clone, T> Shelf<N, T> {
    /// What stands under a name in this state: what is kept of it, else made, and kept. The name
    /// says all that it is made from, but for the epoch and the keys.
    pub(super) fn get<E>(
        &self,
        name: &N,
        state: &State,
        (known, now): (&dyn Known, Timestamp),
        make: impl FnOnce() -> Result<Made<T>, E>,
    ) -> Result<Arc<T>, E> {
        let place = self.entered().place(name, state.epoch(), now);
        let mut whole = entered(&place);
        if let Some(kept) = whole.as_ref().filter(|kept| kept.holds(known)) {
            return Ok(Arc::clone(&kept.content));
        }
        *whole = None;
        let Made { content, bytes, units, is_whole } = make()?;
        let keys = keys(known, &units).filter(|_| is_whole);
        *whole = keys.map(|keys| Whole { content: Arc::clone(&content), units, keys });
        drop(whole);
        self.entered().settle(name, bytes);
        Ok(content)
    }

    fn entered(&self) -> MutexGuard<'_, Places<N, T>> {
        entered(&self.0)
    }

    fn len(&self) -> usize {
        self.entered().kept.len()
    }
}

impl<N: Ord + Clone, T> Places<N, T> {
    fn expire(&mut self, now: Timestamp) {
        // A clock that was set back must not keep anything longer either.
        let lately = now.after_seconds(-KEPT_SECONDS)..=now.after_seconds(KEPT_SECONDS);
        self.kept.retain(|_, kept| lately.contains(&kept.asked_at));
    }

    /// The place of something, which is asked for now. Nothing is kept from one epoch to another.
    fn place(&mut self, name: &N, epoch: u64, now: Timestamp) -> Arc<Place<T>> {
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
    fn settle(&mut self, name: &N, bytes: usize) {
        if let Some(kept) = self.kept.get_mut(name) {
            kept.bytes = bytes;
        }
        while self.kept.len() > KEPT_MAX || self.bytes() > BYTES_MAX {
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
