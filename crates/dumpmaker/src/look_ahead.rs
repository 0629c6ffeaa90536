//! Dumps that wait for what follows their trigger.
//!
//! A dump is written when its trigger comes, as any other. If the builder asks for it, the pipeline
//! then hands it over to this module, which completes it when the time is over: a thread that lives
//! as long as the dump waits adds the records since, and replaces the file. If the
//! process is killed in between, the first file is there. Triggers that come while a dump waits are added to it.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use flightrec_dump::{Dump, Kind, Timestamp};
use forklock::{ForkMutex, TryLockError};
use tailwriter::Snapshot;

use crate::collect::{self, Threads};
use crate::failures::{Failure, Kept};
use crate::limit::SuppressedFailures;
use crate::outcome::DumpOutcome;

/// How many more triggers one dump names.
const MAX_TRIGGERS: usize = 32;
/// How long an exit waits for another thread that completes a dump.
const EXIT_WAIT: Duration = Duration::from_secs(10);

type StartThread = Box<dyn Fn() -> Option<Thread> + Send + Sync>;

/// The dump of a recorder that waits, if one does.
#[derive(Default)]
pub(crate) struct LookAhead {
    wait: Option<Duration>,
    /// Starts a thread that calls [`complete_later`](LookAhead::complete_later).
    start_thread: OnceLock<StartThread>,
    waiting: ForkMutex<Option<Waiting>>,
    /// Held while a dump is completed.
    completing: ForkMutex<()>,
}

/// A dump that waits.
pub(crate) struct Waiting {
    /// Unredacted, as it was when the trigger came.
    pub(crate) dump: Dump,
    pub(crate) failure: Failure,
    pub(crate) also: Vec<(Failure, Timestamp)>,
    pub(crate) noted: Kept,
    pub(crate) threads: Threads,
    /// `None` if dumps are streamed: then nothing was written so far.
    pub(crate) path: Option<PathBuf>,
    /// The records that the dump has.
    pub(crate) records: Snapshot,
    /// The process that it belongs to; see [`forklock::generation`].
    pub(crate) generation: usize,
    /// The thread that will complete it.
    pub(crate) thread: Option<Thread>,
}

impl LookAhead {
    pub(crate) fn new(wait: Option<Duration>) -> LookAhead {
        LookAhead {
            wait: wait.filter(|wait| !wait.is_zero()),
            ..LookAhead::default()
        }
    }

    /// Lets dumps wait. `start_thread` starts a thread that calls
    /// [`complete_later`](LookAhead::complete_later).
    pub(crate) fn start(&self, start_thread: impl Fn() -> Option<Thread> + Send + Sync + 'static) {
        let _ = self.start_thread.set(Box::new(start_thread));
    }

    /// Whether the program asks for it.
    pub(crate) fn is_on(&self) -> bool {
        self.wait.is_some()
    }

    /// Whether the dump of such a failure waits.
    pub(crate) fn applies_to(&self, failure: &Failure) -> bool {
        self.wait.is_some() && !failure.may_end_process()
    }

    /// Adds a failure to the dump that waits, if one does. Not a hang or a request: their dumps are made for
    /// the stacks of all threads at this moment.
    pub(crate) fn join(
        &self,
        failure: &Failure,
        suppressed: &SuppressedFailures,
    ) -> Option<DumpOutcome> {
        let is_of_this_moment = matches!(failure.kind, Kind::Hang | Kind::Signal);
        if !self.applies_to(failure) || is_of_this_moment {
            return None;
        }
        self.waiting.with(|waiting| {
            let waiting = waiting
                .as_mut()
                .filter(|waiting| waiting.is_of_this_process())?;
            let dump = &mut waiting.dump;
            dump.suppressed_dumps = dump.suppressed_dumps.saturating_add(suppressed.count);
            dump.suppressed.extend(suppressed.described.iter().cloned());
            if waiting.also.len() < MAX_TRIGGERS {
                waiting.also.push((failure.clone(), Timestamp::now()));
            } else {
                dump.suppressed_dumps = dump.suppressed_dumps.saturating_add(1);
            }
            let path = waiting.path.clone();
            Some(path.map_or(DumpOutcome::Streamed, DumpOutcome::Written))
        })?
    }

