//! Records at unusual times: in destructors of thread-locals, while unwinding, after `main`, and in the
//! `Display` of another record's value.

use std::cell::RefCell;
use std::fmt;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread;

use super::host::{self, Host};
use super::row::{self, Row};
use super::watch;
use crate::common::dumps;

static HOST: OnceLock<Host> = OnceLock::new();

/// Logs when it is dropped.
struct Late(&'static str);

impl Drop for Late {
    fn drop(&mut self) {
        log::debug!(place = self.0; "late debug {}", self.0);
        log::info!("late info {}", self.0);
    }
}

/// Logs a nested value when it is formatted, which logs, too.
struct Nested(u32);

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 {
            log::debug!("nested debug {} {}", self.0, Nested(self.0 - 1));
        }
        write!(f, "shown {}", self.0)
    }
}

thread_local! {
    static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
}

extern "C" fn at_exit() {
    let host = HOST.get().expect("it was set");
    log::debug!("late debug after main");
    log::info!("late info after main");
    host.dump_error(&std::io::Error::other("after main"));
}

pub(crate) fn host(_: &str) -> ExitCode {
    HOST.get_or_init(|| Host::start(|builder| builder));
    // SAFETY: the function has no arguments and can be called when the program ends.
    unsafe { libc::atexit(at_exit) };
    let in_thread = || {
        // `FIRST` is registered before the thread-locals of the logging code, so it is dropped after them.
        FIRST.set(Some(Late("thread first")));
        log::debug!("in a thread");
        LAST.set(Some(Late("thread last")));
    };
    thread::spawn(in_thread).join().expect("no panic");
    let unwound = std::panic::catch_unwind(|| {
        let _late = Late("unwinding");
        panic!("to unwind");
    });
    assert!(unwound.is_err());
    log::info!("{}", Nested(3));
    FIRST.set(Some(Late("main first")));
    log::debug!("in main");
    LAST.set(Some(Late("main last")));
    host::print("after");
    ExitCode::from(3)
}

/// The places whose records must be in the dump that is made after `main`.
const PLACES: [&str; 6] = [
    "thread first",
    "thread last",
    "unwinding",
    "main first",
    "main last",
    "after main",
];

pub(crate) fn records(row: &mut Row) {
    for _ in 0..row::tries(5, 100) {
        let dir = tempfile::tempdir().expect("a directory");
        let run = |with| watch::run(&mut watch::host("late:records", dir.path(), with));
        let (Some(with), Some(without)) = (run(true), run(false)) else {
            row.hung("a late record");
            continue;
        };
        if let Some(differs) = with.differs_from(&without) {
            row.harmed(differs);
        }
        let dumps = dumps(dir.path());
        let last = dumps
            .iter()
            .find(|(_, dump)| dump.reason.message == "after main");
        let Some((_, last)) = last else {
            row.lost("the dump after main");
            continue;
        };
        let has = |text: &str| last.latest_logs.iter().any(|log| log.msg == text);
        for place in PLACES {
            for level in ["debug", "info"] {
                row.tries += 1;
                if !has(&format!("late {level} {place}")) {
                    row.lost(format!("late {level} {place}"));
                }
            }
        }
        for number in 1..=3 {
            row.tries += 1;
            if !has(&format!("nested debug {number} shown {}", number - 1)) {
                row.lost(format!("nested {number}"));
            }
        }
    }
}
