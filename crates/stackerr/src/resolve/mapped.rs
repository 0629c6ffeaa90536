//! A file in memory, for as long as the process lives.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr;

/// Maps the whole file read-only; `None` if it cannot be.
///
/// It is never unmapped: what is read from it is kept for the next stack. The pages are the
/// file's own and can be taken back by the system at any time.
pub(super) fn map(path: &str) -> Option<&'static [u8]> {
    let file = File::open(path).ok()?;
    let len = usize::try_from(file.metadata().ok()?.len()).ok()?;
    if len == 0 || !has_room(len) {
        return None;
    }
    // SAFETY: a new private, read-only mapping of an open file, placed by the system, aliases
    // no memory of this program.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: `len` bytes are mapped at `start`, readable and never unmapped. The file is one
    // that the loader has mapped into this process to run code from; whoever changes it in place
    // changes the running code as well, so that we add no way to fail.
    Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
}

/// Whether there is room for a file and for what is made of it. Where memory is nearly gone, the
/// names are not worth the end of the program, which is what an allocation that fails means.
fn has_room(len: usize) -> bool {
    const TABLES: usize = 64 << 20;
    let bytes = len.saturating_mul(2).saturating_add(TABLES);
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}
