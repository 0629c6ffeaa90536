//! The handle that sends heartbeats, and the thread that checks them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use super::thread_id::current_id;
use super::watches::{Hang, Watch, Watches};

/// Owns watches and handles hangs.
pub trait Watcher: Send + Sync {
    /// Returns the watches.
    fn watches(&self) -> &Watches;

    /// Called when a heartbeat is late.
    fn on_hang(&self, hang: Hang);

    /// Called if the thread that checks heartbeats cannot be started.
    fn on_start_error(&self, error: io::Error);
}

/// A watch, made by [`FlightRecorder::watch`]. Dropping it ends the watch.
///
/// [`FlightRecorder::watch`]: https://docs.rs/flightrec/latest/flightrec/struct.FlightRecorder.html#method.watch
#[must_use = "the watch ends when this is dropped"]
pub struct Heartbeat {
    watch: Arc<Watch>,
    watcher: Arc<dyn Watcher>,
}

/// Starts a watch: if there is no [`beat`](Heartbeat::beat) within `limit`, [`Watcher::on_hang`] is
/// called.
///
/// The call comes between `limit` and 1¼ times `limit` after the last heartbeat. If heartbeats come again
/// and then stop again, that is a new hang.
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
    /// Sends a heartbeat.
    ///
    /// Takes no lock and makes no system call, except for the first call in a thread or in a forked child.
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
    let for_thread = Arc::clone(watcher);
    let thread = thread::Builder::new().name("flightrec-watch".to_owned());
    match thread.spawn(move || run(&*for_thread)) {
        Ok(thread) => Some(thread.thread().clone()),
        Err(error) => {
            watcher.on_start_error(error);
            None
        }
    }
}

/// Checks heartbeats until no watch is left.
fn run(watcher: &dyn Watcher) {
    while let Some((hangs, pause)) = watcher.watches().check() {
        if hangs.is_empty() {
            thread::park_timeout(pause);
        }
        for hang in hangs {
            watcher.on_hang(hang);
        }
    }
}
