//! From a failure to a dump that somebody can read: limit, collect, redact, write, symbolise,
//! deliver.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dumpmaker::collect::Threads;
use dumpmaker::failures::{Failure, Kept, NotedErrors};
use dumpmaker::redact::{Redacting, redact, redact_stacks};
use dumpmaker::{Decision, RateLimiter, SuppressedFailures};
use flightrec_dump::Dump;
use forklock::ForkMutex;
use logredact::Redactor;

use crate::collect::{add_spans, collect, records};
use crate::destination::Destination;
use crate::look_ahead::{LookAhead, Waiting};
use crate::notices::Notices;
use crate::outcome::{DumpError, DumpOutcome};
use crate::source::Source;
use crate::symbolise::{DumpedStacks, Symboliser};

pub(crate) type Callback = Box<dyn Fn(&Dump, Option<&Path>) + Send + Sync>;

pub(crate) struct Pipeline {
    pub(crate) limiter: ForkMutex<RateLimiter>,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) redacting: Redacting,
    pub(crate) destination: Destination,
    /// `None` leaves names out.
    pub(crate) symboliser: Option<Symboliser>,
    /// Whether every dump has the stacks of all threads.
    pub(crate) all_threads: bool,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) recent: ForkMutex<RecentDumps>,
    pub(crate) noted: NotedErrors,
    pub(crate) look_ahead: LookAhead,
    /// The process that was set up; a forked child looks up no names.
    pub(crate) pid: u32,
}

