//! openraft's log on `raft-log`: one stream of votes and entries, acknowledged after fdatasync.

mod inspect;
#[cfg(test)]
mod power;
#[cfg(test)]
mod tests;

use std::{
    fmt::Debug,
    io,
    ops::{Bound, RangeBounds},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use openraft::{
    OptionalSend, RaftLogReader,
    storage::{IOFlushed, LogState, RaftLogStorage},
};
use raft_log::{Callback, Config, RaftLog, api::raft_log_writer::RaftLogWriter};
use samsyn_domain::FeatureLevel;
use tokio::sync::oneshot;

use crate::{
    Error,
    entry::{LogId, RaftEntry, Types, Vote},
    format::{NoUserData, StoredLogId, StoredPayload, StoredVote},
};

/// The size at which a file of the log is closed and the next begun, in bytes.
const CHUNK_BYTES: usize = 64 * 1024 * 1024;
/// The most entries of the log are kept in this much memory, in bytes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// The most that waits to be written, in bytes.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// So many of the last entries are read on the spot: they are in memory unless very large.
const LAST_ENTRIES: u64 = 1024;

/// The types of the stored log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Stored;

impl raft_log::Types for Stored {
    type LogId = StoredLogId;
    type LogPayload = StoredPayload;
    type Vote = StoredVote;
    type Callback = Flushed;
    type UserData = NoUserData;

    fn log_index(id: &StoredLogId) -> u64 {
        id.0.index
    }

    fn payload_size(payload: &StoredPayload) -> u64 {
        payload.memory_bytes()
    }
}

/// Whom a flush answers. Runs on the flush thread, after fdatasync.
enum Flushed {
    Append(IOFlushed<Types>, Queued),
    Wait(oneshot::Sender<io::Result<()>>),
    /// On a disk that is watched.
    #[cfg(test)]
    Noted(crate::platter::Mark, Box<Self>),
}

impl Callback for Flushed {
    fn send(self, result: io::Result<()>) {
        match self {
            Self::Append(flushed, queued) => {
                drop(queued);
                flushed.io_completed(result);
            }
            Self::Wait(waiter) => {
                // The waiter may have been dropped with its task.
                waiter.send(result).ok();
            }
            #[cfg(test)]
            Self::Noted(mark, flushed) => flushed.send(mark.note(result)),
        }
    }
}

/// Bytes that wait to be written.
struct Queued {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Queued {
    /// Adds bytes to all that wait; and whether the queue has room for them without a doubt.
    fn new(all: &Arc<AtomicUsize>, bytes: usize) -> (Self, bool) {
        let before = all.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before.saturating_add(bytes) < QUEUE_BYTES / 2;
        (Self { all: Arc::clone(all), bytes }, has_room)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The log of one node; a cheap handle. What may block runs off the runtime's own threads.
#[derive(Clone)]
pub(crate) struct LogStore {
    log: Arc<Mutex<Option<RaftLog<Stored>>>>,
    queued: Arc<AtomicUsize>,
    /// Up to which level this node knows the log.
    knows: FeatureLevel,
    #[cfg(test)]
    disk: Option<Arc<crate::platter::Platter>>,
}

impl LogStore {
    /// Opens or creates the log in a directory. Blocks.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a record does not read that is not an unfinished last write; then
    /// nothing was changed.
    pub(crate) fn open(dir: &Path, knows: FeatureLevel) -> Result<Self, Error> {
        let Some(path) = dir.to_str() else {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
            return Err(Error::io(dir)(source));
        };
        let mut config = Config::new(path);
        config.wal.chunk_max_size = Some(CHUNK_BYTES);
        config.wal.read_buffer_size = Some(1024 * 1024);
        // Entries that arrive while one flush runs share the next: waiting gains nothing.
        config.wal.flush_batch_wait = Some(Duration::ZERO);
        config.wal.flush_queue_max_bytes = Some(QUEUE_BYTES);
        config.log_cache_capacity = Some(CACHE_BYTES);
        inspect::inspect(dir, &config.wal)?;
        let log = RaftLog::open(Arc::new(config))
            .map_err(|error| Error::unreadable(dir, 0, inspect::MEND, error))?;
        #[cfg(test)]
        let disk = crate::platter::log_opened(dir, log.stat().open_chunk.global_end);
        Ok(Self {
            log: Arc::new(Mutex::new(Some(log))),
            queued: Arc::default(),
            knows,
            #[cfg(test)]
            disk,
        })
    }

    /// Where the log begins and ends: the last purged entry, and the last.
    pub(crate) fn ends(&self) -> io::Result<LogState<Types>> {
        self.now(|log| {
            let state = log.log_state();
            Ok(LogState {
                last_purged_log_id: state.purged().map(|id| id.0),
                last_log_id: state.last().map(|id| id.0),
            })
        })
    }

    /// Looks whether the node knows the level of all that comes after an entry. Blocks.
    ///
    /// # Errors
    /// [`Error::LevelUnknown`] when it does not.
    pub(crate) fn is_known_after(&self, applied: Option<u64>) -> Result<(), Error> {
        let knows = self.knows;
        let from = applied.map_or(0, |applied| applied.saturating_add(1));
        let first = self.now(|log| {
            for row in log.read(from, u64::MAX) {
                if let Err(unknown) = row?.1.into_payload(knows) {
                    return Ok(Some(unknown));
                }
            }
            Ok(None)
        });
        // What does not read for another reason, consensus meets and tells.
        first.ok().flatten().map_or(Ok(()), Err)
    }

    /// In a new log: begins behind an entry that is nowhere in it, with a vote. Blocks.
    pub(crate) fn begin_behind(&self, last: LogId, vote: Vote) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        self.now(|log| {
            log.save_vote(StoredVote(vote))?;
            log.purge(StoredLogId(last))?;
            log.flush(true, Some(Flushed::Wait(done)))
        })?;
        flushed.blocking_recv().map_err(io::Error::other)?
    }

    /// Writes what waits, and lets the directory go. Blocks.
    pub(crate) fn close(&self) {
        drop(self.log.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    #[cfg(test)]
    pub(crate) fn syncs(&self) -> u64 {
        self.now(|log| Ok(log.stat().flush_metrics.sync_batch_count)).unwrap()
    }

    fn now<T>(&self, act: impl FnOnce(&mut RaftLog<Stored>) -> io::Result<T>) -> io::Result<T> {
        let mut log = self.log.lock().map_err(|_| io::Error::other("the log is poisoned"))?;
        act(log.as_mut().ok_or_else(|| io::Error::other("the log is closed"))?)
    }

    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut RaftLog<Stored>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.now(act)).await?
    }

    /// Has the flush thread write what was given to the log, and sync it where that is asked for;
    /// then it answers.
    fn flush(
        &self,
        log: &mut RaftLog<Stored>,
        sync: bool,
        flushed: Option<Flushed>,
    ) -> io::Result<()> {
        #[cfg(test)]
        let flushed = flushed.map(|flushed| match &self.disk {
            Some(disk) => {
                let end = log.stat().open_chunk.global_end;
                Flushed::Noted(disk.mark(sync, end), Box::new(flushed))
            }
            None => flushed,
        });
        log.flush(sync, flushed)
    }

    /// Writes, and returns after fdatasync.
    async fn flushed(
        &self,
        write: impl FnOnce(&mut RaftLog<Stored>) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        let this = self.clone();
        self.with(move |log| {
            write(log)?;
            this.flush(log, true, Some(Flushed::Wait(done)))
        })
        .await?;
        flushed.await.map_err(io::Error::other)?
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<RaftEntry>> {
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(index) => index.saturating_add(1),
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        if from >= to {
            return Ok(Vec::new());
        }
        let knows = self.knows;
        let read = move |log: &mut RaftLog<Stored>| {
            let rows = log.read(from, to).map(|row| {
                let (id, payload) = row?;
                Ok(RaftEntry { log_id: id.0, payload: payload.into_payload(knows)? })
            });
            rows.collect()
        };
        // The last entries are in memory, and are what followers are sent most of the time.
        let last = self.ends()?.last_log_id.map_or(0, |last| last.index);
        if from.saturating_add(LAST_ENTRIES) > last {
            self.now(read)
        } else {
            self.with(read).await
        }
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.with(|log| Ok(log.log_state().vote().map(|vote| vote.0))).await
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        self.ends()
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = StoredVote(*vote);
        self.flushed(move |log| log.save_vote(vote).map(drop)).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed else { return Ok(()) };
        self.now(|log| {
            log.commit(StoredLogId(committed))?;
            // Not synced: after a restart it is learnt anew, so an older one does no harm.
            self.flush(log, false, None)
        })
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        self.with(|log| Ok(log.log_state().committed().map(|id| id.0))).await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = RaftEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let stored =
            |entry: RaftEntry| (StoredLogId(entry.log_id), StoredPayload::new(entry.payload));
        let stored: Vec<_> = entries.into_iter().map(stored).collect();
        let bytes = stored.iter().map(|(_, payload)| payload.len()).sum();
        let (queued, has_room) = Queued::new(&self.queued, bytes);
        let this = self.clone();
        let append = move |log: &mut RaftLog<Stored>| {
            log.append(stored)?;
            this.flush(log, true, Some(Flushed::Append(callback, queued)))
        };
        // A thread of the log's own writes it; only a full queue is waited for.
        if has_room { self.now(append) } else { self.with(append).await }
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let index = last.map_or(0, |id| id.index.saturating_add(1));
        // raft-log refuses to cut behind its end; openraft may ask for that.
        if self.ends()?.last_log_id.is_none_or(|end| end.index < index) {
            return Ok(());
        }
        self.flushed(move |log| log.truncate(index).map(drop)).await
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.flushed(move |log| log.purge(StoredLogId(upto)).map(drop)).await
    }
}
