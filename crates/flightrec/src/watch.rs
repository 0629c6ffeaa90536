//! Watches: a heartbeat that does not come makes a dump.
//!
//! One thread looks after all watches of a recorder. It counts heartbeats at intervals rather than
//! taking the time of each, so that a heartbeat costs a few nanoseconds. It counts only time in which
//! it ran itself: a process that was stopped, or whose machine was suspended, does not hang.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use forklock::{ForkMutex, ForkMutexGuard, LockError};

use crate::FlightRecorder;
use crate::failure::Failure;
use crate::recorder::Recorder;

/// The watcher looks this many times in the duration of a watch …
const LOOKS: u32 = 4;
/// … and at least this often, …
const LONGEST: Duration = Duration::from_secs(1);
/// … and not more often.
const SHORTEST: Duration = Duration::from_millis(1);

/// A watch, made by [`FlightRecorder::watch`]. Dropping it ends the watch.
#[must_use = "the watch ends when this is dropped"]
pub struct Heartbeat {
    watch: Arc<Watch>,
    recorder: Arc<Recorder>,
}

struct Watch {
    name: String,
    limit: Duration,
    beats: AtomicUsize,
    /// The thread of the last heartbeat, or else the one that made the watch.
    thread: AtomicU32,
    /// The process that looks after it; see [`forklock::generation`].
    generation: AtomicUsize,
}

impl FlightRecorder {
    /// Watches something that must happen again and again, such as the turns of a loop: if the
    /// [`Heartbeat`] does not [`beat`](Heartbeat::beat) within `limit`, a dump of kind `hang` is made,
    /// with the stacks of all threads. The stack of the thread that gave the last heartbeat comes
    /// first.
    ///
    /// The dump is made once, after `limit` to 1¼ of it, and again if the heartbeat came back and
    /// stayed away again. Of many dumps in a row the first ten are made, then at most one every 30
    /// seconds. The program goes on.
    ///
    /// Time in which the whole process is stopped does not count. In a forked child the watch starts
    /// with the first heartbeat there.
    ///
    /// Stacks exist on x86-64 Linux with glibc; see [`Builder::all_threads`](crate::Builder::all_threads).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let (recorder, _tee) = flightrec::builder("doc").dump_to(std::io::sink()).build();
    /// let heartbeat = recorder.watch("worker", Duration::from_secs(30));
    /// for job in ["one", "two"] {
    ///     heartbeat.beat();
    ///     println!("{job}");
    /// }
    /// drop(heartbeat);
    /// ```
    pub fn watch(&self, name: impl Into<String>, limit: Duration) -> Heartbeat {
        let watch = Arc::new(Watch {
            name: name.into(),
            limit,
            beats: AtomicUsize::new(0),
            thread: AtomicU32::new(current_id()),
            generation: AtomicUsize::new(forklock::generation()),
        });
        let recorder = Arc::clone(&self.recorder);
        register(&recorder, &watch);
        Heartbeat { watch, recorder }
    }
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
            register(&self.recorder, &self.watch);
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

/// The id of this thread, which is asked for once per thread and process.
#[inline]
fn current_id() -> u32 {
    thread_local! {
        static ID: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
    }
    let generation = forklock::generation();
    let (its_generation, id) = ID.get();
    if id != 0 && its_generation == generation {
        return id;
    }
    let id = stackwalk::threads::current_id();
    ID.set((generation, id));
    id
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

fn lock(watches: &Watches) -> Option<ForkMutexGuard<'_, State>> {
    match watches.0.lock() {
        Ok(state) | Err(LockError::Orphaned(state)) => Some(state),
        // A signal handler of the program that watches has interrupted this module.
        Err(_) => None,
    }
}

fn register(recorder: &Arc<Recorder>, watch: &Arc<Watch>) {
    let Some(mut state) = lock(&recorder.watches) else {
        return;
    };
    let generation = forklock::generation();
    let is_here = |watcher: &(Thread, usize)| watcher.1 == generation;
    if !state.watcher.as_ref().is_some_and(is_here) {
        // The threads that gave the other heartbeats do not exist in a forked child.
        state.watched.retain(|watched| {
            let watch = watched.watch.upgrade();
            watch.is_some_and(|watch| watch.generation.load(Ordering::Relaxed) == generation)
        });
        state.watcher = start(recorder).map(|thread| (thread, generation));
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
}

fn start(recorder: &Arc<Recorder>) -> Option<Thread> {
    let its_recorder = Arc::clone(recorder);
    let watcher = thread::Builder::new().name("flightrec-watch".to_owned());
    match watcher.spawn(move || look_after(&its_recorder)) {
        Ok(watcher) => Some(watcher.thread().clone()),
        Err(error) => {
            let message = format!("hangs are not noticed: cannot start a thread for it: {error}");
            recorder.pipeline.notices.say(&message);
            None
        }
    }
}

/// The watcher. It ends when there are no more watches.
fn look_after(recorder: &Arc<Recorder>) {
    loop {
        let mut hangs = Vec::new();
        let mut pause = LONGEST;
        {
            let Some(mut state) = lock(&recorder.watches) else {
                return;
            };
            let State {
                watched, incidents, ..
            } = &mut *state;
            watched.retain_mut(|watched| {
                let Some(watch) = watched.watch.upgrade() else {
                    return false;
                };
                let step = (watch.limit / LOOKS).clamp(SHORTEST, LONGEST);
                pause = pause.min(step);
                if watched.look(&watch, step) {
                    *incidents += 1;
                    hangs.push(watch.hang(watched.silent, *incidents));
                }
                true
            });
            if watched.is_empty() {
                state.watcher = None;
                return;
            }
        }
        let were_none = hangs.is_empty();
        for hang in hangs {
            // A failure to make the dump has been reported on stderr.
            let _ = recorder.dump(|| hang);
        }
        if were_none {
            thread::park_timeout(pause);
        }
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
