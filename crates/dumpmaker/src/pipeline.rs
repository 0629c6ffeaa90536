//! Makes the dump of a failure in six steps: limit, collect, redact, write, symbolise, deliver.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Arc;
use std::thread::Thread;

use flightrec_dump::Dump;
use forklock::ForkMutex;
use logredact::Redactor;

use crate::collect::{Source, Threads, add_spans_of, collect, records};
use crate::failures::{Failure, NotedErrors, NotedList};
use crate::limit::{Decision, Dumping, RateLimiter, SuppressedFailures, has_memory};
use crate::look_ahead::{LookAhead, WaitingDump};
use crate::outcome::{DumpError, DumpOutcome};
use crate::redact::{Redacting, redact, redact_stacks};
use crate::settings::Settings;
use crate::store::Store;
use crate::symbolise::{self, DumpedStacks, Symboliser};
use crate::write::{Delivery, Destination, Notices};

/// Makes the dumps of one recorder.
pub struct Pipeline {
    /// Masks secrets.
    pub redactor: Arc<Redactor>,
    /// Prints messages to the user.
    pub notices: Arc<Notices>,
    /// Errors for the next dump.
    pub noted: NotedErrors,
    limiter: ForkMutex<RateLimiter>,
    redacting: Redacting,
    /// `None` if names are not looked up.
    pub(crate) symboliser: Option<Symboliser>,
    /// Whether every dump has the stacks of all threads.
    all_threads: bool,
    delivery: Delivery,
    look_ahead: LookAhead,
    /// The process that created the pipeline. A forked child looks up no names.
    pid: u32,
}

impl Pipeline {
    /// Creates the pipeline of the program `app`.
    #[must_use]
    pub fn new(app: &str, settings: Settings) -> Pipeline {
        let store = Store::new(app, settings.dir, settings.retention);
        let destination = Destination::new(store, settings.writer);
        let notices = Arc::new(settings.notices);
        Pipeline {
            delivery: Delivery::new(destination, settings.callbacks, Arc::clone(&notices)),
            redactor: Arc::new(settings.redactor),
            notices,
            noted: NotedErrors::default(),
            limiter: ForkMutex::new(RateLimiter::new()),
            redacting: Redacting::default(),
            symboliser: settings.symbolicate.then_some(symbolise::look_up),
            all_threads: settings.all_threads,
            look_ahead: LookAhead::new(settings.look_ahead),
            pid: process::id(),
        }
    }

