//! A snapshot file: all rows up to an entry, in the order of their keys.
//!
//! Shape: a magic with the format's number; the head as a record; for each row its key and its
//! value, a record each; the SHA-256 of all before it. Records are guarded, so a length that is
//! damaged is noticed before it is followed.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use samsyn_domain::FeatureLevel;
use sha2::{Digest as _, Sha256};

use crate::{
    Error, disk,
    format::{decode_head, encode_head, read_record, write_record},
    head::Head,
    store::View,
};

const MAGIC: &[u8; 18] = b"samsyn snapshot 1\n";
const MAGIC_OF_ANY: &[u8] = b"samsyn snapshot ";
const BUFFER_BYTES: usize = 256 * 1024;
const MEND: &str = "put the file back from a copy; without it, this node can join anew";

/// Writes all rows of a view to a new file, durably. Tells where they reach.
pub(crate) fn write(path: &Path, view: &View) -> Result<Head, Error> {
    let head = view.head().map_err(Error::io(path))?;
    let mut writer = Writer::create(path, &head)?;
    view.each(&head, |key, value| writer.row(key, value))?;
    writer.finish()?;
    Ok(head)
}

/// A snapshot that is being written.
pub(crate) struct Writer {
    path: PathBuf,
    to: Hashing<BufWriter<File>>,
}

impl Writer {
    /// Begins a new file, with a head that says how many rows follow.
    pub(crate) fn create(path: &Path, head: &Head) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io(path))?;
        let mut to = Hashing::new(BufWriter::with_capacity(BUFFER_BYTES, file));
        let begun = to.write_all(MAGIC).and_then(|()| write_record(&mut to, &encode_head(head)));
        begun.map_err(Error::io(path))?;
        Ok(Self { path: path.to_owned(), to })
    }

    /// Writes a row; rows come in the order of their keys.
    pub(crate) fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let written = write_record(&mut self.to, key);
        let written = written.and_then(|_| write_record(&mut self.to, value));
        written.map(drop).map_err(Error::io(&self.path))
    }

    /// Ends the file, durably.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Hashing { mut inner, hash, .. } = self.to;
        let written = inner.write_all(&hash.finalize());
        let file =
            written.and_then(|()| inner.into_inner().map_err(io::IntoInnerError::into_error));
        disk::sync_file(&file.map_err(Error::io(&self.path))?, &self.path)
    }
}

/// Reads a snapshot through, at a node that knows the log up to a level, and compares its digest.
/// Tells where it reaches.
pub(crate) fn verify(path: &Path, knows: FeatureLevel) -> Result<Head, Error> {
    let mut reader = Reader::open(path)?;
    let head = reader.head.clone().known(knows)?;
    reader.try_for_each(|row| row.map(drop))?;
    Ok(head)
}

/// A row's key and value.
pub(crate) type Stored = (Vec<u8>, Vec<u8>);

/// The rows of a snapshot. The last one comes only after the digest was compared.
pub(crate) struct Reader<R> {
    path: PathBuf,
    mend: &'static str,
    from: Hashing<BufReader<R>>,
    head: Head,
    left: u64,
    is_over: bool,
}

impl Reader<File> {
    /// Opens a snapshot and reads its head.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::of(path, MEND, File::open(path).map_err(Error::io(path))?)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the head of a snapshot that comes from somewhere: where from, and how it is mended
    /// when it is damaged.
    pub(crate) fn of(path: &Path, mend: &'static str, from: R) -> Result<Self, Error> {
        let unreadable = |offset, error| Error::unreadable(path, offset, mend, error);
        let mut from = Hashing::new(BufReader::with_capacity(BUFFER_BYTES, from));
        let mut magic = [0; MAGIC.len()];
        let read = from.read_exact(&mut magic);
        read.map_err(|error| unreadable(0, error))?;
        if &magic != MAGIC {
            let what = if magic.starts_with(MAGIC_OF_ANY) {
                "its format is not known to this program; start the newer program".to_owned()
            } else {
                format!("it is not a snapshot; {mend}")
            };
            return Err(Error::damaged(path, 0, what));
        }
        let offset = from.offset;
        let head = read_record(&mut from)
            .and_then(|bytes| decode_head(&bytes))
            .map_err(|error| unreadable(offset, error))?;
        let left = head.rows;
        Ok(Self { path: path.to_owned(), mend, from, head, left, is_over: false })
    }

    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    fn row(&mut self) -> Result<Option<Stored>, Error> {
        let offset = self.from.offset;
        let row = match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                let key = read_record(&mut self.from);
                let row = key.and_then(|key| Ok((key, read_record(&mut self.from)?)));
                Some(row.map_err(|error| self.unreadable(offset, error))?)
            }
            None => None,
        };
        if self.left == 0 {
            self.is_over = true;
            self.end()?;
        }
        Ok(row)
    }

    fn end(&mut self) -> Result<(), Error> {
        let offset = self.from.offset;
        let counted = self.from.hash.clone().finalize();
        let mut digest = [0; 32];
        let read = self.from.inner.read_exact(&mut digest);
        read.map_err(|error| self.unreadable(offset, error))?;
        let more = self.from.inner.read(&mut [0]);
        let more = more.map_err(|error| self.unreadable(offset, error))?;
        let what = match more {
            _ if counted.as_slice() != digest => "its digest differs",
            0 => return Ok(()),
            _ => "it goes on after its end",
        };
        Err(self.unreadable(offset, crate::format::damaged(what)))
    }

    /// What has been read so far does not hold.
    pub(crate) fn damaged(&self, what: &str) -> Error {
        self.unreadable(self.from.offset, crate::format::damaged(what))
    }

    fn unreadable(&self, offset: u64, error: io::Error) -> Error {
        Error::unreadable(&self.path, offset, self.mend, error)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Stored, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let row = self.row().transpose();
        self.is_over |= row.as_ref().is_some_and(Result::is_err);
        row
    }
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Counts and digests what passes.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
    offset: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), offset: 0 }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(length);
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.pass(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.pass(into.get(..length).unwrap_or_default());
        Ok(length)
    }
}
