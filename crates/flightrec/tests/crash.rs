//! Processes that die without making a dump, and the dump that the next process makes.
#![cfg(all(unix, feature = "crash-safe"))]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

use common::{assert_no_rings, dumps, dumps_of, quiet, rings, scenario, start, stderr};
use flightrec::stackerr::Error;
use log::{Level, debug, warn};
use tempfile::tempdir;

const CANARY: &str = "c4nary-9f27e1b0";

/// A writer for the recorder's own lines that logs.
struct LoggingWriter;

impl std::io::Write for LoggingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        debug!("{} bytes were written", bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The child process: records, prints "ready", and ends as the scenario says.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let builder = quiet(&dir).version("1.0").metadata("room", "7");
    let builder = if scenario.starts_with("strict") {
        builder.crash_safety(flightrec::CrashSafety::Strict)
    } else {
        builder.crash_safe(true)
    };
    if scenario == "second logger" {
        struct Other;
        impl log::Log for Other {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                false
            }
            fn log(&self, _: &log::Record<'_>) {}
            fn flush(&self) {}
        }
        log::set_logger(&Other).unwrap();
        let error = builder.install().unwrap_err();
        println!("{error}: ready");
        std::process::exit(0);
    }
    let builder = if scenario == "fork without a directory" {
        builder.notice_to(LoggingWriter)
    } else {
        builder
    };
    let recorder = builder.install().unwrap();
    warn!(password = CANARY, harmless = 3; "a warning");
    for number in 0..5_000 {
        debug!("record {number}");
        if number == 4_500 {
            debug!("the password={CANARY} is in a text");
        }
    }
    println!("ready");
    match scenario.trim_start_matches("strict ") {
        "wait" => {
            let _ = std::io::stdin().read_line(&mut String::new());
        }
        "abort" => std::process::abort(),
        "null" => reads_null(),
        "null among threads" => {
            // The writer stays open, so that the thread waits.
            let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
            std::mem::forget(writer);
            let reads = std::thread::Builder::new().name("reader".to_owned());
            reads.spawn(move || reads_from(reader)).unwrap();
            let is_reading = || {
                let threads = stackwalk::threads::capture().unwrap();
                let mut calls = threads.iter().map(|thread| thread.system_call_name());
                calls.any(|call| call == Some("recvfrom"))
            };
            while cfg!(target_os = "linux") && !is_reading() {}
            reads_null();
        }
        "well" => {
            recorder.run(|| Ok::<_, Error>(()));
        }
        "fails" => {
            recorder.run(|| Err::<(), _>("it failed"));
        }
        "panics" => {
            recorder.run(|| {
                if true {
                    panic!("it panicked")
                } else {
                    Ok::<_, Error>(())
                }
            });
        }
        "closes" => recorder.close(),
        "fork without a directory" => {
            fs::rename(&dir, dir.with_extension("away")).unwrap();
            fs::write(&dir, "").unwrap();
            // SAFETY: the child only logs, which must work in a forked child, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: a system call, which kills a child that hangs.
                unsafe { libc::alarm(20) };
                debug!("in the child");
                let logs = recorder.snapshot().latest_logs;
                let is_kept = logs.iter().any(|log| log.msg == "in the child");
                // SAFETY: ends the process without running the parent's destructors.
                unsafe { libc::_exit(if is_kept { 42 } else { 1 }) };
            }
            let mut status = 0;
            // SAFETY: `status` is valid for writes.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            println!("the child ended with {}", libc::WEXITSTATUS(status));
        }
        other => panic!("no scenario {other}"),
    }
    std::process::exit(0);
}