    /// Returns where dumps go.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.delivery.destination
    }

    /// Makes a dump, unless the limiter suppresses it.
    ///
    /// `make_failure` may run code of the program: failures in it are then not dumped, but only counted.
    ///
    /// # Errors
    ///
    /// If the dump could not be made or written. This has been reported to the user.
    pub fn dump(
        &self,
        source: &Source,
        make_failure: impl FnOnce() -> Failure,
    ) -> Result<DumpOutcome, DumpError> {
        let Some(_dumping) = Dumping::begin() else {
            self.count_suppressed();
            return Ok(DumpOutcome::Suppressed);
        };
        self.check_memory()?;
        self.dump_failure(source, &make_failure())
    }

    fn dump_failure(&self, source: &Source, failure: &Failure) -> Result<DumpOutcome, DumpError> {
        let decision = self.limiter.with(|limiter| limiter.decide(failure));
        let reported = match decision.unwrap_or(Decision::TooMany) {
            Decision::Dump(suppressed) => suppressed,
            Decision::Repeated(path) => {
                if failure.ends_process
                    && let Some(path) = &path
                {
                    let path = path.display();
                    self.notices.say(&format!("crash report written to {path}"));
                }
                return Ok(DumpOutcome::Repeated(path));
            }
            Decision::TooMany => return Ok(DumpOutcome::Suppressed),
        };
        if let Some(outcome) = self.look_ahead.add_trigger(failure, &reported) {
            self.limiter
                .with(|limiter| limiter.written(failure, outcome.path()));
            return Ok(outcome);
        }
        let taken = self.noted.take();
        let noted = taken.without(failure);
        // This runs code of the program: redaction rules, callbacks, a writer. Its panics must not end
        // the program.
        let dumped = catch_unwind(AssertUnwindSafe(|| {
            self.dump_new(source, failure, reported.clone(), &noted)
        }));
        let dumped = dumped
            .unwrap_or_else(|_| Err(self.report(DumpError::new("no dump: making it panicked"))));
        if dumped.is_err() {
            self.noted.restore(taken);
        }
        self.limiter.with(|limiter| match &dumped {
            Ok(outcome) => limiter.written(failure, outcome.path()),
            Err(_) => limiter.failed(failure, reported),
        });
        dumped
    }

    /// Fails if there is not enough memory for a dump. That is counted and reported.
    fn check_memory(&self) -> Result<(), DumpError> {
        if has_memory() {
            return Ok(());
        }
        self.count_reported();
        Err(self.report(DumpError::new(
            "no dump: less than 32 MiB of memory is left",
        )))
    }

    fn dump_new(
        &self,
        source: &Source,
        failure: &Failure,
        suppressed: SuppressedFailures,
        noted: &NotedList,
    ) -> Result<DumpOutcome, DumpError> {
        let _redacting = self.redacting.start(&self.redactor);
        let records = records(source);
        let mut dump = collect(source, &records, failure, noted);
        let threads = self.add_threads(failure, &mut dump);
        dump.suppressed_dumps = suppressed.count;
        dump.suppressed = suppressed.described;
        dump.related_dumps = self.delivery.recent();
        let unredacted = self.look_ahead.applies_to(failure).then(|| dump.clone());
        redact(&mut dump, &self.redactor);
        let path = self.delivery.write(&dump)?;
        let stacks = DumpedStacks {
            failure,
            also: &[],
            noted,
            threads: &threads,
        };
        self.name_frames(&stacks, &mut dump);
        let Some(unredacted) = unredacted else {
            return self.delivery.deliver(&dump, path);
        };
        if let Some(path) = &path {
            // Adds the names now, because the process may be killed before the end of the wait.
            self.delivery.replace(&dump, path);
        }
        let waiting = WaitingDump {
            dump: unredacted,
            failure: failure.clone(),
            also: Vec::new(),
            noted: noted.clone(),
            threads,
            path: path.clone(),
            records: records.0,
            generation: forklock::generation(),
            thread: None,
        };
        match self.look_ahead.hold(waiting) {
            Ok(()) => Ok(path.map_or(DumpOutcome::Streamed, DumpOutcome::Written)),
            Err(_) => self.delivery.deliver(&dump, path),
        }
    }

    /// Completes a dump with the records that followed its trigger. Failures are reported to the user.
    fn complete(&self, source: &Source, mut waiting: WaitingDump) {
        let _dumping = Dumping::begin_unchecked();
        let completed = catch_unwind(AssertUnwindSafe(|| {
            let _redacting = self.redacting.start(&self.redactor);
            let (snapshot, _) = records(source);
            let mut dump = waiting.take_completed(&snapshot);
            add_spans_of(source, &[], &mut dump);
            redact(&mut dump, &self.redactor);
            let stacks = DumpedStacks {
                failure: &waiting.failure,
                also: &waiting.also,
                noted: &waiting.noted,
                threads: &waiting.threads,
            };
            self.name_frames(&stacks, &mut dump);
            // Errors have been reported.
            let _ = self.delivery.deliver(&dump, waiting.path.clone());
        }));
        if completed.is_err() {
            let message =
                "a dump lacks the records that followed its trigger: completing it panicked";
            self.notices.say(message);
        }
    }

    /// Delivers the dump of an earlier process. It must be masked already; see
    /// [`redact`](Pipeline::redact).
    ///
    /// # Errors
    ///
    /// If the dump could not be written. This has been reported to the user.
    pub fn deliver_crash(&self, dump: &Dump) -> Result<DumpOutcome, DumpError> {
        let _dumping = Dumping::begin_unchecked();
        let path = self.delivery.write(dump)?;
        self.delivery.deliver(dump, path)
    }

    /// Returns the dump that would be made now, without writing it. It never has the stacks of other
    /// threads.
    #[must_use]
    pub fn preview(&self, source: &Source, failure: &Failure) -> Dump {
        let _redacting = self.redacting.start(&self.redactor);
        let noted = self.noted.snapshot();
        let mut dump = collect(source, &records(source), failure, &noted);
        redact(&mut dump, &self.redactor);
        let stacks = DumpedStacks {
            failure,
            also: &[],
            noted: &noted,
            threads: &Threads::default(),
        };
        self.name_frames(&stacks, &mut dump);
        dump
    }

    /// Counts a failure that is not dumped.
    pub fn count_suppressed(&self) {
        self.limiter.with(RateLimiter::count);
    }

    /// Counts a failure that is not dumped, but reported by a message.
    pub(crate) fn count_reported(&self) {
        self.limiter.with(RateLimiter::count_reported);
    }

    /// Makes dumps wait for the records that follow their trigger, if the settings have a look-ahead.
    /// Returns whether they do; then [`finish`](Pipeline::finish) must be called before the process
    /// exits.
    ///
    /// `start_thread` must start a thread that calls
    /// [`complete_after_wait`](Pipeline::complete_after_wait).
    pub fn enable_look_ahead(
        &self,
        start_thread: impl Fn() -> Option<Thread> + Send + Sync + 'static,
    ) -> bool {
        if self.look_ahead.is_enabled() {
            self.look_ahead.set_start_thread(start_thread);
        }
        self.look_ahead.is_enabled()
    }

    /// Waits, then completes the dump for which this thread was started.
    pub fn complete_after_wait(&self, source: &Source) {
        self.look_ahead
            .complete_after_wait(|waiting| self.complete(source, waiting));
    }

    /// Must be called before the process exits. Completes the waiting dump, and reports the number of
    /// failures that no dump counts.
    pub fn finish(&self, source: &Source) {
        self.look_ahead
            .complete_now(|waiting| self.complete(source, waiting));
        // A forked child inherits the count of its parent.
        if process::id() == self.pid {
            self.report_suppressed();
        }
    }

    /// Masks the secrets of the dump of an earlier process.
    pub fn redact(&self, dump: &mut Dump) {
        let _redacting = self.redacting.start(&self.redactor);
        redact(dump, &self.redactor);
        dump.fingerprint = dump.fingerprint_of();
    }

    /// Returns whether names are looked up.
    pub(crate) fn looks_up_names(&self) -> bool {
        self.symboliser.is_some()
    }

    /// Reports the number of failures that no dump counts.
    fn report_suppressed(&self) {
        let count = self.limiter.with(RateLimiter::take_unreported).unwrap_or(0);
        if count > 0 {
            let failures = if count == 1 { "failure" } else { "failures" };
            let message =
                format!("{count} more {failures} not dumped: repeated, or too many at once");
            self.notices.say(&message);
        }
    }

    fn add_threads(&self, failure: &Failure, dump: &mut Dump) -> Threads {
        if !self.all_threads && !failure.needs_all_threads() {
            return Threads::default();
        }
        match Threads::capture() {
            Ok(threads) => {
                threads.add_to(dump, failure.stalled);
                threads
            }
            Err(error) => {
                dump.notes.push(format!("threads are missing: {error}"));
                Threads::default()
            }
        }
    }

    /// Adds the names of functions, or a note why they are missing.
    fn name_frames(&self, stacks: &DumpedStacks<'_>, dump: &mut Dump) {
        let Some(symboliser) = self.symboliser else {
            return;
        };
        match stacks.add_names(symboliser, self.pid, dump) {
            Ok(()) => {
                redact_stacks(dump, &self.redactor);
                dump.fingerprint = dump.fingerprint_of();
            }
            Err(note) => dump.notes.push(note.to_owned()),
        }
    }

    fn report(&self, error: DumpError) -> DumpError {
        self.notices.say(&error.to_string());
        error
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("destination", self.destination())
            .finish_non_exhaustive()
    }
}
