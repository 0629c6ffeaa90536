//! Dumps with the records that follow their trigger.

mod common;

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{child, dumps, log, quiet, scenario};
use flightrec::logtee::predicate::message_contains;
use flightrec::{Builder, Dump, Kind, Rule, stackerr};
use log::Level;
use tempfile::tempdir;

/// So long that a test that waits for it would not finish.
const LONG: Duration = Duration::from_secs(3_600);

/// Returns a builder, and a receiver of each complete dump.
fn observed(dir: &Path, wait: Duration) -> (Builder, Receiver<Dump>) {
    let (done, complete) = channel();
    let builder = quiet(dir).look_ahead(wait);
    let builder = builder.on_dump(move |dump, _| drop(done.send(dump.clone())));
    (builder, complete)
}

fn messages(dump: &Dump) -> Vec<&str> {
    dump.latest_logs.iter().map(|record| &*record.msg).collect()
}

#[test]
fn records_after_the_trigger_are_in_the_dump_and_evict_none_before_it() {
    let dir = tempdir().unwrap();
    let (builder, complete) = observed(dir.path(), LONG);
    let rule = Rule::matches(message_contains("trigger"));
    let (recorder, tee) = builder.keep_lines(5).dump_when(rule).build();
    for number in 0..3 {
        log(&tee, Level::Debug, &format!("before {number}"));
    }
    log(&tee, Level::Debug, "trigger");
    let first = dumps(dir.path())
        .pop()
        .expect("it is written immediately")
        .1;
    assert_eq!(
        messages(&first),
        ["before 0", "before 1", "before 2", "trigger"]
    );
    for number in 0..4 {
        log(&tee, Level::Debug, &format!("after {number}"));
    }
    recorder.close();
    let dump = complete.recv().unwrap();
    let expected = [
        "before 0", "before 1", "before 2", "trigger", "after 0", "after 1", "after 2", "after 3",
    ];
    assert_eq!(messages(&dump), expected);
    let seqs: Vec<_> = dump.latest_logs.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (0..8).collect::<Vec<_>>());
    assert_eq!(dump.created_at, first.created_at);
    let [(_, written)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert_eq!(*written, dump);
}

#[test]
fn triggers_within_the_time_make_one_dump_that_lists_them() {
    let dir = tempdir().unwrap();
    let (builder, complete) = observed(dir.path(), LONG);
    let rule = Rule::matches(message_contains("slow")).named("slow things");
    let (recorder, tee) = builder.dump_on(Level::Error).dump_when(rule).build();
    log(&tee, Level::Error, "the first");
    log(&tee, Level::Debug, "slow");
    let error = stackerr::err!("password=hunter2 was refused");
    let outcome = recorder.dump_error(&error).unwrap();
    let path = dumps(dir.path()).pop().unwrap().0;
    assert_eq!(outcome.path(), Some(&*path));
    assert!(complete.try_recv().is_err(), "it waits");
    recorder.close();
    let dump = complete.recv().unwrap();
    assert_eq!(dumps(dir.path()).len(), 1);
    assert_eq!(dump.reason.message, "the first");
    let also: Vec<_> = dump
        .also
        .iter()
        .map(|also| (also.kind.clone(), &*also.message))
        .collect();
    assert_eq!(
        also,
        [
            (Kind::Rule, "rule slow things"),
            (Kind::Error, "password=[redacted] was refused"),
        ]
    );
    let error = &dump.also[1];
    assert_eq!(error.error.as_ref().unwrap().message, error.message);
    let frames = &error.stack_traces[0].frames;
    let is_this = |frame: &flightrec::Frame| frame.name.contains("triggers_within_the_time");
    assert!(frames.iter().any(is_this), "{frames:?}");
    // The next trigger makes a new dump.
    log(&tee, Level::Debug, "slow");
    assert_eq!(dumps(dir.path()).len(), 2);
    recorder.close();
}

