//! Where the parts of attachments are: an object store, each part under the digest of its bytes.

use std::{
    collections::BTreeSet,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, local::LocalFileSystem, path::Path as Name,
};
use samsyn_domain::{Timestamp, command::Digest};
use sha2::{Digest as _, Sha256};

use crate::{Error, disk};

/// The parts of attachments. Clones are the same.
#[derive(Clone)]
pub(crate) struct Store {
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
    /// A folder, made where there is none. What it has taken in survives a power loss.
    pub(crate) fn folder(dir: &Path) -> Result<Self, Error> {
        disk::make_dir(dir)?;
        let unusable = |why: object_store::Error| Error::io(dir)(std::io::Error::other(why));
        let objects = LocalFileSystem::new_with_prefix(dir).map_err(unusable)?.with_fsync(true);
        Ok(Self { objects: Arc::new(objects), seen: Arc::default() })
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

    /// A part, in the bytes of its digest; none where it is not there, or is not what it was.
    pub(crate) async fn get(&self, digest: &Digest) -> Result<Option<Bytes>, Error> {
        let part = match self.objects.get(&name(digest)).await {
            Ok(found) => found.bytes().await.map_err(failed)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(why) => return Err(failed(why)),
        };
        if Digest::from(Sha256::digest(&part)) == *digest {
            return Ok(Some(part));
        }
        let part = hex::encode(digest);
        tracing::error!(part, "a part of an attachment is damaged; it is as if it were not there");
        self.remove(digest).await?;
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

    /// The parts that were written before a time.
    pub(crate) async fn before(&self, time: Timestamp) -> Result<Vec<Digest>, Error> {
        let mut parts = Vec::new();
        let mut all = self.objects.list(None);
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
        Ok(parts)
    }

    // No code panics while it holds the lock.
    fn seen(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
