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
    let file = File::create(path).map_err(Error::io(path))?;
    let mut to = Hashing::new(BufWriter::with_capacity(BUFFER_BYTES, file));
    let begin = to.write_all(MAGIC).and_then(|()| write_record(&mut to, &encode_head(&head)));
    begin.map_err(Error::io(path))?;
    view.each(&head, |key, value| {
        let written = write_record(&mut to, key).and_then(|_| write_record(&mut to, value));
        written.map(drop).map_err(Error::io(path))
    })?;
    disk::sync_file(&finish(to).map_err(Error::io(path))?, path)?;
    Ok(head)
}

fn finish(to: Hashing<BufWriter<File>>) -> io::Result<File> {
    let Hashing { mut inner, hash, .. } = to;
    inner.write_all(&hash.finalize())?;
    inner.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Reads a snapshot through and compares its digest. Tells where it reaches.
pub(crate) fn verify(path: &Path) -> Result<Head, Error> {
    let mut reader = Reader::open(path)?;
    reader.by_ref().try_for_each(|row| row.map(drop))?;
    Ok(reader.head)
}

/// A row's key and value.
pub(crate) type Stored = (Vec<u8>, Vec<u8>);

/// The rows of a snapshot. The last one comes only after the digest was compared.
pub(crate) struct Reader {
    path: PathBuf,
    from: Hashing<BufReader<File>>,
    head: Head,
    left: u64,
    is_over: bool,
}

impl Reader {
    /// Opens a snapshot and reads its head.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let mut from = Hashing::new(BufReader::with_capacity(BUFFER_BYTES, file));
        let mut magic = [0; MAGIC.len()];
        let read = from.read_exact(&mut magic);
        read.map_err(|error| unreadable(path, 0, error))?;
        if &magic != MAGIC {
            let what = if magic.starts_with(MAGIC_OF_ANY) {
                "its format is not known to this program; start the newer program".to_owned()
            } else {
                format!("it is not a snapshot; {MEND}")
            };
            return Err(Error::damaged(path, 0, what));
        }
        let offset = from.offset;
        let head = read_record(&mut from)
            .and_then(|bytes| decode_head(&bytes))
            .map_err(|error| unreadable(path, offset, error))?;
        let left = head.rows;
        Ok(Self { path: path.to_owned(), from, head, left, is_over: false })
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
                Some(row.map_err(|error| unreadable(&self.path, offset, error))?)
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
        let bad = |error| unreadable(&self.path, offset, error);
        let counted = self.from.hash.clone().finalize();
        let mut digest = [0; 32];
        self.from.inner.read_exact(&mut digest).map_err(bad)?;
        if counted.as_slice() != digest {
            return Err(bad(crate::format::damaged("its digest differs")));
        }
        match self.from.inner.read(&mut [0]).map_err(bad)? {
            0 => Ok(()),
            _ => Err(bad(crate::format::damaged("it goes on after its end"))),
        }
    }
}

impl Iterator for Reader {
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

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

fn unreadable(path: &Path, offset: u64, error: io::Error) -> Error {
    Error::unreadable(path, offset, MEND, error)
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
