//! A storm of signals, with a handler that logs, while threads log. The signals interrupt every lock and
//! every copy.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use super::host::{self, Host};
use super::row::{self, Row};
use super::watch;
use crate::common::dumps;

const STORM: &str = "FLIGHTREC_HOST_STORM";

static SEEN: AtomicU64 = AtomicU64::new(0);

/// The program's own handler. It logs, which is not supported, but some programs do it.
extern "C" fn handler(_: libc::c_int) {
    let seen = SEEN.fetch_add(1, Ordering::Relaxed);
    log::debug!("signal {seen}");
}

pub(crate) fn host(_: &str) -> ExitCode {
    let storm: u64 = std::env::var(STORM)
        .expect("a number")
        .parse()
        .expect("a number");
    let host = Host::start(|builder| builder.keep_lines(100_000).keep_bytes(64 << 20));
    let stop = AtomicBool::new(false);
    let together = Barrier::new(4);
    let threads = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for thread in 0..3 {
            let (stop, together, threads) = (&stop, &together, &threads);
            scope.spawn(move || {
                // SAFETY: no preconditions.
                let this = unsafe { libc::pthread_self() };
                threads.lock().expect("a lock").push(this);
                together.wait();
                for number in 0_u64.. {
                    log::debug!("thread {thread} number {number}");
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        // A handler that logs would abort the program while std still starts a thread.
        together.wait();
        let handler = handler as extern "C" fn(libc::c_int);
        // SAFETY: the handler changes an atomic and logs, which is what this test is about.
        unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
        let threads = threads.lock().expect("a lock");
        for (sent, thread) in (0..storm).zip(threads.iter().cycle()) {
            // Sent to a thread, which is usually recording. A signal to the process would interrupt this
            // thread, which is usually in a system call.
            //
            // SAFETY: the thread runs until `stop` is set.
            unsafe { libc::pthread_kill(*thread, libc::SIGUSR1) };
            if sent % 1_000 == 0 {
                log::debug!("sent {sent}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    host::print("after");
    if let Some(flight) = &host.flight {
        flight.dump("the storm is over").expect("a dump");
    }
    ExitCode::from(u8::from(SEEN.load(Ordering::Relaxed) == 0))
}

pub(crate) fn storm(row: &mut Row) {
    let signals = row::tries(20_000, 100_000);
    row.tries = signals;
    let dir = tempfile::tempdir().expect("a directory");
    let run = |with| {
        let mut program = watch::host("signals:storm", dir.path(), with);
        watch::run(program.env(STORM, signals.to_string()))
    };
    let (Some(with), Some(without)) = (run(true), run(false)) else {
        row.hung("in the storm");
        return;
    };
    if let Some(differs) = with.differs_from(&without) {
        row.harmed(differs);
    }
    let dumps = dumps(dir.path());
    assert_eq!(dumps.len(), 1, "{with:?}");
    check_records(row, &dumps[0].1);
}

/// Checks that records are complete, and that those of each thread are in order and without gaps.
fn check_records(row: &mut Row, dump: &flightrec::Dump) {
    let mut last = [None::<u64>; 3];
    for record in &dump.latest_logs {
        let mut words = record.msg.split(' ');
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
        match words.next() {
            Some("thread") => {
                let thread = number(words.next()).map(|thread| thread as usize);
                let (Some(thread @ 0..3), Some("number"), Some(number)) =
                    (thread, words.next(), number(words.next()))
                else {
                    row.torn(record.msg.clone());
                    continue;
                };
                if last[thread].is_some_and(|last| last + 1 != number) {
                    row.lost(format!("{:?} before {}", last[thread], record.msg));
                }
                last[thread] = Some(number);
            }
            Some("signal" | "sent") if number(words.next()).is_some() => {}
            _ => row.torn(record.msg.clone()),
        }
    }
}
