//! Where the parts of attachments are: an object store, each part under the digest of its bytes.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, local::LocalFileSystem, path::Path as Name,
};
use samsyn_domain::{Timestamp, command::Digest, message::SEALED_PART_BYTES_MAX};
use sha2::{Digest as _, Sha256};

use crate::{Error, disk};

/// Below so much free space no part is taken in: the log of the node may be on the same disk.
const FREE_MIN: u64 = 512 * 1024 * 1024;
/// In a folder that is shared: whose it is.
const OWNER: &str = "domain";
/// Where parts go that are not what they were.
const DAMAGED: &str = "damaged";

/// Which folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentsIn {
    /// One in the node's own data, made where there is none.
    Data,
    /// One that all nodes of the domain share. It is there.
    Shared(PathBuf),
}

/// The parts of attachments. Clones are the same.
#[derive(Clone)]
pub(crate) struct Store {
    dir: PathBuf,
    objects: Arc<dyn ObjectStore>,
    /// Parts that were seen there.
    seen: Arc<Mutex<BTreeSet<Digest>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attachments in {}", self.objects)
    }
}

impl Store {
    /// The store of a node of a domain. What it has taken in survives a power loss.
    pub(crate) fn of(of: &AttachmentsIn, data: &Path, domain: &str) -> Result<Self, Error> {
        match of {
            AttachmentsIn::Data => {
                let dir = data.join("attachments");
                disk::make_dir(&dir)?;
                Self::folder(&dir)
            }
            AttachmentsIn::Shared(dir) => {
                owned(dir, domain)?;
                Self::folder(dir)
            }
        }
    }

    fn folder(dir: &Path) -> Result<Self, Error> {
        let unusable = |why: object_store::Error| Error::io(dir)(std::io::Error::other(why));
        let objects = LocalFileSystem::new_with_prefix(dir).map_err(unusable)?.with_fsync(true);
        let (dir, seen) = (dir.to_owned(), Arc::default());
        Ok(Self { dir, objects: Arc::new(objects), seen })
    }

    /// Whether there is room for more.
    pub(crate) fn has_room(&self) -> bool {
        disk::free_in(&self.dir) >= FREE_MIN
    }

    /// Takes a part in, durably; gives its digest. One that is there is not written again.
    pub(crate) async fn put(&self, part: Bytes) -> Result<Digest, Error> {
        let digest = Digest::from(Sha256::digest(&part));
        if !self.has(&digest).await? {
            self.objects.put(&name(&digest), PutPayload::from(part)).await.map_err(failed)?;
            self.seen().insert(digest);
        }
        Ok(digest)
    }

