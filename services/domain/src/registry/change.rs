//! Changes of the registry: rows put and removed, against the registry as it was.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BadRegistry, Record, RecordKey, Registry, Table, check};
use crate::{
    command::Digest,
    commit::hash::{TAG_CHANGE, TAG_REGISTRY, hash},
};

/// How many rows one change puts or removes at most.
pub const OPERATIONS_MAX: usize = 500;
/// How many bytes the rows of one change have at most, written.
pub const CHANGE_BYTES_MAX: usize = 256 * 1024;

/// One row put or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A row is new, or stands in the place of the one with its key.
    Put(Box<Record>),
    /// A row is gone.
    Remove(RecordKey),
}

impl Operation {
    /// Which row.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Put(record) => record.key(),
            Self::Remove(key) => key.clone(),
        }
    }

    /// The row as it is to be; none when it is removed.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Put(record) => Some(record),
            Self::Remove(_) => None,
        }
    }
}

/// A list of operations is no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// Nothing is to change.
    #[error("nothing changes; there is nothing to propose")]
    Empty,
    /// More rows or bytes than the limits.
    #[error("changes more than 500 rows or 256 KiB at once; make several changes of it")]
    TooLarge,
    /// A row stands twice, or the rows are not in the order of their keys.
    #[error("names a row twice or out of order; sort them by table and key")]
    Order,
}

/// Operations in the order of their keys, no row twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    operations: Vec<Operation>,
}

/// The registry that a change is made against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The epoch when it was read.
    pub epoch: u64,
    /// Its digest.
    pub digest: Digest,
}

/// One field of a row that a change makes another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name; empty when the row is new or gone.
    pub field: String,
    /// What it was, written; none when it was not set.
    pub before: Option<String>,
    /// What it becomes; none when it is not set.
    pub after: Option<String>,
}

impl Change {
    /// A change of operations that stand in the order of their keys.
    ///
    /// # Errors
    /// When there are none or too many, or they are not in order.
    pub fn of(operations: Vec<Operation>) -> Result<Self, BadChange> {
        if operations.is_empty() {
            return Err(BadChange::Empty);
        }
        let bytes = |operation: &Operation| match operation {
            Operation::Put(record) => record.text().len(),
            Operation::Remove(_) => 0,
        };
        let bytes: usize = operations.iter().map(bytes).sum();
        if operations.len() > OPERATIONS_MAX || bytes > CHANGE_BYTES_MAX {
            return Err(BadChange::TooLarge);
        }
        let keys: Vec<RecordKey> = operations.iter().map(Operation::key).collect();
        if keys.windows(2).any(|pair| pair.first() >= pair.last()) {
            return Err(BadChange::Order);
        }
        Ok(Self { operations })
    }

    /// What makes one registry of another.
    ///
    /// # Errors
    /// When they are the same, or differ in more than one change may hold.
    pub fn between(before: &Registry, after: &Registry) -> Result<Self, BadChange> {
        let (before, mut after) = (before.records(), after.records());
        let mut operations: BTreeMap<RecordKey, Operation> = BTreeMap::new();
        for (key, old) in before {
            match after.remove(&key) {
                Some(new) if new == old => {}
                Some(new) => drop(operations.insert(key, Operation::Put(new.into()))),
                None => drop(operations.insert(key.clone(), Operation::Remove(key))),
            }
        }
        let new = |(key, record): (RecordKey, Record)| (key, Operation::Put(record.into()));
        operations.extend(after.into_iter().map(new));
        Self::of(operations.into_values().collect())
    }

    /// The operations, in the order of their keys.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Its digest: `H(0x08 ‖ LP(table) ‖ LP(key) ‖ (0x01 ‖ LP(row) | 0x00) ‖ …)`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for operation in &self.operations {
            let key = operation.key();
            part(key.table.as_str(), &mut bytes);
            part(&key.id, &mut bytes);
            match operation {
                Operation::Put(record) => {
                    bytes.push(1);
                    part(&record.text(), &mut bytes);
                }
                Operation::Remove(_) => bytes.push(0),
            }
        }
        hash(&[&[TAG_CHANGE], &bytes]).0
    }
}

impl Registry {
    /// What an operation does to its row, field by field.
    #[must_use]
    pub fn differences(&self, operation: &Operation) -> Vec<Difference> {
        differences(self.record(&operation.key()).as_ref(), operation.record())
    }

