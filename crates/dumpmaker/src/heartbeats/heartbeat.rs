//! The handle that gives heartbeats, and the thread that looks for them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use super::thread_id::current_id;
use super::watches::{Hang, Watch, Watches};

/// What has watches, and is told of hangs.
pub trait Watcher: Send + Sync {
    /// Its watches.
    fn watches(&self) -> &Watches;

    /// A heartbeat has not come.
    fn on_hang(&self, hang: Hang);

    /// No thread could be started that looks for heartbeats.
    fn on_unwatched(&self, error: io::Error);
}

/// A watch, made by [`FlightRecorder::watch`]. Dropping it ends the watch.
///
/// [`FlightRecorder::watch`]: https://docs.rs/flightrec/latest/flightrec/struct.FlightRecorder.html#method.watch
#[must_use = "the watch ends when this is dropped"]
pub struct Heartbeat {
    watch: Arc<Watch>,
    watcher: Arc<dyn Watcher>,
}

/// Watches something that must happen again and again: if the heartbeat does not
/// [`beat`](Heartbeat::beat) within `limit`, the watcher is told, after `limit` to 1¼ of it. It is told again
/// if the heartbeat came back and stayed away again.
pub fn watch(watcher: Arc<dyn Watcher>, name: String, limit: Duration) -> Heartbeat {
    let watch = Arc::new(Watch {
        name,
        limit,
        beats: AtomicUsize::new(0),
        thread: AtomicU32::new(current_id()),
        generation: AtomicUsize::new(forklock::generation()),
    });
    register(&watcher, &watch);
    Heartbeat { watch, watcher }
}

impl Heartbeat {
    /// Tells that what is watched goes on.
    ///
    /// It neither locks nor makes a system call, except for the first call in a thread and in a
    /// forked child.
    #[inline]
    pub fn beat(&self) {
        let watch = &*self.watch;
        watch.thread.store(current_id(), Ordering::Relaxed);
        watch.beats.fetch_add(1, Ordering::Relaxed);
        if watch.generation.load(Ordering::Relaxed) != forklock::generation() {
            self.start_in_child();
        }
    }

    #[cold]
    fn start_in_child(&self) {
        let generation = forklock::generation();
        if self.watch.generation.swap(generation, Ordering::Relaxed) != generation {
            register(&self.watcher, &self.watch);
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("name", &self.watch.name)
            .field("limit", &self.watch.limit)
            .finish_non_exhaustive()
    }
}

fn register(watcher: &Arc<dyn Watcher>, watch: &Arc<Watch>) {
    watcher.watches().add(watch, || start(watcher));
}

fn start(watcher: &Arc<dyn Watcher>) -> Option<Thread> {
    let its_watcher = Arc::clone(watcher);
    let thread = thread::Builder::new().name("flightrec-watch".to_owned());
    match thread.spawn(move || look_after(&*its_watcher)) {
        Ok(thread) => Some(thread.thread().clone()),
        Err(error) => {
            watcher.on_unwatched(error);
            None
        }
    }
}

/// Looks for heartbeats until there are no more watches.
fn look_after(watcher: &dyn Watcher) {
    while let Some((hangs, pause)) = watcher.watches().look() {
        let were_none = hangs.is_empty();
        for hang in hangs {
            watcher.on_hang(hang);
        }
        if were_none {
            thread::park_timeout(pause);
        }
    }
}
