//! Types without values that replace mapped memory on systems where it is not supported.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU8;

use crate::sync::AtomicU64;

fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a mapped tail needs Linux, macOS or Windows; `build_shared` builds one in memory",
    )
}

pub(crate) struct Map(Infallible);

impl Map {
    pub(crate) fn new(_: &File, _: usize) -> io::Result<Map> {
        Err(unsupported())
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        match self.0 {}
    }

    pub(crate) fn bytes(&self, _: usize, _: usize) -> &[AtomicU8] {
        match self.0 {}
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        match self.0 {}
    }
}

pub(crate) struct ForkGuard(Infallible);

impl ForkGuard {
    /// Called before everything else, so that nothing is created.
    pub(crate) fn new() -> io::Result<ForkGuard> {
        Err(unsupported())
    }

    pub(crate) fn is_ours(&self) -> bool {
        match self.0 {}
    }
}
