//! The watches of a recorder, and how they are checked.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use forklock::ForkMutex;

/// How many times a watch is checked within its limit.
const CHECKS_PER_LIMIT: u32 = 4;
/// The longest pause between two checks.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// The shortest pause between two checks.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// A watch, shared by the thread that sends heartbeats and the one that checks them.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) name: String,
    pub(crate) limit: Duration,
    pub(crate) beats: AtomicUsize,
    /// The thread that sent the last heartbeat. Before the first one: the thread that created the watch.
    pub(crate) thread: AtomicU32,
    /// The process whose watcher thread checks it; see [`forklock::generation`].
    pub(crate) generation: AtomicUsize,
}

/// A heartbeat that is late.
#[derive(Debug)]
#[non_exhaustive]
pub struct Hang {
    /// A description for people, in one sentence.
    pub message: String,
    /// The number of the hang.
    pub incident: u64,
    /// The system's id of the thread that sent the last heartbeat.
    pub thread: u32,
}

/// The watches of a recorder.
#[derive(Debug, Default)]
pub struct Watches(ForkMutex<State>);

#[derive(Debug, Default)]
struct State {
    watched: Vec<Watched>,
    /// The watcher thread, and its process.
    watcher: Option<(Thread, usize)>,
    /// The number of hangs so far.
    incidents: u64,
}

/// A watch and the result of its last check.
#[derive(Debug)]
struct Watched {
    watch: Weak<Watch>,
    beats: usize,
    checked_at: Instant,
    /// How long there has been no heartbeat. Counts only time in which the watcher thread ran.
    silent: Duration,
    /// Whether this silence has been reported.
    is_reported: bool,
}

impl Watches {
    /// Adds a watch. Calls `start` to start the watcher thread if this process has none.
    pub(crate) fn add(&self, watch: &Arc<Watch>, start: impl FnOnce() -> Option<Thread>) {
        self.0.with(|state| {
            let generation = forklock::generation();
            let is_here = |watcher: &(Thread, usize)| watcher.1 == generation;
            if !state.watcher.as_ref().is_some_and(is_here) {
                // A forked child does not have its parent's threads, so it drops their watches.
                state.watched.retain(|watched| {
                    let watch = watched.watch.upgrade();
                    watch
                        .is_some_and(|watch| watch.generation.load(Ordering::Relaxed) == generation)
                });
                state.watcher = start().map(|thread| (thread, generation));
            }
            state.watched.push(Watched {
                watch: Arc::downgrade(watch),
                beats: watch.beats.load(Ordering::Relaxed),
                checked_at: Instant::now(),
                silent: Duration::ZERO,
                is_reported: false,
            });
            if let Some((watcher, _)) = &state.watcher {
                watcher.unpark();
            }
        });
    }

    /// Checks all watches. Returns the new hangs and how long to wait before the next check. Returns
    /// `None` if no watch is left and the watcher thread should end.
    pub(crate) fn check(&self) -> Option<(Vec<Hang>, Duration)> {
        self.0.with(|state| {
            let mut hangs = Vec::new();
            let mut pause = MAX_PAUSE;
            state.watched.retain_mut(|watched| {
                let Some(watch) = watched.watch.upgrade() else {
                    return false;
                };
                let step = (watch.limit / CHECKS_PER_LIMIT).clamp(MIN_PAUSE, MAX_PAUSE);
                pause = pause.min(step);
                if watched.check(&watch, step) {
                    state.incidents += 1;
                    hangs.push(watch.hang(watched.silent, state.incidents));
                }
                true
            });
            if state.watched.is_empty() {
                state.watcher = None;
                return None;
            }
            Some((hangs, pause))
        })?
    }
}

impl Watched {
    /// Checks for heartbeats. Returns true once for each silence, when it reaches the limit.
    fn check(&mut self, watch: &Watch, step: Duration) -> bool {
        let now = Instant::now();
        // If more time has passed, this thread did not run, and the others perhaps did not run either.
        let passed = now.duration_since(self.checked_at).min(2 * step);
        self.checked_at = now;
        let beats = watch.beats.load(Ordering::Relaxed);
        if beats != self.beats {
            self.beats = beats;
            self.silent = Duration::ZERO;
            self.is_reported = false;
            return false;
        }
        self.silent = self.silent.saturating_add(passed);
        let is_new = self.silent >= watch.limit && !self.is_reported;
        self.is_reported |= is_new;
        is_new
    }
}

impl Watch {
    fn hang(&self, silent: Duration, incident: u64) -> Hang {
        let name = &self.name;
        let seconds = silent.as_secs_f64();
        let message = format!("no heartbeat of \"{name}\" for {seconds:.1} s");
        Hang {
            message,
            incident,
            thread: self.thread.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(limit: Duration) -> Watch {
        Watch {
            name: "test".to_owned(),
            limit,
            beats: AtomicUsize::new(0),
            thread: AtomicU32::new(1),
            generation: AtomicUsize::new(0),
        }
    }

    fn watched(ago: Duration) -> Watched {
        Watched {
            watch: Weak::new(),
            beats: 0,
            checked_at: Instant::now().checked_sub(ago).unwrap(),
            silent: Duration::ZERO,
            is_reported: false,
        }
    }

    #[test]
    fn a_silence_is_reported_once_and_again_after_a_heartbeat() {
        let watch = watch(Duration::ZERO);
        let mut watched = watched(Duration::ZERO);
        assert!(watched.check(&watch, MAX_PAUSE));
        assert!(!watched.check(&watch, MAX_PAUSE));
        watch.beats.fetch_add(1, Ordering::Relaxed);
        assert!(!watched.check(&watch, MAX_PAUSE), "it beats");
        assert!(watched.check(&watch, MAX_PAUSE));
    }

    #[test]
    fn time_in_which_the_watcher_thread_did_not_run_does_not_count() {
        let watch = watch(Duration::from_secs(5));
        let mut watched = watched(Duration::from_secs(60));
        assert!(!watched.check(&watch, Duration::from_secs(1)));
        assert_eq!(watched.silent, Duration::from_secs(2));
    }
}
