//! The file of the state: redb writes anywhere in it, and syncs now and then.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
    sync::Arc,
};

use redb::{StorageBackend, backends::FileBackend};

use super::{Fault, Platter, torn};
use crate::several::dice::Dice;

/// The name of the file.
pub(super) const FILE: &str = "state.redb";

/// What the file holds.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    synced: Vec<u8>,
    /// What was done to it since, in order.
    since: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Pages {
    pub(super) const fn of(synced: Vec<u8>) -> Self {
        Self { synced, since: Vec::new() }
    }

    /// All that was written.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut file = self.synced.clone();
        for change in &self.since {
            match change {
                Change::Write(at, bytes) => write(&mut file, *at, bytes),
                Change::Length(bytes) => file.resize(usize::try_from(*bytes).unwrap(), 0),
            }
        }
        file
    }

    /// What there is after power was cut.
    pub(super) fn found(&self, dice: &mut Dice) -> Vec<u8> {
        let mut file = self.synced.clone();
        // All, nothing, or any of it.
        let percent = [0, 50, 100][usize::try_from(dice.below(3)).unwrap()];
        for change in &self.since {
            if !dice.percent(percent) {
                continue;
            }
            match change {
                Change::Write(at, bytes) if percent < 100 => {
                    torn::overwrite(&mut file, *at, bytes, dice);
                }
                Change::Write(at, bytes) => write(&mut file, *at, bytes),
                Change::Length(bytes) => file.resize(usize::try_from(*bytes).unwrap(), 0),
            }
        }
        file
    }

    fn sync(&mut self) {
        self.synced = self.written();
        self.since.clear();
    }
}

fn write(file: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let begin = usize::try_from(at).unwrap();
    let end = begin + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[begin..end].copy_from_slice(bytes);
}

/// The file as redb uses it.
#[derive(Debug)]
pub(crate) struct Backend {
    file: FileBackend,
    disk: Arc<Platter>,
}

impl Backend {
    pub(super) fn open(path: &Path, disk: Arc<Platter>) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let found = fs::read(path)?;
        let mut known = disk.known();
        if known.pages.as_ref().is_none_or(|pages| pages.written() != found) {
            known.pages = Some(Pages::of(found));
        }
        drop(known);
        let file = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Self { file, disk })
    }

    /// Does something to the file, and notes it.
    fn change(&self, act: impl FnOnce() -> io::Result<()>, change: Change) -> io::Result<()> {
        let mut known = self.disk.known();
        if known.fault == Some(Fault::Full) {
            return Err(Fault::Full.error());
        }
        act()?;
        if let Some(pages) = &mut known.pages {
            pages.since.push(change);
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|| self.file.set_len(len), Change::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let mut known = self.disk.known();
        if let Some(fault) = known.fault {
            return Err(fault.error());
        }
        if let Some(pages) = &mut known.pages {
            pages.sync();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|| self.file.write(offset, data), Change::Write(offset, data.to_vec()))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
