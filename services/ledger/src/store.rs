//! The rows on disk, in redb. What redb does not check on reading carries a check of its own.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase as _,
    ReadableTable as _, StorageError, TableDefinition, WriteTransaction,
};
use samsyn_domain::{FeatureLevel, State};
use sha2::{Digest as _, Sha256};

use crate::{
    Error,
    format::{RowWrite, decode_head, encode_head, read_row},
    head::Head,
    snapshot::Stored,
};

const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const HEAD: &str = "head";
const FORMAT: &str = "format";

/// What this program writes. A file of a higher format is left alone.
const FORMAT_NOW: u64 = 1;
/// How many bytes of a digest stand before a value.
const CHECK_BYTES: usize = 16;
/// Pages of the file that redb keeps in memory, in bytes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

const MEND: &str =
    "move the file aside and start again: the state is rebuilt from the snapshot and the log";

/// The state store of one node. Every call blocks.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    db: Database,
    rows: u64,
}

impl Store {
    /// Opens or creates a state store, and restores the state it holds.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not read or a newer program wrote it,
    /// [`Error::LevelUnknown`] when it is of a level that the node does not know; then nothing was
    /// changed.
    pub(crate) fn open(path: &Path, knows: FeatureLevel) -> Result<(Self, Head, State), Error> {
        // redb may panic on a file that was damaged after an orderly close.
        catch_unwind(AssertUnwindSafe(|| Self::open_trusting(path, knows)))
            .unwrap_or_else(|_| Err(damaged(path, "its structure does not hold together")))
    }

    fn open_trusting(path: &Path, knows: FeatureLevel) -> Result<(Self, Head, State), Error> {
        // Every page is read at the start anyway; its checksums are compared on the way.
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let db = create(&builder, path).map_err(|error| refused(path, error))?;
        let store = Self { path: path.to_owned(), db, rows: 0 };
        let view = match store.view() {
            Ok(view) if view.is_empty().map_err(|error| unreadable(path, error))? => {
                store.found().map_err(|error| unreadable(path, error))?;
                return Ok((store, Head::default(), State::default()));
            }
            Ok(view) => view,
            Err(error) => return Err(unreadable(path, error)),
        };
        let (head, state) = view.load(path, knows)?;
        Ok((Self { rows: head.rows, ..store }, head, state))
    }

    /// Makes the tables of an empty file.
    fn found(&self) -> io::Result<()> {
        self.write(|tx| {
            tx.open_table(ROWS).map_err(other)?;
            put_meta(tx, FORMAT, &FORMAT_NOW.to_be_bytes())?;
            put_meta(tx, HEAD, &encode_head(&Head::default()))
        })
    }

    /// Writes rows and how far they reach, durably and at once.
    pub(crate) fn commit(&mut self, writes: &[RowWrite], head: &Head) -> io::Result<()> {
        let mut rows = self.rows;
        self.write(|tx| {
            let mut table = tx.open_table(ROWS).map_err(other)?;
            for write in writes {
                match write {
                    RowWrite::Put { key, value } => {
                        let value = checked(key, value);
                        let old = table.insert(key.as_slice(), value.as_slice()).map_err(other)?;
                        rows = rows.saturating_add(u64::from(old.is_none()));
                    }
                    RowWrite::Delete { key } => {
                        let old = table.remove(key.as_slice()).map_err(other)?;
                        rows = rows.saturating_sub(u64::from(old.is_some()));
                    }
                }
            }
            drop(table);
            put_meta(tx, HEAD, &encode_head(&Head { rows, ..head.clone() }))
        })?;
        self.rows = rows;
        Ok(())
    }

    /// Puts other rows in the place of all rows, durably and at once.
    pub(crate) fn replace(
        &mut self,
        rows: impl Iterator<Item = io::Result<Stored>>,
        head: &Head,
    ) -> io::Result<()> {
        self.write(|tx| {
            tx.delete_table(ROWS).map_err(other)?;
            let mut table = tx.open_table(ROWS).map_err(other)?;
            for row in rows {
                let (key, value) = row?;
                let value = checked(&key, &value);
                table.insert(key.as_slice(), value.as_slice()).map_err(other)?;
            }
            drop(table);
            put_meta(tx, HEAD, &encode_head(head))
        })?;
        self.rows = head.rows;
        Ok(())
    }

    /// All rows as they were last committed; later writes do not show.
    pub(crate) fn view(&self) -> io::Result<View> {
        let tx = self.db.begin_read().map_err(other)?;
        Ok(View { path: self.path.clone(), tx })
    }

    /// Closes the file in good order.
    pub(crate) fn close(self) -> io::Result<()> {
        self.db.close().map_err(other)
    }

    fn write(&self, act: impl FnOnce(&WriteTransaction) -> io::Result<()>) -> io::Result<()> {
        let mut tx = self.db.begin_write().map_err(other)?;
        tx.set_durability(Durability::Immediate).map_err(other)?;
        // A crash then never leaves the last commit in doubt.
        tx.set_quick_repair(true);
        act(&tx)?;
        tx.commit().map_err(other)
    }
}

#[cfg(not(test))]
fn create(builder: &Builder, path: &Path) -> Result<Database, DatabaseError> {
    builder.create(path)
}

/// As without tests, or on a disk that power may be cut from.
#[cfg(test)]
fn create(builder: &Builder, path: &Path) -> Result<Database, DatabaseError> {
    match crate::platter::pages(path)? {
        Some(pages) => builder.create_with_backend(pages),
        None => builder.create(path),
    }
}

/// All rows at one moment.
pub(crate) struct View {
    path: PathBuf,
    tx: ReadTransaction,
}

impl View {
    pub(crate) fn head(&self) -> io::Result<Head> {
        decode_head(&self.meta(HEAD)?)
    }

