//! The harness of Samsyn's tests: what the test binaries under `tests/` have in common.
//!
//! Each binary holds one kind of test:
//!
//! - `tidy`: the house rules, read from the sources and from `ARCHITECTURE.md`;
//! - `golden`: pages and tables that are made from one source and reviewed as diffs.
//!
//! And some programs: `attack` attacks a real gateway and measures what its callers notice,
//! `rounds` puts faults between several nodes and looks for what is lost or doubled, `compare` has
//! several nodes and etcd do the same work.
//!
//! A rewrite of the golden files is asked for by `UPDATE=1`, and is then read in the diff:
//!
//! ```sh
//! UPDATE=1 cargo test -p samsyn-tests --test golden
//! ```

pub mod cluster;
pub mod dice;
pub mod observed;
pub mod raw;
pub mod rounds;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The root folder of the project.
#[must_use]
pub fn project_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Compares `made` with the golden file at `path` (from the project's root), or rewrites the file
/// when the environment holds `UPDATE=1`.
///
/// # Errors
/// When the file differs, with the first line that does; or when it cannot be read or written.
pub fn golden(path: &str, made: &str) -> io::Result<()> {
    let file = project_root().join(path);
    if env::var("UPDATE").is_ok_and(|value| value == "1") {
        return fs::write(file, made);
    }
    let kept = fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("`{path}`: {error}")))?;
    match first_difference(&kept, made) {
        None => Ok(()),
        Some(place) => Err(io::Error::other(format!(
            "`{path}` differs from what the code makes, first at {place}; \
             run again with UPDATE=1 and review the diff"
        ))),
    }
}

fn first_difference(kept: &str, made: &str) -> Option<String> {
    if kept == made {
        return None;
    }
    let (mut old, mut new) = (kept.lines(), made.lines());
    for number in 1_usize.. {
        match (old.next(), new.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => break,
            (a, b) => return Some(format!("line {number}: {a:?} is kept, {b:?} is made")),
        }
    }
    Some("the line ends".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_difference_names_the_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let place = first_difference("a\nb\n", "a\nc\n").unwrap();
        assert!(place.starts_with("line 2"), "{place}");
        assert!(first_difference("a\n", "a\nb\n").unwrap().starts_with("line 2"));
        assert_eq!(first_difference("a\n", "a").unwrap(), "the line ends");
    }

    #[test]
    fn golden_refuses_a_missing_file() {
        let missing = "tests/no-such-file";
        assert!(env::var("UPDATE").is_ok() || golden(missing, "").is_err());
    }
}
