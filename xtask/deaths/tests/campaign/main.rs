//! Runs the program with and without the recorder, and compares how it ends. Checks the ring and the
//! dump.
//!
//! `cargo test` tries each death a few times. `cargo xtask deaths` sets a larger number in the
//! environment.
#![cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(unused))]

mod gdb;
mod outcome;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{env, thread};

use outcome::Outcome;
use stackwalk::crash::CrashRecord;

/// Each death, and a part of the dump's message.
const DEATHS: &[(&str, &str)] = &[
    (
        "null pointer",
        "SIGSEGV, invalid access to 0x8 (null pointer?)",
    ),
    (
        "null pointer in a thread",
        "in thread \"worker\": SIGSEGV, invalid access to 0x8 (null pointer?)",
    ),
    ("wild pointer", "SIGSEGV, invalid access to 0x123456789000"),
    (
        "pointer that is no address",
        "SIGSEGV, invalid access (non-canonical address?)",
    ),
    (
        "callback of C",
        "SIGSEGV, invalid access to 0x8 (null pointer?)",
    ),
    ("truncated mapping", "(mapped file truncated?)"),
    (
        "illegal instruction",
        "SIGILL, aborted by the instruction ud2",
    ),
    ("breakpoint", "SIGTRAP, breakpoint or trap"),
    ("division by zero", "SIGFPE, integer division by zero"),
    ("abort", "SIGABRT, aborted by `std::process::abort`"),
    ("stack overflow", "near the stack pointer (stack overflow?)"),
    (
        "stack overflow in a thread",
        "near the stack pointer (stack overflow?)",
    ),
    ("panic in a destructor", "second panic"),
    ("panic that aborts", "out of a C function"),
    (
        "failed allocation",
        "SIGABRT, aborted because an allocation failed",
    ),
    ("kill -SEGV", "SIGSEGV, sent by a process"),
    (
        "jump to null",
        "SIGSEGV, jump to 0x0 (null function pointer?)",
    ),
    ("forbidden system call", "SIGSYS, forbidden system call"),
];
/// SIGSEGV at a random moment while threads are busy.
const BUSY: &str = "busy";
/// How many findings of one kind are printed.
const MAX_NOTES: usize = 3;

struct Options {
    program: PathBuf,
    /// Whether the program has function names.
    is_named: bool,
    tries: usize,
    busy: usize,
    /// How many tries of each death are compared with the stack that gdb finds in the core dump.
    gdb: usize,
    /// The death for which only the log is checked.
    log_only: Option<String>,
}

#[derive(Default)]
struct Findings {
    tries: usize,
    hung: usize,
    changed: usize,
    lost: usize,
    stacks: usize,
    equal: usize,
    message: String,
    notes: Vec<String>,
}

