//! Backups of a running domain, and the return from one.
//!
//! A backup is a folder of parts. `rows.age` holds a snapshot of all rows at a committed position,
//! `keys.age` the domain's key file; each is sealed by the node that makes it, in the format of
//! <https://age-encryption.org/v1>, to public keys of the node's own configuration. What holds the
//! folder holds nothing that it can read. `manifest.json` says what the backup is and is written
//! last: without it there is none. `manifest.sig` is the domain's signature over it.

mod create;
mod folder;
mod manifest;
mod restore;
mod returned;
mod seal;
mod survey;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
};

use samsyn_domain::FeatureLevel;

pub use create::{Backup, Piece};
pub use folder::{examine, verify};
pub use manifest::{Counts, Manifest, Part};
pub use restore::{Onto, restore};
pub(crate) use returned::Returned;
pub use seal::{BadIdentity, BadRecipient, Identities, Recipients, new_identity};

/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// The signature over the manifest, in hexadecimal.
pub const SIGNATURE: &str = "manifest.sig";
/// The rows.
pub const ROWS: &str = "rows.age";
/// The domain's key file.
pub const KEYS: &str = "keys.age";

/// What is wrong with a backup, or with where it is to be restored.
#[derive(Debug, thiserror::Error)]
pub enum BadBackup {
    /// Nothing, or one that was not finished.
    #[error(
        "`{}` holds no `manifest.json`: it is no backup, or one that was not finished; take \
         another",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// A later program made it.
    #[error(
        "`{}` has format `{format}`, and this program knows `{}`; use the program that made it",
        file.display(),
        manifest::FORMAT
    )]
    OtherFormat {
        /// Which file.
        file: PathBuf,
        /// Its format.
        format: String,
    },
    /// The domain was at a level that this program does not know.
    #[error(
        "`{}` is of a domain at level {level}, and this version knows the log up to level {knows}; \
         install a version that knows level {level}",
        file.display()
    )]
    NewerLevel {
        /// Which file.
        file: PathBuf,
        /// The level.
        level: u32,
        /// What this program knows.
        knows: FeatureLevel,
    },
    /// A file is not what was written.
    #[error(
        "`{}` is not what was written: {what}; take another copy, or another backup",
        file.display()
    )]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// None of the identities opens it.
    #[error(
        "the identity does not open `{}`, which is sealed to {}; give that of one of them",
        file.display(),
        recipients.join(", ")
    )]
    OtherIdentity {
        /// Which file.
        file: PathBuf,
        /// The public keys that it is sealed to.
        recipients: Vec<String>,
    },
    /// Rows and keys are not of one domain.
    #[error(
        "`{}` is of another domain than the rows; take the keys of this domain's backups",
        .0.display()
    )]
    OtherKeys(PathBuf),
    /// Keys are missing.
    #[error(
        "`{}` is older than the rows: the key of unit `{unit}` is not in it; take the keys of this \
         backup, or of a later one",
        file.display()
    )]
    OlderKeys {
        /// Which file.
        file: PathBuf,
        /// Of which unit.
        unit: String,
    },
    /// The configuration is of another domain.
    #[error("the backup is of domain `{0}`, and the configuration is not; check `domain` in it")]
    OtherDomain(String),
    /// There is something where it would be restored.
    #[error("`{}` is not empty; restore into an empty folder, and keep this one", .0.display())]
    Occupied(PathBuf),
    /// The node was one of those that carried the domain.
    #[error(
        "node {0} carried the domain before; give the new machine a number that none had, and a \
         certificate for it"
    )]
    OldNode(u64),
    /// A file cannot be read or written.
    #[error("cannot use `{}`; check the path, the rights and the room on the disk", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The files of the node cannot be made.
    #[error(transparent)]
    Node(#[from] crate::Error),
}

impl BadBackup {
    fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), what: what.into() }
    }

    /// For `map_err`: an operation on a path failed.
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
