//! A disk that power may be cut from: what was synced is there afterwards, of the rest what chance
//! leaves.
//!
//! A test has the folder of a node watched. From then on it is noted here, at the places where the
//! ledger syncs, what has come onto the disk: whole files and names by [`disk`](crate::disk), the
//! log by the answers of its flushes, the state's file by what redb writes and syncs. What a
//! process wrote and did not sync stays when the process ends, and stays unsynced.
//!
//! Two things are taken on trust, as they do not show from here: that raft-log syncs when it is
//! told to (`raft_handle/tests.rs` counts that), and that it makes the names of its files durable.

mod pages;
mod torn;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use raft_log::chunked_wal::Config;

use self::pages::{Backend, Pages};
use crate::several::dice::Dice;

/// The disks that are watched.
static WATCHED: Mutex<Vec<Weak<Platter>>> = Mutex::new(Vec::new());

/// The folder of a node on such a disk.
#[derive(Debug)]
pub(crate) struct Platter {
    root: PathBuf,
    known: Mutex<Known>,
}

/// What is known of a disk.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Names that are there for sure, and what is in their files for sure, if anything is.
    durable: BTreeMap<PathBuf, Option<Vec<u8>>>,
    /// What was synced of files whose names may not be there.
    synced: BTreeMap<PathBuf, Vec<u8>>,
    /// Up to where the log is synced, from the beginning of its first file.
    log_end: u64,
    /// The file of the state.
    pages: Option<Pages>,
    /// What fails from now on.
    fault: Option<Fault>,
}

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no room left.
    Full,
    /// What was written cannot be synced.
    Sync,
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::Full => io::ErrorKind::StorageFull.into(),
            Self::Sync => io::Error::other("input/output error"),
        }
    }
}

/// All files at one moment.
#[derive(Debug)]
pub(crate) struct Image {
    files: BTreeMap<PathBuf, Vec<u8>>,
    known: Known,
}

impl Platter {
    /// Watches a folder; what is in it counts as synced.
    pub(crate) fn watch(root: &Path) -> Arc<Self> {
        let known = Mutex::new(Known::of(files_in(root)));
        let this = Arc::new(Self { root: root.to_owned(), known });
        let mut watched = watched();
        watched.retain(|platter| platter.strong_count() > 0);
        watched.push(Arc::downgrade(&this));
        this
    }

    /// From now on the disk fails, or no longer.
    pub(crate) fn fail(&self, fault: Option<Fault>) {
        self.known().fault = fault;
    }

    /// The files as they are at this moment, for whoever starts after the process was killed.
    pub(crate) fn killed(&self) -> Image {
        let known = self.known();
        let mut files = files_in(&self.root);
        if let Some(pages) = &known.pages {
            files.insert(self.root.join(pages::FILE), pages.written());
        }
        Image { files, known: known.clone() }
    }

    /// The files as they are found when power is cut at this moment.
    pub(crate) fn powerless(&self, dice: &mut Dice) -> Image {
        let mut known = self.known();
        let now = files_in(&self.root);
        // A file of the log is synced before anything is written to the next.
        let begun = now.iter().filter(|(_, bytes)| !bytes.is_empty());
        let last = begun.filter_map(|(path, _)| begin(path)).max();
        known.log_end = known.log_end.max(last.unwrap_or_default());
        let names: BTreeSet<_> = now.keys().chain(known.durable.keys()).collect();
        let mut files = BTreeMap::new();
        for path in names {
            if let Some(found) = known.found(path, now.get(path), dice) {
                files.insert(path.clone(), found);
            }
        }
        let known = Known::of(files.clone());
        Image { files, known }
    }

    /// Puts files in the place of all that are there, once nothing touches these any more.
    pub(crate) fn restore(&self, image: Image) {
        let Image { files, known } = image;
        let mut now = self.known();
        for path in files_in(&self.root).keys().filter(|path| !files.contains_key(*path)) {
            fs::remove_file(path).unwrap();
        }
        for (path, bytes) in files {
            fs::write(path, bytes).unwrap();
        }
        *now = known;
    }

