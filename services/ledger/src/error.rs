//! What can go wrong in the ledger, by whose fault.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use samsyn_domain::FeatureLevel;

/// Why the ledger did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A file is not what was written, or a newer program wrote it. Nothing was changed.
    #[error("`{}` is damaged at byte {offset}: {what}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// From where in the file, in bytes.
        offset: u64,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A file cannot be read or written.
    #[error(
        "cannot use `{}`; check that it may be read and written, that the disk has room, and that \
         no other process holds it",
        path.display()
    )]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Too many changes wait to be ordered.
    #[error("too many changes wait; try again shortly")]
    Overloaded,
    /// A change is larger than the log takes.
    #[error("the change is {bytes} bytes; send at most {bytes_max}")]
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
        /// The largest size, in bytes.
        bytes_max: usize,
    },
    /// No leader, or no quorum, is known to this node.
    #[error("no leader is known; try again shortly")]
    NoLeader,
    /// This node's state has not come as far as it must.
    #[error("this node has not caught up with the others; try again shortly, or ask another node")]
    Behind,
    /// What was met is of a feature level that this program does not know.
    #[error(
        "this version knows the log up to level {knows}, and the domain is at level {needs}; \
         install a version that knows level {needs}"
    )]
    LevelUnknown {
        /// What is needed.
        needs: FeatureLevel,
        /// What this node knows.
        knows: FeatureLevel,
    },
    /// The members do not change.
    #[error("the members of the cluster do not change: {0}")]
    Membership(String),
    /// The change may or may not have been ordered.
    #[error("the outcome is not known; ask again under the same key")]
    OutcomeUnknown,
    /// The agreed time is ahead of this node's clock.
    #[error("this node's clock is behind the agreed time; set the clock")]
    ClockBehind,
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// The ledger stopped and its process ends; what was under way may have been ordered.
    #[error("the ledger has stopped ({0}); ask again when the process has started anew")]
    Stopped(String),
    /// What must never be is so.
    #[error("the ledger failed: {0}")]
    Fatal(String),
}

impl Error {
    pub(crate) fn damaged(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), offset, what: what.into() }
    }

    /// What was read does not fit together, or could not be read at all.
    pub(crate) fn unreadable(file: &Path, offset: u64, mend: &str, source: io::Error) -> Self {
        let kind = source.kind();
        if kind == io::ErrorKind::UnexpectedEof {
            return Self::damaged(file, offset, format!("it ends too early; {mend}"));
        }
        // Systems report no failure as `Other`; libraries report what they do not accept so.
        if matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::Other) {
            return Self::damaged(file, offset, format!("{source}; {mend}"));
        }
        Self::io(file)(source)
    }

    /// For `map_err`: an operation on a path failed.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source: source.into() }
    }

    /// What stands behind a failure of reading, if it is that a level is not known.
    pub(crate) fn level_unknown(of: &io::Error) -> Option<&Self> {
        let error = of.get_ref()?.downcast_ref::<Self>()?;
        matches!(error, Self::LevelUnknown { .. }).then_some(error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Damaged { .. } => io::ErrorKind::InvalidData,
            Error::Io { source, .. } => source.kind(),
            Error::Overloaded
            | Error::TooLarge { .. }
            | Error::NoLeader
            | Error::Behind
            | Error::LevelUnknown { .. }
            | Error::Membership(_)
            | Error::OutcomeUnknown
            | Error::ClockBehind
            | Error::Closed
            | Error::Stopped(_)
            | Error::Fatal(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
