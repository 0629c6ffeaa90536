//! Measures time and peak memory of a run.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The interval between two checks of the process.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Run {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) was_killed: bool,
    pub(super) seconds: f64,
    /// Peak resident memory in KiB; 0 if unknown.
    pub(super) peak: u64,
}

/// Runs a command to its end, or kills it once `kill` returns true.
pub(super) fn run(command: &mut Command, mut kill: impl FnMut() -> Result<bool>) -> Result<Run> {
    let mut output = [tempfile::tempfile()?, tempfile::tempfile()?];
    let [stdout, stderr] = &output;
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    let mut peak = 0;
    let mut was_killed = false;
    loop {
        peak = peak.max(high_water(child.id()).unwrap_or(0));
        if child.try_wait()?.is_some() {
            break;
        }
        if !was_killed && kill()? {
            child.kill()?;
            was_killed = child.wait()?.code().is_none();
            break;
        }
        std::thread::sleep(PAUSE);
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut texts = Vec::new();
    for file in &mut output {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_string(&mut text)?;
        texts.push(text);
    }
    let stderr = texts.pop().unwrap_or_default();
    let stdout = texts.pop().unwrap_or_default();
    Ok(Run {
        stdout,
        stderr,
        was_killed,
        seconds,
        peak,
    })
}

/// The process's peak resident memory in KiB.
fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
