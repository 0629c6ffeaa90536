//! Runs code of the user's (sinks, filters, `Display`s) so that a panic stays where it happened.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic left behind.
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
        // The payload is the user's as well, and so is its destructor.
        let payload = std::mem::replace(&mut self.0, Box::new(()));
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
    }
}

/// Runs `work`. The panic hook has printed the panic by the time this returns; nobody else does.
#[inline]
pub(crate) fn catch_panic<R>(work: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Panicked)
}
