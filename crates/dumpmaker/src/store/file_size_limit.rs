//! The maximum size of files that the process may write. Exceeding it raises SIGXFSZ, which ends the
//! process, so the limit is checked before a file is written.

use std::fs;

/// Returns the maximum size in bytes of files that this process may write (`ulimit -f`).
///
/// Returns `u64::MAX` if there is no limit, and on systems other than Linux.
#[must_use]
pub fn max_file_bytes() -> u64 {
    if !cfg!(target_os = "linux") {
        return u64::MAX;
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    soft_limit(&limits).unwrap_or(u64::MAX)
}

/// Parses the line `Max file size             1024                 unlimited            bytes`.
fn soft_limit(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let rest = lines.find_map(|line| line.strip_prefix("Max file size"))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_the_file_size_is_parsed() {
        let limits = |size: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max cpu time              unlimited            unlimited            seconds   \n\
                 Max file size             {size:<20} unlimited            bytes     \n"
            )
        };
        assert_eq!(soft_limit(&limits("4096")), Some(4096));
        assert_eq!(soft_limit(&limits("unlimited")), None);
        assert_eq!(soft_limit(""), None);
    }
}
