//! Looks through the log before `raft-log` opens it.
//!
//! An unfinished write is cut off the end of the log, as a power loss leaves one, and it is the
//! only thing that is ever cut: whatever else does not read is refused, and what is cut is first
//! copied beside the file. What stays is synced: a process that was killed may have written it
//! without, and this one tells others that it has it.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use raft_log::{
    RaftLogAction, RaftLogRecord, RaftWalTypes, WALRecord,
    chunked_wal::{ChunkedWal, Config},
    codeq::Decode as _,
};

use super::Stored;
use crate::{Error, disk};

pub(super) const MEND: &str =
    "put the file back from a copy, or take this node out and let it join anew";

/// A disk writes so many bytes as a whole.
const SECTOR_BYTES: u64 = 512;
/// So many bytes at the beginning of a record may be zeros; of a vote, more.
const ZEROS_MAX: u64 = 3;

/// One file of the log: which part of it reads, and why the rest does not.
#[derive(Debug)]
struct Chunk {
    path: PathBuf,
    bytes: u64,
    /// Up to where it reads.
    end: u64,
    rest: Option<io::Error>,
}

impl Chunk {
    fn damaged(&self, what: &str) -> Error {
        Error::damaged(&self.path, self.end, format!("{what}; {MEND}"))
    }
}

/// Refuses a damaged log, and mends one with a torn end.
pub(super) fn inspect(dir: &Path, config: &Config) -> Result<(), Error> {
    let lock = ChunkedWal::<RaftWalTypes<Stored>>::acquire_lock(config).map_err(Error::io(dir))?;
    let mut chunks = chunks(dir)?;
    let mut entries = Entries::default();
    ChunkedWal::<RaftWalTypes<Stored>>::dump_records(config, &lock, |id, _, record| {
        let Some(chunk) = chunks.get_mut(&*id) else { return Ok(()) };
        match record {
            Ok((segment, record)) => {
                chunk.end = segment.offset.saturating_add(segment.size);
                entries.replay(&record);
            }
            Err(error) => chunk.rest = Some(error),
        }
        Ok(())
    })
    .map_err(Error::io(dir))?;
    let torn = torn_tail(&chunks)?;
    if let (Some(first), Some(missing)) = (chunks.values().next(), entries.missing()) {
        let what = format!("entries from {missing} on are missing: a file before it is gone");
        return Err(Error::damaged(&first.path, 0, format!("{what}; {MEND}")));
    }
    torn.into_iter().try_for_each(cut)?;
    for chunk in chunks.values() {
        let file = File::open(&chunk.path).map_err(Error::io(&chunk.path))?;
        disk::sync_file(&file, &chunk.path)?;
    }
    Ok(())
}

/// The files of the log, by where they begin in it.
fn chunks(dir: &Path) -> Result<BTreeMap<u64, Chunk>, Error> {
    let mut chunks = BTreeMap::new();
    for file in fs::read_dir(dir).map_err(Error::io(dir))? {
        let path = file.map_err(Error::io(dir))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(Ok(start)) = name.map(|name| Config::parse_chunk_file_name(&name)) else {
            continue;
        };
        let bytes = fs::metadata(&path).map_err(Error::io(&path))?.len();
        chunks.insert(start, Chunk { path, bytes, end: 0, rest: None });
    }
    Ok(chunks)
}

/// What an interrupted write left at the end of the log. Anything else that does not read, and a
/// file that is gone, is damage.
fn torn_tail(chunks: &BTreeMap<u64, Chunk>) -> Result<Vec<&Chunk>, Error> {
    let mut torn = Vec::new();
    // INVARIANT: a file gets its first record after the file before it was synced, so only files
    // without one follow a torn file.
    let mut is_tail = true;
    let mut next_start = None;
    for (start, chunk) in chunks.iter().rev() {
        if chunk.end < chunk.bytes {
            let unfinished = is_tail && is_unfinished(chunk)?;
            if !unfinished {
                let why = chunk.rest.as_ref().map_or_else(String::new, io::Error::to_string);
                return Err(chunk.damaged(&format!("a record does not read ({why})")));
            }
            torn.push(chunk);
        }
        if !is_tail && chunk.end == 0 {
            return Err(chunk.damaged("a file inside the log is empty"));
        }
        if next_start.is_some_and(|next| !is_tail && start.checked_add(chunk.end) != Some(next)) {
            return Err(chunk.damaged("the file after it is missing"));
        }
        is_tail &= chunk.end == 0;
        next_start = Some(*start);
    }
    Ok(torn)
}