    /// Gives every row's key and value, in the order of keys; as many as the head says.
    pub(crate) fn each(
        &self,
        head: &Head,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let bad = |error| unreadable(&self.path, error);
        let mut rows = 0_u64;
        let table = self.tx.open_table(ROWS).map_err(|error| bad(other(error)))?;
        for row in table.iter().map_err(|error| bad(other(error)))? {
            let (key, value) = row.map_err(|error| bad(other(error)))?;
            take(key.value(), unchecked(key.value(), value.value()).map_err(bad)?)?;
            rows = rows.saturating_add(1);
        }
        if rows != head.rows {
            let what = format!("it holds {rows} rows instead of {}", head.rows);
            return Err(damaged(&self.path, &what));
        }
        Ok(())
    }

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.tx.list_tables().map_err(other)?.next().is_none())
    }

    fn meta(&self, name: &str) -> io::Result<Vec<u8>> {
        let table = self.tx.open_table(META).map_err(other)?;
        let Some(value) = table.get(name).map_err(other)? else {
            return Err(crate::format::damaged(format!("`{name}` is missing")));
        };
        unchecked(name.as_bytes(), value.value()).map(<[u8]>::to_vec)
    }

    fn load(&self, path: &Path, knows: FeatureLevel) -> Result<(Head, State), Error> {
        let bad = |error| unreadable(path, error);
        let format = self.meta(FORMAT).map_err(bad)?;
        let format = format.try_into().map(u64::from_be_bytes).unwrap_or_default();
        if format > FORMAT_NOW {
            let what = format!("it has format {format}, and this program knows {FORMAT_NOW}");
            return Err(Error::damaged(path, 0, format!("{what}; start the newer program")));
        }
        let head = self.head().map_err(bad)?.known(knows)?;
        let mut state = State::default();
        self.each(&head, |_, value| {
            state.absorb(read_row(value).map_err(|error| damaged(path, &error.to_string()))?);
            Ok(())
        })?;
        Ok((head, state))
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("path", &self.path).finish_non_exhaustive()
    }
}

fn put_meta(tx: &WriteTransaction, name: &str, value: &[u8]) -> io::Result<()> {
    let mut table = tx.open_table(META).map_err(other)?;
    table.insert(name, checked(name.as_bytes(), value).as_slice()).map_err(other)?;
    Ok(())
}

fn check(key: &[u8], value: &[u8]) -> impl Iterator<Item = u8> {
    let key_bytes = u64::try_from(key.len()).unwrap_or(u64::MAX);
    let hash = Sha256::new().chain_update(key_bytes.to_be_bytes());
    hash.chain_update(key).chain_update(value).finalize().into_iter().take(CHECK_BYTES)
}

/// A value behind the first bytes of the SHA-256 of key and value.
fn checked(key: &[u8], value: &[u8]) -> Vec<u8> {
    check(key, value).chain(value.iter().copied()).collect()
}

fn unchecked<'a>(key: &[u8], stored: &'a [u8]) -> io::Result<&'a [u8]> {
    stored
        .split_at_checked(CHECK_BYTES)
        .filter(|(digest, value)| check(key, value).eq(digest.iter().copied()))
        .map(|(_, value)| value)
        .ok_or_else(|| crate::format::damaged("a row differs from its check"))
}

fn other(error: impl Into<redb::Error>) -> io::Error {
    let error = error.into();
    if let redb::Error::Io(source) = error {
        return source;
    }
    io::Error::other(error)
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::damaged(path, 0, format!("{what}; {MEND}"))
}

/// The tables or rows of an open file do not read.
fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::unreadable(path, 0, MEND, error)
}

/// redb does not open a file.
fn refused(path: &Path, error: DatabaseError) -> Error {
    if let DatabaseError::Storage(StorageError::Io(source)) = error {
        return unreadable(path, source);
    }
    let in_use =
        matches!(error, DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch);
    if in_use {
        let source = io::Error::new(io::ErrorKind::WouldBlock, error);
        return Error::io(path)(source);
    }
    damaged(path, &error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes a state store look as if a later program had written it.
    pub(crate) fn make_newer(path: &Path) {
        let (store, ..) = Store::open(path, FeatureLevel::FIRST).unwrap();
        store.write(|tx| put_meta(tx, FORMAT, &2_u64.to_be_bytes())).unwrap();
        store.close().unwrap();
    }

    fn put(key: u8, value: &[u8]) -> RowWrite {
        RowWrite::Put { key: vec![key], value: value.to_vec() }
    }

    #[test]
    fn rows_are_counted_as_they_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.redb");
        let (mut store, head, _) = Store::open(&path, FeatureLevel::FIRST).unwrap();
        store.commit(&[put(1, b"a"), put(2, b"b"), put(1, b"c")], &head).unwrap();
        store.commit(&[RowWrite::Delete { key: vec![2] }, put(3, b"d")], &head).unwrap();
        store.commit(&[RowWrite::Delete { key: vec![9] }], &head).unwrap();
        let view = store.view().unwrap();
        let counted = view.head().unwrap();
        let mut rows = Vec::new();
        let take = |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok(())
        };
        view.each(&counted, take).unwrap();
        assert_eq!(rows, [(vec![1], b"c".to_vec()), (vec![3], b"d".to_vec())]);
        assert_eq!(counted.rows, 2);
    }

    #[test]
    fn a_row_under_another_key_is_damage() {
        let stored = checked(b"key", b"value");
        assert_eq!(unchecked(b"key", &stored).unwrap(), b"value");
        assert!(unchecked(b"kez", &stored).is_err());
        assert!(unchecked(b"key", &stored[..CHECK_BYTES - 1]).is_err());
    }
}
