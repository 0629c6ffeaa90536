//! The limit of a rule about memory.

use std::fmt;

use super::text;
use crate::gauges::{cgroup_memory, machine_memory, resident_memory};

/// A limit for [`Rule::memory_above`](super::Rule::memory_above): bytes, or a fraction of the memory.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MemoryLimit {
    /// Bytes of resident memory.
    Bytes(u64),
    /// A fraction, from 0 to 1, of the memory limit of the process's cgroup, compared with the memory that
    /// the cgroup uses. If there is no such limit: a fraction of the machine's memory, compared with the
    /// resident memory of the process.
    Fraction(f64),
}

impl From<u64> for MemoryLimit {
    fn from(bytes: u64) -> MemoryLimit {
        MemoryLimit::Bytes(bytes)
    }
}

impl From<f64> for MemoryLimit {
    fn from(fraction: f64) -> MemoryLimit {
        MemoryLimit::Fraction(fraction)
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            MemoryLimit::Bytes(bytes) => f.write_str(&text::size(bytes)),
            MemoryLimit::Fraction(fraction) => write!(f, "{}%", (fraction * 100.0).round()),
        }
    }
}

impl MemoryLimit {
    /// Returns the memory in use and the limit, in bytes; `None` if the system does not provide them.
    pub(crate) fn read(self) -> Option<(u64, u64)> {
        match self {
            MemoryLimit::Bytes(bytes) => Some((resident_memory()?, bytes)),
            MemoryLimit::Fraction(fraction) => {
                let (used, all) =
                    cgroup_memory().or_else(|| Some((resident_memory()?, machine_memory()?)))?;
                Some((used, (all as f64 * fraction) as u64))
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_not_all_of_it() {
        let (used, limit) = MemoryLimit::Bytes(1).read().unwrap();
        assert!(used > limit, "{used}");
        let (used, all) = MemoryLimit::Fraction(1.0).read().unwrap();
        assert!(used > 0 && used < all, "{used} of {all}");
    }
}
