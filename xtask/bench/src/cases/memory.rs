//! The destination of the lines: a reused buffer.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

const FULL: usize = 64 << 10;

/// Whether lines were written.
static USED: AtomicBool = AtomicBool::new(false);

/// Collects what is written. Clears itself when it is full.
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

/// A logger that is set up wrongly would look fast.
pub(super) fn assert_used() {
    assert!(USED.load(Ordering::Relaxed), "no lines were written");
}
