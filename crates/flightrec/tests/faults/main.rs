//! The fault campaign: it injects faults while the recorder works, and checks that the program behaves as
//! without the recorder, and that each failure is dumped or reported.
//!
//! Each fault is a row of a table: the number of tries, and how often something was lost, torn or hung, or
//! the program was harmed. `cargo test` tries each fault a few times. `cargo xtask faults` tries each one
//! often and prints the table.
//!
//! Most faults are injected into a child process, which runs this binary. It has a `main` instead of the
//! test harness, because the harness would catch panics.
#![cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(unused))]

#[path = "../common/mod.rs"]
mod common;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod calls;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod canaries;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod clock;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod fork;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod host;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod kills;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod late;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod limits;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod links;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod names;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod panics;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod row;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod shared;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod signals;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod soak;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod storm;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod strace;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod watch;

use std::process::ExitCode;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
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
    (
        "limit_files_size",
        "RLIMIT_FSIZE, stderr included",
        limits::file_size,
    ),
    (
        "limit_open_files",
        "RLIMIT_NOFILE almost reached",
        limits::open_files,
    ),
    ("limit_memory", "`ulimit -v` exhausted", limits::memory),
    ("panics", "panics of every kind", panics::of_every_kind),
    (
        "signals",
        "a storm of signals, with a handler that logs",
        signals::storm,
    ),
    (
        "fork",
        "fork while threads record and fail",
        fork::of_children,
    ),
    (
        "late",
        "records from destructors, while unwinding, after main, from a Display",
        late::records,
    ),
    (
        "storm",
        "a storm of equal and of different failures",
        storm::of_failures,
    ),
    (
        "links",
        "links in place of the directory and its files, umask 0",
        links::in_the_way,
    ),
    ("clock", "the clock is set back by an hour", clock::put_back),
    (
        "names",
        "paths, NUL, newlines, ESC and 1 MB in all texts",
        names::everywhere,
    ),
    (
        "canaries",
        "secrets in keys, values, messages, panics, arguments, errors, URLs",
        canaries::in_no_file,
    ),
    (
        "shared",
        "ten instances of two versions in one directory",
        shared::by_ten,
    ),
    (
        "soak",
        "a soak: eight threads, a dump every second",
        soak::soak,
    ),
];

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() -> ExitCode {
    if let Some(scenario) = host::scenario() {
        return host::run(&scenario);
    }
    row::run_all(FAULTS)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() -> ExitCode {
    println!("faults are injected only on Linux with the GNU C library");
    ExitCode::SUCCESS
}