    /// Lets a dump wait.
    ///
    /// # Errors
    ///
    /// Returns the dump if it can't wait: another one does, or no thread can be started.
    pub(crate) fn wait_for(&self, dump: Waiting) -> Result<(), Box<Waiting>> {
        let Some(start_thread) = self.start_thread.get() else {
            return Err(Box::new(dump));
        };
        let mut dump = Some(dump);
        self.waiting.with(|waiting| {
            // One of the parent, in a forked child, will be completed by the parent.
            if waiting.as_ref().is_some_and(Waiting::is_of_this_process) {
                return;
            }
            if let Some(thread) = start_thread() {
                *waiting = dump.take().map(|dump| Waiting {
                    thread: Some(thread),
                    ..dump
                });
            }
        });
        dump.map_or(Ok(()), |dump| Err(Box::new(dump)))
    }

    /// Whether this thread's dump still waits.
    fn waits_for_this_thread(&self) -> bool {
        let this = thread::current().id();
        self.waiting
            .with(|waiting| {
                let waiting = waiting.as_ref().and_then(|waiting| waiting.thread.as_ref());
                waiting.is_some_and(|thread| thread.id() == this)
            })
            .unwrap_or(false)
    }

    fn take(&self) -> Option<Waiting> {
        self.waiting.with(|waiting| {
            let is_ours = waiting.as_ref().is_some_and(Waiting::is_of_this_process);
            if is_ours { waiting.take() } else { None }
        })?
    }

    /// Calls `complete` with the dump that waits now, because the process ends.
    pub(crate) fn complete_now(&self, complete: impl FnOnce(Waiting)) {
        if self.wait.is_none() {
            return;
        }
        let started = Instant::now();
        let _completing = loop {
            match self.completing.try_lock() {
                Ok(guard) | Err(TryLockError::Orphaned(guard)) => break guard,
                // A callback of this dump ends the process.
                Err(TryLockError::AlreadyHeld) => return,
                Err(_) if started.elapsed() > EXIT_WAIT => return,
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        };
        if let Some(waiting) = self.take() {
            if let Some(thread) = &waiting.thread {
                thread.unpark();
            }
            complete(waiting);
        }
    }

    /// Calls `complete` with the dump that waits for this thread, after the wait.
    pub(crate) fn complete_later(&self, complete: impl FnOnce(Waiting)) {
        let wait = self.wait.unwrap_or_default();
        let started = Instant::now();
        // The dump is put there under a lock that is held while this thread is started.
        while self.waits_for_this_thread() {
            let left = wait.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        self.completing.with(|()| {
            if self.waits_for_this_thread()
                && let Some(waiting) = self.take()
            {
                complete(waiting);
            }
        });
    }
}

impl Waiting {
    fn is_of_this_process(&self) -> bool {
        self.generation == forklock::generation()
    }

    /// The dump with what came since, unredacted and without names. `now` are the records that are
    /// kept now.
    pub(crate) fn take_completed(&mut self, now: &Snapshot) -> Dump {
        let mut dump = std::mem::take(&mut self.dump);
        let added: Vec<_> = now.entries_since(&self.records).collect();
        let pushed = total(now).saturating_sub(total(&self.records));
        let lost = pushed.saturating_sub(added.len() as u64);
        dump.latest_logs
            .extend(added.iter().filter_map(collect::record));
        if lost > 0 {
            dump.evicted_logs = dump.evicted_logs.saturating_add(lost);
            dump.notes.push(format!(
                "{lost} of the records that followed the trigger were evicted before they were copied"
            ));
        }
        dump.also = self
            .also
            .iter()
            .map(|(failure, at)| failure.as_trigger(*at))
            .collect();
        dump
    }
}

/// How many lines there have been.
fn total(snapshot: &Snapshot) -> u64 {
    snapshot.evicted().saturating_add(snapshot.len() as u64)
}
