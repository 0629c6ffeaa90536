//! What came of a fault, and the tests that find it out.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The name of a test, what is in the table, and what tries it.
pub(crate) type Fault = (&'static str, &'static str, fn(&mut Row));

/// A row of the table. Anything in it but tries and what was said is a failure of the test.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) tries: u64,
    /// Ended without a dump that there could have been, which was counted or said.
    pub(crate) said: u64,
    lost: u64,
    torn: u64,
    hung: u64,
    harmed: u64,
    first: Vec<String>,
    /// Why it could not be tried here.
    skipped: Option<String>,
}

impl Row {
    /// Something that was promised is missing, and nobody has said so.
    pub(crate) fn lost(&mut self, what: impl Into<String>) {
        self.lost += 1;
        self.note("lost", what.into());
    }

    /// Something is there in part, or is not what it says, or lies where nothing should.
    pub(crate) fn torn(&mut self, what: impl Into<String>) {
        self.torn += 1;
        self.note("torn", what.into());
    }

    pub(crate) fn hung(&mut self, what: impl Into<String>) {
        self.hung += 1;
        self.note("hung", what.into());
    }

    /// The program did something else than it would have done without us.
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

/// How often to try: the second number in the long campaign.
pub(crate) fn tries(test: u64, long: u64) -> u64 {
    if is_long() { long } else { test }
}

pub(crate) fn is_long() -> bool {
    env::var("FLIGHTREC_FAULTS").is_ok_and(|campaign| campaign == "long")
}

/// Runs the tests whose names the arguments ask for, as the usual harness would.
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
    let mut failed = 0;
    for (name, fault, test) in faults {
        if !all && !names.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let mut row = Row::default();
        let ended = catch_unwind(AssertUnwindSafe(|| test(&mut row)));
        let good = ended.is_ok() && row.is_good();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        if let Some(why) = &row.skipped {
            println!("  not tried: {why}");
        } else {
            // What `cargo xtask faults` reads.
            println!(
                "row\t{fault}\t{}\t{}\t{}\t{}\t{}\t{}",
                row.tries, row.said, row.lost, row.torn, row.hung, row.harmed
            );
        }
        for line in &row.first {
            println!("  {line}");
        }
        failed += u32::from(!good);
    }
    ExitCode::from(u8::from(failed > 0))
}
