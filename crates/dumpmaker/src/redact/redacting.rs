//! Decides when a redactor forgets the values that it has learned.

use forklock::{ForkMutex, LockError};
use logredact::Redactor;

/// Counts the dumps that are being made with a redactor. When the last one is done, the redactor forgets
/// the secrets that it has learned from them.
#[derive(Debug, Default)]
pub(crate) struct Redacting(ForkMutex<usize>);

/// Marks a dump that is being made, until it is dropped. Returned by [`Redacting::start`].
#[derive(Debug)]
#[must_use = "the redactor may forget learned secrets when this is dropped"]
pub(crate) struct RedactingGuard<'a> {
    redacting: &'a Redacting,
    redactor: &'a Redactor,
    is_counted: bool,
}

impl Redacting {
    /// Begins a dump, which ends when the guard is dropped. All calls must pass the same redactor.
    pub(crate) fn start<'a>(&'a self, redactor: &'a Redactor) -> RedactingGuard<'a> {
        let is_counted = self.with_count(|count| *count += 1).is_some();
        RedactingGuard {
            redacting: self,
            redactor,
            is_counted,
        }
    }

    /// Returns `None` in a signal handler that interrupted this thread while it held the lock.
    fn with_count<R>(&self, change: impl FnOnce(&mut usize) -> R) -> Option<R> {
        match self.0.lock() {
            Ok(mut count) => Some(change(&mut count)),
            Err(LockError::Orphaned(mut count)) => {
                // This is a forked child. The parent's dumps end in the parent.
                *count = 0;
                Some(change(&mut count))
            }
            Err(_) => None,
        }
    }
}

impl Drop for RedactingGuard<'_> {
    fn drop(&mut self) {
        if self.is_counted {
            self.redacting.with_count(|count| {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    // Under the lock, so that no other dump begins before it.
                    self.redactor.forget();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "c4nary-9f27e1b0";

    #[test]
    fn learned_secrets_are_forgotten_when_the_last_dump_is_done() {
        let redactor = Redactor::default();
        let redacting = Redacting::default();
        let is_known = || redactor.text(CANARY) != CANARY;
        let first = redacting.start(&redactor);
        let second = redacting.start(&redactor);
        let _ = redactor.text(&format!("password={CANARY}"));
        drop(first);
        assert!(is_known(), "the second dump is not done");
        drop(second);
        assert!(!is_known());
    }
}
