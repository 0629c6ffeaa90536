//! Children are forked while threads use the recorder.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::host::{self, Host};
use super::kills::files;
use super::row::{self, Row};
use super::watch;
use crate::common::dumps;

const CHILDREN: &str = "FLIGHTREC_HOST_CHILDREN";
/// A child that runs longer hangs. In seconds.
const TIMEOUT: u32 = 30;

/// Uses all functions of the recorder in a forked child.
fn child(host: &Host, number: u64) {
    for record in 0..100 {
        log::debug!("child {number} {record}");
    }
    log::info!("from a child");
    host.dump_error(&std::io::Error::other(format!("child {number} fails")));
    if number.is_multiple_of(4) {
        let _ = catch_unwind(|| panic!("a child panics"));
    }
    if let Some(flight) = &host.flight {
        let snapshot = flight.snapshot();
        assert!(
            snapshot
                .latest_logs
                .iter()
                .all(|log| !log.msg.starts_with("parent"))
        );
        flight.close();
    }
}

pub(crate) fn host(scenario: &str) -> ExitCode {
    let children = std::env::var(CHILDREN).unwrap_or_default();
    let children: u64 = children.parse().unwrap_or(0);
    let host = Host::start(|builder| {
        builder
            .version("2")
            .crash_safe(true)
            .keep_dumps(100_000)
            .keep_dump_bytes(u64::MAX)
    });
    if scenario == "next" {
        host.close();
        return ExitCode::SUCCESS;
    }
    // Names are looked up once, before the children are forked.
    let _ = catch_unwind(|| panic!("the parent panics"));
    let stop = AtomicBool::new(false);
    let mut hung = 0;
    let mut failed = 0;
    thread::scope(|scope| {
        for thread in 0..3 {
            let stop = &stop;
            let host = &host;
            scope.spawn(move || {
                for number in 0_u64.. {
                    log::debug!("parent {thread} {number}");
                    if number % 64 == 0 {
                        log::warn!("parent warns {thread} {number}");
                    }
                    if number % 512 == 0 {
                        host.dump_error(&std::io::Error::other("the parent fails"));
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for number in 0..children {
            match fork(&host, number) {
                Some(0) => {}
                Some(_) => failed += 1,
                None => hung += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    host::print(&format!("{hung} hung, {failed} failed"));
    log::debug!("the last record");
    host::die()
}

/// Returns the exit code of the child; `None` if it hung.
fn fork(host: &Host, number: u64) -> Option<i32> {
    // SAFETY: this test checks that the child works; the C library's allocator works in it.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: system calls.
            unsafe {
                libc::signal(libc::SIGALRM, libc::SIG_DFL);
                libc::alarm(TIMEOUT);
            }
            let done = catch_unwind(std::panic::AssertUnwindSafe(|| child(host, number)));
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        child => {
            assert!(child > 0, "{}", std::io::Error::last_os_error());
            let mut status = 0;
            // SAFETY: `status` is valid for writes.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM {
                return None;
            }
            Some(if libc::WIFEXITED(status) {
                libc::WEXITSTATUS(status)
            } else {
                -1
            })
        }
    }
}

pub(crate) fn of_children(row: &mut Row) {
    let children = row::tries(50, 200);
    row.tries = children;
    let dir = tempfile::tempdir().expect("a directory");
    let mut program = watch::host("fork:children", dir.path(), true);
    let Some(ended) = watch::run(program.env(CHILDREN, children.to_string())) else {
        row.hung("the parent");
        return;
    };
    if ended.stdout != "0 hung, 0 failed\n" {
        row.hung(format!("{:?}: {}", ended.stdout, ended.stderr));
    }
    let left = files(dir.path())
        .into_keys()
        .filter(|name| !name.ends_with(".json"))
        .count();
    if left != 1 {
        row.torn(format!("{left} files where a ring should be"));
    }
    // The next start makes a dump of the parent, without records of its children.
    let next = watch::run(&mut watch::host("fork:next", dir.path(), true)).expect("no hang");
    assert!(next.status.success(), "{next:?}");
    let dumps = dumps(dir.path());
    let crashes: Vec<_> = dumps
        .iter()
        .filter(|(_, dump)| dump.reason.kind == "crash")
        .collect();
    let [(_, crash)] = crashes[..] else {
        row.lost(format!("{} dumps of the parent's end", crashes.len()));
        return;
    };
    let damaged = crash.crash.as_ref().map(|crash| crash.damaged_records);
    if damaged != Some(0) || crash.version.as_deref() != Some("2") {
        row.torn(format!("{:?} of version {:?}", crash.crash, crash.version));
    }
    if crash
        .latest_logs
        .last()
        .is_none_or(|log| log.msg != "the last record")
    {
        row.lost("the parent's last record");
    }
    for log in &crash.latest_logs {
        if !log.msg.starts_with("parent") && log.msg != "the last record" {
            row.torn(format!("in the parent's ring: {}", log.msg));
        }
    }
    // The dumps of the children have no records of the parent.
    let of_children = dumps
        .iter()
        .filter(|(_, dump)| dump.reason.message.starts_with("child "));
    for (_, dump) in of_children.clone() {
        if dump
            .latest_logs
            .iter()
            .any(|log| log.msg.starts_with("parent"))
        {
            row.torn("the parent's records in a child's dump");
        }
    }
    row.reported = children - of_children.count() as u64;
}
