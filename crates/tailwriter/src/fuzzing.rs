//! What fuzz targets need of the inside: there only when compiled with `--cfg fuzzing`.

use std::cell::Cell;
use std::io;
use std::path::Path;

use crate::MappedTail;
use crate::limits::{CLASSES, Limits};
use crate::shared::memory::Geometry;

thread_local! {
    static FORGIVING: Cell<bool> = const { Cell::new(false) };
}

/// Takes every checksum of a file for right, or no longer, on this thread.
///
/// Behind a checksum lies code that no fuzzer would reach, and that must still stand whatever it
/// reads: checksums find accidents, and anybody can make one that is right.
pub fn forgive(yes: bool) {
    FORGIVING.set(yes);
}

pub(crate) fn forgives() -> bool {
    FORGIVING.get()
}

/// Makes a tail whose file is no longer than 12 KiB: 8 segments of 96 words, of which half are
/// for the 2 lines of class 1.
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
