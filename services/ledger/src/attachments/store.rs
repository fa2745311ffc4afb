//! Where the parts of attachments are: an object store, each part under the domain that it is from
//! and the digest of its bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, local::LocalFileSystem, path::Path as Name,
};
use samsyn_domain::{DomainId, Timestamp, command::Digest, message::SEALED_PART_BYTES_MAX};
use sha2::{Digest as _, Sha256};

use crate::{BadAttachment, Error, disk, keys::random};

/// Below so much free space no part is taken in: the log of the node may be on the same disk.
const FREE_MIN: u64 = 512 * 1024 * 1024;
/// In a folder that is shared: whose it is.
const OWNER: &str = "domain";
/// Where parts are.
const PARTS: &str = "parts";
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

/// A part: of which domain's messages it is, and the digest of its bytes. What one domain sent is
/// not there for what another names, or that would learn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) of: DomainId,
    pub(crate) digest: Digest,
}

/// The parts of attachments. Clones are the same.
#[derive(Clone)]
pub(crate) struct Store {
    dir: PathBuf,
    /// So many bytes stay free.
    free_min: u64,
    objects: Arc<dyn ObjectStore>,
    /// What was seen there.
    seen: Arc<Mutex<Seen>>,
}

/// Parts, of each domain.
type Seen = BTreeMap<DomainId, BTreeSet<Digest>>;

/// A part as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    name: Name,
}

impl Part {
    fn name(&self, folder: &str) -> Name {
        name(folder, &self.of, &self.digest)
    }
}

impl Found {
    /// A part by its name; none where it is something else.
    fn at(name: Name) -> Option<Self> {
        let mut digest = Digest::default();
        hex::decode_to_slice(name.filename()?, &mut digest).ok()?;
        Some(Self { digest, name })
    }

    /// Whether it is of a domain.
    pub(crate) fn is_of(&self, domain: &DomainId) -> bool {
        self.name == name(PARTS, domain, &self.digest)
    }
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
        Ok(Self { dir, free_min: FREE_MIN, objects: Arc::new(objects), seen })
    }

    /// Whether there is room for more; where there is none, the log says so.
    pub(crate) fn room(&self) -> Result<(), BadAttachment> {
        if disk::free_in(&self.dir) >= self.free_min {
            return Ok(());
        }
        tracing::error!("there is no room for attachments: make some on their disk");
        Err(BadAttachment::NoRoom)
    }

    /// Takes a part in, durably; gives its digest. One that is there is not written again.
    pub(crate) async fn put(&self, of: &DomainId, bytes: Bytes) -> Result<Digest, Error> {
        let part = Part { of: of.clone(), digest: Sha256::digest(&bytes).into() };
        let digest = part.digest;
        if !self.has(&part).await? {
            self.objects.put(&part.name(PARTS), PutPayload::from(bytes)).await.map_err(failed)?;
            self.sees(&part);
        }
        Ok(digest)
    }

    /// The bytes of a part, as its digest says; none where it is not there, or is not what it was:
    /// then it is put aside.
    pub(crate) async fn get(&self, part: &Part) -> Result<Option<Bytes>, Error> {
        let name = part.name(PARTS);
        let found = match self.objects.get(&name).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                self.forgets(part);
                return Ok(None);
            }
            Err(why) => return Err(failed(why)),
        };
        // Whoever writes there has no say in how much is read.
        if found.meta.size <= SEALED_PART_BYTES_MAX as u64 {
            let bytes = found.bytes().await.map_err(failed)?;
            if Digest::from(Sha256::digest(&bytes)) == part.digest {
                return Ok(Some(bytes));
            }
        }
        let file = self.dir.join(name.as_ref()).display().to_string();
        tracing::error!(file, "a part of an attachment is damaged; it is put aside");
        self.forgets(part);
        self.objects.rename(&name, &part.name(DAMAGED)).await.map_err(failed)?;
        Ok(None)
    }

    /// Whether a part is there.
    pub(crate) async fn has(&self, part: &Part) -> Result<bool, Error> {
        if self.seen().get(&part.of).is_some_and(|seen| seen.contains(&part.digest)) {
            return Ok(true);
        }
        match self.objects.head(&part.name(PARTS)).await {
            Ok(_) => {
                self.sees(part);
                Ok(true)
            }
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(why) => Err(failed(why)),
        }
    }

    /// Takes a part away.
    pub(crate) async fn remove(&self, part: &Part) -> Result<(), Error> {
        let removed = self.delete(&part.name(PARTS)).await;
        self.forgets(part);
        removed
    }

    /// Takes away what [`before`](Self::before) found.
    pub(crate) async fn sweep(&self, found: &Found) -> Result<(), Error> {
        let removed = self.delete(&found.name).await;
        // Whoever looked at it meanwhile has seen it.
        for seen in self.seen().values_mut() {
            seen.remove(&found.digest);
        }
        removed
    }

    async fn delete(&self, name: &Name) -> Result<(), Error> {
        match self.objects.delete(name).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(failed(why)),
        }
    }

    /// The parts that were written before a time. What was seen is looked at anew from here on.
    pub(crate) async fn before(&self, time: Timestamp) -> Result<Vec<Found>, Error> {
        self.seen().clear();
        let mut parts = Vec::new();
        let domains = self.objects.list_with_delimiter(Some(&PARTS.into())).await;
        for domain in domains.map_err(failed)?.common_prefixes {
            let folders = self.objects.list_with_delimiter(Some(&domain)).await;
            for folder in folders.map_err(failed)?.common_prefixes {
                let mut all = self.objects.list(Some(&folder));
                while let Some(found) = all.next().await {
                    let found = found.map_err(failed)?;
                    if found.last_modified.timestamp_micros() < time.micros() {
                        parts.extend(Found::at(found.location));
                    }
                }
            }
        }
        Ok(parts)
    }

    fn sees(&self, part: &Part) {
        self.seen().entry(part.of.clone()).or_default().insert(part.digest);
    }

    fn forgets(&self, part: &Part) {
        if let Some(seen) = self.seen().get_mut(&part.of) {
            seen.remove(&part.digest);
        }
    }

    /// What was seen there. No code panics while it holds the lock.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that a folder that is shared is of this domain: another one would sweep its parts.
