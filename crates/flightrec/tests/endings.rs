//! Processes that end without calling `close`, and which of them count as crashed.
#![cfg(all(unix, feature = "crash-safe"))]

mod common;

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{assert_no_rings, dumps_of, quiet, rings, scenario, start, stderr};
use flightrec::Dump;
use log::debug;
use tempfile::tempdir;

/// The child process: records, prints "ready", and ends as the scenario says.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    // With `nohup`, SIGHUP is ignored, and in background jobs of a shell script, SIGINT is. The recorder
    // does not handle ignored signals.
    if scenario == "waits" {
        for signal in [libc::SIGHUP, libc::SIGINT] {
            // SAFETY: it sets no handler.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    let termination_is_failure = scenario == "next, with crash_on_termination";
    let recorder = quiet(&dir)
        .notice(scenario != "no lines")
        .crash_safe(true)
        .crash_on_termination(termination_is_failure)
        .install()
        .unwrap();
    debug!("a record");
    match &*scenario {
        "threads" => {
            let worker = std::thread::Builder::new().name("worker".to_owned());
            let worker = worker.spawn(|| debug!("of a worker")).unwrap();
            worker.join().unwrap();
        }
        "no lines" => {
            recorder.dump("asked").unwrap();
        }
        "chains" => chain(),
        "daemon" => daemonize(),
        _ => {}
    }
    println!("ready");
    match &*scenario {
        "exits" => std::process::exit(3),
        // SAFETY: ends the process immediately.
        "calls _exit" => unsafe { libc::_exit(0) },
        "prints into a closed pipe" => loop {
            println!("the reader has gone");
        },
        "drops" | "next" | "next, with crash_on_termination" => drop(recorder),
        _ => {
            let _ = std::io::stdin().read_line(&mut String::new());
            debug!("before the end");
        }
    }
    std::process::exit(0);
}

static EARLIER: AtomicUsize = AtomicUsize::new(0);

/// Installs a handler of SIGTERM that calls the earlier handler, as crates for signals do, and does not end
/// the process.
fn chain() {
    extern "C" fn handler(signal: libc::c_int) {
        let earlier = EARLIER.load(Ordering::SeqCst);
        assert_ne!(earlier, libc::SIG_DFL);
        // SAFETY: the handler that `signal` returned; it takes the number of the signal.
        unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(earlier)(signal) };
    }
    // SAFETY: the handler is async-signal-safe.
    let earlier = unsafe { libc::signal(libc::SIGTERM, handler as *const () as usize) };
    EARLIER.store(earlier, Ordering::SeqCst);
}

/// Continues in a child process, while the parent exits.
fn daemonize() {
    // SAFETY: the test harness runs this test in a thread, and the child only uses that one.
    match unsafe { libc::fork() } {
        0 => debug!("in the child"),
        child => {
            assert!(child > 0);
            std::process::exit(0);
        }
    }
}

fn send(child: u32, signal: libc::c_int) {
    // SAFETY: a system call.
    assert_eq!(unsafe { libc::kill(child as libc::pid_t, signal) }, 0);
}

fn end(mut child: Child, signal: libc::c_int) -> ExitStatus {
    // If its input were closed, the child would exit.
    let _stdin = child.stdin.take();
    send(child.id(), signal);
    child.wait().unwrap()
}

/// Starts the program again. Returns the dumps that then exist, and stderr.
fn next(scenario: &str, dir: &Path) -> (Vec<Dump>, String) {
    let next = start(scenario, dir).wait_with_output().unwrap();
    assert!(next.status.success());
    assert_no_rings(dir);
    (dumps_of(dir), stderr(&next))
}

#[test]
fn an_exit_closes_the_recorder() {
    for (scenario, code) in [("exits", 3), ("drops", 0)] {
        let dir = tempdir().unwrap();
        let status = start(scenario, dir.path()).wait().unwrap();
        assert_eq!(status.code(), Some(code));
        assert_no_rings(dir.path());
        assert_eq!(next("next", dir.path()), (Vec::new(), String::new()));
    }
}

#[test]
fn a_closed_pipe_makes_no_dump() {
    let dir = tempdir().unwrap();
    let output = start("prints into a closed pipe", dir.path());
    let output = output.wait_with_output().unwrap();
    assert!(
        stderr(&output).contains("failed printing to stdout"),
        "{output:?}"
    );
    assert!(!stderr(&output).contains("crash report"), "{output:?}");
    assert_eq!(next("next", dir.path()), (Vec::new(), String::new()));
}

#[test]
fn a_request_to_end_is_not_a_crash_and_ends_the_process_as_usual() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let dir = tempdir().unwrap();
        let status = end(start("waits", dir.path()), signal);
        assert_eq!(status.signal(), Some(signal));
        assert_eq!(next("next", dir.path()), (Vec::new(), String::new()));
    }
}

