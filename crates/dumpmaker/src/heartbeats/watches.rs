//! The heartbeats that are watched, as the thread sees them that looks for them.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use forklock::ForkMutex;

/// How often the watcher checks within the limit of a watch.
const LOOKS: u32 = 4;
/// The longest pause between two checks.
const LONGEST: Duration = Duration::from_secs(1);
/// The shortest pause between two checks.
const SHORTEST: Duration = Duration::from_millis(1);

/// A heartbeat that must come within `limit`.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) name: String,
    pub(crate) limit: Duration,
    pub(crate) beats: AtomicUsize,
    /// The thread that gave the last heartbeat. Before the first one: the thread that made the watch.
    pub(crate) thread: AtomicU32,
    /// The process whose watcher checks it; see [`forklock::generation`].
    pub(crate) generation: AtomicUsize,
}

/// A heartbeat that has not come.
#[derive(Debug)]
#[non_exhaustive]
pub struct Hang {
    /// One sentence for people.
    pub message: String,
    /// Tells one hang from another.
    pub incident: u64,
    /// The thread that gave the last heartbeat, by its id in the system.
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
    /// How many hangs there were. The number tells one from another.
    incidents: u64,
}

/// A watch, and what the last check found.
#[derive(Debug)]
struct Watched {
    watch: Weak<Watch>,
    beats: usize,
    looked: Instant,
    /// How long there has been no heartbeat, as far as the watcher ran.
    silent: Duration,
    /// Whether this silence has been reported.
    is_reported: bool,
}

impl Watches {
    /// Adds a watch. `start` starts the watcher, if this process has none.
    pub(crate) fn add(&self, watch: &Arc<Watch>, start: impl FnOnce() -> Option<Thread>) {
        self.0.with(|state| {
            let generation = forklock::generation();
            let is_here = |watcher: &(Thread, usize)| watcher.1 == generation;
            if !state.watcher.as_ref().is_some_and(is_here) {
                // A forked child forgets the watches of its parent, whose threads it does not have.
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

    /// Checks all watches. Returns the new hangs and how long to wait before the next check, or `None`
    /// if no watch is left and the watcher should end.
    pub(crate) fn look(&self) -> Option<(Vec<Hang>, Duration)> {
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
    /// Checks for heartbeats. True once for each silence, when it reaches the limit.
    fn look(&mut self, watch: &Watch, step: Duration) -> bool {
        let now = Instant::now();
        // If more time has passed, this thread did not run, and perhaps the others did not, either.
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
