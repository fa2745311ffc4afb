//! Between a restoration and the first entry of the new incarnation: what a node must still do.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use samsyn_domain::{
    FeatureLevel,
    command::{Command, Digest, Restore},
};
use serde::{Deserialize, Serialize};

use super::{BadBackup, Manifest, survey::Survey};
use crate::{Error, Ledger, disk::sync_dir, keys, snapshot};

/// Is there while a folder is being restored into.
const UNDER_WAY: &str = "restoring.json";
/// Is there until the domain goes on.
const DONE: &str = "restored.json";

/// A node whose files come from a backup, and whose domain has not gone on yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Returned {
    /// What names the incarnation that begins, in hexadecimal.
    id: String,
    /// What the node must have.
    manifest: Manifest,
    #[serde(skip)]
    file: PathBuf,
}

impl Returned {
    /// Marks a folder as not yet a node's.
    pub(super) fn begin(dir: &Path) -> Result<(), BadBackup> {
        let file = dir.join(UNDER_WAY);
        let made = File::create(&file).and_then(|file| file.sync_all());
        made.map_err(BadBackup::io(&file))?;
        Ok(sync_dir(dir)?)
    }

    /// Marks a folder as that of a node which is to go on from a backup.
    pub(super) fn finish(dir: &Path, manifest: &Manifest) -> Result<(), BadBackup> {
        let id = hex::encode(keys::random()?);
        let returned = Self { id, manifest: manifest.clone(), file: PathBuf::new() };
        let text = serde_json::to_vec_pretty(&returned)
            .map_err(|why| Error::Fatal(format!("a manifest cannot be written: {why}")))?;
        let (file, done) = (dir.join(UNDER_WAY), dir.join(DONE));
        let written = File::create(&file).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&file, &done)).map_err(BadBackup::io(&file))?;
        Ok(sync_dir(dir)?)
    }

    /// What a node must still do before it serves; its snapshot is what was restored.
    ///
    /// # Errors
    /// When the restoration was not finished, or the snapshot is another.
    pub(crate) fn find(dir: &Path, knows: FeatureLevel) -> Result<Option<Self>, Error> {
        if dir.join(UNDER_WAY).exists() {
            let what = "the restoration was not finished; empty the folder and restore anew";
            return Err(Error::damaged(&dir.join(UNDER_WAY), 0, what));
        }
        let file = dir.join(DONE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(Error::io(&file)(why)),
        };
        let bad = |what: String| {
            Error::damaged(&file, 0, format!("{what}; empty the folder and restore anew"))
        };
        let read = serde_json::from_str(&text).map_err(|why| bad(why.to_string()))?;
        let returned = Self { file: file.clone(), ..read };
        let path = dir.join("snapshot");
        let found = Survey::of(snapshot::Reader::open(&path)?, knows, |_, _, _| Ok(()))?;
        // A later one is of a start that has got further.
        let is_first = found.head.index() == Some(returned.manifest.position);
        match returned.manifest.differs(&found).filter(|_| is_first) {
            Some(what) => Err(bad(format!("the snapshot is not what was restored: {what}"))),
            None => Ok(Some(returned)),
        }
    }

    fn id(&self) -> Result<Digest, Error> {
        let id = hex::decode(&self.id).ok().and_then(|id| id.try_into().ok());
        let what = "the id of the incarnation does not read; empty the folder and restore anew";
        id.ok_or_else(|| Error::damaged(&self.file, 0, what))
    }
}

impl Ledger {
    /// As the first node after a restoration: begins the incarnation, once, before anything else is
    /// ordered or shown.
    pub(crate) async fn go_on(&self) -> Result<(), Error> {
        let Some(returned) = &self.inner.returned else { return Ok(()) };
        let id = returned.id()?;
        if self.read(|state| state.incarnation().is_none_or(|now| now.id != id)) {
            let nodes: BTreeSet<u64> = returned.manifest.nodes.iter().copied().collect();
            let from = returned.manifest.position;
            self.own(Command::Restore(Restore { id, from, nodes })).await?;
            tracing::info!(position = from, "the domain goes on from a backup");
        }
        match fs::remove_file(&returned.file) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(&returned.file)(why))
            }
            _ => Ok(()),
        }
    }
}
