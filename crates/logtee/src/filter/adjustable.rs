//! A filter that can be changed while the program runs.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use forklock::{ForkMutex, LockError};
use log::{LevelFilter, Metadata, Record};

use super::Filter;
use crate::max_level;

/// Makes a filter that can be changed later, and the handle that changes it.
///
/// A check costs one atomic load if the current filter is a plain [`LevelFilter`], and a search of a
/// thread-local cache otherwise. Threads share no lock.
///
/// Use this to change levels at run time. `log::set_max_level` would limit all sinks instead of one.
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
        filter: ForkMutex::new(Arc::new(initial)),
    });
    (Adjustable(Arc::clone(&shared)), Handle(shared))
}

/// The low bits of the state are a level, or this value if the filter is not a plain level.
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
    /// It changes while `filter` is locked, before `filter` changes. So a thread that has read the new
    /// state and then locks finds the new filter or a newer one. If a newer filter is cached under an
    /// older state, it is used only as long as the thread still reads that state.
    state: AtomicUsize,
    filter: ForkMutex<Arc<dyn Filter>>,
}

/// A filter as a thread has cached it.
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
        match self.filter.lock() {
            Ok(filter) | Err(LockError::Orphaned(filter)) => Arc::clone(&filter),
            // A signal handler logs while the interrupted thread replaces the filter.
            Err(_) => Arc::new(LevelFilter::Off),
        }
    }

    /// Asks the current filter without writing to shared memory.
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
            (_, Some(question)) => question(&*self.cache_current(state)),
            // Unreachable: if `question` was taken, there is an answer.
            (_, None) => false,
        }
    }

    #[cold]
    fn cache_current(&self, state: usize) -> Arc<dyn Filter> {
        let filter = self.filter();
        let entry = Seen {
            id: self.id,
            state,
            filter: Arc::clone(&filter),
        };
        // The filter is not cached if the thread is ending, or if a filter logs while it is asked.
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                // If an entry has the only reference, its filter was replaced or dropped.
                seen.retain(|old| old.id != self.id && Arc::strong_count(&old.filter) > 1);
                seen.push(entry);
            }
        });
        filter
    }
}

/// A filter whose [`Handle`] can change it; made by [`adjustable`].
///
/// Clones are the same filter, so one handle can control several sinks.
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
    /// Replaces the filter.
    ///
    /// When this returns, every composition that depends on the filter uses the new one, and
    /// `log::max_level` is updated if a [`Tee`](crate::Tee) is installed. A thread keeps the old
    /// filter in memory until it next logs through this one.
    pub fn set(&self, filter: impl Filter + 'static) {
        let level = plain(&filter);
        let filter: Arc<dyn Filter> = Arc::new(filter);
        let replaced = {
            // This thread holds the lock already only if a signal handler has interrupted it here. Then
            // the handler can't replace the filter.
            let (Ok(mut current) | Err(LockError::Orphaned(mut current))) = self.0.filter.lock()
            else {
                return;
            };
            let version = self.0.state.load(Ordering::Relaxed) / STEP;
            let state = version.wrapping_add(1).wrapping_mul(STEP) | level;
            self.0.state.store(state, Ordering::Release);
            std::mem::replace(&mut *current, filter)
        };
        // The user's destructor must not run under the lock.
        drop(replaced);
        max_level::reconfigured();
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
