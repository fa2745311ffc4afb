//! How much memory the process has used.

/// The most at any time, in MiB; none where the system does not tell.
pub(super) fn peak_mebibytes() -> Option<u64> {
    peak(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads `VmHWM`, see proc_pid_status(5).
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_its_line() {
        assert_eq!(peak("VmPeak:\t  999 kB\nVmHWM:\t  146432 kB\nVmRSS:\t 1 kB\n"), Some(143));
        assert_eq!(peak("VmRSS:\t 1 kB\n"), None);
    }
}
