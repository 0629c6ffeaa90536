//! Each system call that can fail on the path to a dump fails, once or from then on.

use std::path::Path;
use std::process::ExitCode;

use flightrec::Dump;
use flightrec::stackerr::err;

use super::host::{self, Host, mark};
use super::kills::{self, files};
use super::row::{self, Row};
use super::strace::{self, Call};
use super::watch::{self, Ended};

/// The errors that are injected into each call.
const ERRORS: [&str; 6] = ["ENOSPC", "EIO", "EROFS", "EACCES", "EMFILE", "EINTR"];

pub(crate) fn host(scenario: &str) -> ExitCode {
    match scenario {
        "error" => {
            let host = Host::start(|builder| builder);
            host::print("before");
            let error = err!("it broke");
            mark("begin");
            host.dump_error(&*error);
            mark("end");
            host::print("after");
            ExitCode::from(3)
        }
        "panic" => {
            Host::start(|builder| builder);
            host::print("before");
            mark("begin");
            panic!("it panicked");
        }
        "crash-safe" => {
            mark("begin");
            let host = Host::start(|builder| builder.crash_safe(true));
            log::debug!("recorded");
            host.close();
            mark("end");
            host::print("after");
            ExitCode::from(3)
        }
        other => panic!("no scenario {other}"),
    }
}

pub(crate) fn of_an_error(row: &mut Row) {
    fail_each_call(
        row,
        "calls:error",
        tempfile::tempdir().expect("a directory").path(),
    );
}

pub(crate) fn of_a_panic(row: &mut Row) {
    fail_each_call(
        row,
        "calls:panic",
        tempfile::tempdir().expect("a directory").path(),
    );
}

pub(crate) fn of_a_ring(row: &mut Row) {
    if !strace::is_there(row) {
        return;
    }
    let before = tempfile::tempdir().expect("a directory");
    let died = watch::run(&mut watch::host("kills:dies", before.path(), true));
    assert!(died.is_some());
    fail_each_call(row, "calls:crash-safe", before.path());
}

fn fail_each_call(row: &mut Row, scenario: &str, before: &Path) {
    if !strace::is_there(row) {
        return;
    }
    let without = watch::run(&mut watch::host(scenario, before, false)).expect("no hang");
    let traced = kills::copy(before);
    let calls = strace::calls(scenario, traced.path());
    let calls: Vec<_> = calls.into_iter().filter(can_fail).collect();
    for call in strace::choose(calls, row::tries(1, 6)) {
        for (number, error) in ERRORS.iter().enumerate() {
            for from_then_on in [false, true] {
                // A call is not interrupted forever, and starting a thread is not interrupted.
                if *error == "EINTR" && (from_then_on || call.name == "clone3") {
                    continue;
                }
                // The short campaign injects two of the errors into each call, and EINTR into each call
                // that changes files, which must be repeated.
                let number = number as u64 + u64::from(from_then_on);
                let is_due =
                    number % 6 == call.number % 6 || *error == "EINTR" && call.changes_files();
                if !row::is_long() && !is_due {
                    continue;
                }
                let what = format!("error={error}");
                fail(row, &call, from_then_on, &what, scenario, before, &without);
            }
        }
        if call.name == "write" {
            // Writes nothing, or only the first part of a file.
            fail(row, &call, true, "retval=0", scenario, before, &without);
        }
    }
}

/// Whether errors are injected into a call. Some calls do not fail with these errors, and for some,
/// Rust's standard library aborts the program.
fn can_fail(call: &Call) -> bool {
    const CANNOT: [&str; 15] = [
        "getrandom",
        "prlimit64",
        "brk",
        "mmap",
        "munmap",
        "mremap",
        "madvise",
        "close",
        "futex",
        "exit_group",
        "getpid",
        "sched_getaffinity",
        "rt_sigprocmask",
        "mprotect",
        "sigaltstack",
    ];
    !CANNOT.contains(&&*call.name)
}

fn fail(
    row: &mut Row,
    call: &Call,
    from_then_on: bool,
    what: &str,
    scenario: &str,
    before: &Path,
    without: &Ended,
) {
    let dir = kills::copy(before);
    let once = if from_then_on { "from then on" } else { "once" };
    let at = format!("{what} {once} at {} (call {})", call.shown, call.number);
    row.tries += 1;
    let mut failing = strace::inject(call, from_then_on, what, scenario, dir.path());
    let Some(ended) = watch::run(&mut failing) else {
        row.hung(at);
        return;
    };
    // If each write fails from then on, the program cannot write its own output, either.
    let cannot_write = call.name == "write" && (from_then_on || call.shown.starts_with("write(2"));
    if cannot_write && ended.status != without.status {
        row.harmed(format!("{:?}: {at}", ended.status));
    } else if !cannot_write && let Some(differs) = ended.differs_from(without) {
        row.harmed(format!("{differs}: {at}"));
    }
    // One line that there is no dump, and with `crash_safe` another that there is no ring.
    if ended.recorder_lines().len() > 1 + usize::from(scenario == "calls:crash-safe") {
        row.harmed(format!("{} lines: {at}", ended.recorder_lines().len()));
    }
    let (mut dumps, mut others) = (0, 0);
    for (name, content) in files(dir.path()) {
        if name.ends_with(".json") {
            dumps += 1;
            match Dump::from_json(&content) {
                Ok(dump) if dump.schema == flightrec::SCHEMA => {}
                _ => row.torn(format!("{name}: {at}")),
            }
        } else {
            others += 1;
        }
    }
    if others > 0 {
        // The next start removes the other files, or makes dumps of them.
        let names: Vec<_> = files(dir.path()).into_keys().collect();
        let start = watch::run(&mut watch::host("kills:start", dir.path(), true));
        let left: Vec<_> = files(dir.path()).into_keys().collect();
        if start.is_none() || left.iter().any(|name| !name.ends_with(".json")) {
            row.torn(format!("{names:?} are left: {at}"));
        }
        dumps = left.len();
    }
    if dumps == 0 {
        row.reported += 1;
        if ended.recorder_lines().is_empty() && !cannot_write {
            row.lost(format!(
                "there is neither a dump nor a line on stderr: {at}"
            ));
        }
        if what == "error=EINTR" {
            row.lost(format!("the call was not repeated: {at}"));
        }
    }
}
