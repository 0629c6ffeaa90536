//! A filter that can be changed while the program runs.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use log::{LevelFilter, Metadata, Record};

use super::Filter;
use crate::gate;

/// Makes a filter that can be changed later, and the handle that changes it.
///
/// Asking it costs one atomic load while it is a plain [`LevelFilter`], and a look into a
/// thread's own cache otherwise; threads share no lock.
///
/// # Examples
///
/// ```
/// use log::LevelFilter;
///
/// let (filter, handle) = logtee::adjustable(LevelFilter::Off);
/// let tee = logtee::Tee::builder()
///     .sink(filter, logtee::from_fn(|_| Ok(())))
///     .build();
/// assert_eq!(tee.max_level(), LevelFilter::Off);
///
/// handle.set(LevelFilter::Debug);
/// assert_eq!(tee.max_level(), LevelFilter::Debug);
/// ```
pub fn adjustable(initial: impl Filter + 'static) -> (Adjustable, Handle) {
    static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
    let level = plain(&initial);
    let shared = Arc::new(Current {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        state: AtomicUsize::new(level),
        filter: Mutex::new(Arc::new(initial)),
    });
    (Adjustable(Arc::clone(&shared)), Handle(shared))
}

/// The low bits of the state: a level, or this when the filter is more than a level.
const NOT_PLAIN: usize = 7;
const STEP: usize = 8;

fn plain<F: Filter + 'static>(filter: &F) -> usize {
    match (filter as &dyn Any).downcast_ref::<LevelFilter>() {
        Some(level) => *level as usize,
        None => NOT_PLAIN,
    }
}

struct Current {
    id: usize,
    /// A version in the high bits; see [`NOT_PLAIN`] for the low ones.
    ///
    /// It changes while `filter` is locked, and before that does: whoever has read the new one and
    /// then locks finds the new filter or a newer one. A newer one that is remembered under an older
    /// state is asked only as long as that is what is read.
    state: AtomicUsize,
    filter: Mutex<Arc<dyn Filter>>,
}

/// A filter as one thread has seen it last.
struct Seen {
    id: usize,
    state: usize,
    filter: Arc<dyn Filter>,
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

impl Current {
    fn filter(&self) -> Arc<dyn Filter> {
        Arc::clone(&self.filter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the current filter, without touching a word that other threads write to.
    fn ask(&self, state: usize, question: impl FnOnce(&dyn Filter) -> bool) -> bool {
        let mut question = Some(question);
        let answered = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let mut current = seen.iter();
            let entry = current.find(|entry| entry.id == self.id && entry.state == state)?;
            question.take().map(|question| question(&*entry.filter))
        });
        match (answered, question) {
            (Ok(Some(answer)), _) => answer,
            (_, Some(question)) => question(&*self.look_again(state)),
            // The question is gone only where it was answered.
            (_, None) => false,
        }
    }

    #[cold]
    fn look_again(&self, state: usize) -> Arc<dyn Filter> {
        let filter = self.filter();
        let entry = Seen {
            id: self.id,
            state,
            filter: Arc::clone(&filter),
        };
        // Not remembered while the thread is ending, or while a filter that is being asked logs.
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                // Entries that nobody else holds belong to filters changed or gone since.
                seen.retain(|old| old.id != self.id && Arc::strong_count(&old.filter) > 1);
                seen.push(entry);
            }
        });
        filter
    }
}

/// A filter whose [`Handle`] can change it; made by [`adjustable`].
///
/// Clones are the same filter: one handle may govern several sinks.
#[derive(Clone)]
pub struct Adjustable(Arc<Current>);

impl Adjustable {
    #[inline]
    fn answer(&self, level: log::Level, question: impl FnOnce(&dyn Filter) -> bool) -> bool {
        let state = self.0.state.load(Ordering::Acquire);
        match state % STEP {
            NOT_PLAIN => self.0.ask(state, question),
            max => level as usize <= max,
        }
    }
}

impl Filter for Adjustable {
    fn max_level(&self) -> LevelFilter {
        self.0.filter().max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.answer(metadata.level(), |filter| filter.enabled(metadata))
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        self.answer(record.level(), |filter| filter.matches(record))
    }
}

impl fmt::Debug for Adjustable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adjustable")
            .field("max_level", &self.max_level())
            .finish_non_exhaustive()
    }
}

/// Changes an [`Adjustable`] filter; made by [`adjustable`].
#[derive(Clone)]
pub struct Handle(Arc<Current>);

impl Handle {
    /// Puts `filter` in the place of the one before.
    ///
    /// When this returns, every composition that depends on the filter asks the new one, and
    /// `log::max_level` has been recomputed if a [`Tee`](crate::Tee) is installed. Threads keep
    /// the old filter in memory until they next log through it.
    pub fn set(&self, filter: impl Filter + 'static) {
        let level = plain(&filter);
        let filter: Arc<dyn Filter> = Arc::new(filter);
        let replaced = {
            let mut current = self.0.filter.lock().unwrap_or_else(PoisonError::into_inner);
            let version = self.0.state.load(Ordering::Relaxed) / STEP;
            let state = version.wrapping_add(1).wrapping_mul(STEP) | level;
            self.0.state.store(state, Ordering::Release);
            std::mem::replace(&mut *current, filter)
        };
        // A destructor of the user's: not under the lock.
        drop(replaced);
        gate::reconfigured();
    }

    /// The most verbose level that the current filter could let pass.
    pub fn max_level(&self) -> LevelFilter {
        self.0.filter().max_level()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("max_level", &self.max_level())
            .finish_non_exhaustive()
    }
}
