//! Dumps that wait for the records after their trigger.
//!
//! A dump is written at its trigger in any case. With look-ahead, the pipeline then passes it to this
//! module. A thread waits, adds the records since the trigger, and replaces the file. If the process is
//! killed before that, the first file remains. Triggers that come while a dump waits are added to that
//! dump.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use flightrec_dump::{Dump, Timestamp};
use forklock::{ForkMutex, TryLockError};
use tailwriter::Snapshot;

use crate::collect::{self, Threads};
use crate::failures::{Failure, NotedList};
use crate::limit::SuppressedFailures;
use crate::outcome::DumpOutcome;

/// How many more triggers one dump describes.
const MAX_TRIGGERS: usize = 32;
/// How long an exit waits for another thread that is completing a dump.
const EXIT_WAIT: Duration = Duration::from_secs(10);

type StartThread = Box<dyn Fn() -> Option<Thread> + Send + Sync>;

/// The waiting dump of a recorder. There is at most one.
#[derive(Default)]
pub(crate) struct LookAhead {
    wait: Option<Duration>,
    /// Starts a thread that calls [`complete_after_wait`](LookAhead::complete_after_wait).
    start_thread: OnceLock<StartThread>,
    waiting: ForkMutex<Option<WaitingDump>>,
    /// Held while a dump is completed.
    completing: ForkMutex<()>,
}

/// A dump that waits.
pub(crate) struct WaitingDump {
    /// The dump as it was at the trigger. Its secrets are not masked.
    pub(crate) dump: Dump,
    pub(crate) failure: Failure,
    pub(crate) also: Vec<(Failure, Timestamp)>,
    pub(crate) noted: NotedList,
    pub(crate) threads: Threads,
    /// `None` if dumps go to a writer. Nothing was written then.
    pub(crate) path: Option<PathBuf>,
    /// The records at the trigger.
    pub(crate) records: Snapshot,
    /// The process that made it; see [`forklock::generation`].
    pub(crate) generation: usize,
    /// The thread that completes it.
    pub(crate) thread: Option<Thread>,
}

impl LookAhead {
    pub(crate) fn new(wait: Option<Duration>) -> LookAhead {
        LookAhead {
            wait: wait.filter(|wait| !wait.is_zero()),
            ..LookAhead::default()
        }
    }

    /// Sets the function that starts a thread that calls
    /// [`complete_after_wait`](LookAhead::complete_after_wait). Dumps do not wait before.
    pub(crate) fn set_start_thread(
        &self,
        start_thread: impl Fn() -> Option<Thread> + Send + Sync + 'static,
    ) {
        let _ = self.start_thread.set(Box::new(start_thread));
    }

    /// Whether the settings have a look-ahead.
    pub(crate) fn is_enabled(&self) -> bool {
        self.wait.is_some()
    }

    /// Whether the dump of this failure waits.
    pub(crate) fn applies_to(&self, failure: &Failure) -> bool {
        self.wait.is_some() && !failure.may_end_process()
    }

    /// Adds a failure to the waiting dump, if there is one. Failures whose dumps must have the current stacks
    /// of all threads are not added.
    pub(crate) fn add_trigger(
        &self,
        failure: &Failure,
        suppressed: &SuppressedFailures,
    ) -> Option<DumpOutcome> {
        if !self.applies_to(failure) || failure.needs_all_threads() {
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

    /// Makes a dump wait.
    ///
    /// # Errors
    ///
    /// Returns the dump if it can't wait: another dump is waiting, or no thread can be started.
    pub(crate) fn hold(&self, dump: WaitingDump) -> Result<(), Box<WaitingDump>> {
        let Some(start_thread) = self.start_thread.get() else {
            return Err(Box::new(dump));
        };
        let mut dump = Some(dump);
        self.waiting.with(|waiting| {
            // In a forked child, this may be a dump of the parent, which the parent completes.
            if waiting
                .as_ref()
                .is_some_and(WaitingDump::is_of_this_process)
            {
                return;
            }
            if let Some(thread) = start_thread() {
                *waiting = dump.take().map(|dump| WaitingDump {
                    thread: Some(thread),
                    ..dump
                });
            }
        });
        dump.map_or(Ok(()), |dump| Err(Box::new(dump)))
    }

    /// Whether the dump of this thread still waits.
    fn waits_for_this_thread(&self) -> bool {
        let this = thread::current().id();
        self.waiting
            .with(|waiting| {
                let waiting = waiting.as_ref().and_then(|waiting| waiting.thread.as_ref());
                waiting.is_some_and(|thread| thread.id() == this)
            })
            .unwrap_or(false)
    }

    fn take(&self) -> Option<WaitingDump> {
        self.waiting.with(|waiting| {
            let is_own = waiting
                .as_ref()
                .is_some_and(WaitingDump::is_of_this_process);
            if is_own { waiting.take() } else { None }
        })?
    }

    /// Calls `complete` with the waiting dump immediately, because the process exits.
    pub(crate) fn complete_now(&self, complete: impl FnOnce(WaitingDump)) {
        if self.wait.is_none() {
            return;
        }
        let started = Instant::now();
        let _completing = loop {
            match self.completing.try_lock() {
                Ok(guard) | Err(TryLockError::Orphaned(guard)) => break guard,
                // A callback of the dump that is being completed exits the process.
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

    /// Waits, then calls `complete` with the dump of this thread.
    pub(crate) fn complete_after_wait(&self, complete: impl FnOnce(WaitingDump)) {
        let wait = self.wait.unwrap_or_default();
        let started = Instant::now();
        // The dump is already there: it is stored under the lock under which this thread was started.
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

impl WaitingDump {
    fn is_of_this_process(&self) -> bool {
        self.generation == forklock::generation()
    }

    /// Takes the dump and adds the triggers and records since its trigger. Does not mask secrets or add
    /// names. `now` are the current records.
    pub(crate) fn take_completed(&mut self, now: &Snapshot) -> Dump {
        let mut dump = std::mem::take(&mut self.dump);
        let added: Vec<_> = now.entries_since(&self.records).collect();
        let pushed = total_lines(now).saturating_sub(total_lines(&self.records));
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

/// The number of lines that were ever pushed.
fn total_lines(snapshot: &Snapshot) -> u64 {
    snapshot.evicted().saturating_add(snapshot.len() as u64)
}
