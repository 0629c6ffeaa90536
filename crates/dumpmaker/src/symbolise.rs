//! Adds the names of functions to a dump's frames. The dump survives a symboliser that panics or hangs.

use std::process;
use std::time::Duration;

use flightrec_dump::{Dump, Timestamp, Trace};
use stackerr::StackTraces;

use crate::collect::Threads;
use crate::failures::{Failure, Noted, NotedList};
use crate::in_thread::{self, RunError};

/// How long a dump waits for names.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much memory must be available. Debug information is mapped as a whole and partly copied, and the
/// process aborts if an allocation fails.
const MEMORY: usize = 256 << 20;

/// Looks up names, so that [`frames`](stackerr::StackTrace::frames) returns them.
pub(crate) type Symboliser = fn(&StackTraces);

pub(crate) fn look_up(stacks: &StackTraces) {
    for stack in stacks {
        let _ = stack.frames();
    }
}

/// The sources of a dump's stacks.
pub(crate) struct DumpedStacks<'a> {
    pub(crate) failure: &'a Failure,
    pub(crate) also: &'a [(Failure, Timestamp)],
    pub(crate) noted: &'a NotedList,
    pub(crate) threads: &'a Threads,
}

impl DumpedStacks<'_> {
    /// Replaces the stacks of the dump by the same stacks with names.
    ///
    /// `pid` is the process that created the pipeline. A forked child looks up no names: a thread of the
    /// parent may have held a lock of the symboliser, which is then never released.
    ///
    /// # Errors
    ///
    /// If the names were not found: a message for the user.
    pub(crate) fn add_names(
        &self,
        symboliser: Symboliser,
        pid: u32,
        dump: &mut Dump,
    ) -> Result<(), &'static str> {
        let noted = self.noted.errors().into_iter().map(Noted::failure);
        let also = self.also.iter().map(|(also, _)| also);
        let others: Vec<&Failure> = also.chain(noted).collect();
        let all = [self.failure].into_iter().chain(others.iter().copied());
        let stacks: StackTraces = all.flat_map(|failure| &failure.stacks).cloned().collect();
        if stacks.is_empty() && self.threads.is_empty() {
            return Ok(());
        }
        if process::id() != pid {
            return Err("names are missing: this is a forked process");
        }
        let threads = self.threads.clone();
        let names = run(move || {
            symboliser(&stacks);
            threads.names()
        })?;
        set_named(&mut dump.stack_traces, self.failure);
        let also_traces = dump.also.iter_mut().map(|also| &mut also.stack_traces);
        let noted = dump.noted_errors.iter_mut();
        let other_traces = also_traces.chain(noted.map(|noted| &mut noted.stack_traces));
        for (traces, failure) in other_traces.zip(others) {
            set_named(traces, failure);
        }
        self.threads.add_names(&names, dump, self.failure.stalled);
        Ok(())
    }
}

/// Replaces the traces of a failure by the same traces with names.
fn set_named(traces: &mut Vec<Trace>, failure: &Failure) {
    let mut named = failure.traces(&failure.stacks);
    for (named, unnamed) in named.iter_mut().zip(&*traces) {
        named.log_seq = unnamed.log_seq;
        named.span = unnamed.span;
    }
    *traces = named;
}

/// Looks up names in another thread, with a timeout.
///
/// # Errors
///
/// If the names were not found: a message for the user.
fn run<T: Send + 'static>(look_up: impl FnOnce() -> T + Send + 'static) -> Result<T, &'static str> {
    if Vec::<u8>::new().try_reserve_exact(MEMORY).is_err() {
        return Err("names are missing: less than 256 MiB of memory is left");
    }
    in_thread::run(TIMEOUT, look_up).map_err(|missing| match missing {
        RunError::NotStarted(_) => "names are missing: cannot start a thread to look them up",
        RunError::TimedOut => "names are missing: looking them up took longer than 5 s",
        RunError::Panicked => "names are missing: looking them up panicked",
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use tailwriter::SharedTail;

    use super::*;
    use crate::collect::{AppInfo, Source, Started, Window};
    use crate::gauges::Gauges;
    use crate::{DumpOutcome, Pipeline, Settings};

    const SCENARIO: &str = "FLIGHTREC_SYMBOLISER";
    const DIR: &str = "FLIGHTREC_DIR_OF_TEST";

    /// Runs in the child process: makes a dump with a symboliser that does not return.
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
        let mut pipeline = Pipeline::new(
            "test",
            Settings {
                dir: Some(dir.into()),
                ..Settings::default()
            },
        );
        pipeline.symboliser = Some(symboliser);
        let app = AppInfo {
            name: "test".to_owned(),
            version: None,
            revision: None,
            repository: None,
            metadata: Vec::new(),
            started: Started::now(),
        };
        let window = Window {
            lines: 10,
            warnings: 10,
            min_age: None,
            bytes: 1 << 20,
        };
        let tail = SharedTail::builder().build_shared();
        let source = Source::new(app, tail, window, Gauges::default());
        let outcome = pipeline.dump(&source, || Failure::manual("now".to_owned()));
        assert!(
            matches!(outcome, Ok(DumpOutcome::Written(_))),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_dump_is_written_even_if_the_symboliser_fails() {
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
                .args(["--exact", "symbolise::tests::program", "--nocapture"])
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
            let names_note = dump.notes.iter().find(|note| note.starts_with("names"));
            assert_eq!(names_note.map(String::as_str), note);
        }
    }
}
