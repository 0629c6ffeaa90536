//! How much may be read for one search.

use std::cell::Cell;

/// A file can refer to one and the same list a million times, and has each read anew; an honest
/// file's tables are read through a few times at most.
pub(super) struct Fuel(Cell<u64>);

/// Steps for a byte of the sections. Of an honest file's debug information a search that walks
/// through all of it takes less than two.
const PER_BYTE: u64 = 16;

/// Small files may be dense.
const SMALL: u64 = 1 << 20;

/// Steps for an address: names and paths are some kilobytes where much is inlined.
const PER_ADDRESS: u64 = 16 << 10;

impl Fuel {
    pub(super) fn of(bytes: usize, addresses: usize) -> Self {
        let steps = (bytes as u64).saturating_mul(PER_BYTE);
        let more = (addresses as u64).saturating_mul(PER_ADDRESS);
        Self(Cell::new(steps.saturating_add(more).saturating_add(SMALL)))
    }

    /// Takes that many steps; none once there are no more.
    #[inline]
    pub(super) fn burn(&self, steps: usize) -> Option<()> {
        let left = self.0.get().checked_sub(steps as u64);
        // Once it is too little it is out for whoever asks for less, too.
        self.0.set(left.unwrap_or(0));
        left.map(drop)
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> u64 {
        self.0.get()
    }
}
