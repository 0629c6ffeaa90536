//! How much memory a file's tables may take once they are read.

use super::SymbolError;

/// A file can refer to one and the same list a million times, and each reference is read into
/// memory of its own; an honest file's tables grow with its size.
pub(super) struct Budget(u64);

/// Bytes of memory for a byte of the file; honest files need a tenth of it.
const FACTOR: u64 = 64;

/// Small files may be dense.
const SMALL: u64 = 16 << 20;

impl Budget {
    pub(super) fn of(file: u64) -> Self {
        Self(file.saturating_mul(FACTOR).saturating_add(SMALL))
    }

    /// Takes `count` things of `size` bytes each off what is left.
    pub(super) fn take(&mut self, count: u64, size: u64) -> Result<(), SymbolError> {
        let bytes = count.saturating_mul(size);
        self.0 = self.0.checked_sub(bytes).ok_or(SymbolError::new(
            "its debug information repeats itself without end",
        ))?;
        Ok(())
    }
}
