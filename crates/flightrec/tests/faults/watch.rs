//! Runs a program, and detects whether it hangs.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::host;

/// A program that takes longer hangs. The slowest ones take a second.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Returns the recorder's lines on stderr.
    pub(crate) fn recorder_lines(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines
            .filter(|line| line.starts_with("flightrec: "))
            .collect()
    }

    /// Returns the program's own lines on stderr, sorted, because threads print in any order.
    pub(crate) fn lines(&self) -> Vec<String> {
        // Indented lines belong to a backtrace, which is different with the recorder.
        let lines = self
            .stderr
            .lines()
            .filter(|line| !line.starts_with("flightrec: ") && !line.starts_with("  "));
        let mut lines: Vec<_> = lines.map(without_thread_id).collect();
        lines.sort();
        lines
    }

    /// Returns the visible behaviour of the program.
    fn behaviour(&self) -> (Option<i32>, Option<i32>, &str, Vec<String>) {
        (
            self.status.code(),
            self.status.signal(),
            &self.stdout,
            self.lines(),
        )
    }

    /// Describes the difference from the program without the recorder, if there is one.
    pub(crate) fn differs_from(&self, without: &Ended) -> Option<String> {
        let (with, without) = (self.behaviour(), without.behaviour());
        (with != without).then(|| format!("{with:?} instead of {without:?}"))
    }
}

/// `thread 'main' (4711) panicked` without the number.
fn without_thread_id(line: &str) -> String {
    match (
        line.starts_with("thread '"),
        line.find("' ("),
        line.find(") "),
    ) {
        (true, Some(from), Some(to)) if from < to => {
            format!("{}{}", &line[..=from], &line[to + 1..])
        }
        _ => line.to_owned(),
    }
}

/// Runs the command to its end. If it hangs, kills it with its children and returns `None`.
pub(crate) fn run(command: &mut Command) -> Option<Ended> {
    run_for(command, TIMEOUT)
}

/// Like [`run`], with another time limit.
pub(crate) fn run_for(command: &mut Command, timeout: Duration) -> Option<Ended> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let id = child.id();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let _ = done.send(child.wait_with_output());
    });
    match is_done.recv_timeout(timeout) {
        Ok(output) => {
            let output = output.expect("its output can be read");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some(Ended {
                status: output.status,
                stdout: text(&output.stdout),
                stderr: text(&output.stderr),
            })
        }
        Err(_) => {
            // SAFETY: a system call. The group belongs to a child that was not waited for yet.
            unsafe { libc::kill(-(id as libc::pid_t), libc::SIGKILL) };
            None
        }
    }
}

/// Returns the command that runs the host program with or without the recorder. Its dumps go to `dir`.
pub(crate) fn host(scenario: &str, dir: &Path, with: bool) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("our own path"));
    host::set_scenario(&mut command, scenario, dir, with);
    // No directory to fall back to.
    command.env("TMPDIR", "/proc");
    command
}
