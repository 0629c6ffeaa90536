//! Watches: a heartbeat that does not come makes a dump.
//!
//! One thread looks after all watches of a recorder. It counts heartbeats at intervals rather than
//! taking the time of each, so that a heartbeat costs a few nanoseconds. It counts only time in which
//! it ran itself: a process that was stopped, or whose machine was suspended, does not hang.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::FlightRecorder;
use crate::recorder::Recorder;
use crate::watches::Watch;

/// A watch, made by [`FlightRecorder::watch`]. Dropping it ends the watch.
#[must_use = "the watch ends when this is dropped"]
pub struct Heartbeat {
    watch: Arc<Watch>,
    recorder: Arc<Recorder>,
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

fn register(recorder: &Arc<Recorder>, watch: &Arc<Watch>) {
    recorder.watches.add(watch, || start(recorder));
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
fn look_after(recorder: &Recorder) {
    while let Some((hangs, pause)) = recorder.watches.look() {
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
