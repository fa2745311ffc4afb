//! Directories that only this node reads, and what makes a file's name durable.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use crate::Error;

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
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir))
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
