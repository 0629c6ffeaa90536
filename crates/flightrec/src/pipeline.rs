//! From a failure to a dump that somebody can read: limit, collect, redact, write, symbolise,
//! deliver.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightrec_dump::{Dump, Timestamp, Trace};
use forklock::ForkMutex;
use logredact::Redactor;
use stackerr::StackTraces;

use crate::collect::{collect, records};
use crate::convert;
use crate::destination::Destination;
use crate::failure::Failure;
use crate::limiter::{Decision, RateLimiter, SuppressedFailures};
use crate::locked::locked;
use crate::look_ahead::{LookAhead, Waiting};
use crate::noted::{Kept, Noted, NotedErrors};
use crate::notices::Notices;
use crate::outcome::{DumpError, DumpOutcome};
use crate::redaction::{Redacting, redact, redact_stacks};
use crate::source::Source;
use crate::spans;
use crate::symbolise::{self, Symboliser};
use crate::threads::Threads;

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
        if !has_room() {
            self.count();
            return Err(self.report(DumpError::new(
                "no dump: less than 32 MiB of memory is left",
            )));
        }
        let failure = make_failure();
        let decision = locked(&self.limiter, |limiter| limiter.decide(&failure));
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
        if let Some(outcome) = self.look_ahead.join(&failure, &reported) {
            locked(&self.limiter, |limiter| {
                limiter.written(&failure, outcome.path())
            });
            return Ok(outcome);
        }
        let noted = self.noted.take();
        // The program's code runs in here: redaction rules, callbacks, a writer. None of it may
        // take the program down.
        let dumped = catch_unwind(AssertUnwindSafe(|| {
            self.dump_new(source, &failure, reported.clone(), &noted)
        }));
        let dumped = dumped
            .unwrap_or_else(|_| Err(self.report(DumpError::new("no dump: making it panicked"))));
        if dumped.is_err() {
            self.noted.put_back(noted);
        }
        locked(&self.limiter, |limiter| match &dumped {
            Ok(outcome) => limiter.written(&failure, outcome.path()),
            Err(_) => limiter.failed(&failure, reported),
        });
        dumped
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
        dump.related_dumps = locked(&self.recent, |recent| recent.names()).unwrap_or_default();
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
            spans::add(source, &snapshot, &[], &mut dump);
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
        locked(&self.limiter, RateLimiter::count);
    }

    /// Tells the user about failures that no dump reports, because the process ends.
    pub(crate) fn report_suppressed(&self) {
        let count = locked(&self.limiter, RateLimiter::take_unreported).unwrap_or(0);
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
                threads.add_to(dump, failure);
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
        if let Err(note) = self.try_name_frames(stacks, dump) {
            dump.notes.push(note.to_owned());
        }
    }

    fn try_name_frames(
        &self,
        &DumpedStacks {
            failure,
            also,
            noted,
            threads,
        }: &DumpedStacks<'_>,
        dump: &mut Dump,
    ) -> Result<(), &'static str> {
        let Some(symboliser) = self.symboliser else {
            return Ok(());
        };
        // Besides the failure: those that the dump has in other places.
        let noted = noted.errors().into_iter().map(Noted::failure);
        let others: Vec<&Failure> = also.iter().map(|(also, _)| also).chain(noted).collect();
        let all = [failure].into_iter().chain(others.iter().copied());
        let stacks: StackTraces = all.flat_map(|failure| &failure.stacks).cloned().collect();
        if stacks.is_empty() && threads.is_empty() {
            return Ok(());
        }
        if process::id() != self.pid {
            return Err("names are missing: this is a forked process");
        }
        let its_threads = threads.clone();
        let names = symbolise::run(move || {
            symboliser(&stacks);
            its_threads.names()
        })?;
        set_named(&mut dump.stack_traces, failure);
        let traces_of_also = dump.also.iter_mut().map(|also| &mut also.stack_traces);
        let noted = dump.noted_errors.iter_mut();
        let traces_of_others = traces_of_also.chain(noted.map(|noted| &mut noted.stack_traces));
        for (traces, failure) in traces_of_others.zip(others) {
            set_named(traces, failure);
        }
        threads.add_names(&names, dump, failure);
        redact_stacks(dump, &self.redactor);
        dump.fingerprint = dump.fingerprint_of();
        Ok(())
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
        locked(&self.recent, |recent| recent.add(&written.path));
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

/// What the stacks of a dump were made of.
struct DumpedStacks<'a> {
    failure: &'a Failure,
    also: &'a [(Failure, Timestamp)],
    noted: &'a Kept,
    threads: &'a Threads,
}

/// Replaces the traces of a failure by the same ones with names.
fn set_named(traces: &mut Vec<Trace>, failure: &Failure) {
    let mut named = convert::traces(&failure.stacks, failure);
    for (named, unnamed) in named.iter_mut().zip(&*traces) {
        named.log_seq = unnamed.log_seq;
        named.span = unnamed.span;
    }
    *traces = named;
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

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    const SCENARIO: &str = "FLIGHTREC_SYMBOLISER";
    const DIR: &str = "FLIGHTREC_DIR_OF_TEST";

    /// The child: dumps an error with a symboliser that does not return.
    #[test]
    fn program() {
        let (Ok(scenario), Some(dir)) = (std::env::var(SCENARIO), std::env::var_os(DIR)) else {
            return;
        };
        let symboliser: Symboliser = match scenario.as_str() {
            "aborts" => |_: &StackTraces| process::abort(),
            "panics" => |_: &StackTraces| panic!("in the symboliser"),
            _ => |_: &StackTraces| {
                loop {
                    thread::park();
                }
            },
        };
        let (recorder, tee) = crate::builder("test").dir(dir).build();
        drop(tee);
        let recorder = Arc::into_inner(recorder.recorder);
        let mut recorder = recorder.expect("the only handle");
        recorder.pipeline.symboliser = Some(symboliser);
        let outcome = recorder.dump(|| Failure::manual("now".to_owned()));
        assert!(
            matches!(outcome, Ok(DumpOutcome::Written(_))),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_dump_is_there_whatever_the_symboliser_does() {
        for (scenario, note) in [
            ("aborts", None),
            (
                "panics",
                Some("names are missing: looking them up panicked"),
            ),
            (
                "hangs",
                Some("names are missing: looking them up took longer than 5 s"),
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "pipeline::tests::program", "--nocapture"])
                .env(SCENARIO, scenario)
                .env(DIR, dir.path())
                .output()
                .unwrap();
            assert_eq!(output.status.success(), scenario != "aborts", "{output:?}");
            let mut dumps = std::fs::read_dir(dir.path()).unwrap().filter_map(|entry| {
                let path = entry.unwrap().path();
                let is_dump = path
                    .extension()
                    .is_some_and(|extension| extension == "json");
                is_dump.then(|| Dump::from_json(&std::fs::read(path).unwrap()).unwrap())
            });
            let dump = dumps.next().expect("a dump");
            let frame = &dump.stack_traces[0].frames[0];
            assert!(
                !frame.is_named() && frame.address_value().is_some(),
                "{frame:?}"
            );
            let of_names = dump.notes.iter().find(|note| note.starts_with("names"));
            assert_eq!(of_names.map(String::as_str), note);
        }
    }
}