fn owned(dir: &Path, domain: &str) -> Result<(), Error> {
    let marker = dir.join(OWNER);
    let owner = match std::fs::read_to_string(&marker) {
        Ok(owner) => owner,
        // The first node writes it, whole, and never over that of another; a folder that is not
        // there is not made.
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            let new = dir.join(format!("{OWNER}.{}", hex::encode(random()?)));
            std::fs::write(&new, domain).map_err(Error::io(&new))?;
            disk::sync_file(&File::open(&new).map_err(Error::io(&new))?, &new)?;
            let linked = std::fs::hard_link(&new, &marker);
            std::fs::remove_file(&new).map_err(Error::io(&new))?;
            match linked {
                Err(why) if why.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::io(&marker)(why));
                }
                Ok(()) | Err(_) => disk::sync_dir(dir)?,
            }
            std::fs::read_to_string(&marker).map_err(Error::io(&marker))?
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
fn name(folder: &str, of: &DomainId, digest: &Digest) -> Name {
    let digits = hex::encode(digest);
    let (first, _) = digits.split_at(2);
    Name::from_iter([folder, of.as_str(), first, &digits])
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn failed(why: object_store::Error) -> Error {
    Error::Fatal(format!("the store of attachments failed: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> DomainId {
        DomainId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_part_is_there_in_its_bytes_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::folder(dir.path()).unwrap();
        let (of, bytes) = (domain("a.example"), Bytes::from_static(b"a part"));
        let digest = store.put(&of, bytes.clone()).await.unwrap();
        assert_eq!(store.put(&of, bytes.clone()).await.unwrap(), digest);
        let part = Part { of: of.clone(), digest };
        assert_eq!(store.get(&part).await.unwrap().unwrap(), bytes);
        assert!(!store.has(&Part { digest: [7; 32], ..part.clone() }).await.unwrap());
        // What one domain sent is not there for another.
        assert!(!store.has(&Part { of: domain("b.example"), digest }).await.unwrap());
        // Whoever opens the folder anew finds it, and not what somebody has changed.
        let store = Store::folder(dir.path()).unwrap();
        assert!(store.has(&part).await.unwrap());
        let file = dir.path().join(part.name(PARTS).as_ref());
        std::fs::write(&file, "another").unwrap();
        assert_eq!(store.get(&part).await.unwrap(), None);
        assert!(!store.has(&part).await.unwrap());
        // It is put aside, and comes anew.
        let aside = dir.path().join(part.name(DAMAGED).as_ref());
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "another");
        store.put(&of, bytes.clone()).await.unwrap();
        assert_eq!(store.get(&part).await.unwrap().unwrap(), bytes);
        // What is gone is known to be gone once somebody has looked.
        std::fs::remove_file(&file).unwrap();
        assert_eq!(store.get(&part).await.unwrap(), None);
        assert!(!store.has(&part).await.unwrap());
        // More than a part can be is not read.
        let long = File::create(&file).unwrap();
        long.set_len(1 << 40).unwrap();
        assert_eq!(store.get(&part).await.unwrap(), None);
    }

    #[test]
    fn some_of_the_disk_stays_free() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::folder(dir.path()).unwrap();
        assert_eq!(store.free_min, 512 * 1024 * 1024);
        assert_eq!(Store { free_min: 0, ..store.clone() }.room(), Ok(()));
        assert_eq!(Store { free_min: u64::MAX, ..store }.room(), Err(BadAttachment::NoRoom));
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
    async fn what_was_written_before_a_time_is_found_under_its_domain() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::folder(dir.path()).unwrap();
        let bytes = Bytes::from_static(b"a part");
        // Whatever a domain may be called.
        let domains =
            ["a.example", "b.example", "..", ".", "a/b", "c:d", "a/../b", "-_"].map(domain);
        for of in &domains {
            store.put(of, bytes.clone()).await.unwrap();
        }
        assert!(store.before(Timestamp::ZERO).await.unwrap().is_empty());
        let found = store.before(Timestamp::from_micros(i64::MAX)).await.unwrap();
        assert_eq!(found.len(), domains.len());
        for of in &domains {
            let part = Part { of: of.clone(), digest: found[0].digest };
            assert!(store.get(&part).await.unwrap().is_some(), "{of}");
            let of_it: Vec<_> = found.iter().filter(|found| found.is_of(of)).collect();
            assert_eq!(of_it.len(), 1, "{of}");
            store.sweep(of_it[0]).await.unwrap();
            assert!(!store.has(&part).await.unwrap(), "{of}");
        }
        assert!(store.before(Timestamp::from_micros(i64::MAX)).await.unwrap().is_empty());
    }
}