impl Findings {
    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> ExitCode {
    if env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let number = |name: &str, default| match env::var(name) {
        Ok(number) => number.parse().expect("a number"),
        Err(_) => default,
    };
    let program = env::var_os("DEATHS_PROGRAM").map(PathBuf::from);
    let options = Options {
        is_named: program.is_none(),
        program: program.unwrap_or_else(|| env!("CARGO_BIN_EXE_deaths").into()),
        tries: number("DEATHS_TRIES", 5),
        busy: number("DEATHS_BUSY", 5),
        gdb: number("DEATHS_GDB", 0),
        log_only: env::var("DEATHS_LOG_ONLY").ok(),
    };
    let only = env::var("DEATHS_ONLY").ok();
    let deaths: Vec<_> = DEATHS
        .iter()
        .copied()
        .chain([(BUSY, "SIGSEGV, sent by a process")])
        .collect();
    let deaths: Vec<_> = deaths
        .into_iter()
        .filter(|(death, _)| only.as_deref().is_none_or(|only| only == *death))
        .collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((death, told)) = deaths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut findings = try_often(&options, death);
                    // A program without symbols cannot name the functions.
                    if options.is_named && !findings.message.contains(told) {
                        findings.lost += 1;
                        findings.note(format!("the dump's message does not have {told:?}"));
                    }
                    report(death, &findings);
                    found
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(findings);
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sum = |of: fn(&Findings) -> usize| found.iter().map(of).sum::<usize>();
    let (stacks, equal) = (sum(|f| f.stacks), sum(|f| f.equal));
    let is_good = sum(|f| f.hung + f.changed + f.lost) == 0
        // At least 99.5 % of the stacks.
        && equal * 1000 >= stacks * 995;
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn report(death: &str, found: &Findings) {
    let Findings {
        tries,
        hung,
        changed,
        lost,
        stacks,
        equal,
        message,
        ..
    } = found;
    println!("row\t{death}\t{tries}\t{hung}\t{changed}\t{lost}\t{equal}/{stacks}\t{message}");
    for note in &found.notes {
        println!("{death}: {note}");
    }
}

fn try_often(options: &Options, death: &str) -> Findings {
    let tries = if death == BUSY {
        options.busy
    } else {
        options.tries
    };
    let mut findings = Findings::default();
    let plain_dir = tempfile::tempdir().expect("a directory for temporary files");
    let plain = outcome::run(&options.program, death, plain_dir.path(), None, true);
    let is_compared = options.gdb > 0 && death != BUSY;
    let plain_core = is_compared.then(|| gdb::frames(&options.program, plain_dir.path()));
    let plain_core = plain_core.flatten();
    for n in 0..tries {
        findings.tries += 1;
        let with_gdb = is_compared && n < options.gdb;
        let dir = tempfile::tempdir().expect("a directory for temporary files");
        let dumps = dir.path().join("dumps");
        let outcome = outcome::run(&options.program, death, dir.path(), Some(&dumps), with_gdb);
        if outcome.has_hung() {
            findings.hung += 1;
        } else if outcome != plain {
            findings.changed += 1;
            findings.note(format!("{outcome:?}, not {plain:?}"));
        }
        let crash = outcome::left(&dumps, death == BUSY).and_then(|crash| {
            let is_expected = options.log_only.as_deref() != Some(death);
            match (crash, is_expected) {
                (Some(crash), true) => Ok(Some(crash)),
                (None, false) => Ok(None),
                (None, true) => Err("there is no crash in the ring".to_owned()),
                (Some(_), false) => Err("there is a crash in the ring".to_owned()),
            }
        });
        let crash = match crash {
            Ok(Some(crash)) => crash,
            Ok(None) => continue,
            Err(problem) => {
                findings.lost += 1;
                findings.note(problem);
                continue;
            }
        };
        // Not required of other deaths: a thread that starts a thread blocks the signal meanwhile.
        if death.ends_with("in a thread") && crash.threads.is_empty() {
            findings.lost += 1;
            findings.note("no other thread is listed".to_owned());
        }
        if with_gdb && let Some(core) = gdb::frames(&options.program, dir.path()) {
            compare(
                &outcome,
                &crash,
                &core,
                plain_core.as_deref(),
                &mut findings,
            );
        }
        // The next start makes the dump.
        if n == 0 || death == BUSY {
            outcome::run(&options.program, "none", dir.path(), Some(&dumps), false);
            match outcome::dumps(&dumps) {
                Ok(message) => findings.message = message,
                Err(problem) => {
                    findings.lost += 1;
                    findings.note(problem);
                }
            }
        }
    }
    findings
}

fn compare(
    outcome: &Outcome,
    crash: &CrashRecord,
    core: &[gdb::Frame],
    plain: Option<&[gdb::Frame]>,
    findings: &mut Findings,
) {
    // Programs are loaded at random addresses of pages.
    let top = |frames: &[gdb::Frame]| frames.first().map(|frame| frame.pc & 0xfff);
    if let Some(plain) = plain
        && top(plain) != top(core)
    {
        findings.changed += 1;
        findings.note(format!(
            "the core dump begins at {:x?}, not {:x?}",
            core.first(),
            plain.first()
        ));
    }
    findings.stacks += 1;
    let theirs = gdb::addresses(core, Some(crash.signal) != outcome.signal());
    let ours: Vec<u64> = crash.frames.iter().map(|frame| frame.address).collect();
    // The middle of a longer stack is left out.
    let (ours, theirs) = if crash.omitted > 0 {
        (
            &ours[..gdb::MAX_FRAMES],
            &theirs[..theirs.len().min(gdb::MAX_FRAMES)],
        )
    } else {
        (&ours[..], &theirs[..])
    };
    if ours == theirs {
        findings.equal += 1;
    } else {
        let end = crash.end;
        findings.note(format!(
            "the stack is {ours:x?} ({end}), but gdb says {theirs:x?}"
        ));
    }
}