/// Whether a file ends inside a record, or a record was written in part: where sectors did not come
/// onto the disk, file systems show zeros.
fn is_unfinished(chunk: &Chunk) -> Result<bool, Error> {
    if chunk.rest.as_ref().is_some_and(|rest| rest.kind() == io::ErrorKind::UnexpectedEof) {
        return Ok(true);
    }
    has_lost_sector(chunk).map_err(Error::io(&chunk.path))
}

/// Whether a whole sector of the record that does not read is zeros. No damage of some bits looks
/// so: what is sealed, and the guards of records, are never zeros for so long.
fn has_lost_sector(chunk: &Chunk) -> io::Result<bool> {
    let mut file = BufReader::new(File::open(&chunk.path)?);
    file.seek(SeekFrom::Start(chunk.end))?;
    let mut record = Counted { from: file, bytes: 0 };
    // It does not read; what matters is how far that came.
    drop(RaftLogRecord::<Stored>::decode(&mut record));
    let Counted { from: mut file, bytes } = record;
    file.seek(SeekFrom::Start(chunk.end))?;
    let (mut at, end) = (chunk.end, chunk.end.saturating_add(bytes));
    while at < end.min(chunk.bytes) {
        let next = at.saturating_add(1).next_multiple_of(SECTOR_BYTES).min(chunk.bytes);
        let length = next.saturating_sub(at);
        let mut sector = Vec::new();
        file.by_ref().take(length).read_to_end(&mut sector)?;
        let is_whole = length > ZEROS_MAX || next == chunk.bytes;
        if is_whole && sector.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        at = next;
    }
    Ok(false)
}

/// Counts what is read.
struct Counted<T> {
    from: T,
    bytes: u64,
}

impl<T: Read> Read for Counted<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(into)?;
        self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }
}

/// Cuts off what does not read, which stays beside its file as `<file>.torn-<offset>`.
fn cut(chunk: &Chunk) -> Result<(), Error> {
    let mut name = chunk.path.clone().into_os_string();
    name.push(format!(".torn-{}", chunk.end));
    let aside = PathBuf::from(name);
    let mut file = File::create(&aside).map_err(Error::io(&aside))?;
    copy_rest(chunk, &mut file).map_err(Error::io(&aside))?;
    disk::sync_file(&file, &aside)?;
    if let Some(dir) = aside.parent() {
        disk::sync_dir(dir)?;
    }
    let file = OpenOptions::new().write(true).open(&chunk.path);
    file.and_then(|file| file.set_len(chunk.end)).map_err(Error::io(&chunk.path))?;
    tracing::warn!(
        file = %chunk.path.display(),
        offset = chunk.end,
        bytes = chunk.bytes.saturating_sub(chunk.end),
        aside = %aside.display(),
        "an unfinished write at the end of the log was set aside"
    );
    Ok(())
}

/// Copies what does not read as records.
fn copy_rest(chunk: &Chunk, to: &mut File) -> io::Result<()> {
    let mut file = File::open(&chunk.path)?;
    file.seek(SeekFrom::Start(chunk.end))?;
    io::copy(&mut file, to).map(drop)
}

/// Which entries the records leave.
#[derive(Debug, Default)]
struct Entries {
    /// The first and the last that are present.
    present: Option<(u64, u64)>,
    /// The index after the last that was purged.
    begin: u64,
    /// The index after the last that was appended.
    end: u64,
}

impl Entries {
    fn replay(&mut self, record: &RaftLogRecord<Stored>) {
        match record {
            WALRecord::Checkpoint(state) => {
                self.begin = state.purged().map_or(0, |id| id.0.index.saturating_add(1));
                self.end = state.last().map_or(0, |id| id.0.index.saturating_add(1));
            }
            WALRecord::Action(RaftLogAction::Append(id, _)) => {
                let index = id.0.index;
                let first = self.present.map_or(index, |(first, _)| first);
                self.present = Some((first, index));
                self.end = index.saturating_add(1);
            }
            WALRecord::Action(RaftLogAction::TruncateAfter(id)) => {
                self.end = id.as_ref().map_or(0, |id| id.0.index.saturating_add(1));
                self.clip();
            }
            WALRecord::Action(RaftLogAction::PurgeUpto(id)) => {
                self.begin = id.0.index.saturating_add(1);
                self.end = self.end.max(self.begin);
                self.clip();
            }
            WALRecord::Action(RaftLogAction::SaveVote(_) | RaftLogAction::Commit(_)) => {}
        }
    }

    fn clip(&mut self) {
        let Some((first, last)) = self.present else { return };
        let first = first.max(self.begin);
        self.present = (self.end.checked_sub(1))
            .map(|end| (first, last.min(end)))
            .filter(|(first, last)| first <= last);
    }

    /// The first entry that should be present and is not.
    fn missing(&self) -> Option<u64> {
        let first = self.present.map_or(self.end, |(first, _)| first);
        (self.begin < first).then_some(self.begin)
    }
}
