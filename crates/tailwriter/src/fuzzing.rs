//! Access to internals for fuzz targets; compiled with `--cfg fuzzing` only.

use std::cell::Cell;
use std::io;
use std::path::Path;

use crate::MappedTail;
use crate::limits::{CLASSES, Limits};
use crate::shared::memory::Geometry;

thread_local! {
    static IGNORES_CHECKSUMS: Cell<bool> = const { Cell::new(false) };
}

/// Turns the check of checksums off or on again, on this thread.
///
/// A fuzzer would hardly find a valid checksum, but the code after the check must cope with any input:
/// a forged file can have valid checksums.
pub fn ignore_checksums(yes: bool) {
    IGNORES_CHECKSUMS.set(yes);
}

pub(crate) fn ignores_checksums() -> bool {
    IGNORES_CHECKSUMS.get()
}

/// Creates a tail whose file is no longer than 12 KiB: 8 segments of 96 words. Half of them are for the
/// 2 lines of class 1.
///
/// # Errors
///
/// As [`Builder::build_mapped`](crate::Builder::build_mapped).
pub fn small_tail(path: &Path) -> io::Result<MappedTail> {
    let mut limits = Limits {
        max_lines: 15,
        max_line_bytes: 200,
        ..Limits::default()
    };
    limits.quotas[1] = 2;
    let mut parts = [Geometry::default(); CLASSES];
    parts[..2].fill(Geometry {
        segment_words: 96,
        segments: 4,
    });
    MappedTail::create_divided(limits, 0, parts, path)
}