#[test]
fn a_request_to_end_is_a_crash_with_crash_on_termination() {
    let dir = tempdir().unwrap();
    end(start("waits", dir.path()), libc::SIGTERM);
    let (dumps, said) = next("next, with crash_on_termination", dir.path());
    let [dump] = &dumps[..] else {
        panic!("{dumps:?}");
    };
    let crash = dump.crash.as_ref().unwrap();
    assert_eq!(
        (crash.signal, crash.signal_name.as_deref()),
        (Some(libc::SIGTERM), Some("SIGTERM"))
    );
    assert!(said.contains("SIGTERM asked it to end"), "{said}");
}

#[test]
fn a_kill_is_a_crash_of_unknown_cause() {
    for scenario in ["waits", "calls _exit"] {
        let dir = tempdir().unwrap();
        let mut child = start(scenario, dir.path());
        if scenario == "waits" {
            end(child, libc::SIGKILL);
        } else {
            child.wait().unwrap();
        }
        let (dumps, said) = next("next", dir.path());
        assert_eq!(dumps.len(), 1);
        assert!(said.contains("cause unknown, perhaps SIGKILL"), "{said}");
    }
}

#[test]
fn the_dump_of_a_kill_has_the_thread_of_each_record_but_no_failed_thread() {
    let dir = tempdir().unwrap();
    end(start("threads", dir.path()), libc::SIGKILL);
    let (dumps, _) = next("next", dir.path());
    let [dump] = &dumps[..] else {
        panic!("{dumps:?}");
    };
    let threads: Vec<_> = dump.latest_logs.iter().map(|log| &*log.thread).collect();
    assert_eq!(threads, ["program", "worker"]);
    assert_eq!(dump.process.thread, "", "it is not known");
    let last = dump.crash.as_ref().unwrap().last_record_at;
    assert_eq!(last, Some(dump.latest_logs[1].time));
    assert!(dump.process.uptime > 0.0);
}

#[test]
fn with_notice_false_no_line_is_printed() {
    let dir = tempdir().unwrap();
    let mut child = start("no lines", dir.path());
    drop(child.stdin.take());
    assert_eq!(stderr(&child.wait_with_output().unwrap()), "");
    assert_eq!(dumps_of(dir.path()).len(), 1);
}

#[test]
fn a_later_handler_that_calls_the_recorder_s_decides_whether_the_process_ends() {
    let dir = tempdir().unwrap();
    let mut child = start("chains", dir.path());
    send(child.id(), libc::SIGTERM);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // The signal did not end it, so a kill afterwards is a crash.
    let child = start("chains", dir.path());
    send(child.id(), libc::SIGTERM);
    end(child, libc::SIGKILL);
    assert_eq!(next("next", dir.path()).0.len(), 1);
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let dir = tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "program", "--nocapture"])
        .env("SCENARIO", "ignores")
        .env("DUMPS", dir.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        })
    };
    let mut child = common::wait_until_ready(command.spawn().unwrap());
    send(child.id(), libc::SIGHUP);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_no_rings(dir.path());
}

/// Returns the process id of the ring in `dir`.
fn owner(dir: &Path) -> u32 {
    let rings = rings(dir);
    let name = rings[0].file_stem().unwrap().to_string_lossy();
    name.split('-').next().unwrap().parse().unwrap()
}

#[test]
fn a_daemon_has_its_own_ring_and_its_parent_is_not_a_crash() {
    for signal in [libc::SIGTERM, libc::SIGKILL] {
        let dir = tempdir().unwrap();
        let mut parent = start("daemon", dir.path());
        // The daemon reads from it.
        let stdin = parent.stdin.take();
        assert_eq!(parent.wait().unwrap().code(), Some(0));
        assert_eq!(rings(dir.path()).len(), 1, "the child's ring");
        let daemon = owner(dir.path());
        assert_ne!(daemon, parent.id());
        send(daemon, signal);
        wait_for_end(&mut parent);
        drop(stdin);
        let (dumps, said) = next("next", dir.path());
        if signal == libc::SIGTERM {
            assert_eq!((dumps, said), (Vec::new(), String::new()));
        } else {
            let [dump] = &dumps[..] else {
                panic!("{dumps:?}");
            };
            assert_eq!(dump.process.pid, daemon);
            let messages: Vec<_> = dump.latest_logs.iter().map(|log| &*log.msg).collect();
            assert_eq!(messages, ["in the child"]);
        }
    }
}

/// Waits until the daemon has ended, by reading the stderr that it shares with its parent.
fn wait_for_end(parent: &mut Child) {
    let stderr = parent.stderr.as_mut().unwrap();
    std::io::copy(stderr, &mut std::io::sink()).unwrap();
}