    /// A part, in the bytes of its digest; none where it is not there, or is not what it was: then
    /// it is put aside.
    pub(crate) async fn get(&self, digest: &Digest) -> Result<Option<Bytes>, Error> {
        let name = name(digest);
        let found = match self.objects.get(&name).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                self.seen().remove(digest);
                return Ok(None);
            }
            Err(why) => return Err(failed(why)),
        };
        // Whoever writes there has no say in how much is read.
        if found.meta.size <= SEALED_PART_BYTES_MAX as u64 {
            let part = found.bytes().await.map_err(failed)?;
            if Digest::from(Sha256::digest(&part)) == *digest {
                return Ok(Some(part));
            }
        }
        let file = self.dir.join(name.as_ref()).display().to_string();
        tracing::error!(file, "a part of an attachment is damaged; it is put aside");
        self.seen().remove(digest);
        let aside = Name::from_iter([DAMAGED, &hex::encode(digest)]);
        self.objects.rename(&name, &aside).await.map_err(failed)?;
        Ok(None)
    }

    /// Whether a part is there.
    pub(crate) async fn has(&self, digest: &Digest) -> Result<bool, Error> {
        if self.seen().contains(digest) {
            return Ok(true);
        }
        match self.objects.head(&name(digest)).await {
            Ok(_) => {
                self.seen().insert(*digest);
                Ok(true)
            }
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(why) => Err(failed(why)),
        }
    }

    /// Takes a part away.
    pub(crate) async fn remove(&self, digest: &Digest) -> Result<(), Error> {
        self.seen().remove(digest);
        match self.objects.delete(&name(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(failed(why)),
        }
    }

    /// The parts that were written before a time. What was seen is looked at anew from here on.
    pub(crate) async fn before(&self, time: Timestamp) -> Result<Vec<Digest>, Error> {
        self.seen().clear();
        let mut parts = Vec::new();
        for folder in 0..=u8::MAX {
            let folder = Name::from(hex::encode([folder]));
            let mut all = self.objects.list(Some(&folder));
            while let Some(found) = all.next().await {
                let found = found.map_err(failed)?;
                let digest = found.location.filename().and_then(|name| {
                    let mut digest = Digest::default();
                    hex::decode_to_slice(name, &mut digest).ok().map(|()| digest)
                });
                if found.last_modified.timestamp_micros() < time.micros() {
                    parts.extend(digest);
                }
            }
        }
        Ok(parts)
    }

    /// Those of some parts that were not seen there yet.
    pub(crate) fn unseen(&self, mut parts: Vec<Digest>) -> Vec<Digest> {
        let seen = self.seen();
        parts.retain(|part| !seen.contains(part));
        parts
    }

    // No code panics while it holds the lock.
    fn seen(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that a folder that is shared is of this domain: another one would sweep its parts.
fn owned(dir: &Path, domain: &str) -> Result<(), Error> {
    let marker = dir.join(OWNER);
    let owner = match std::fs::read_to_string(&marker) {
        Ok(owner) => owner,
        // The first node writes it; a folder that is not there is not made.
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(&marker, domain).map_err(Error::io(&marker))?;
            disk::sync_dir(dir)?;
            domain.to_owned()
        }
        Err(why) => return Err(Error::io(&marker)(why)),
    };
    if owner == domain {
        return Ok(());
    }
    let what = format!("the folder has attachments of `{owner}`; name one of `{domain}`");
    Err(Error::damaged(&marker, 0, what))
}

/// Spread over 256 folders by its first byte: no folder has all of them.
fn name(digest: &Digest) -> Name {
    let digits = hex::encode(digest);
    let (first, _) = digits.split_at(2);
    Name::from_iter([first, &digits])
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn failed(why: object_store::Error) -> Error {
    Error::Fatal(format!("the store of attachments failed: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_is_there_in_its_bytes_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::folder(dir.path()).unwrap();
        let digest = store.put(Bytes::from_static(b"a part")).await.unwrap();
        assert_eq!(store.put(Bytes::from_static(b"a part")).await.unwrap(), digest);
        assert_eq!(store.get(&digest).await.unwrap().unwrap(), "a part");
        assert!(!store.has(&[7; 32]).await.unwrap());
        // Whoever opens the folder anew finds it, and not what somebody has changed.
        let store = Store::folder(dir.path()).unwrap();
        assert!(store.has(&digest).await.unwrap());
        std::fs::write(dir.path().join(name(&digest).as_ref()), "another").unwrap();
        assert_eq!(store.get(&digest).await.unwrap(), None);
        assert!(!store.has(&digest).await.unwrap());
        // It is put aside, and comes anew.
        let aside = dir.path().join(DAMAGED).join(hex::encode(digest));
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "another");
        store.put(Bytes::from_static(b"a part")).await.unwrap();
        assert_eq!(store.get(&digest).await.unwrap().unwrap(), "a part");
        // What is gone is known to be gone once somebody has looked.
        std::fs::remove_file(dir.path().join(name(&digest).as_ref())).unwrap();
        assert_eq!(store.get(&digest).await.unwrap(), None);
        assert!(!store.has(&digest).await.unwrap());
        // More than a part can be is not read.
        let long = std::fs::File::create(dir.path().join(name(&digest).as_ref())).unwrap();
        long.set_len(1 << 40).unwrap();
        assert_eq!(store.get(&digest).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_folder_that_is_shared_is_there_and_of_one_domain() {
        let dir = tempfile::tempdir().unwrap();
        let shared = |name: &str| AttachmentsIn::Shared(dir.path().join(name));
        let data = dir.path();
        assert!(Store::of(&shared("not-mounted"), data, "a.example").is_err());
        std::fs::create_dir(dir.path().join("shared")).unwrap();
        for _ in 0..2 {
            Store::of(&shared("shared"), data, "a.example").unwrap();
        }
        assert!(Store::of(&shared("shared"), data, "b.example").is_err());
    }

    #[tokio::test]
    async fn what_was_written_before_a_time_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::folder(dir.path()).unwrap();
        let digest = store.put(Bytes::from_static(b"a part")).await.unwrap();
        assert_eq!(store.before(Timestamp::from_micros(i64::MAX)).await.unwrap(), [digest]);
        assert!(store.before(Timestamp::ZERO).await.unwrap().is_empty());
    }
}