#[test]
fn a_writer_gets_one_line_at_the_end_of_the_time() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("stream");
    let (builder, complete) = observed(dir.path(), LONG);
    let writer = std::fs::File::create(&path).unwrap();
    let (recorder, tee) = builder.dump_on(Level::Error).dump_to(writer).build();
    log(&tee, Level::Error, "trigger");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    log(&tee, Level::Debug, "after");
    recorder.close();
    let dump = Dump::from_json(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(dump, complete.recv().unwrap());
    assert_eq!(messages(&dump), ["trigger", "after"]);
}

#[test]
fn a_trigger_in_a_callback_makes_no_dump() {
    let dir = tempdir().unwrap();
    let (done, complete) = channel();
    let (tell, handle) = channel::<flightrec::FlightRecorder>();
    let handle = std::sync::Mutex::new(handle);
    let builder = quiet(dir.path()).look_ahead(Duration::from_millis(10));
    let (recorder, tee) = builder
        .dump_on(Level::Error)
        .on_dump(move |_, _| {
            let recorder = handle.lock().unwrap().recv().unwrap();
            recorder.close();
            let outcome = recorder.dump("from the callback");
            let _ = done.send(outcome.unwrap());
        })
        .build();
    log(&tee, Level::Error, "trigger");
    tell.send(recorder.clone()).unwrap();
    assert_eq!(complete.recv().unwrap(), flightrec::DumpOutcome::Suppressed);
    assert_eq!(dumps(dir.path()).len(), 1);
}

/// The child process of the tests below.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let builder = quiet(&dir).look_ahead(LONG).dump_on(Level::Error);
    let recorder = builder.install().unwrap();
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    log::debug!("before");
    assert_eq!(threads(), before, "no thread runs until a dump waits");
    match scenario.as_str() {
        "fails" => {
            log::error!("trigger");
            let code = recorder.run(|| Err::<(), _>(stackerr::err!("it ends the program")));
            assert_eq!(code, ExitCode::FAILURE);
        }
        #[cfg(unix)]
        "forks" => {
            log::error!("trigger");
            // SAFETY: the child only logs and exits.
            let child = unsafe { libc::fork() };
            if child == 0 {
                log::debug!("of the child");
                std::process::exit(0);
            }
            let mut status = 0;
            // SAFETY: `status` is live.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
        }
        _ => log::error!("trigger"),
    }
    log::debug!("after");
    match scenario.as_str() {
        "is killed" => std::process::abort(),
        _ => std::process::exit(0),
    }
}

#[test]
fn an_exit_completes_the_dump() {
    let dir = tempdir().unwrap();
    let output = child("program", "exits", dir.path());
    assert!(output.status.success(), "{output:?}");
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert_eq!(messages(dump), ["before", "trigger", "after"]);
}

#[test]
fn if_a_process_dies_while_the_dump_waits_the_first_file_remains() {
    let dir = tempdir().unwrap();
    let output = child("program", "is killed", dir.path());
    assert!(!output.status.success(), "{output:?}");
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert_eq!(messages(dump), ["before", "trigger"]);
    assert!(
        dump.stack_traces[0]
            .frames
            .iter()
            .any(flightrec::Frame::is_named)
    );
}

#[test]
fn an_error_that_ends_the_program_makes_a_separate_dump() {
    let dir = tempdir().unwrap();
    let output = child("program", "fails", dir.path());
    assert!(output.status.success(), "{output:?}");
    let dumps = dumps(dir.path());
    let kinds: Vec<_> = dumps
        .iter()
        .map(|(_, dump)| dump.reason.kind.clone())
        .collect();
    assert_eq!(kinds, [Kind::Level, Kind::Error]);
    assert!(dumps[0].1.also.is_empty());
    assert_eq!(dumps[1].1.related_dumps.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_forked_child_does_not_complete_the_dump_of_its_parent() {
    let dir = tempdir().unwrap();
    let output = child("program", "forks", dir.path());
    assert!(output.status.success(), "{output:?}");
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert_eq!(messages(dump), ["before", "trigger", "after"]);
}
