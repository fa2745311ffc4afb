//! Files of a gateway and who may read and write them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::report::Line;

/// Bits of a mode that let others than the owner read or write.
const READ_BY_GROUP: u32 = 0o040;
const READ_BY_ALL: u32 = 0o004;
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// A key: nobody but its owner reads it.
pub(super) fn secret(name: &str, file: &Path) -> Line {
    let mode = match mode(file) {
        Ok(mode) => mode,
        Err(why) => return Line::failed(name, why, "put it back; check the path and the rights"),
    };
    let shown = format!("`{}` has mode {mode:04o}", file.display());
    let mend = format!("chmod 600 {}", file.display());
    if mode & (READ_BY_ALL | WRITTEN_BY_OTHERS) != 0 {
        let mend =
            format!("{mend}; if others use this machine, take the key for known and renew it");
        return Line::failed(name, format!("{shown}: others can read or change it"), mend);
    }
    if mode & READ_BY_GROUP != 0 {
        return Line::warning(name, format!("{shown}: its group can read it"), mend);
    }
    Line::good(name, shown)
}

/// A file or folder that decides what the gateway does: only its owner changes it.
pub(super) fn steering(name: &str, file: &Path) -> Line {
    let mode = match mode(file) {
        Ok(mode) => mode,
        Err(why) => return Line::failed(name, why, "put it back; check the path and the rights"),
    };
    let shown = format!("`{}` has mode {mode:04o}", file.display());
    if mode & WRITTEN_BY_OTHERS != 0 {
        let mend = format!("chmod go-w {}", file.display());
        return Line::warning(name, format!("{shown}: others can change it"), mend);
    }
    Line::good(name, shown)
}

fn mode(file: &Path) -> Result<u32, String> {
    let found = fs::metadata(file).map(|found| found.permissions().mode() & 0o7777);
    found.map_err(|why| format!("`{}`: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::report::Verdict;

    #[test]
    fn rights_that_are_too_wide_and_a_file_that_is_gone_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "").unwrap();
        for (mode, key, other) in [
            (0o600, Verdict::Good, Verdict::Good),
            (0o640, Verdict::Warning, Verdict::Good),
            (0o644, Verdict::Failed, Verdict::Good),
            (0o620, Verdict::Failed, Verdict::Warning),
            (0o602, Verdict::Failed, Verdict::Warning),
        ] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(secret("k", &file).verdict, key, "{mode:o}");
            assert_eq!(steering("f", &file).verdict, other, "{mode:o}");
        }
        let gone = dir.path().join("gone");
        assert_eq!(secret("k", &gone).verdict, Verdict::Failed);
        assert_eq!(steering("f", &gone).verdict, Verdict::Failed);
    }
}
