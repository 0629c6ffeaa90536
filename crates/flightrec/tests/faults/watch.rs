//! Running a program, and noticing that it hangs.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::host;

/// A program that takes longer hangs. The slowest of them take a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Our lines on stderr.
    pub(crate) fn ours(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines
            .filter(|line| line.starts_with("flightrec: "))
            .collect()
    }

    /// The program's own lines on stderr, sorted: threads say things in any order.
    pub(crate) fn lines(&self) -> Vec<String> {
        // Indented lines are of a backtrace, which is another one with us.
        let lines = self
            .stderr
            .lines()
            .filter(|line| !line.starts_with("flightrec: ") && !line.starts_with("  "));
        let mut lines: Vec<_> = lines.map(without_thread_id).collect();
        lines.sort();
        lines
    }

    /// What the program did, as far as anybody sees it.
    fn seen(&self) -> (Option<i32>, Option<i32>, &str, Vec<String>) {
        (
            self.status.code(),
            self.status.signal(),
            &self.stdout,
            self.lines(),
        )
    }

    /// Says how this differs from the program without us, if it does.
    pub(crate) fn differs_from(&self, without: &Ended) -> Option<String> {
        (self.seen() != without.seen())
            .then(|| format!("{:?} instead of {:?}", self.seen(), without.seen()))
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

/// Runs the command to its end; None if it hangs, in which case it is killed with its children.
pub(crate) fn run(command: &mut Command) -> Option<Ended> {
    run_for(command, PATIENCE)
}

/// The same for a program that takes its time.
pub(crate) fn run_for(command: &mut Command, patience: Duration) -> Option<Ended> {
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
    match is_done.recv_timeout(patience) {
        Ok(output) => {
            let output = output.expect("the pipes are ours");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some(Ended {
                status: output.status,
                stdout: text(&output.stdout),
                stderr: text(&output.stderr),
            })
        }
        Err(_) => {
            // SAFETY: a plain system call; the group is that of a child not waited for yet.
            unsafe { libc::kill(-(id as libc::pid_t), libc::SIGKILL) };
            None
        }
    }
}

/// The host program in `scenario`, with us or without, with its dumps in `dir`.
pub(crate) fn host(scenario: &str, dir: &Path, with: bool) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("our own path"));
    host::tell(&mut command, scenario, dir, with);
    // Nowhere to fall back to.
    command.env("TMPDIR", "/proc");
    command
}
