//! The process that is killed.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::line::line;
use crate::peers::{Log, Peer};

/// The first argument of a child.
pub(crate) const FLAG: &str = "--child";
/// Lines after which a thread reports how many lines it has logged.
pub(crate) const BURST: u64 = 200;
pub(crate) const WRITERS: usize = 2;

/// A child ends after this time, in case its parent is gone.
const LIFE: Duration = Duration::from_secs(20);

/// The pause of a thread between two bursts.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// One millisecond.
    Paused,
    /// None.
    Busy,
}

impl Pace {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Pace::Paused => "paused",
            Pace::Busy => "busy",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Pace> {
        [Pace::Paused, Pace::Busy]
            .into_iter()
            .find(|pace| pace.name() == name)
    }
}

/// Logs until it is killed.
pub(crate) fn run(peer: &Peer, pace: Pace, dir: &Path) -> ExitCode {
    let log = (peer.start)(dir);
    let end = Instant::now() + LIFE;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let log = &log;
            scope.spawn(move || write(log, writer, pace, end));
        }
    });
    ExitCode::FAILURE
}

fn write(log: &Log, writer: usize, pace: Pace, end: Instant) {
    let mut number = 0;
    while Instant::now() < end {
        for _ in 0..BURST {
            log(&line(writer, number));
            number += 1;
        }
        // The report and its newline are written to the pipe in one call.
        let told = report(writer, number);
        if io::stdout().write_all(told.as_bytes()).is_err() {
            return;
        }
        if let Pace::Paused = pace {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn report(writer: usize, count: u64) -> String {
    format!("@{writer} {count}\n")
}

/// The writer and how many of its calls had returned. `None` if the line is not a report.
pub(crate) fn reported(told: &str) -> Option<(usize, u64)> {
    let (writer, count) = told.strip_prefix('@')?.split_once(' ')?;
    let writer = writer.parse().ok().filter(|writer| *writer < WRITERS)?;
    Some((writer, count.parse().ok()?))
}
