//! Directories that only this node reads, and what makes a file and its name durable.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use crate::Error;

#[cfg(test)]
use crate::platter::rename;
#[cfg(not(test))]
use std::fs::rename;

/// Makes a directory with its parents, and keeps it for the owner alone.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::io(dir))?;
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(Error::io(dir))?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Makes the names in a directory survive a power loss.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir))?;
    #[cfg(test)]
    crate::platter::dir_synced(dir);
    Ok(())
}

/// Makes what was written to a file survive a power loss; not yet its name.
pub(crate) fn sync_file(file: &File, path: &Path) -> Result<(), Error> {
    file.sync_all().map_err(Error::io(path))?;
    #[cfg(test)]
    crate::platter::file_synced(path);
    Ok(())
}

/// Puts a synced file in the place of another beside it, durably.
pub(crate) fn replace(new: &Path, path: &Path) -> Result<(), Error> {
    rename(new, path).map_err(Error::io(path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// How many bytes the files of a directory have; what cannot be read counts as none.
pub(crate) fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| entry.metadata().ok());
    sizes.filter(fs::Metadata::is_file).fold(0, |sum, file| sum.saturating_add(file.len()))
}

/// The free space where a folder is, in bytes; 0 where the system does not say.
pub(crate) fn free_in(dir: &Path) -> u64 {
    rustix::fs::statvfs(dir).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize))
}