    /// Notes an answer of the log, once it comes.
    pub(crate) fn mark(self: &Arc<Self>, sync: bool, log_end: u64) -> Mark {
        Mark { disk: Arc::clone(self), log_end: sync.then_some(log_end) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to where the log is synced once its flush answers.
#[derive(Debug)]
pub(crate) struct Mark {
    disk: Arc<Platter>,
    log_end: Option<u64>,
}

impl Mark {
    pub(crate) fn note(self, result: io::Result<()>) -> io::Result<()> {
        let mut known = self.disk.known();
        if let Some(fault) = known.fault {
            return Err(fault.error());
        }
        if let (Ok(()), Some(end)) = (&result, self.log_end) {
            known.log_end = known.log_end.max(end);
        }
        result
    }
}

impl Known {
    /// All of this is on the disk.
    fn of(files: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let ends = files.iter().filter_map(|(path, bytes)| Some(begin(path)? + length(bytes)));
        let log_end = ends.max().unwrap_or_default();
        let state = files.iter().find(|(path, _)| path.ends_with(pages::FILE));
        let pages = state.map(|(_, bytes)| Pages::of(bytes.clone()));
        let durable = files.into_iter().map(|(path, bytes)| (path, Some(bytes))).collect();
        Self { durable, log_end, pages, ..Self::default() }
    }

    /// What of a file there is after power was cut.
    fn found(&self, path: &Path, now: Option<&Vec<u8>>, dice: &mut Dice) -> Option<Vec<u8>> {
        if let Some(begin) = begin(path) {
            let now = now.filter(|now| !now.is_empty() || dice.percent(50))?;
            let synced = self.log_end.saturating_sub(begin).min(length(now));
            let (sure, rest) = now.split_at(usize::try_from(synced).unwrap());
            return Some([sure, &torn::append(synced, rest, dice)].concat());
        }
        let sure = self.durable.get(path);
        if path.ends_with(pages::FILE) {
            let is_there = sure.is_some() || dice.percent(50);
            return self.pages.as_ref().filter(|_| is_there).map(|pages| pages.found(dice));
        }
        let may = match (self.synced.get(path), now) {
            (Some(synced), _) => Some(synced.clone()),
            (None, Some(now)) if sure != Some(&Some(now.clone())) => {
                Some(torn::append(0, now, dice))
            }
            (None, now) => now.cloned(),
        };
        match sure {
            Some(Some(sure)) if dice.percent(50) => Some(sure.clone()),
            Some(None) => Some(may.unwrap_or_default()),
            None if dice.percent(50) => None,
            Some(Some(_)) | None => may,
        }
    }
}

/// The files in a folder and in those in it.
fn files_in(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let Ok(entries) = fs::read_dir(dir) else { return files };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            // Others are just being renamed or removed.
            files.insert(path, bytes);
        }
    }
    files
}

/// Where in the log a file of it begins; none for other files.
fn begin(path: &Path) -> Option<u64> {
    Config::parse_chunk_file_name(path.file_name()?.to_str()?).ok()
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn watched() -> MutexGuard<'static, Vec<Weak<Platter>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The watched disk that a path is on.
fn of(path: &Path) -> Option<Arc<Platter>> {
    let watched = watched().iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
    watched.into_iter().find(|platter| path.starts_with(&platter.root))
}

/// Notes that the contents of a file were synced.
pub(crate) fn file_synced(path: &Path) {
    let Some(disk) = of(path) else { return };
    let mut known = disk.known();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Taken away by now, by who has something newer.
        Err(why) if why.kind() == io::ErrorKind::NotFound => return,
        Err(why) => panic!("{}: {why}", path.display()),
    };
    if let Some(begin) = begin(path) {
        known.log_end = known.log_end.max(begin + length(&bytes));
        return;
    }
    if let Some(sure) = known.durable.get_mut(path) {
        *sure = Some(bytes.clone());
    }
    known.synced.insert(path.to_owned(), bytes);
}

/// Renames a file, and notes it. The new name is not synced yet.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let Some(disk) = of(to) else { return fs::rename(from, to) };
    let mut known = disk.known();
    fs::rename(from, to)?;
    known.synced.remove(to);
    if let Some(bytes) = known.synced.remove(from) {
        known.synced.insert(to.to_owned(), bytes);
    }
    Ok(())
}

/// Notes that the names in a folder were synced.
pub(crate) fn dir_synced(dir: &Path) {
    let Some(disk) = of(dir) else { return };
    let mut known = disk.known();
    let is_in = |path: &PathBuf| path.parent() == Some(dir);
    known.durable.retain(|path, _| !is_in(path) || path.exists());
    for path in files_in(dir).into_keys().filter(is_in) {
        let synced = known.synced.remove(&path);
        let before = known.durable.remove(&path).flatten();
        known.durable.insert(path, synced.or(before));
    }
}

/// Notes that the log was opened, and where it ends now.
pub(crate) fn log_opened(dir: &Path, log_end: u64) -> Option<Arc<Platter>> {
    let disk = of(dir)?;
    let mut known = disk.known();
    known.log_end = known.log_end.min(log_end);
    drop(known);
    Some(disk)
}

/// Opens the file of a state on a disk that is watched.
pub(crate) fn pages(path: &Path) -> io::Result<Option<Backend>> {
    of(path).map(|disk| Backend::open(path, disk)).transpose()
}
