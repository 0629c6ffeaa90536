//! Where the lines go: memory that is used again and again.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

const FULL: usize = 64 << 10;

/// Whether lines came through.
static USED: AtomicBool = AtomicBool::new(false);

/// Takes what is written, and forgets it when there is too much.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<u8>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > FULL {
            let message = memmem::find(&self.0, b" from registry/src/file-0001.rs in ");
            if message.is_some() && self.0.contains(&b'\n') {
                USED.store(true, Ordering::Relaxed);
            }
            self.0.clear();
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A logger that is set up wrongly is fast, and to be noticed.
pub(super) fn assert_used() {
    assert!(USED.load(Ordering::Relaxed), "no lines came through");
}