#[test]
fn the_next_process_makes_a_dump_of_a_killed_process() {
    let dir = tempdir().unwrap();
    let mut child = start("wait", dir.path());
    let pid = child.id();
    assert!(
        rings(dir.path())
            .iter()
            .all(|ring| { fs::metadata(ring).unwrap().permissions().mode() & 0o777 == 0o600 })
    );
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));

    let next = start("well", dir.path()).wait_with_output().unwrap();
    let said = stderr(&next);
    assert_eq!(said.matches("flightrec: ").count(), 1, "{said}");
    assert!(
        said.contains(&format!("process {pid} ended without closing the recorder")),
        "{said}"
    );
    assert_no_rings(dir.path());
    let [(path, dump)] = <[_; 1]>::try_from(dumps(dir.path())).expect("one dump");
    assert!(said.contains(&*path.to_string_lossy()), "{said}");
    assert_eq!(
        (dump.reason.kind.as_str(), dump.process.pid),
        ("crash", pid)
    );
    assert_eq!(
        (
            dump.version.as_deref(),
            dump.metadata.get("room").map(String::as_str)
        ),
        (Some("1.0"), Some("7"))
    );
    let crash = dump.crash.as_ref().unwrap();
    assert_eq!(
        (crash.damaged_records, crash.rebooted),
        (0, cfg!(target_os = "linux").then_some(false))
    );
    assert!(dump.stack_traces.is_empty() && dump.error.is_none());

    let messages: Vec<_> = dump
        .latest_logs
        .iter()
        .map(|log| log.msg.as_str())
        .collect();
    assert_eq!(messages[0], "a warning");
    let mut last: Vec<_> = (4_001..5_000)
        .map(|number| format!("record {number}"))
        .collect();
    last.insert(500, "the password=[redacted] is in a text".to_owned());
    assert_eq!(messages[1..], last);
    let first = &dump.latest_logs[0];
    assert_eq!(
        (first.target.as_str(), first.level.as_str()),
        ("crash", "WARN")
    );
    assert!(first.file.as_ref().unwrap().ends_with("crash.rs"));
    assert!(crash.last_record_at.as_ref().unwrap() >= &first.time);
    assert!(!fs::read_to_string(path).unwrap().contains(CANARY));
}

#[test]
fn secrets_are_masked_in_the_file() {
    // The values of secret keys are always masked, texts only in strict mode.
    for (scenario, texts) in [("wait", 1), ("strict wait", 0)] {
        let dir = tempdir().unwrap();
        let mut child = start(scenario, dir.path());
        let mut found = 0;
        for path in rings(dir.path()) {
            let bytes = fs::read(path).unwrap();
            found += bytes
                .windows(CANARY.len())
                .filter(|window| *window == CANARY.as_bytes())
                .count();
        }
        assert_eq!(found, texts, "{scenario}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn the_ring_of_a_running_process_is_not_an_orphan() {
    let dir = tempdir().unwrap();
    let mut running = start("wait", dir.path());
    let output = start("abort", dir.path()).wait_with_output().unwrap();
    assert!(output.status.signal().is_some());
    start("well", dir.path()).wait().unwrap();
    let made = dumps_of(dir.path());
    assert_eq!(made.len(), 1, "only the aborted process has a dump");
    assert_eq!(rings(dir.path()).len(), 1, "the ring of the running one");
    drop(running.stdin.take());
    running.wait().unwrap();
}

#[test]
fn a_process_that_ends_normally_leaves_no_ring() {
    for (scenario, kinds) in [
        ("well", &[][..]),
        ("closes", &[]),
        ("fails", &["error"]),
        ("panics", &["panic"]),
    ] {
        let dir = tempdir().unwrap();
        start(scenario, dir.path()).wait().unwrap();
        assert_no_rings(dir.path());
        let made: Vec<_> = dumps(dir.path())
            .into_iter()
            .map(|(_, dump)| dump.reason.kind)
            .collect();
        assert_eq!(made, kinds, "{scenario}");
    }
}

/// The notice about it goes to a writer that logs.
#[test]
fn a_forked_child_that_cannot_create_a_ring_keeps_its_records_in_memory() {
    let parent = tempdir().unwrap();
    let output = common::child(
        "program",
        "fork without a directory",
        &parent.path().join("dumps"),
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("the child ended with 42"), "{output:?}");
}

/// The program has a logger already, and continues without the recorder.
#[test]
fn a_failed_install_leaves_no_ring() {
    let dir = tempdir().unwrap();
    let output = start("second logger", dir.path())
        .wait_with_output()
        .unwrap();
    assert!(output.status.success());
    assert_no_rings(dir.path());
    let next = start("well", dir.path()).wait_with_output().unwrap();
    assert_eq!((stderr(&next).as_str(), dumps(dir.path()).len()), ("", 0));
}

#[test]
fn a_program_that_dies_at_each_start_does_not_fill_the_disk() {
    let dir = tempdir().unwrap();
    for _ in 0..15 {
        start("abort", dir.path()).wait().unwrap();
        assert_eq!(rings(dir.path()).len(), 1, "only that of the last process");
    }
    assert_eq!(dumps_of(dir.path()).len(), 10);
}

#[test]
fn a_file_that_is_not_a_ring_is_kept_and_reported_once() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("1-1.ring"), "not a ring").unwrap();
    fs::write(dir.path().join("2-2.ring"), vec![0xA5; 100_000]).unwrap();
    let next = start("well", dir.path()).wait_with_output().unwrap();
    assert_eq!(
        stderr(&next).matches("flightrec: cannot recover").count(),
        2,
        "{}",
        stderr(&next)
    );
    let kept = ["1-1.ring-unreadable", "2-2.ring-unreadable"];
    let mut left = rings(dir.path());
    left.sort();
    assert_eq!(left, kept.map(|name| dir.path().join(name)));
    let again = start("well", dir.path()).wait_with_output().unwrap();
    assert_eq!(stderr(&again), "");
}

