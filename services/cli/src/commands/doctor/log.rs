//! The data folder as far as its names and sizes tell: whether something of it is gone.
//!
//! What stands in the files is checked by the gateway when it starts, record by record.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use jiff::{SignedDuration, Timestamp};

use super::report::Line;

/// How the files of the log are called: `r-<where it begins in the log, in groups of three>.wal`.
const PREFIX: &str = "r-";
const SUFFIX: &str = ".wal";
/// What was set aside from the end of the log.
const TORN: &str = ".torn-";
/// How far the clock may be behind what it wrote itself.
const BEHIND_MAX: SignedDuration = SignedDuration::from_secs(2);

/// Whether log, keys and state belong to one another.
pub(super) fn examine(data: &Path) -> Vec<Line> {
    if !data.exists() {
        let found = format!("`{}` is not there: the first start founds the domain", data.display());
        return vec![Line::good("log", found)];
    }
    let log = data.join("log");
    let chunks = match chunks(&log) {
        Ok(chunks) => chunks,
        Err(why) => {
            let seen = format!("`{}`: {why}", log.display());
            return vec![Line::failed("log", seen, "check the path and the rights of `data`")];
        }
    };
    vec![keys(data, !chunks.files.is_empty()), follow(&log, &chunks), torn(&chunks)]
}

/// Whether the clock is where it was when something was last written.
pub(super) fn clock(data: &Path, now: Timestamp) -> Line {
    let written = newest(data).and_then(|newest| Timestamp::try_from(newest).ok());
    let Some(written) = written else {
        return Line::good(
            "clock",
            format!("{}; nothing to hold it against yet", now.strftime("%FT%TZ")),
        );
    };
    let ahead = written.duration_since(now);
    if ahead > BEHIND_MAX {
        let seen = format!("{} s behind the newest file of `data`", ahead.as_secs());
        let mend = "set the clock, and have it kept by chronyd or systemd-timesyncd: until it has \
                    caught up nothing is written";
        return Line::failed("clock", seen, mend);
    }
    Line::good("clock", format!("{}, not behind what was written last", now.strftime("%FT%TZ")))
}

#[derive(Debug, Default)]
struct Chunks {
    /// Length by beginning.
    files: BTreeMap<u64, u64>,
    torn: Vec<PathBuf>,
}

fn chunks(log: &Path) -> std::io::Result<Chunks> {
    let mut chunks = Chunks::default();
    if !log.exists() {
        return Ok(chunks);
    }
    for entry in fs::read_dir(log)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains(TORN) {
            chunks.torn.push(entry.path());
        } else if let Some(start) = beginning(&name) {
            chunks.files.insert(start, entry.metadata()?.len());
        }
    }
    Ok(chunks)
}

/// Where in the log a file begins.
fn beginning(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.replace('_', "");
    digits.parse().ok()
}

fn keys(data: &Path, founded: bool) -> Line {
    let file = data.join("keys.json");
    let text = fs::read_to_string(&file);
    let sound = text.is_ok_and(|text| serde_json::from_str::<serde_json::Value>(&text).is_ok());
    if sound {
        return Line::good("key file", "is there and reads");
    }
    if !founded && !file.exists() {
        return Line::good("key file", "is made at the first start");
    }
    let seen = format!("`{}` is missing or does not read", file.display());
    let mend = "put back its newest copy; never start with an empty one in its place";
    Line::failed("key file", seen, mend)
}

/// Each file of the log begins where the one before it ends.
fn follow(log: &Path, chunks: &Chunks) -> Line {
    let mut end: Option<u64> = None;
    for (start, length) in &chunks.files {
        if end.is_some_and(|end| end != *start) {
            let seen = format!(
                "`{}`: the file that begins at {start} does not follow the one before it",
                log.display()
            );
            let mend = "a file is gone or cut: keep a copy of `data`, change nothing, and see the \
                        operator's guide";
            return Line::failed("log", seen, mend);
        }
        end = Some(start.saturating_add(*length));
    }
    let bytes: u64 = chunks.files.values().fold(0, |sum, length| sum.saturating_add(*length));
    let count = chunks.files.len();
    Line::good("log", format!("{count} files, {bytes} bytes, without a gap between them"))
}

fn torn(chunks: &Chunks) -> Line {
    let Some(first) = chunks.torn.first() else {
        return Line::good("torn tails", "none was set aside");
    };
    let seen = format!("{} set aside, such as `{}`", chunks.torn.len(), first.display());
    let mend = "a power cut left them, and none was acknowledged: find out why power or disk \
                failed, then remove them";
    Line::warning("torn tails", seen, mend)
}

fn newest(data: &Path) -> Option<SystemTime> {
    let folders = [data.to_owned(), data.join("log")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let files = entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
    files.filter_map(|found| found.modified().ok()).max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::commands::doctor::report::Verdict::{self, Failed, Good, Warning};

    fn verdicts(data: &Path) -> Vec<Verdict> {
        examine(data).into_iter().map(|line| line.verdict).collect()
    }

    fn domain() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("log")).unwrap();
        fs::write(dir.path().join("keys.json"), "{}").unwrap();
        for (start, length) in [(0, 100), (100, 50), (150, 10)] {
            let name = format!("log/r-00_000_000_000_000_000_{start:03}.wal");
            fs::write(dir.path().join(name), vec![1; length]).unwrap();
        }
        dir
    }

    #[test]
    fn a_folder_to_be_founded_and_a_whole_one_are_well() {
        let dir = domain();
        assert_eq!(verdicts(dir.path()), [Good, Good, Good]);
        assert_eq!(verdicts(&dir.path().join("none")), [Good]);
        assert_eq!(verdicts(tempfile::tempdir().unwrap().path()), [Good, Good, Good]);
    }

    #[test]
    fn a_file_of_the_log_that_is_gone_or_cut_is_told() {
        let middle = "log/r-00_000_000_000_000_000_100.wal";
        let dir = domain();
        fs::write(dir.path().join(middle), "cut").unwrap();
        assert_eq!(verdicts(dir.path()), [Good, Failed, Good]);
        fs::remove_file(dir.path().join(middle)).unwrap();
        assert_eq!(verdicts(dir.path()), [Good, Failed, Good]);
    }

    #[test]
    fn a_key_file_that_is_gone_or_damaged_beside_a_log_is_told() {
        let dir = domain();
        fs::write(dir.path().join("keys.json"), "{").unwrap();
        assert_eq!(verdicts(dir.path()), [Failed, Good, Good]);
        fs::remove_file(dir.path().join("keys.json")).unwrap();
        assert_eq!(verdicts(dir.path()), [Failed, Good, Good]);
    }

    #[test]
    fn a_tail_that_was_set_aside_is_told() {
        let dir = domain();
        fs::write(dir.path().join("log/r-00_000_000_000_000_000_150.wal.torn-160"), "x").unwrap();
        assert_eq!(verdicts(dir.path()), [Good, Good, Warning]);
    }

    #[test]
    fn a_clock_behind_the_newest_file_is_told() {
        let dir = domain();
        let file = dir.path().join("keys.json");
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        let now = Timestamp::try_from(written).unwrap();
        assert_eq!(clock(dir.path(), now).verdict, Good);
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(written + Duration::from_secs(60)).unwrap();
        assert_eq!(clock(dir.path(), now).verdict, Failed);
        assert_eq!(clock(Path::new("/nowhere/at/all"), now).verdict, Good);
    }
}
