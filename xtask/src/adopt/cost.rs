//! Measures what the recorder costs a program, at its start and while it works.
//!
//! Times are user and system CPU times, which depend little on the load of the machine.

use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::check::command;
use super::{PROGRAMS, Program, Variant, dir};

/// How often each pair runs.
const PAIRS: usize = 61;

const STARTS: &[(&str, &[&str])] = &[
    ("rg", &["--version"]),
    ("oxipng", &["-t1", "--stdout", "tiny.png"]),
    ("bore", &["--help"]),
];

/// Long runs, in which the time of the start is negligible.
const WORK: &[(&str, &[&str])] = &[
    ("rg", &["--no-config", "-j1", "-c", r"[a-z]{30}", "large"]),
    ("oxipng", &["-o1", "-t1", "--stdout", "large.png"]),
];

pub(super) fn run() -> Result<()> {
    println!("\nprocessor time, the fastest tenth of {PAIRS} pairs. At the start:");
    for (program, args) in commands(STARTS) {
        let [plain, recorded] = times(program, args)?;
        let more = recorded.as_secs_f64() - plain.as_secs_f64();
        println!(
            "  {:<40} {:>6.2} ms, {:+.2} ms with the recorder",
            shown(program, args),
            1e3 * plain.as_secs_f64(),
            1e3 * more
        );
    }
    println!("At work, DEBUG records kept:");
    for (program, args) in commands(WORK) {
        let [plain, recorded] = times(program, args)?;
        let ratio = recorded.as_secs_f64() / plain.as_secs_f64();
        println!(
            "  {:<40} {:>6.1} ms, {ratio:.3} × with the recorder{}",
            shown(program, args),
            1e3 * plain.as_secs_f64(),
            counted(program, args)?
        );
    }
    Ok(())
}

fn commands(
    table: &'static [(&str, &[&str])],
) -> impl Iterator<Item = (&'static Program, &'static [&'static str])> {
    let of = |bin: &str| PROGRAMS.iter().find(|program| program.bin == bin);
    table
        .iter()
        .filter_map(move |(bin, args)| Some((of(bin)?, *args)))
}

fn shown(program: &Program, args: &[&str]) -> String {
    format!("{} {}", program.bin, args.join(" "))
}

/// The processor times of both variants, which run alternately.
fn times(program: &Program, args: &[&str]) -> Result<[Duration; 2]> {
    let work = dir().join("work");
    let state = tempfile::tempdir()?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..PAIRS {
        for (variant, times) in [Variant::Plain, Variant::Recorded]
            .into_iter()
            .zip(&mut times)
        {
            let mut command = command(program, variant, &work, state.path());
            quiet(command.args(args));
            let before = children_time();
            command.status().context("cannot start the program")?;
            times.push(children_time().saturating_sub(before));
        }
    }
    Ok(times.map(|mut times| {
        times.sort();
        times[PAIRS / 10]
    }))
}

/// The processor time of the child processes that were waited for.
fn children_time() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is to memory for one `rusage`.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) } != 0 {
        return Duration::ZERO;
    }
    // SAFETY: the call succeeded, so it wrote the structure.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| {
        Duration::from_micros(time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// The ratio of instructions, as text after the ratio of times.
fn counted(program: &Program, args: &[&str]) -> Result<String> {
    // Its threads spin, so the number varies between runs.
    if program.bin == "oxipng" {
        return Ok(String::new());
    }
    Ok(match instructions(program, args)? {
        Some([plain, recorded]) => {
            format!(", {:.4} × the instructions", recorded as f64 / plain as f64)
        }
        None => ", instructions not counted: valgrind is missing".to_owned(),
    })
}

/// The instructions of both variants, if valgrind is installed.
fn instructions(program: &Program, args: &[&str]) -> Result<Option<[u64; 2]>> {
    let found = quiet(Command::new("valgrind").arg("--version")).status();
    if !found.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let work = dir().join("work");
    let count = |variant| count(program, variant, args, &work);
    Ok(Some([count(Variant::Plain)?, count(Variant::Recorded)?]))
}

fn count(program: &Program, variant: Variant, args: &[&str], work: &Path) -> Result<u64> {
    let state = tempfile::tempdir()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program.executable(variant))
        .args(args)
        .current_dir(work)
        .env("XDG_STATE_HOME", state.path())
        .output()
        .context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let number = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let number = number.and_then(|(_, number)| number.trim().parse().ok());
    ensure!(number.is_some(), "valgrind printed no count: {said}");
    Ok(number.unwrap_or_default())
}
