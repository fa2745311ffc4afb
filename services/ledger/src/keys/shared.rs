//! Keys between nodes: every node of a domain has the same.

use std::{
    path::Path,
    sync::{PoisonError, atomic::Ordering},
};

use samsyn_domain::UnitKey;

use super::{Document, FILE, Keys, parse, poisoned, text, write};
use crate::Error;

impl Keys {
    /// Takes keys from a leader and makes them durable. A key that is here already stays, unless it
    /// is to be replaced: two nodes may each have made one for a unit, and the leader's counts.
    pub(crate) fn take(&self, keys: &[(UnitKey, [u8; 32])], replace: bool) -> Result<(), Error> {
        let news = |unit: &UnitKey, key: &[u8; 32]| match self.known_unit(unit) {
            None => true,
            Some(known) => replace && known != *key,
        };
        if !keys.iter().any(|(unit, key)| news(unit, key)) {
            return Ok(());
        }
        self.change(|document| {
            let mut taken = Vec::new();
            for (unit, key) in keys {
                let known = document.units.contains_key(unit.as_str());
                if news(unit, key) {
                    document.units.insert(unit.as_str().to_owned(), hex::encode(key));
                    taken.push(unit.clone());
                    self.replaced.fetch_add(u64::from(known), Ordering::Relaxed);
                }
            }
            Ok(taken)
        })
    }

    /// Takes all keys of units from a leader's key file; where another was here, the leader's
    /// counts.
    pub(crate) fn take_file(&self, file: &str) -> Result<(), Error> {
        let theirs: Document = serde_json::from_str(file)
            .map_err(|why| Error::Fatal(format!("the leader's key file does not read: {why}")))?;
        let keys = theirs.units.iter();
        let keys = keys.filter_map(|(unit, key)| Some((UnitKey::named(unit), parse(key)?)));
        self.take(&keys.collect::<Vec<_>>(), true)
    }

    /// The keys that came here after so many, and how many have come by now.
    pub(crate) fn since(&self, count: usize) -> (Vec<(UnitKey, [u8; 32])>, usize) {
        let came = self.came.read().unwrap_or_else(PoisonError::into_inner);
        let new = came.get(count..).unwrap_or_default();
        let keys = new.iter().filter_map(|unit| Some((unit.clone(), self.known_unit(unit)?)));
        (keys.collect(), came.len())
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
