//! The disk of the data folder, and how many files the process may open.

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit};

use super::report::Line;

/// Below this a gateway should not be started, and below that something should be done.
const FREE_MIN_MEBIBYTES: u64 = 512;
const FREE_LOW_MEBIBYTES: u64 = 4 * 1024;
const MEBIBYTE: u64 = 1024 * 1024;
/// How often and how much is written to see how fast the disk is: about one entry of the log.
const SYNCS: usize = 15;
const SYNC_BYTES: usize = 4096;
/// A write is acknowledged after one such sync.
const SYNC_SLOW: Duration = Duration::from_millis(20);
const SYNC_TOO_SLOW: Duration = Duration::from_millis(250);
/// Files that a gateway has open beside its connections.
const OWN_FILES: u64 = 64;
/// Connections of a service: its calls, its stream, and one that is about to end.
const CONNECTIONS_A_SERVICE: u64 = 4;

/// Free space where a folder lies.
pub(super) fn space(dir: &Path) -> Line {
    match rustix::fs::statvfs(dir) {
        Ok(found) => free(found.f_bavail.saturating_mul(found.f_frsize) / MEBIBYTE),
        Err(why) => {
            let seen = format!("`{}`: {why}", dir.display());
            Line::failed("disk space", seen, "check the path and the rights of `data`")
        }
    }
}

fn free(mebibytes: u64) -> Line {
    let found = format!("{mebibytes} MiB free");
    let mend = "free some space, or move `data`: a full disk ends the process";
    if mebibytes < FREE_MIN_MEBIBYTES {
        Line::failed("disk space", found, mend)
    } else if mebibytes < FREE_LOW_MEBIBYTES {
        Line::warning("disk space", found, mend)
    } else {
        Line::good("disk space", found)
    }
}

/// How long a write takes to be durable in a folder. A file is written there and removed.
pub(super) fn sync(dir: &Path) -> Line {
    match syncs(dir) {
        Ok(all) => latency(all),
        Err(why) => {
            let seen = format!("cannot write to `{}`: {why}", dir.display());
            let mend = "run this as the gateway's user, and check the rights of `data`";
            Line::failed("disk sync", seen, mend)
        }
    }
}

fn syncs(dir: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = tempfile::Builder::new().prefix(".samsyn-doctor-").tempfile_in(dir)?;
    let block = [0; SYNC_BYTES];
    let one = |_| {
        let started = Instant::now();
        file.write_all(&block)?;
        file.as_file().sync_data()?;
        Ok(started.elapsed())
    };
    (0..SYNCS).map(one).collect()
}

fn latency(mut all: Vec<Duration>) -> Line {
    all.sort_unstable();
    let median = all.get(all.len() / 2).copied().unwrap_or_default();
    let worst = all.last().copied().unwrap_or_default();
    let found =
        format!("fdatasync takes {median:.1?} (median of {}), {worst:.1?} at worst", all.len());
    let mend = "every write waits for this: use a local disk with a write cache that survives a \
                power cut, and nothing else that is busy on it";
    if median > SYNC_TOO_SLOW {
        Line::failed("disk sync", found, mend)
    } else if median > SYNC_SLOW {
        Line::warning("disk sync", found, mend)
    } else {
        Line::good("disk sync", found)
    }
}

/// The limit of open files, against the connections of all registered services.
pub(super) fn open_files(services: usize) -> Line {
    let soft = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    limit(soft, u64::try_from(services).unwrap_or(u64::MAX))
}

fn limit(soft: u64, services: u64) -> Line {
    let expected = services.saturating_mul(CONNECTIONS_A_SERVICE);
    let needed = expected.saturating_add(OWN_FILES);
    let found = format!(
        "at most {soft} in a process started from here; {services} services need about {needed}"
    );
    let mend = format!("raise it for the gateway, such as `LimitNOFILE={}`", needed.max(65_536));
    if soft < services.saturating_add(OWN_FILES) {
        Line::failed("open files", found, mend)
    } else if soft < needed {
        Line::warning("open files", found, mend)
    } else {
        Line::good("open files", found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::report::Verdict::{Failed, Good, Warning};

    #[test]
    fn a_full_disk_is_told_before_it_is_full() {
        for (mebibytes, verdict) in [(100, Failed), (2_000, Warning), (90_000, Good)] {
            assert_eq!(free(mebibytes).verdict, verdict, "{mebibytes}");
        }
        assert_eq!(space(Path::new("/nowhere/at/all")).verdict, Failed);
        assert!(space(&std::env::temp_dir()).found.contains("MiB free"));
    }

    #[test]
    fn a_slow_disk_is_told_by_its_median() {
        let all = |fast, slow| [vec![fast; 8], vec![slow; 7]].concat();
        let (quick, second) = (Duration::from_millis(1), Duration::from_secs(1));
        assert_eq!(latency(all(quick, second)).verdict, Good);
        assert!(latency(all(quick, second)).found.contains("1.0s at worst"));
        assert_eq!(latency(all(Duration::from_millis(40), second)).verdict, Warning);
        assert_eq!(latency(all(second, second)).verdict, Failed);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_nothing_is_left_in_one_that_can() {
        assert_eq!(sync(Path::new("/nowhere/at/all")).verdict, Failed);
        let dir = tempfile::tempdir().unwrap();
        assert!(sync(dir.path()).found.contains("median of 15"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_limit_of_open_files_is_held_against_the_registered_services() {
        // 100 services need 464 files, and 164 at the least.
        for (soft, verdict) in [(163, Failed), (164, Warning), (463, Warning), (464, Good)] {
            assert_eq!(limit(soft, 100).verdict, verdict, "{soft}");
        }
        assert_eq!(open_files(usize::MAX).verdict, Failed);
    }
}
