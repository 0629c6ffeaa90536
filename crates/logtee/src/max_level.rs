//! The cached maximum level, which answers whether any sink could want a record of a level.
//!
//! Each branch caches the most verbose level that it could want, in one word together with the
//! generation of the configuration. A change of a filter at run time advances the generation, so every
//! cached answer in every composition, however deeply nested, is computed again when it is next needed.
//! Nothing must be registered. An answer that a slow thread stores late has an old generation and is
//! ignored.

#[cfg(not(all(test, loom)))]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use forklock::{ForkMutex, TryLockError};
use log::{Level, LevelFilter};

#[cfg(all(test, loom))]
use loom::sync::atomic::AtomicUsize;

/// The low bits hold a level (0 to 5), the others the generation.
const STEP: usize = 8;

#[cfg(not(all(test, loom)))]
static GENERATION: Generation = Generation(AtomicUsize::new(0));
#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref GENERATION: Generation = Generation(AtomicUsize::new(0));
}

/// The number of the current configuration.
struct Generation(AtomicUsize);

impl Generation {
    /// Acquire pairs with `advance`: a thread that reads a generation sees all changes made before that
    /// generation began. Otherwise it could cache an outdated answer for good.
    #[inline]
    fn now(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn advance(&self) {
        self.0.fetch_add(STEP, Ordering::AcqRel);
    }
}

/// The current generation of the configuration.
#[inline]
pub(crate) fn generation() -> usize {
    GENERATION.now()
}

/// How `log::max_level` is computed, and what it was last set to. `None` until a tee is installed.
///
/// Locked while `log::max_level` is set, so that the last of two concurrent changes wins.
static GLOBAL: ForkMutex<Option<Global>> = ForkMutex::new(None);

struct Global {
    compute: fn() -> LevelFilter,
    max_level: LevelFilter,
}

/// Sets `log::max_level` to the result of `compute`, now and after every change.
pub(crate) fn set_max_level_by(compute: fn() -> LevelFilter) {
    let global = Global {
        compute,
        max_level: LevelFilter::Off,
    };
    GLOBAL.with(|current| *current = Some(global));
    reconfigured();
}

/// Tells every composition that the `max_level` or `enabled` of a sink or filter has changed, and
/// updates `log::max_level` if a [`Tee`](crate::Tee) is installed.
///
/// [`Handle::set`](crate::Handle::set) calls this. Call it after the `max_level` of your own [`Sink`]
/// or [`Filter`] has changed.
///
/// [`Sink`]: crate::Sink
/// [`Filter`]: crate::Filter
pub fn reconfigured() {
    GENERATION.advance();
    // This thread holds the lock already if a sink or filter calls this in its `max_level`. The caller
    // up the stack then sets the level.
    GLOBAL.with(|global| {
        if let Some(global) = global {
            global.max_level = (global.compute)();
            log::set_max_level(global.max_level);
        }
    });
}

/// Makes every composition compute its cached answers again.
pub(crate) fn forget() {
    GENERATION.advance();
}

/// The current `log::max_level`, if the program has set it to another value than the installed tee;
/// `None` if it has not, or if no tee is installed.
///
/// If it is lower, sinks do not get all records that they want. If it is higher, `log`'s macros pass on
/// records that no sink wants. A program that sets levels itself should use an
/// [`adjustable`](crate::adjustable) filter for the sink instead.
pub fn max_level_override() -> Option<LevelFilter> {
    // If it is locked, the level is being set right now.
    let (Ok(global) | Err(TryLockError::Orphaned(global))) = GLOBAL.try_lock() else {
        return None;
    };
    let current = log::max_level();
    (global.as_ref()?.max_level != current).then_some(current)
}

/// The most verbose level a branch could want, cached for one generation.
pub(crate) struct CachedMaxLevel(AtomicUsize);

impl CachedMaxLevel {
    pub(crate) fn new() -> CachedMaxLevel {
        // Stale from the start, because no generation has all bits set.
        CachedMaxLevel(AtomicUsize::new(usize::MAX))
    }

