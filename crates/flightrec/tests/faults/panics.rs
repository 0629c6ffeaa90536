//! Panics of every kind.

use std::fmt;
use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;

use flightrec::redact::Redactor;
use log::LevelFilter;

use super::host::{self, Host};
use super::kills::files;
use super::row::{self, Row};
use super::watch;

/// The scenarios, and how many dumps each makes.
const PANICS: &[(&str, usize)] = &[
    ("one", 1),
    ("eight of one place", 1),
    ("eight of eight places", 8),
    ("no text", 1),
    ("in Display of an error", 1),
    ("in Display of a record", 1),
    ("in a redactor", 1),
    ("in a callback", 1),
    ("in a sink", 1),
    ("in the program's hook", 0),
    ("while panicking", 2),
    ("where nothing may unwind", 1),
    ("with stdout and stderr locked", 1),
    ("stack overflow", 0),
    ("stack overflow in a thread", 0),
];

/// The same with `panic = "abort"`, where the first panic ends the program.
const ABORTING: &[(&str, usize)] = &[
    ("one", 1),
    ("no text", 1),
    // The second panic cannot be caught.
    ("in a redactor", 0),
    ("in the program's hook", 0),
    ("where nothing may unwind", 1),
    ("with stdout and stderr locked", 1),
    ("stack overflow", 0),
];

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a Display")
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Panics")
    }
}

impl std::error::Error for Panics {}

impl Drop for Panics {
    fn drop(&mut self) {
        if thread::panicking() {
            panic!("while panicking");
        }
    }
}

extern "C" fn may_not_unwind() {
    panic!("nothing may unwind here");
}

fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX {
        0
    } else {
        overflow(depth + 1) + frame[3]
    }
}

/// Runs eight threads that panic at the same time.
fn eight(of: [fn(); 8]) {
    let together = Barrier::new(8);
    thread::scope(|scope| {
        let threads = of.map(|panics| {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                panics();
            })
        });
        assert!(threads.into_iter().all(|thread| thread.join().is_err()));
    });
}

pub(crate) fn host(scenario: &str) -> ExitCode {
    if scenario == "in the program's hook" {
        std::panic::set_hook(Box::new(|_| panic!("the program's hook panics")));
    }
    let host = Host::start(|builder| match scenario {
        "in a redactor" => {
            builder.redact(Redactor::default().rule("fragile", |_: &str| panic!("in a redactor")))
        }
        "in a callback" => builder.on_dump(|_, _| panic!("in a callback")),
        "in a sink" => builder.sink(
            LevelFilter::Info,
            flightrec::logtee::from_fn(|_: &log::Record<'_>| panic!("in a sink")),
        ),
        _ => builder,
    });
    match scenario {
        "one" | "in a redactor" | "in a callback" | "in the program's hook" => panic!("one"),
        "no text" => std::panic::panic_any(7),
        "eight of one place" => eight([|| panic!("all at once"); 8]),
        "eight of eight places" => eight([
            || panic!("first"),
            || panic!("second"),
            || panic!("third"),
            || panic!("fourth"),
            || panic!("fifth"),
            || panic!("sixth"),
            || panic!("seventh"),
            || panic!("eighth"),
        ]),
        "in Display of an error" => host.dump_error(&Panics),
        "in Display of a record" => log::debug!("{Panics}"),
        "in a sink" => log::info!("to a sink"),
        "while panicking" => {
            let _second = Panics;
            panic!("the first");
        }
        "where nothing may unwind" => may_not_unwind(),
        "with stdout and stderr locked" => {
            let _locked = std::io::stdout().lock();
            let mut locked = std::io::stderr().lock();
            let _ = locked.write_all(b"locked\n");
            panic!("with stdout and stderr locked");
        }
        "stack overflow" => println!("{}", overflow(0)),
        "stack overflow in a thread" => {
            let _ = thread::spawn(|| println!("{}", overflow(0))).join();
        }
        other => panic!("no scenario {other}"),
    }
    host::print("after");
    ExitCode::from(3)
}

pub(crate) fn of_every_kind(row: &mut Row) {
    let panics = if cfg!(panic = "abort") {
        ABORTING
    } else {
        PANICS
    };
    for round in 0..row::tries(1, 20) {
        for &(scenario, incidents) in panics {
            let at = format!("{scenario}, round {round}");
            row.tries += 1;
            let dir = tempfile::tempdir().expect("a directory");
            let run = |with| {
                let scenario = format!("panics:{scenario}");
                watch::run(&mut watch::host(&scenario, dir.path(), with))
            };
            let (Some(with), Some(without)) = (run(true), run(false)) else {
                row.hung(at);
                continue;
            };
            // The recorder's own callbacks may panic, too, which prints more lines.
            if with.status != without.status || with.stdout != without.stdout {
                row.harmed(format!("{with:?} instead of {without:?}: {at}"));
            }
            let shown = with.lines();
            for line in without.lines() {
                if !shown.contains(&line) {
                    row.harmed(format!("{line:?} is not shown: {at}"));
                }
            }
            if with.stderr.contains("takes too long") {
                row.hung(format!("until the time limit: {at}"));
            }
            let dumps = files(dir.path());
            if dumps.keys().any(|name| !name.ends_with(".json")) {
                row.torn(format!("{:?}: {at}", dumps.keys()));
            }
            if dumps.len() != incidents {
                row.lost(format!("{} dumps: {at}; {}", dumps.len(), with.stderr));
            }
        }
    }
}
