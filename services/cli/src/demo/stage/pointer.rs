//! A small file at a known place that says where the running demo has its profiles.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::Error;
use crate::profile_choice::POINTER;

/// The file, removed when the demo ends, unless a later demo has written its own.
#[derive(Debug)]
pub(super) struct Pointer {
    file: PathBuf,
    target: String,
}

impl Pointer {
    pub(super) fn to(profiles: &Path) -> Result<Self, Error> {
        Self::at(std::env::temp_dir().join(POINTER), profiles)
    }

    pub(super) fn at(file: PathBuf, profiles: &Path) -> Result<Self, Error> {
        let target = profiles.display().to_string();
        let failed = |why| Error::Write { path: file.clone(), why };
        // Moved into place: what others may have put there is replaced, never followed.
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        writeln!(new, "{target}").map_err(failed)?;
        new.persist(&file).map_err(|why| failed(why.error))?;
        Ok(Self { file, target })
    }
}

impl Drop for Pointer {
    fn drop(&mut self) {
        let ours = fs::read_to_string(&self.file).is_ok_and(|text| text.trim_end() == self.target);
        if ours {
            // What is left behind says where nothing is, and the next demo replaces it.
            let _ = fs::remove_file(&self.file);
        }
    }
}
