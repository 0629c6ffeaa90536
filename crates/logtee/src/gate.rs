//! The cheap question asked first: could this level be wanted at all?
//!
//! What a filter and a sink could ever want is cached beside the branch, in one word together
//! with the generation of the configuration that it was computed in. Changing a filter at run
//! time moves the generation on, and so every cached answer in every composition, however
//! deeply nested, is recomputed when it is next asked. Nobody registers anywhere, and a stale
//! answer that a slow thread stores late carries its old generation and is not believed.

use std::sync::Mutex;
#[cfg(not(all(test, loom)))]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use log::{Level, LevelFilter};

#[cfg(all(test, loom))]
use loom::sync::atomic::AtomicUsize;

use crate::install;

/// The low bits hold a level (0 to 5), the others the generation.
const STEP: usize = 8;

#[cfg(not(all(test, loom)))]
static GENERATION: Generation = Generation(AtomicUsize::new(0));
#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref GENERATION: Generation = Generation(AtomicUsize::new(0));
}

/// Which configuration an answer is of.
struct Generation(AtomicUsize);

impl Generation {
    /// Acquire: pairs with `advance`. Whoever computes an answer for a generation sees what was
    /// changed before it began; an older answer would be believed for good.
    #[inline]
    fn now(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn advance(&self) {
        self.0.fetch_add(STEP, Ordering::AcqRel);
    }
}

/// Held while `log::max_level` is recomputed, so that the last change decides it.
static RECOMPUTING: Mutex<()> = Mutex::new(());

/// The current generation of the configuration.
#[inline]
pub(crate) fn generation() -> usize {
    GENERATION.now()
}

/// Tells every composition that what some sink or filter wants has changed, and recomputes
/// `log::max_level` if a [`Tee`](crate::Tee) is [installed](crate::Tee::install).
///
/// [`Handle::set`](crate::Handle::set) does so by itself. A sink or filter of your own whose
/// `max_level` changes while the program runs calls this after the change.
pub fn reconfigured() {
    GENERATION.advance();
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

#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// A filter that changes while another thread asks: once it has changed, nobody is answered
    /// what was true before. loom goes through every order of that.
    ///
    /// ```text
    /// RUSTFLAGS="--cfg loom" cargo test -p logtee --no-default-features --lib models::
    /// ```
    #[test]
    fn no_answer_outlives_what_it_was_computed_of() {
        struct Setting {
            generation: Generation,
            gate: Gate,
            level: AtomicUsize,
        }

        impl Setting {
            fn asks(&self) -> bool {
                let compute = || match self.level.load(Ordering::Relaxed) {
                    0 => LevelFilter::Off,
                    _ => LevelFilter::Debug,
                };
                self.gate
                    .admits(self.generation.now(), Level::Debug, compute)
            }

            fn sets(&self, level: usize) {
                self.level.store(level, Ordering::Relaxed);
                self.generation.advance();
            }
        }

        loom::model(|| {
            let setting = Arc::new(Setting {
                generation: Generation(AtomicUsize::new(0)),
                gate: Gate::new(),
                level: AtomicUsize::new(0),
            });
            let asking = Arc::clone(&setting);
            let other = thread::spawn(move || {
                asking.asks();
                asking.asks();
            });
            setting.sets(1);
            assert!(setting.asks(), "what was asked before it was set");
            setting.sets(0);
            other.join().unwrap();
            assert!(!setting.asks(), "what was stored late");
        });
    }
}

#[cfg(all(test, not(loom)))]
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
