//! Runs the user's code (sinks, filters, `Display`s) and catches its panics.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A caught panic.
pub(crate) struct Panicked(Box<dyn Any + Send>);

impl Panicked {
    /// The panic's message, if it was text.
    pub(crate) fn message(&self) -> &str {
        if let Some(text) = self.0.downcast_ref::<&'static str>() {
            text
        } else if let Some(text) = self.0.downcast_ref::<String>() {
            text
        } else {
            "(no text)"
        }
    }
}

impl Drop for Panicked {
    fn drop(&mut self) {
        // The payload's destructor is the user's code, too, and may panic.
        let payload = std::mem::replace(&mut self.0, Box::new(()));
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
    }
}

/// Runs `work` and catches a panic. Only the panic hook prints it.
#[inline]
pub(crate) fn catch_panic<R>(work: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Panicked)
}
