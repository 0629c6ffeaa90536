//! What tells a file from others, and one run of the machine from another.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::process;
use std::time::SystemTime;

/// 128 bits that no other file has. The standard library seeds its hashers from the system.
pub(super) fn random_id() -> [u64; 2] {
    [0, 1].map(|half: u64| RandomState::new().hash_one((half, process::id(), SystemTime::now())))
}

/// What tells one run of the machine from another, where the system says it.
pub(super) fn boot_id() -> Option<[u64; 2]> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let id = u128::from_str_radix(&digits, 16).ok()?;
    Some([(id >> 64) as u64, id as u64])
}
