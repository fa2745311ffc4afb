//! The thread that owns the state store: it gathers what entries write and commits now and then,
//! so that applying never waits for the disk. The log replays what was not committed yet.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    fatal::Fatal,
    format::RowWrite,
    head::Head,
    snapshot,
    store::{Store, View},
};

/// So many entries are committed at the latest.
pub(crate) const COMMIT_ENTRIES: u64 = 256;
/// After so long a change is committed at the latest.
const COMMIT_AFTER: Duration = Duration::from_secs(2);
/// So many batches wait for the thread before applying waits for it.
const BATCHES_MAX: usize = 64;

/// What a run of entries wrote.
#[derive(Debug)]
pub(crate) struct Batch {
    /// How many entries.
    pub(crate) entries: u64,
    /// Their writes, in order.
    pub(crate) writes: Vec<RowWrite>,
    /// How far they reach.
    pub(crate) head: Head,
}

enum Order {
    Write(Batch),
    View(SyncSender<io::Result<View>>),
    Replace(PathBuf, SyncSender<io::Result<()>>),
    Close,
}

/// The handle of the thread. Every call but [`Self::try_write`] may block.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: SyncSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. A failed commit is fatal.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start(store: Store, fatal: Fatal) -> io::Result<Self> {
        let (orders, received) = sync_channel(BATCHES_MAX);
        let name = thread::Builder::new().name("state-writer".to_owned());
        let thread = name.spawn(move || {
            if let Err(error) = run(store, &received) {
                fatal.report(&format!("the state cannot be written ({error})"));
            }
        })?;
        Ok(Self { orders, thread: Mutex::new(Some(thread)) })
    }

    /// Hands over what entries wrote.
    pub(crate) fn write(&self, batch: Batch) -> io::Result<()> {
        self.orders.send(Order::Write(batch)).map_err(|_| gone())
    }

    /// Hands over what entries wrote, where it need not wait; else gives it back.
    pub(crate) fn try_write(&self, batch: Batch) -> io::Result<Option<Batch>> {
        match self.orders.try_send(Order::Write(batch)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(Order::Write(batch))) => Ok(Some(batch)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(gone()),
        }
    }

    /// Commits everything handed over, and shows it.
    pub(crate) fn view(&self) -> io::Result<View> {
        let (answer, view) = sync_channel(1);
        self.orders.send(Order::View(answer)).map_err(|_| gone())?;
        view.recv().map_err(|_| gone())?
    }

    /// Puts the rows of a verified snapshot in the place of all rows.
    pub(crate) fn replace(&self, snapshot: PathBuf) -> io::Result<()> {
        let (answer, done) = sync_channel(1);
        self.orders.send(Order::Replace(snapshot, answer)).map_err(|_| gone())?;
        done.recv().map_err(|_| gone())?
    }

    /// Commits everything handed over and closes the store.
    pub(crate) fn close(&self) {
        // When the thread is gone there is nothing left to close.
        self.orders.send(Order::Close).ok();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.join().ok();
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the state store is closed")
}

fn run(mut store: Store, orders: &Receiver<Order>) -> io::Result<()> {
    let mut pending = Pending::default();
    loop {
        match pending.next(orders) {
            Ok(Order::Write(batch)) => pending.add(batch),
            Ok(Order::View(answer)) => {
                pending.commit(&mut store)?;
                // Whoever asked may have given up.
                answer.send(store.view()).ok();
            }
            Ok(Order::Replace(path, answer)) => {
                let done = replace(&mut store, &path);
                let failed = done.is_err();
                answer.send(done).ok();
                if failed {
                    return Err(io::Error::other("a snapshot could not be taken in"));
                }
                pending = Pending::default();
            }
            Err(RecvTimeoutError::Timeout) => pending.commit(&mut store)?,
            Ok(Order::Close) | Err(RecvTimeoutError::Disconnected) => {
                pending.commit(&mut store)?;
                return store.close();
            }
        }
        if pending.entries >= COMMIT_ENTRIES {
            pending.commit(&mut store)?;
        }
    }
}

fn replace(store: &mut Store, path: &Path) -> io::Result<()> {
    let rows = snapshot::Reader::open(path)?;
    let head = rows.head().clone();
    store.replace(rows.map(|row| row.map_err(io::Error::from)), &head)
}

/// What was handed over and is not committed.
#[derive(Debug, Default)]
struct Pending {
    entries: u64,
    writes: Vec<RowWrite>,
    head: Option<Head>,
    since: Option<Instant>,
}

impl Pending {
    fn next(&self, orders: &Receiver<Order>) -> Result<Order, RecvTimeoutError> {
        match self.since {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => orders.recv_timeout(COMMIT_AFTER.saturating_sub(since.elapsed())),
        }
    }

    fn add(&mut self, batch: Batch) {
        self.entries = self.entries.saturating_add(batch.entries);
        self.writes.extend(batch.writes);
        self.head = Some(batch.head);
        self.since.get_or_insert_with(Instant::now);
    }

    fn commit(&mut self, store: &mut Store) -> io::Result<()> {
        let Self { writes, head, .. } = std::mem::take(self);
        head.map_or(Ok(()), |head| store.commit(&writes, &head))
    }
}