    /// Its digest: `H(0x07 ‖ LP(table) ‖ LP(key) ‖ LP(row) ‖ …)`, rows in the order of their keys.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for (key, record) in self.records() {
            part(key.table.as_str(), &mut bytes);
            part(&key.id, &mut bytes);
            part(&record.text(), &mut bytes);
        }
        hash(&[&[TAG_REGISTRY], &bytes]).0
    }

    /// The registry after a change.
    ///
    /// # Errors
    /// When an operation changes nothing, moves what is recorded rests on, or the registry would
    /// not hold; every fault is named.
    pub fn changed(&self, change: &Change) -> Result<Self, BadRegistry> {
        let mut faults = Vec::new();
        for operation in &change.operations {
            self.stands(operation, &mut faults);
        }
        let after = self.taking(change);
        check::whole(&after, &mut faults);
        if after.registrars().is_empty() && !self.registrars().is_empty() {
            let mend = "keep one, or nobody can change the registry any more";
            faults.push(format!("registry_keys: none would be left; {mend}"));
        }
        if faults.is_empty() { Ok(after) } else { Err(BadRegistry { faults }) }
    }

    /// The registry after a change that was checked when it was taken in.
    pub(crate) fn taking(&self, change: &Change) -> Self {
        let mut after = self.clone();
        for operation in &change.operations {
            match operation {
                Operation::Put(record) => after.put(record.as_ref().clone()),
                Operation::Remove(key) => after.remove(key),
            }
        }
        after
    }

    /// What observations, editions and the record rest on is added to and never removed or moved.
    fn stands(&self, operation: &Operation, faults: &mut Vec<String>) {
        let key = operation.key();
        let Some(before) = self.record(&key) else {
            if matches!(operation, Operation::Remove(_)) {
                faults.push(format!("{key} is not registered; plan again"));
            }
            return;
        };
        let after = operation.record();
        if after == Some(&before) {
            faults.push(format!("{key} stays as it is; leave it out"));
        }
        let moved = match before.table() {
            Table::Areas => after.is_none().then_some(""),
            Table::Categories => other(&before, after, &["kind", "priority", "geography"]),
            Table::Parties => other(&before, after, &["organisation", "kind"]),
            Table::Places => other(&before, after, &["sub_area"]),
            Table::SubAreas => other(&before, after, &["area"]),
            Table::Lists | Table::Responsibilities => after.is_none().then_some(""),
            Table::EndorsementKeys => after.and_then(|_| other(&before, after, &["party", "role"])),
            Table::PublisherKeys => after.and_then(|_| other(&before, after, &["party"])),
            Table::RegistryKeys => after.and_then(|_| other(&before, after, &["organisation"])),
            Table::Functions => after.and_then(|_| other(&before, after, &["organisation"])),
            Table::Peers => after.and_then(|_| other(&before, after, &["federation"])),
            Table::Services => after.and_then(|_| other(&before, after, &["organisation"])),
            Table::Agreements
            | Table::Descriptors
            | Table::Groups
            | Table::Meetings
            | Table::Organisations
            | Table::ReleaseRows => None,
        };
        match moved {
            Some("") => faults.push(format!(
                "{key} cannot be removed: what is recorded rests on it; leave it and end what \
                 refers to it"
            )),
            Some(field) => faults.push(format!(
                "{key} cannot have another `{field}`: what is recorded rests on it; register \
                 another row"
            )),
            None => {}
        }
    }
}

/// The first of some fields in which a row differs; empty when it is removed.
fn other(before: &Record, after: Option<&Record>, fixed: &[&'static str]) -> Option<&'static str> {
    let Some(after) = after else { return Some("") };
    let (before, after) = (before.fields(), after.fields());
    fixed.iter().copied().find(|field| before.get(*field) != after.get(*field))
}

/// What becomes of a row, field by field; none: it is not there.
pub(super) fn differences(before: Option<&Record>, after: Option<&Record>) -> Vec<Difference> {
    let (Some(old), Some(new)) = (before, after) else {
        let text = |record: Option<&Record>| record.map(Record::text);
        let (before, after) = (text(before), text(after));
        return vec![Difference { field: String::new(), before, after }];
    };
    let fields = |record: &Record| match record.fields() {
        Value::Object(fields) => fields.into_iter().collect::<BTreeMap<String, Value>>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            BTreeMap::new()
        }
    };
    let (old, new) = (fields(old), fields(new));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = |name: &String| {
        let (before, after) = (old.get(name), new.get(name));
        let written = |value: Option<&Value>| value.map(ToString::to_string);
        (before != after).then(|| Difference {
            field: name.clone(),
            before: written(before),
            after: written(after),
        })
    };
    names.into_iter().filter_map(differ).collect()
}

/// `LP`: the length in four bytes, then the bytes.
fn part(text: &str, bytes: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.as_bytes());
}
