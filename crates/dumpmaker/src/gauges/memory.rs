//! The memory of this process and its limits.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the resident memory of this process in bytes; `None` if the system does not provide it.
pub fn resident_memory() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Returns the memory of the machine in bytes; `None` if the system does not provide it.
pub fn machine_memory() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// Parses a line such as `VmRSS: 5432 kB`. Returns bytes.
pub(crate) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

/// Returns the memory use and the memory limit of this process's cgroup, in bytes; `None` if there is no
/// limit. Parents of the cgroup may have limits, too: the group with the smallest limit is reported.
pub fn cgroup_memory() -> Option<(u64, u64)> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    cgroup_memory_below(Path::new("/sys/fs/cgroup"), &groups)
}

/// In cgroups of version 1, no limit is written as a number above this one.
const NO_LIMIT: u64 = 1 << 62;

fn cgroup_memory_below(root: &Path, groups: &str) -> Option<(u64, u64)> {
    let find = |start: &str| {
        let mut lines = groups.lines();
        lines.find_map(|line| line.split_once(start).map(|(_, group)| group))
    };
    // If both versions are in use, memory is controlled by one of them.
    let (root, group, limit_file, used_file) = match find(":memory:/") {
        Some(group) => {
            let root = root.join("memory");
            (
                root,
                group,
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            )
        }
        None => (
            root.to_owned(),
            find("0::/")?,
            "memory.max",
            "memory.current",
        ),
    };
    let (root, group) = (&root, root.join(group));
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    // "max" is not a number, so groups without a limit are skipped.
    let limited = group
        .ancestors()
        .take_while(|dir| dir.starts_with(root))
        .filter_map(|dir| Some((number(dir.join(limit_file))?, dir)));
    let limited = limited.filter(|(limit, _)| *limit < NO_LIMIT);
    let (limit, dir) = limited.min_by_key(|(limit, _)| *limit)?;
    Some((number(dir.join(used_file))?, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilobytes_are_found_by_their_key() {
        let text = "VmSize:\t  9000 kB\nVmRSS:\t    5432 kB\nThreads:\t3\n";
        assert_eq!(kilobytes(text, "VmRSS:"), Some(5432 * 1024));
        assert_eq!(kilobytes(text, "Threads:"), None);
    }

    #[test]
    fn the_smallest_limit_of_a_cgroup_and_its_parents_is_reported() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let put = |group: &str, limit: &str, used: &str| {
            let dir = root.join(group);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("memory.max"), limit).unwrap();
            fs::write(dir.join("memory.current"), used).unwrap();
        };
        put("a", "1000\n", "600\n");
        put("a/b", "max\n", "100\n");
        put("a/c", "500\n", "100\n");
        assert_eq!(cgroup_memory_below(root, "0::/a/b\n"), Some((600, 1000)));
        assert_eq!(
            cgroup_memory_below(root, "1:cpu:/a\n0::/a/c\n"),
            Some((100, 500))
        );
        assert_eq!(cgroup_memory_below(root, "0::/\n"), None);
        assert_eq!(cgroup_memory_below(root, "1:cpu:/a\n"), None);
    }

    #[test]
    fn cgroups_of_version_1_are_read() {
        let root = tempfile::tempdir().unwrap();
        let put = |group: &str, limit: &str, used: &str| {
            let dir = root.path().join("memory").join(group);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("memory.limit_in_bytes"), limit).unwrap();
            fs::write(dir.join("memory.usage_in_bytes"), used).unwrap();
        };
        put("", "9223372036854771712\n", "9000\n");
        let groups = "4:memory:/a\n3:cpu:/a\n0::/a\n";
        assert_eq!(cgroup_memory_below(root.path(), groups), None);
        put("a", "1000\n", "600\n");
        assert_eq!(cgroup_memory_below(root.path(), groups), Some((600, 1000)));
    }
}
