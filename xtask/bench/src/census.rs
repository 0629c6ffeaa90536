//! Measures what the recorder costs a real program: the example `census`, with and without it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use crate::measure::median;

/// A run takes a tenth of a second, and varies by some hundredths.
const ROUNDS: usize = 31;

/// Medians in milliseconds.
pub(crate) struct Census {
    without: f64,
    memory: f64,
    crash_safe: f64,
    /// Median ratio to `without`, by round.
    memory_ratio: f64,
    crash_safe_ratio: f64,
}

/// Builds the census and runs its variants alternately.
pub(crate) fn run() -> Result<Census, String> {
    let binary = build()?;
    let state = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    // The state directory is below a file, so no ring can be created and records stay in memory.
    let nowhere = std::env::current_exe().map_err(|error| error.to_string())?;
    let sources = sources().ok_or("there is no home directory")?;
    let once = |state: &Path, flags: &[&str]| time(&binary, &sources, state, flags);

    // Reads the files once before, so that they are in the system's cache.
    once(state.path(), &["--no-recorder"])?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        eprint!("\rcensus {} of {ROUNDS} ", round + 1);
        let without = once(state.path(), &["--no-recorder"])?;
        let crash_safe = once(state.path(), &[])?;
        let memory = once(&nowhere, &[])?;
        rounds.push((without, memory, crash_safe));
    }
    eprintln!();
    let of = |part: fn(&(f64, f64, f64)) -> f64| median(rounds.iter().map(part).collect());
    Ok(Census {
        without: of(|round| round.0),
        memory: of(|round| round.1),
        crash_safe: of(|round| round.2),
        memory_ratio: of(|round| round.1 / round.0),
        crash_safe_ratio: of(|round| round.2 / round.0),
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn build() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let target = root().join(target);
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--quiet", "-p", "examples"])
        .args(["--example", "census", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!("cannot build the census: {status}"));
    }
    Ok(target.join("release").join("examples").join("census"))
}

/// The directory of the sources that Cargo downloaded.
fn sources() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    Some(cargo.join("registry").join("src"))
}

fn time(binary: &Path, sources: &Path, state: &Path, flags: &[&str]) -> Result<f64, String> {
    let start = Instant::now();
    let status = Command::new(binary)
        .arg(sources)
        .args(flags)
        .env("XDG_STATE_HOME", state)
        .env_remove("RUST_LOG")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
    if !status.success() {
        return Err(format!(
            "{} {}: {status}",
            binary.display(),
            flags.join(" ")
        ));
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

impl Census {
    pub(crate) fn print(&self) {
        println!(
            "\nThe census of Cargo's sources, wall time, medians of {ROUNDS} alternating runs\n"
        );
        println!("| {:<36} | {:>9} | {:>9} |", "", "ms", "× without");
        println!("|{:-<38}|{:->11}|{:->11}|", "", ":", ":");
        let rows = [
            ("without the recorder", self.without, 1.0),
            ("with it, in memory", self.memory, self.memory_ratio),
            (
                "with it, crash-safe",
                self.crash_safe,
                self.crash_safe_ratio,
            ),
        ];
        for (name, ms, ratio) in rows {
            println!("| {name:<36} | {ms:>9.1} | {ratio:>9.3} |");
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "without_ms": self.without,
            "memory_ms": self.memory,
            "crash_safe_ms": self.crash_safe,
            "memory_ratio": self.memory_ratio,
            "crash_safe_ratio": self.crash_safe_ratio,
        })
    }
}