    /// Whether `level` passes; `compute` is called if the cached answer is stale.
    #[inline]
    pub(crate) fn admits(
        &self,
        generation: usize,
        level: Level,
        compute: impl FnOnce() -> LevelFilter,
    ) -> bool {
        // A difference in the generation bits makes this too large to be a level.
        let mut max = self.0.load(Ordering::Relaxed) ^ generation;
        if max >= STEP {
            max = compute() as usize;
            self.0.store(generation | max, Ordering::Relaxed);
        }
        level as usize <= max
    }
}

/// For each level, the position of the only branch that could want records of that level, among up to
/// [`MAX`](CachedOnly::MAX) branches. Cached for one generation.
pub(crate) struct CachedOnly([AtomicUsize; Level::Trace as usize + 1]);

impl CachedOnly {
    /// The maximum number of branches. As a position, it means that there is no such branch or more than
    /// one.
    pub(crate) const MAX: usize = STEP - 1;

    pub(crate) fn new() -> CachedOnly {
        // Stale from the start, like `CachedMaxLevel`.
        CachedOnly(std::array::from_fn(|_| AtomicUsize::new(usize::MAX)))
    }

    /// The position of the only branch; `MAX` or more if there is none, or if the cached answer is stale.
    #[inline]
    pub(crate) fn known(&self, generation: usize, level: Level) -> usize {
        // A difference in the generation bits makes this too large to be a position.
        self.0[level as usize].load(Ordering::Relaxed) ^ generation
    }

    /// The position of the only branch, or `MAX`; `compute` is called if the cached answer is stale.
    pub(crate) fn get(
        &self,
        generation: usize,
        level: Level,
        compute: impl FnOnce() -> usize,
    ) -> usize {
        let cached = &self.0[level as usize];
        let mut only = cached.load(Ordering::Relaxed) ^ generation;
        if only >= STEP {
            only = compute().min(Self::MAX);
            cached.store(generation | only, Ordering::Relaxed);
        }
        only
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// One thread changes a filter while another asks. loom checks every interleaving.
    ///
    /// ```text
    /// RUSTFLAGS="--cfg loom" cargo test -p logtee --no-default-features --lib models::
    /// ```
    #[test]
    fn no_cached_answer_outlives_the_setting_it_was_computed_from() {
        struct Setting {
            generation: Generation,
            max_level: CachedMaxLevel,
            level: AtomicUsize,
        }

        impl Setting {
            fn asks(&self) -> bool {
                let compute = || match self.level.load(Ordering::Relaxed) {
                    0 => LevelFilter::Off,
                    _ => LevelFilter::Debug,
                };
                self.max_level
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
                max_level: CachedMaxLevel::new(),
                level: AtomicUsize::new(0),
            });
            let asking = Arc::clone(&setting);
            let other = thread::spawn(move || {
                asking.asks();
                asking.asks();
            });
            setting.sets(1);
            assert!(
                setting.asks(),
                "an answer cached before the change was used"
            );
            setting.sets(0);
            other.join().unwrap();
            assert!(!setting.asks(), "an answer stored late was used");
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_an_older_generation_is_computed_again() {
        let max_level = CachedMaxLevel::new();
        assert!(max_level.admits(0, Level::Info, || LevelFilter::Info));
        assert!(max_level.admits(0, Level::Info, || unreachable!("cached")));
        assert!(!max_level.admits(0, Level::Debug, || unreachable!("cached")));
        assert!(!max_level.admits(STEP, Level::Info, || LevelFilter::Off));
        assert!(max_level.admits(2 * STEP, Level::Trace, || LevelFilter::Trace));
        // A late store from generation 1 is not used in generation 2.
        assert!(!max_level.admits(STEP, Level::Error, || LevelFilter::Off));
        assert!(max_level.admits(2 * STEP, Level::Error, || LevelFilter::Warn));
    }

    #[test]
    fn the_only_branch_is_found_again_in_each_generation() {
        let only = CachedOnly::new();
        assert_eq!(only.get(0, Level::Info, || 2), 2);
        assert_eq!(only.get(0, Level::Info, || unreachable!("cached")), 2);
        assert_eq!(only.get(0, Level::Debug, || CachedOnly::MAX), 7);
        assert_eq!(only.get(0, Level::Debug, || unreachable!("cached")), 7);
        assert_eq!(only.get(STEP, Level::Info, || 0), 0);
        // A greater position must not look like another generation.
        assert_eq!(only.get(2 * STEP, Level::Warn, || 8), CachedOnly::MAX);
        assert_eq!(
            only.get(2 * STEP, Level::Warn, || unreachable!("cached")),
            7
        );
    }
}
