//! The program that faults happen to: an ordinary one, with the recorder or without.

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

/// In a child: what it is to do.
pub(crate) fn scenario() -> Option<String> {
    env::var(SCENARIO).ok()
}

/// Tells a child what it is to do.
pub(crate) fn tell(command: &mut Command, scenario: &str, dir: &Path, with: bool) {
    command
        .env(SCENARIO, scenario)
        .env(DIR, dir)
        .env_remove("RUST_BACKTRACE")
        .env_remove(WITHOUT);
    if !with {
        command.env(WITHOUT, "1");
    }
}

/// Does it: `theme:scenario`.
pub(crate) fn run(scenario: &str) -> ExitCode {
    let (theme, name) = scenario.split_once(':').expect("a theme");
    match theme {
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
        _ => panic!("no theme {theme}"),
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
            // Without a lock that a forked child could find taken.
            // SAFETY: reads the bytes of `line`.
            unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
        }
    }

    fn flush(&self) {}
}

pub(crate) struct Host {
    pub(crate) flight: Option<FlightRecorder>,
}

impl Host {
    /// Sets logging up, with the recorder unless this is to be the program without.
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

    /// The end of a program that ends well.
    pub(crate) fn close(&self) {
        if let Some(flight) = &self.flight {
            flight.close();
        }
    }

    /// What a program does about an error that it meets.
    pub(crate) fn meet(&self, error: &(dyn StdError + 'static)) {
        eprintln!("Error: {error}");
        self.meet_quietly(error);
    }

    pub(crate) fn meet_quietly(&self, error: &(dyn StdError + 'static)) {
        if let Some(flight) = &self.flight {
            // Why there is none has been said.
            let _ = flight.dump_error(error);
        }
    }
}

/// Prints a line, if it can be printed.
pub(crate) fn print(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// What no program notices.
pub(crate) fn die() -> ! {
    // SAFETY: a plain system call.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    unreachable!("nobody survives SIGKILL")
}

/// Where the dumps go.
pub(crate) fn dir() -> PathBuf {
    env::var_os(DIR).expect("a directory").into()
}

/// A system call that can be found in a trace.
pub(crate) fn mark(what: &str) {
    let _ = fs::metadata(Path::new(MARKS).join(what));
}

pub(crate) const MARKS: &str = "/flightrec-faults";
