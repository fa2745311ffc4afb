//! The folder of an authority: one writer at a time, every file whole or not there.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::Error;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everybody: certificates and lists.
    Public,
    /// The owner alone: keys.
    Secret,
}

impl Mode {
    const fn bits(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Secret => 0o600,
        }
    }
}

/// The folder, locked against other commands until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder and waits for its lock.
    ///
    /// # Errors
    /// [`Error::Read`] when there is no folder, [`Error::Write`] when it cannot be locked.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        fs::read_dir(dir).map_err(|source| Error::Read { path: dir.to_owned(), source })?;
        let path = dir.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.and_then(|file| file.lock().map(|()| file));
        let lock = lock.map_err(|source| Error::Write { path, source })?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// Whether a file is there.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.dir.join(name).exists()
    }

    /// The text of a file.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.dir.join(name);
        fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
    }

    /// Writes a file beside its place and moves it there, so that it is never half or open to
    /// others for a moment.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn write(&self, name: &str, text: &str, mode: Mode) -> Result<PathBuf, Error> {
        let path = self.dir.join(name);
        match replace(&path, text, mode) {
            Ok(()) => Ok(path),
            Err(source) => Err(Error::Write { path, source }),
        }
    }
}

fn replace(path: &Path, text: &str, mode: Mode) -> io::Result<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(parent)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(parent)?;
    file.write_all(text.as_bytes())?;
    // Set outright: the mode at creation is cut by the umask.
    file.as_file().set_permissions(Permissions::from_mode(mode.bits()))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(parent)?.sync_all()
}
