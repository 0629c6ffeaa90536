//! The cheap question asked first: could this level be wanted at all?
//!
//! What a filter and a sink could ever want is cached beside the branch, in one word together
//! with the generation of the configuration that it was computed in. Changing a filter at run
//! time moves the generation on, and so every cached answer in every composition, however
//! deeply nested, is recomputed when it is next asked. Nobody registers anywhere, and a stale
//! answer that a slow thread stores late carries its old generation and is not believed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, LevelFilter};

use crate::install;

/// The low bits hold a level (0 to 5), the others the generation.
const STEP: usize = 8;

static GENERATION: AtomicUsize = AtomicUsize::new(0);

/// Held while `log::max_level` is recomputed, so that the last change decides it.
static RECOMPUTING: Mutex<()> = Mutex::new(());

/// The current generation of the configuration.
#[inline]
pub(crate) fn generation() -> usize {
    GENERATION.load(Ordering::Acquire)
}

/// Tells every composition that what some sink or filter wants has changed, and recomputes
/// `log::max_level` if a [`Tee`](crate::Tee) is [installed](crate::Tee::install).
///
/// [`Handle::set`](crate::Handle::set) does so by itself. A sink or filter of your own whose
/// `max_level` changes while the program runs calls this after the change.
pub fn reconfigured() {
    GENERATION.fetch_add(STEP, Ordering::AcqRel);
    let _guard = RECOMPUTING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(tee) = install::installed() {
        log::set_max_level(tee.max_level());
    }
}

/// The most verbose level a branch could want, remembered for one generation.
pub(crate) struct Gate(AtomicUsize);

impl Gate {
    pub(crate) fn new() -> Gate {
        // No generation has all bits set: stale from the start.
        Gate(AtomicUsize::new(usize::MAX))
    }

    /// Whether `level` passes; `compute` answers when the remembered answer is too old.
    #[inline]
    pub(crate) fn admits(
        &self,
        generation: usize,
        level: Level,
        compute: impl FnOnce() -> LevelFilter,
    ) -> bool {
        // Differs in the generation bits: too large to be a level.
        let mut max = self.0.load(Ordering::Relaxed) ^ generation;
        if max >= STEP {
            max = compute() as usize;
            self.0.store(generation | max, Ordering::Relaxed);
        }
        level as usize <= max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_an_older_generation_is_asked_again() {
        let gate = Gate::new();
        assert!(gate.admits(0, Level::Info, || LevelFilter::Info));
        assert!(gate.admits(0, Level::Info, || unreachable!("remembered")));
        assert!(!gate.admits(0, Level::Debug, || unreachable!("remembered")));
        assert!(!gate.admits(STEP, Level::Info, || LevelFilter::Off));
        assert!(gate.admits(2 * STEP, Level::Trace, || LevelFilter::Trace));
        // A store that comes late from generation 1 must not be believed in generation 2.
        assert!(!gate.admits(STEP, Level::Error, || LevelFilter::Off));
        assert!(gate.admits(2 * STEP, Level::Error, || LevelFilter::Warn));
    }
}
