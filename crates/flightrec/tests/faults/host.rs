//! The host: a program into which faults are injected, with the recorder or without it.

use std::env;
use std::error::Error as StdError;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use flightrec::{Builder, FlightRecorder};
use log::{LevelFilter, Log, Metadata, Record};

use super::{
    calls, canaries, clock, fork, kills, late, limits, links, names, panics, shared, signals, soak,
    storm,
};

const SCENARIO: &str = "FLIGHTREC_HOST";
const DIR: &str = "FLIGHTREC_HOST_DIR";
const WITHOUT: &str = "FLIGHTREC_HOST_WITHOUT";

/// In a child process: its scenario.
pub(crate) fn scenario() -> Option<String> {
    env::var(SCENARIO).ok()
}

/// Sets the environment variables for a child process.
pub(crate) fn set_scenario(command: &mut Command, scenario: &str, dir: &Path, with: bool) {
    command
        .env(SCENARIO, scenario)
        .env(DIR, dir)
        .env_remove("RUST_BACKTRACE")
        .env_remove(WITHOUT);
    if !with {
        command.env(WITHOUT, "1");
    }
}

/// Runs a scenario, written as `module:scenario`.
pub(crate) fn run(scenario: &str) -> ExitCode {
    let (module, name) = scenario.split_once(':').expect("a module");
    match module {
        "calls" => calls::host(name),
        "kills" => kills::host(name),
        "fork" => fork::host(name),
        "late" => late::host(name),
        "limits" => limits::host(name),
        "links" => links::host(name),
        "panics" => panics::host(name),
        "signals" => signals::host(name),
        "storm" => storm::host(name),
        "canaries" => canaries::host(name),
        "clock" => clock::host(name),
        "names" => names::host(name),
        "shared" => shared::host(name),
        "soak" => soak::host(name),
        _ => panic!("no module {module}"),
    }
}

/// The program's own console.
struct Console;

impl Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= LevelFilter::Info
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}\n", record.level(), record.args());
            // Without the lock of stderr, which another thread may hold at a fork.
            // SAFETY: `line` is valid for reads of its length.
            unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
        }
    }

    fn flush(&self) {}
}

pub(crate) struct Host {
    pub(crate) flight: Option<FlightRecorder>,
}

impl Host {
    /// Sets up logging, with or without the recorder.
    pub(crate) fn start(set_up: impl FnOnce(Builder) -> Builder) -> Host {
        if env::var_os(WITHOUT).is_some() {
            log::set_boxed_logger(Box::new(Console)).expect("the first logger");
            log::set_max_level(LevelFilter::Info);
            return Host { flight: None };
        }
        let builder = flightrec::builder("host")
            .dir(dir())
            .sink(LevelFilter::Info, Console);
        let flight = set_up(builder).install().expect("the first logger");
        Host {
            flight: Some(flight),
        }
    }

    /// Closes the recorder, as a program that ends well.
    pub(crate) fn close(&self) {
        if let Some(flight) = &self.flight {
            flight.close();
        }
    }

    /// Prints an error and makes a dump of it.
    pub(crate) fn print_and_dump(&self, error: &(dyn StdError + 'static)) {
        eprintln!("Error: {error}");
        self.dump_error(error);
    }

    pub(crate) fn dump_error(&self, error: &(dyn StdError + 'static)) {
        if let Some(flight) = &self.flight {
            // If there is no dump, a line on stderr says why.
            let _ = flight.dump_error(error);
        }
    }
}

/// Prints a line, and ignores errors.
pub(crate) fn print(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// Kills this process.
pub(crate) fn die() -> ! {
    // SAFETY: a system call.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    unreachable!("SIGKILL ends the process")
}

/// The directory for dumps.
pub(crate) fn dir() -> PathBuf {
    env::var_os(DIR).expect("a directory").into()
}

/// Makes a system call that can be found in a trace.
pub(crate) fn mark(what: &str) {
    let _ = fs::metadata(Path::new(MARKS).join(what));
}

pub(crate) const MARKS: &str = "/flightrec-faults";