thread_local! {
    /// This thread makes a dump. Failures in the meantime get no dumps of their own.
    static DUMPING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread makes a dump.
pub(crate) fn is_dumping() -> bool {
    DUMPING.get()
}

impl Pipeline {
    /// Makes a dump, unless the limiter says no. Failures to do so are reported to the user.
    ///
    /// `make_failure` is called in here, since it may run code of the program.
    pub(crate) fn dump(
        &self,
        source: &Source,
        make_failure: impl FnOnce() -> Failure,
    ) -> Result<DumpOutcome, DumpError> {
        if DUMPING.replace(true) {
            self.count();
            return Ok(DumpOutcome::Suppressed);
        }
        let _reset = ResetDumping;
        self.check_room()?;
        self.dump_failure(source, &make_failure())
    }

    /// Makes a dump of a failure, unless the limiter says no.
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
        if let Some(outcome) = self.look_ahead.join(failure, &reported) {
            self.limiter
                .with(|limiter| limiter.written(failure, outcome.path()));
            return Ok(outcome);
        }
        let taken = self.noted.take();
        let noted = taken.without(failure);
        // The program's code runs in here: redaction rules, callbacks, a writer. None of it may
        // take the program down.
        let dumped = catch_unwind(AssertUnwindSafe(|| {
            self.dump_new(source, failure, reported.clone(), &noted)
        }));
        let dumped = dumped
            .unwrap_or_else(|_| Err(self.report(DumpError::new("no dump: making it panicked"))));
        if dumped.is_err() {
            self.noted.put_back(taken);
        }
        self.limiter.with(|limiter| match &dumped {
            Ok(outcome) => limiter.written(failure, outcome.path()),
            Err(_) => limiter.failed(failure, reported),
        });
        dumped
    }

    /// Whether there is room for a dump. If not, that is counted and reported.
    fn check_room(&self) -> Result<(), DumpError> {
        if has_room() {
            return Ok(());
        }
        self.count_told();
        Err(self.report(DumpError::new(
            "no dump: less than 32 MiB of memory is left",
        )))
    }

    fn dump_new(
        &self,
        source: &Source,
        failure: &Failure,
        suppressed: SuppressedFailures,
        noted: &Kept,
    ) -> Result<DumpOutcome, DumpError> {
        let _redacting = self.redacting.start(&self.redactor);
        let records = records(source);
        let mut dump = collect(source, &records, failure, noted);
        let threads = self.add_threads(failure, &mut dump);
        dump.suppressed_dumps = suppressed.count;
        dump.suppressed = suppressed.described;
        dump.related_dumps = self
            .recent
            .with(|recent| recent.names())
            .unwrap_or_default();
        let unredacted = self.look_ahead.applies_to(failure).then(|| dump.clone());
        redact(&mut dump, &self.redactor);
        let path = self.write(&dump)?;
        let stacks = DumpedStacks {
            failure,
            also: &[],
            noted,
            threads: &threads,
        };
        self.name_frames(&stacks, &mut dump);
        let Some(unredacted) = unredacted else {
            return self.complete_and_deliver(&dump, path);
        };
        if path.is_some() {
            // With names, in case that the process does not live until the end of the wait.
            let _ = self.destination.complete(&dump, path.as_deref());
        }
        let waiting = Waiting {
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
        match self.look_ahead.wait_for(waiting) {
            Ok(()) => Ok(path.map_or(DumpOutcome::Streamed, DumpOutcome::Written)),
            Err(_) => self.complete_and_deliver(&dump, path),
        }
    }

    /// Completes a dump with what followed its trigger. Failures to do so are reported to the user.
    pub(crate) fn complete_waiting(&self, source: &Source, mut waiting: Waiting) {
        DUMPING.set(true);
        let _reset = ResetDumping;
        let completed = catch_unwind(AssertUnwindSafe(|| {
            let _redacting = self.redacting.start(&self.redactor);
            let (snapshot, _) = records(source);
            let mut dump = waiting.take_completed(&snapshot);
            add_spans(source, &snapshot, &[], &mut dump);
            redact(&mut dump, &self.redactor);
            let stacks = DumpedStacks {
                failure: &waiting.failure,
                also: &waiting.also,
                noted: &waiting.noted,
                threads: &waiting.threads,
            };
            self.name_frames(&stacks, &mut dump);
            // An error has been reported.
            let _ = self.complete_and_deliver(&dump, waiting.path.clone());
        }));
        if completed.is_err() {
            let message = "a dump lacks what followed its trigger: completing it panicked";
            self.notices.say(message);
        }
    }

    /// Delivers the dump of an earlier process. It has been redacted.
    #[cfg(feature = "crash-safe")]
    pub(crate) fn deliver_crash(&self, dump: &Dump) -> Result<DumpOutcome, DumpError> {
        let _reset = ResetDumping;
        DUMPING.set(true);
        let path = self.write(dump)?;
        self.complete_and_deliver(dump, path)
    }

    /// The dump as it would be made now. It is delivered nowhere.
    pub(crate) fn preview(&self, source: &Source, failure: &Failure) -> Dump {
        let _redacting = self.redacting.start(&self.redactor);
        let noted = self.noted.clone_kept();
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

    /// Counts a failure that gets no dump.
    pub(crate) fn count(&self) {
        self.limiter.with(RateLimiter::count);
    }

    /// Counts a failure that gets no dump, which the user is told elsewhere.
    pub(crate) fn count_told(&self) {
        self.limiter.with(RateLimiter::count_told);
    }

    /// Tells the user about failures that no dump reports, because the process ends.
    pub(crate) fn report_suppressed(&self) {
        let count = self.limiter.with(RateLimiter::take_unreported).unwrap_or(0);
        if count > 0 {
            let failures = if count == 1 { "failure" } else { "failures" };
            let message =
                format!("{count} more {failures} not dumped: repeated, or too many at once");
            self.notices.say(&message);
        }
    }

    fn add_threads(&self, failure: &Failure, dump: &mut Dump) -> Threads {
        if !self.all_threads && !failure.is_of_all_threads() {
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

    /// Adds the names of functions, or a note that says why there are none.
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

    fn write(&self, dump: &Dump) -> Result<Option<PathBuf>, DumpError> {
        let written = self
            .destination
            .begin(dump)
            .map_err(|error| self.not_written(error))?;
        let Some(written) = written else {
            return Ok(None);
        };
        let path = written.path.display();
        let mut line = match dump.crash {
            Some(_) => format!("{}; crash report written to {path}", dump.reason.message),
            None => format!("crash report written to {path}"),
        };
        if let Some((dir, error)) = written.instead_of {
            line += &format!(", because {} can't be written to: {error}", dir.display());
        }
        if dump.repository.is_some() {
            line += "; to report it: flightrec issue";
        }
        self.notices.say(&line);
        self.recent.with(|recent| recent.add(&written.path));
        Ok(Some(written.path))
    }

    fn complete_and_deliver(
        &self,
        dump: &Dump,
        path: Option<PathBuf>,
    ) -> Result<DumpOutcome, DumpError> {
        match (self.destination.complete(dump, path.as_deref()), &path) {
            (Err(error), None) => return Err(self.not_written(error)),
            // The dump is there, with addresses instead of names.
            (Err(_), Some(_)) | (Ok(()), _) => {}
        }
        for callback in &self.callbacks {
            if catch_unwind(AssertUnwindSafe(|| callback(dump, path.as_deref()))).is_err() {
                self.notices.say("a callback of `on_dump` panicked");
            }
        }
        Ok(path.map_or(DumpOutcome::Streamed, DumpOutcome::Written))
    }

    fn not_written(&self, error: std::io::Error) -> DumpError {
        let place = self.destination.describe();
        let message = format!("cannot write a crash report to {place}: {error}");
        self.report(DumpError::io(message, error))
    }

    fn report(&self, error: DumpError) -> DumpError {
        self.notices.say(&error.to_string());
        error
    }
}

/// How much memory a dump may take, with the names of its frames.
const ROOM: usize = 32 << 20;

/// Whether there is room for a dump. If memory ran out while it is made, the program would abort.
pub(crate) fn has_room() -> bool {
    Vec::<u8>::new().try_reserve_exact(ROOM).is_ok()
}

/// The dumps that this process made within the last minute: a failure often shows up twice, as the
/// panic of a task and as the error of the one that joins it.
#[derive(Default)]
pub(crate) struct RecentDumps(Vec<(Instant, String)>);

impl RecentDumps {
    const MAX_AGE: Duration = Duration::from_secs(60);
    const MAX: usize = 10;

    fn add(&mut self, path: &Path) {
        if self.0.len() == Self::MAX {
            self.0.remove(0);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.0.push((Instant::now(), name.into_owned()));
    }

    fn names(&mut self) -> Vec<String> {
        self.0.retain(|(at, _)| at.elapsed() < Self::MAX_AGE);
        self.0.iter().map(|(_, name)| name.clone()).collect()
    }
}

struct ResetDumping;

impl Drop for ResetDumping {
    fn drop(&mut self) {
        DUMPING.set(false);
    }
}
