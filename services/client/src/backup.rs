//! A backup of a domain, written down as it comes: sealed parts first, the manifest last.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use samsyn_proto::admin::v1::{
    BackupEnd, CreateBackupRequest, CreateBackupResponse, create_backup_response::Piece,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tonic::{Status, Streaming};

use crate::{Client, Refused};

const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";
/// How long the next piece may take; the first is that of a node which copies all of its state.
const PIECE_MAX: Duration = Duration::from_mins(10);
/// The name of a part is at most so long, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Why there is no backup. What was written down is none: it has no manifest.
#[derive(Debug, thiserror::Error)]
pub enum NotBackedUp {
    /// The gateway refused, or the connection broke.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is something already.
    #[error("`{}` is not empty; name a new folder", .0.display())]
    Occupied(PathBuf),
    /// A file cannot be written.
    #[error("cannot write `{}`; check path, rights and room on the disk", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What came is not what the node says that it sent.
    #[error("what came is no backup: {0}; make another")]
    Unsound(&'static str),
}

/// What the manifest says of the parts.
#[derive(Deserialize)]
struct Told {
    parts: BTreeMap<String, Part>,
}

/// A part that was written down, or is told of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Part {
    bytes: u64,
    sha256: String,
}

impl Client {
    /// Has a backup made, and writes it into a new folder; tells how many bytes came so far. The
    /// manifest is given back, as it was written.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn back_up(&self, to: &Path, told: impl Fn(u64)) -> Result<String, NotBackedUp> {
        let mut folder = Folder::new(to)?;
        let mut backups = self.backups.clone();
        let begun = backups.create_backup(CreateBackupRequest {}).await.map_err(Refused::from);
        let mut pieces = begun?.into_inner();
        loop {
            match next(&mut pieces).await? {
                Piece::Part(name) => folder.begin(&name)?,
                Piece::Chunk(bytes) => told(folder.add(&bytes)?),
                Piece::End(end) => return folder.finish(end),
            }
        }
    }
}

async fn next(pieces: &mut Streaming<CreateBackupResponse>) -> Result<Piece, NotBackedUp> {
    let next = tokio::time::timeout(PIECE_MAX, pieces.message()).await;
    let next = next.unwrap_or_else(|_| Err(Status::deadline_exceeded("no piece in time")));
    let ended = || NotBackedUp::Unsound("it ends early");
    next.map_err(Refused::from)?.ok_or_else(ended)?.piece.ok_or_else(ended)
}

/// A folder into which a backup is written.
struct Folder {
    dir: PathBuf,
    parts: BTreeMap<String, Part>,
    open: Option<Open>,
    bytes: u64,
}

/// The part that is being written.
struct Open {
    name: String,
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Folder {
    fn new(dir: &Path) -> Result<Self, NotBackedUp> {
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let mut entries = fs::read_dir(dir).map_err(failed(dir))?;
        if entries.next().is_some() {
            return Err(NotBackedUp::Occupied(dir.to_owned()));
        }
        Ok(Self { dir: dir.to_owned(), parts: BTreeMap::new(), open: None, bytes: 0 })
    }

    fn begin(&mut self, name: &str) -> Result<(), NotBackedUp> {
        self.end()?;
        // A name is one of a file here and nowhere else.
        let is_plain = name.bytes().all(|c| c.is_ascii_lowercase() || c == b'.');
        if !is_plain || name.starts_with('.') || name.len() > NAME_BYTES_MAX || name == MANIFEST {
            return Err(NotBackedUp::Unsound("a part has a name that none has"));
        }
        let path = self.dir.join(name);
        let file = File::create_new(&path).map_err(failed(&path))?;
        let (name, hash) = (name.to_owned(), Sha256::new());
        self.open = Some(Open { name, file, hash, bytes: 0 });
        Ok(())
    }

    /// Tells how much has come in all.
    fn add(&mut self, bytes: &[u8]) -> Result<u64, NotBackedUp> {
        let Some(open) = &mut self.open else {
            return Err(NotBackedUp::Unsound("it begins in the middle"));
        };
        open.file.write_all(bytes).map_err(failed(&self.dir.join(&open.name)))?;
        open.hash.update(bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        open.bytes = open.bytes.saturating_add(length);
        self.bytes = self.bytes.saturating_add(length);
        Ok(self.bytes)
    }

    fn end(&mut self) -> Result<(), NotBackedUp> {
        let Some(Open { name, file, hash, bytes }) = self.open.take() else { return Ok(()) };
        file.sync_all().map_err(failed(&self.dir.join(&name)))?;
        self.parts.insert(name, Part { bytes, sha256: hex::encode(hash.finalize()) });
        Ok(())
    }

    fn finish(mut self, end: BackupEnd) -> Result<String, NotBackedUp> {
        self.end()?;
        let unread = |_| NotBackedUp::Unsound("its manifest does not read");
        let Told { parts } = serde_json::from_slice(&end.manifest).map_err(unread)?;
        if parts != self.parts {
            return Err(NotBackedUp::Unsound("its parts are not those of its manifest"));
        }
        let text = String::from_utf8(end.manifest);
        let text = text.map_err(|_| NotBackedUp::Unsound("its manifest is no text"))?;
        self.write(SIGNATURE, hex::encode(end.signature).as_bytes())?;
        self.write(MANIFEST, text.as_bytes())?;
        Ok(text)
    }

    /// Writes a whole file: beside it, synced, then in its place.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), NotBackedUp> {
        let path = self.dir.join(name);
        let new = path.with_extension("new");
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let written = written.and_then(|()| fs::rename(&new, &path));
        let synced = written.and_then(|()| File::open(&self.dir)?.sync_all());
        synced.map_err(failed(&path))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> NotBackedUp + '_ {
    move |source| NotBackedUp::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(folder: &Folder) -> BackupEnd {
        let parts: BTreeMap<_, _> = folder
            .parts
            .iter()
            .map(|(name, part)| {
                let Part { bytes, sha256 } = part;
                (name, serde_json::json!({ "bytes": bytes, "sha256": sha256 }))
            })
            .collect();
        let manifest = serde_json::json!({ "parts": parts }).to_string().into_bytes();
        BackupEnd { manifest, signature: vec![1; 64] }
    }

    #[test]
    fn the_manifest_comes_last_and_only_over_what_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(dir.path()).unwrap();
        folder.begin("rows.age").unwrap();
        assert_eq!(folder.add(b"abc").unwrap(), 3);
        folder.end().unwrap();
        let whole = end(&folder);
        folder.begin("keys.age").unwrap();
        let manifest = dir.path().join(MANIFEST);
        assert!(!manifest.exists());
        let refused = folder.finish(whole).unwrap_err();
        assert!(matches!(refused, NotBackedUp::Unsound(_)), "{refused}");
        assert!(!manifest.exists(), "an unfinished backup is none");
        let refused = Folder::new(dir.path()).err();
        assert!(matches!(refused, Some(NotBackedUp::Occupied(_))));
    }

    #[test]
    fn a_part_is_written_nowhere_but_into_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(&dir.path().join("backup")).unwrap();
        for name in ["../rows.age", "/rows.age", ".rows", "a/b", MANIFEST, ""] {
            let refused = folder.begin(name);
            assert!(refused.is_err(), "{name}");
        }
        folder.begin("rows.age").unwrap();
        folder.end().unwrap();
        let end = end(&folder);
        assert!(folder.finish(end).unwrap().contains("rows.age"));
    }
}
