//! The result of a fault test, and the main function that runs the tests.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{env, thread};

/// The name of a test, its text in the table, and its function.
pub(crate) type Fault = (&'static str, &'static str, fn(&mut Row));

/// A row of the table. The test fails if a number other than `tries` and `reported` is not zero.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) tries: u64,
    /// How many failures have no dump, but were reported or counted.
    pub(crate) reported: u64,
    lost: u64,
    torn: u64,
    hung: u64,
    harmed: u64,
    first: Vec<String>,
    /// The reason why the test cannot run here.
    skipped: Option<String>,
}

impl Row {
    /// Something is missing that was not reported.
    pub(crate) fn lost(&mut self, what: impl Into<String>) {
        self.lost += 1;
        self.note("lost", what.into());
    }

    /// Something is incomplete, wrong, or in the wrong place.
    pub(crate) fn torn(&mut self, what: impl Into<String>) {
        self.torn += 1;
        self.note("torn", what.into());
    }

    pub(crate) fn hung(&mut self, what: impl Into<String>) {
        self.hung += 1;
        self.note("hung", what.into());
    }

    /// The program behaved differently from a run without the recorder.
    pub(crate) fn harmed(&mut self, what: impl Into<String>) {
        self.harmed += 1;
        self.note("harmed", what.into());
    }

    pub(crate) fn skip(&mut self, why: impl Into<String>) {
        self.skipped = Some(why.into());
    }

    fn note(&mut self, kind: &str, what: String) {
        if self.first.len() < 10 {
            self.first.push(format!("{kind}: {what}"));
        }
    }

    fn is_good(&self) -> bool {
        self.first.is_empty() && (self.tries > 0 || self.skipped.is_some())
    }
}

/// Returns how often to try: `long` in the long campaign, otherwise `test`.
pub(crate) fn tries(test: u64, long: u64) -> u64 {
    if is_long() { long } else { test }
}

pub(crate) fn is_long() -> bool {
    env::var("FLIGHTREC_FAULTS").is_ok_and(|campaign| campaign == "long")
}

/// Runs the tests whose names are in the arguments, like the usual test harness.
pub(crate) fn run_all(faults: &[Fault]) -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        for (name, ..) in faults {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let mut names = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
    let all = names.peek().is_none();
    let names: Vec<_> = names.collect();
    let is_wanted = |name: &str| all || names.iter().any(|part| name.contains(part.as_str()));
    let wanted: Vec<_> = faults.iter().filter(|(name, ..)| is_wanted(name)).collect();
    // A row mostly waits for child processes, so there is a thread for each processor.
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    let mut failed = false;
    thread::scope(|scope| {
        for _ in 0..threads {
            let (wanted, next, sender) = (&wanted, &next, sender.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(fault) = wanted.get(at) else { break };
                    sender.send((at, run(fault))).expect("a receiver");
                }
            });
        }
        drop(sender);
        // They are printed in the order of the table.
        let mut finished = BTreeMap::new();
        let mut printed = 0;
        for (at, result) in results {
            finished.insert(at, result);
            while let Some((good, text)) = finished.remove(&printed) {
                println!("{text}");
                failed |= !good;
                printed += 1;
            }
        }
    });
    ExitCode::from(u8::from(failed))
}

/// Runs a test. Returns whether it passed, and what to print.
fn run((name, fault, test): &Fault) -> (bool, String) {
    let mut row = Row::default();
    let ended = catch_unwind(AssertUnwindSafe(|| test(&mut row)));
    let good = ended.is_ok() && row.is_good();
    let mut lines = vec![format!(
        "test {name} ... {}",
        if good { "ok" } else { "FAILED" }
    )];
    if let Some(why) = &row.skipped {
        lines.push(format!("  not tried: {why}"));
    } else {
        // `cargo xtask faults` reads this line.
        let counts = [
            row.tries,
            row.reported,
            row.lost,
            row.torn,
            row.hung,
            row.harmed,
        ];
        let counts = counts.map(|count| count.to_string()).join("\t");
        lines.push(format!("row\t{fault}\t{counts}"));
    }
    lines.extend(row.first.iter().map(|line| format!("  {line}")));
    (good, lines.join("\n"))
}
