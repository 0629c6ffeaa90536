//! What the watcher knows about the watches of a recorder.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use forklock::ForkMutex;

use crate::failure::Failure;

/// The watcher looks this many times in the duration of a watch …
const LOOKS: u32 = 4;
/// … and at least this often, …
const LONGEST: Duration = Duration::from_secs(1);
/// … and not more often.
const SHORTEST: Duration = Duration::from_millis(1);

/// A heartbeat that must come.
pub(crate) struct Watch {
    pub(crate) name: String,
    pub(crate) limit: Duration,
    pub(crate) beats: AtomicUsize,
    /// The thread of the last heartbeat, or else the one that made the watch.
    pub(crate) thread: AtomicU32,
    /// The process that looks after it; see [`forklock::generation`].
    pub(crate) generation: AtomicUsize,
}

/// The watches of a recorder.
#[derive(Default)]
pub(crate) struct Watches(ForkMutex<State>);

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    /// The thread that looks after them, and its process.
    watcher: Option<(Thread, usize)>,
    incidents: u64,
}

/// What the watcher knows about a watch.
struct Watched {
    watch: Weak<Watch>,
    beats: usize,
    looked: Instant,
    silent: Duration,
    is_reported: bool,
}

impl Watches {
    /// Adds a watch. `start` starts the watcher, if this process has none.
    pub(crate) fn add(&self, watch: &Arc<Watch>, start: impl FnOnce() -> Option<Thread>) {
        self.0.with(|state| {
            let generation = forklock::generation();
            let is_here = |watcher: &(Thread, usize)| watcher.1 == generation;
            if !state.watcher.as_ref().is_some_and(is_here) {
                // The threads that gave the other heartbeats do not exist in a forked child.
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
                looked: Instant::now(),
                silent: Duration::ZERO,
                is_reported: false,
            });
            if let Some((watcher, _)) = &state.watcher {
                watcher.unpark();
            }
        });
    }

    /// Looks at all watches: the hangs, and how long to wait before the next look. `None` if there are
    /// no more watches: the watcher ends.
    pub(crate) fn look(&self) -> Option<(Vec<Failure>, Duration)> {
        self.0.with(|state| {
            let mut hangs = Vec::new();
            let mut pause = LONGEST;
            state.watched.retain_mut(|watched| {
                let Some(watch) = watched.watch.upgrade() else {
                    return false;
                };
                let step = (watch.limit / LOOKS).clamp(SHORTEST, LONGEST);
                pause = pause.min(step);
                if watched.look(&watch, step) {
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
    /// Looks for heartbeats; true if they have just stayed away for too long.
    fn look(&mut self, watch: &Watch, step: Duration) -> bool {
        let now = Instant::now();
        // A longer time means that this thread did not run, so perhaps the others neither.
        let passed = now.duration_since(self.looked).min(2 * step);
        self.looked = now;
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
    fn hang(&self, silent: Duration, incident: u64) -> Failure {
        let name = &self.name;
        let seconds = silent.as_secs_f64();
        let message = format!("no heartbeat of \"{name}\" for {seconds:.1} s");
        Failure::hang(message, incident, self.thread.load(Ordering::Relaxed))
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
            looked: Instant::now().checked_sub(ago).unwrap(),
            silent: Duration::ZERO,
            is_reported: false,
        }
    }

    #[test]
    fn a_silence_is_reported_once_and_again_after_a_heartbeat() {
        let watch = watch(Duration::ZERO);
        let mut watched = watched(Duration::ZERO);
        assert!(watched.look(&watch, LONGEST));
        assert!(!watched.look(&watch, LONGEST));
        watch.beats.fetch_add(1, Ordering::Relaxed);
        assert!(!watched.look(&watch, LONGEST), "it beats");
        assert!(watched.look(&watch, LONGEST));
    }

    #[test]
    fn time_in_which_the_watcher_did_not_run_does_not_count() {
        let watch = watch(Duration::from_secs(5));
        let mut watched = watched(Duration::from_secs(60));
        assert!(!watched.look(&watch, Duration::from_secs(1)));
        assert_eq!(watched.silent, Duration::from_secs(2));
    }
}
