//! Mapped memory: the only unsafe code of the mapped tail.
//!
//! The memory is accessed only as atomics. There is never a `&[u8]` to it, because another process may
//! change the file at any time, and the target of a `&[u8]` must not change.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::process;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::{MmapMut, MmapOptions, MmapRaw};

use crate::sync::AtomicU64;

const WORD: usize = size_of::<AtomicU64>();

/// Mapped memory, in words.
pub(crate) struct Map {
    raw: MmapRaw,
    /// The words of `raw`.
    words: NonNull<[AtomicU64]>,
}

// SAFETY: `words` points to memory of `raw`, which is Send and lives as long.
unsafe impl Send for Map {}
// SAFETY: the memory is only accessed as atomics, which threads may share.
unsafe impl Sync for Map {}

impl Map {
    /// Maps the first `len` bytes of a file that is at least that long.
    pub(crate) fn new(file: &File, len: usize) -> io::Result<Map> {
        let raw = MmapOptions::new().len(len).map_raw(file)?;
        // Otherwise the first access to a page also maps many pages around it, which are filled with
        // zeros for nothing: that costs a short-lived process milliseconds. An error does not matter,
        // because this is only a hint.
        #[cfg(unix)]
        let _ = raw.advise(memmap2::Advice::Random);
        Ok(Map::of(raw))
    }

    fn of(raw: MmapRaw) -> Map {
        let start = NonNull::new(raw.as_mut_ptr().cast()).unwrap_or(NonNull::dangling());
        // A mapping begins at a page boundary, so the words are aligned.
        let words = NonNull::slice_from_raw_parts(start, raw.len() / WORD);
        Map { raw, words }
    }

    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is readable and writable, page-aligned, at least as long as `words`, and
        // stays until `self` is dropped. Any bits are a valid u64, and all access is atomic, so
        // changes by another process are like those of another thread. If another process truncates
        // the file, SIGBUS ends this process, which breaks no rule of the language.
        unsafe { self.words.as_ref() }
    }

    /// `len` bytes from the byte `start` on; empty if the map is shorter.
    pub(crate) fn bytes(&self, start: usize, len: usize) -> &[AtomicU8] {
        let len_of_map = size_of_val(self.words());
        let Some(_) = start.checked_add(len).filter(|&end| end <= len_of_map) else {
            return &[];
        };
        // SAFETY: as above, and the bytes are within the mapping. Callers use this for the area of the
        // owner only, and no word of that area is accessed as an `AtomicU64`.
        unsafe {
            let first = self.raw.as_mut_ptr().cast::<AtomicU8>().add(start);
            std::slice::from_raw_parts(first, len)
        }
    }

    /// Waits until everything stored so far is on the disk.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.raw.flush()
    }
}

/// Tells a process from its forks, without a system call.
pub(crate) enum ForkGuard {
    /// A page that the kernel gives to a forked child filled with zeros.
    Page(Map),
    /// For systems without such a page: macOS, whose C library caches the process id, and Linux before
    /// 4.14, where reading the id is a system call.
    Pid(u32),
}

impl ForkGuard {
    pub(crate) fn new() -> io::Result<ForkGuard> {
        let page = Map::of(MmapRaw::from(MmapMut::map_anon(WORD)?));
        if wipe_on_fork(&page) {
            page.words()[0].store(1, Ordering::Relaxed);
            Ok(ForkGuard::Page(page))
        } else {
            Ok(ForkGuard::Pid(process::id()))
        }
    }

    /// Whether this is the process that created the guard.
    #[inline]
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            ForkGuard::Page(page) => page
                .words()
                .first()
                .is_some_and(|word| word.load(Ordering::Relaxed) != 0),
            ForkGuard::Pid(pid) => process::id() == *pid,
        }
    }
}

#[cfg(target_os = "linux")]
fn wipe_on_fork(page: &Map) -> bool {
    use rustix::mm::{Advice, madvise};
    // The kernel rounds the length up to whole pages, all of which are the mapping's own.
    // SAFETY: the mapping is private, anonymous and used for nothing else. The advice changes only the
    // content in a forked child, which is read as an atomic word.
    unsafe { madvise(page.raw.as_mut_ptr().cast(), WORD, Advice::LinuxWipeOnFork) }.is_ok()
}

#[cfg(not(target_os = "linux"))]
fn wipe_on_fork(_: &Map) -> bool {
    false
}
