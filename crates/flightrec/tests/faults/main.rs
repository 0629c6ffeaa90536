//! The campaign of faults: what is broken around the recorder while it works, and that three things
//! hold all the same. The program does what it would do without us, what was promised to be kept is
//! kept, and what could not be kept is counted and said.
//!
//! Each fault is a row of a table: tries, and how often something was lost without a word, torn,
//! hung, or the program itself was harmed. `cargo test` tries each a few times; `cargo xtask faults`
//! tries each often and prints the table.
//!
//! Most faults hit a program of their own, which is this binary once more: it has no test harness
//! but a `main`, because a harness would catch what a program dies of.
#![cfg_attr(not(unix), allow(unused))]

#[cfg(unix)]
mod calls;
#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
mod host;
#[cfg(unix)]
mod kills;
#[cfg(unix)]
mod row;
#[cfg(unix)]
mod strace;
#[cfg(unix)]
mod watch;

use std::process::ExitCode;

#[cfg(unix)]
const FAULTS: &[row::Fault] = &[
    (
        "kill_dump",
        "SIGKILL at each system call of a dump",
        kills::of_a_dump,
    ),
    (
        "kill_ring",
        "SIGKILL at each system call of a crash-safe start, recovery and end",
        kills::of_a_ring,
    ),
    (
        "call_error",
        "each call of an error's dump fails",
        calls::of_an_error,
    ),
    (
        "call_panic",
        "each call of a panic's dump fails",
        calls::of_a_panic,
    ),
    (
        "call_ring",
        "each call of a crash-safe start, recovery and end fails",
        calls::of_a_ring,
    ),
];

#[cfg(unix)]
fn main() -> ExitCode {
    if let Some(scenario) = host::scenario() {
        return host::run(&scenario);
    }
    row::run_all(FAULTS)
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    println!("faults are injected on Unix only");
    ExitCode::SUCCESS
}
