//! Keys between nodes: every node of a domain has the same.

use std::{
    path::Path,
    sync::{PoisonError, atomic::Ordering},
};

use samsyn_domain::UnitKey;

use super::{Document, FILE, Keys, parse, poisoned, text, write};
use crate::Error;

/// A unit's key.
type Key = (UnitKey, [u8; 32]);

/// What became of a key that was to be taken.
enum Taken {
    /// Nothing: it is here.
    Known,
    /// It is of a unit that had none, or is kept beside that which counts.
    New,
    /// It counts now, and that which did is kept beside it.
    Replaced,
}

impl Document {
    fn take(&mut self, unit: &UnitKey, key: &[u8; 32], replace: bool) -> Taken {
        let (unit, key) = (unit.as_str().to_owned(), hex::encode(key));
        match self.units.get_mut(&unit) {
            None => {
                self.units.insert(unit, key);
                Taken::New
            }
            Some(known) if *known == key => Taken::Known,
            Some(known) if replace => {
                let others = self.others.entry(unit).or_default();
                others.remove(&key);
                others.insert(std::mem::replace(known, key));
                Taken::Replaced
            }
            Some(_) if self.others.entry(unit).or_default().insert(key) => Taken::New,
            Some(_) => Taken::Known,
        }
    }

    /// The keys of a unit, the one that counts last.
    fn keys_of(&self, unit: &str) -> Vec<Key> {
        let others = self.others.get(unit).into_iter().flatten();
        let keys = others.chain(self.units.get(unit));
        keys.filter_map(|key| Some((UnitKey::named(unit), parse(key)?))).collect()
    }
}

impl Keys {
    /// Takes keys from a leader and makes them durable. Two nodes may each have made a key for a
    /// unit: the other one is kept beside that which counts, so that what is sealed under either
    /// opens. The leader's counts where keys are replaced, of several that of a unit's last.
    pub(crate) fn take(&self, keys: &[Key], replace: bool) -> Result<(), Error> {
        self.change(|document| {
            let mut changed = Vec::new();
            for (place, (unit, key)) in (1..).zip(keys) {
                let is_last = keys.get(place).is_none_or(|(next, _)| next != unit);
                match document.take(unit, key, replace && is_last) {
                    Taken::Known => {}
                    Taken::New => changed.push(unit.clone()),
                    Taken::Replaced => {
                        changed.push(unit.clone());
                        self.replaced.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Ok(changed)
        })
    }

    /// Takes all keys of units from a leader's key file; where another was here, the leader's
    /// counts.
    pub(crate) fn take_file(&self, file: &str) -> Result<(), Error> {
        let theirs: Document = serde_json::from_str(file)
            .map_err(|why| Error::Fatal(format!("the leader's key file does not read: {why}")))?;
        let keys: Vec<Key> = theirs.units.keys().flat_map(|unit| theirs.keys_of(unit)).collect();
        self.take(&keys, true)
    }

    /// The keys that came here after so many, and how many have come by now. Of a unit that has
    /// several the one that counts is the last.
    pub(crate) fn since(&self, count: usize) -> (Vec<Key>, usize) {
        let came = self.came.read().unwrap_or_else(PoisonError::into_inner);
        let document = self.document.read().unwrap_or_else(PoisonError::into_inner);
        let new = came.get(count..).unwrap_or_default();
        let keys = new.iter().flat_map(|unit| document.keys_of(unit.as_str()));
        (keys.collect(), came.len())
    }

    /// The keys of a unit that open and do not count.
    pub(super) fn other_keys(&self, unit: &UnitKey) -> Vec<[u8; 32]> {
        let document = self.document.read().unwrap_or_else(PoisonError::into_inner);
        let others = document.others.get(unit.as_str()).into_iter().flatten();
        others.filter_map(|key| parse(key)).collect()
    }

    /// How many keys were replaced since the start.
    pub(crate) fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// The key file as it is written, for another node of the domain.
    ///
    /// # Errors
    /// When it cannot be written as text.
    pub(crate) fn exported(&self) -> Result<String, Error> {
        text(&*self.document.read().map_err(poisoned)?)
    }

    /// Whether a key file is in a folder.
    pub(crate) fn are_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Keeps the key file of the domain at a node that has none yet.
    ///
    /// # Errors
    /// When there is one, or it does not read.
    pub(crate) fn receive(dir: &Path, file: &str) -> Result<(), Error> {
        let path = dir.join(FILE);
        let document: Document = serde_json::from_str(file)
            .map_err(|why| Error::Fatal(format!("another node's key file does not read: {why}")))?;
        if path.exists() {
            return Err(Error::damaged(&path, 0, "it is there already and was not replaced"));
        }
        write(&path, &document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> UnitKey {
        UnitKey::named("sdf|a|2025-09")
    }

    #[test]
    fn a_unit_s_keys_go_to_another_node_once_with_the_one_that_counts() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, there) = (Keys::open(here.path()).unwrap(), Keys::open(there.path()).unwrap());
        there.take(&[(unit(), [1; 32])], true).unwrap();
        here.take(&[(unit(), [2; 32])], true).unwrap();
        here.take(&[(unit(), [3; 32])], true).unwrap();
        for _ in 0..2 {
            there.take(&here.since(0).0, false).unwrap();
            there.take(&here.since(0).0, true).unwrap();
            there.take_file(&here.exported().unwrap()).unwrap();
            assert_eq!(there.known_unit(&unit()), Some([3; 32]));
            assert_eq!(there.other_keys(&unit()), [[1; 32], [2; 32]]);
            assert_eq!((there.replaced(), there.since(0).1), (1, 4), "each came once, one counts");
        }
    }
}