#[test]
fn a_ring_of_another_version_is_kept_and_reported_with_its_version() {
    let dir = tempdir().unwrap();
    start("abort", dir.path()).wait().unwrap();
    let ring = rings(dir.path())
        .into_iter()
        .find(|path| path.extension().unwrap() == "ring")
        .unwrap();
    let mut bytes = fs::read(&ring).unwrap();
    bytes[8..16].copy_from_slice(&99_u64.to_ne_bytes());
    fs::write(&ring, &bytes).unwrap();
    let next = start("well", dir.path()).wait_with_output().unwrap();
    let kept = ring.with_extension("ring-unreadable");
    let said = stderr(&next);
    assert!(
        said.contains("its format is version 99; this program reads version "),
        "{said}"
    );
    assert!(
        said.contains(&format!("it is kept as {}", kept.display())),
        "{said}"
    );
    assert_eq!(fs::read(&kept).unwrap(), bytes);
    let (reader, _tee) = flightrec::builder("reader")
        .dump_to(std::io::sink())
        .build();
    let error = reader.recover(&kept).unwrap_err().to_string();
    assert!(error.contains("its format is version 99"), "{error}");
}

#[test]
fn a_ring_that_cannot_be_created_is_reported() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let next = start("well", &file.path().join("below"))
        .wait_with_output()
        .unwrap();
    assert!(next.status.success());
    assert!(
        stderr(&next).contains("flightrec: records will not outlive a crash: "),
        "{}",
        stderr(&next)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_message_has_the_path_of_the_ring_that_the_user_knows() {
    let dir = tempdir().unwrap();
    // The directory can be opened, but no file in it. Descriptors that this test inherited are closed.
    let script = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n 4; \
                  exec \"$0\" --exact program --nocapture";
    let next = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("SCENARIO", "well")
        .env("DUMPS", dir.path())
        .output()
        .unwrap();
    let said = stderr(&next);
    let expected = format!("cannot make the ring file {}/", dir.path().display());
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn recover_reads_the_ring_of_a_running_process() {
    let dir = tempdir().unwrap();
    let mut child = start("wait", dir.path());
    let ring = rings(dir.path())
        .into_iter()
        .find(|path| path.extension().unwrap() == "ring")
        .unwrap();
    let (reader, _tee) = flightrec::builder("reader")
        .dump_to(std::io::sink())
        .build();
    let dump = reader.recover(&ring).unwrap();
    assert_eq!((dump.app.as_str(), dump.process.pid), ("test", child.id()));
    assert_eq!(dump.latest_logs.last().unwrap().msg, "record 4999");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reader.recover(dir.path().join("none")).is_err());
    common::log(&_tee, Level::Info, "the reader still works");
    assert_eq!(reader.snapshot().latest_logs.len(), 1);
}

#[inline(never)]
fn reads_from(mut stream: std::os::unix::net::UnixStream) {
    let read = std::io::Read::read(&mut stream, &mut [0; 8]);
    std::hint::black_box(read).unwrap();
}

/// Reads through a null pointer.
#[inline(never)]
fn reads_null() {
    let null = std::hint::black_box(std::ptr::null::<u8>());
    // SAFETY: not safe. The process ends here.
    std::hint::black_box(unsafe { std::ptr::read_volatile(null.wrapping_add(8)) });
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn the_dump_of_a_segmentation_fault_has_the_stack_of_its_thread() {
    let dir = tempdir().unwrap();
    let died = start("null", dir.path()).wait_with_output().unwrap();
    // With debug assertions, std detects the null pointer and aborts.
    let signal = died.status.signal().unwrap();
    start("well", dir.path()).wait_with_output().unwrap();
    assert_no_rings(dir.path());
    let [(_, dump)] = <[_; 1]>::try_from(dumps(dir.path())).expect("one dump");
    assert_eq!(dump.reason.kind.as_str(), "crash");
    let crash = dump.crash.as_ref().unwrap();
    assert_eq!(crash.signal, Some(signal));
    if signal == libc::SIGSEGV {
        assert_eq!(crash.signal_name.as_deref(), Some("SIGSEGV"));
        assert_eq!(crash.fault_address.as_deref(), Some("0x8"));
        assert!(
            dump.reason.message.contains("null pointer?"),
            "{}",
            dump.reason.message
        );
    }
    assert_eq!(crash.stack_ended.as_deref(), Some("the outermost function"));
    assert_eq!(dump.process.thread, "program");
    let [trace] = &dump.stack_traces[..] else {
        panic!("{:?}", dump.stack_traces);
    };
    assert_eq!(trace.origin.as_str(), "crash");
    let names: Vec<_> = trace
        .frames
        .iter()
        .map(|frame| frame.name.as_str())
        .collect();
    let at = |name: &str| names.iter().position(|its| its.contains(name));
    assert!(
        at("reads_null").is_some() && at("reads_null") < at("crash::program"),
        "{names:?}"
    );
    assert!(dump.threads[0].crashed && dump.threads[0].frames == trace.frames);
    assert!(dump.modules[0].build_id.is_some());
    assert_eq!(dump.latest_logs.last().unwrap().msg, "record 4999");
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn the_dump_of_a_crash_has_the_stacks_of_the_other_threads() {
    let dir = tempdir().unwrap();
    start("null among threads", dir.path()).wait().unwrap();
    start("well", dir.path()).wait().unwrap();
    let [(_, dump)] = <[_; 1]>::try_from(dumps(dir.path())).expect("one dump");
    assert!(dump.threads[0].crashed);
    let named = |name: &str| {
        let found = dump
            .threads
            .iter()
            .find(|its| its.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", dump.threads))
    };
    let reader = named("reader");
    assert_eq!(reader.state.as_deref(), Some("sleeping in recvfrom"));
    assert_eq!(
        (reader.crashed, reader.stack_ended.as_deref()),
        (false, None)
    );
    let names: Vec<_> = reader.frames.iter().map(|frame| &*frame.name).collect();
    assert!(
        names.iter().any(|name| name.contains("reads_from")),
        "{names:?}"
    );
    // The thread of the test harness that waits for the test.
    assert_eq!(named("main").id, u64::from(dump.process.pid));
}
