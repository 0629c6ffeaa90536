//! Asks a running process for a dump.
//!
//! A program that uses `dump_on_signal` keeps an anonymous file open, which lists the signals that make a
//! dump, and the directories of dumps. The kernel lets only the same user and root read it and send the
//! signal.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use dumpmaker::store::is_dump_name;
use flightrec_dump::{Dump, Kind, Listening};
use rustix::process::{Pid, Signal};

use crate::error::{CliError, Result};
use crate::input::{self, Limits, Source};
use crate::render::text;

/// How often the directories are read while waiting for the dump.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long to wait for the names of functions: longer than the recorder's own limit.
const NAMES: Duration = Duration::from_secs(7);
/// The maximum size of the anonymous file.
const MAX_LISTENING: u64 = 1 << 20;

/// A process that can be asked for a dump.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    signal: Signal,
    listening: Listening,
    /// The directories, as paths that this program can open.
    dirs: Vec<PathBuf>,
}

impl Process {
    /// # Errors
    ///
    /// Fails if there is no such process, if it belongs to another user, or if it does not listen.
    pub(crate) fn find(pid: u32) -> Result<Process> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let owner = fs::metadata(&proc).map(|proc| proc.uid());
        let (Some(raw), Ok(owner)) = (raw, owner) else {
            return Err(CliError::new(format!("there is no process {pid}")));
        };
        let name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
        let name = format!("process {pid} ({})", text::line(name.trim_end()));
        let user = rustix::process::geteuid();
        if !user.is_root() && owner != user.as_raw() {
            return Err(CliError::new(format!(
                "{name} belongs to another user (uid {owner}): only that user and root can ask it \
                 for a dump"
            )));
        }
        let listening = listening(&proc)
            .map_err(|error| CliError::new(format!("{name} can't be examined: {error}")))?;
        let Some(listening) = listening else {
            return Err(CliError::new(format!(
                "{name} can't be asked for a dump: it has no flight recorder that was set up with \
                 `dump_on_signal`"
            )));
        };
        let status = fs::read_to_string(proc.join("status")).unwrap_or_default();
        // The process may have another id in its container.
        let own = field(&status, "NSpid:").and_then(|ids| ids.split_whitespace().last());
        let own = own.and_then(|id| id.parse().ok()).unwrap_or(pid);
        if own != listening.pid {
            return Err(CliError::new(format!(
                "{name} can't be asked for a dump: it is a forked child of a program with a flight \
                 recorder, process {}",
                listening.pid
            )));
        }
        let caught = field(&status, "SigCgt:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
        let is_caught = |&&signal: &&i32| {
            caught
                .is_none_or(|caught| (1..=64).contains(&signal) && caught >> (signal - 1) & 1 != 0)
        };
        let Some(&signal) = listening.signals.iter().find(is_caught) else {
            return Err(CliError::new(format!(
                "{name} can't be asked for a dump: it no longer handles the signal"
            )));
        };
        let Some(signal) = Signal::from_named_raw(signal) else {
            return Err(CliError::new(format!(
                "{name} listens for signal {signal}, which has no name: send it with `kill -{signal} \
                 {pid}`"
            )));
        };
        let is_elsewhere =
            fs::read_link(proc.join("ns/mnt")).ok() != fs::read_link("/proc/self/ns/mnt").ok();
        let reached = |dir: &String| match is_elsewhere {
            true => proc.join("root").join(dir.trim_start_matches('/')),
            false => PathBuf::from(dir),
        };
        Ok(Process {
            pid: raw,
            signal,
            dirs: listening.dirs.iter().map(reached).collect(),
            listening,
        })
    }

    /// Whether its dumps go to files.
    pub(crate) fn writes_files(&self) -> bool {
        !self.dirs.is_empty()
    }

    pub(crate) fn app(&self) -> &str {
        &self.listening.app
    }

    /// Sends the signal and waits for the file.
    ///
    /// # Errors
    ///
    /// Fails if the signal can't be sent, if the process ends, or if there is no dump in time.
    pub(crate) fn ask(&self, timeout: Duration, limits: Limits) -> Result<(Source, Dump)> {
        let pid = self.pid.as_raw_pid();
        let before: HashSet<PathBuf> = self.files().collect();
        self.signal()?;
        let until = Instant::now() + timeout;
        let mut seen = before;
        let (source, dump) = loop {
            // Checked before the files are listed, because a process may end after it has written the
            // dump.
            let is_there = Path::new(&format!("/proc/{pid}")).exists();
            let new = self.files().filter(|path| seen.insert(path.clone()));
            let found = new.filter_map(|path| self.answer(path, limits)).next();
            if let Some(found) = found {
                break found;
            }
            let waited = match is_there {
                true if Instant::now() < until => None,
                true => Some(format!("has made no dump within {} s", timeout.as_secs())),
                false => Some("ended before it made a dump".to_owned()),
            };
            if let Some(waited) = waited {
                return Err(CliError::new(format!(
                    "process {pid} {waited}; looked in {}",
                    self.shown_dirs()
                )));
            }
            thread::sleep(POLL_INTERVAL);
        };
        Ok(self.with_names(source, dump, limits))
    }

    /// Sends the signal.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub(crate) fn signal(&self) -> Result<()> {
        rustix::process::kill_process(self.pid, self.signal).map_err(|error| {
            let pid = self.pid.as_raw_pid();
            CliError::new(format!("cannot send a signal to process {pid}: {error}"))
        })
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let entries = self.dirs.iter().filter_map(|dir| fs::read_dir(dir).ok());
        let files = entries.flatten().flatten();
        let dumps = files.filter(|file| is_dump_name(&file.file_name().to_string_lossy()));
        dumps.map(|file| file.path())
    }

    /// The dump in this file, if it is the requested one.
    fn answer(&self, path: PathBuf, limits: Limits) -> Option<(Source, Dump)> {
        let source = Source::named(path, None);
        let dump = input::read_dump(&source, limits).ok()?;
        let is_ours = dump.reason.kind == Kind::Signal && dump.process.pid == self.listening.pid;
        is_ours.then_some((source, dump))
    }

    /// Waits until the dump was replaced by one with names, and returns it.
    fn with_names(&self, source: Source, dump: Dump, limits: Limits) -> (Source, Dump) {
        let until = Instant::now() + NAMES;
        let mut dump = dump;
        while self.listening.names && !is_complete(&dump) && Instant::now() < until {
            thread::sleep(POLL_INTERVAL);
            if let Ok(again) = input::read_dump(&source, limits) {
                dump = again;
            }
        }
        (source, dump)
    }

    fn shown_dirs(&self) -> String {
        let dirs: Vec<_> = self
            .dirs
            .iter()
            .map(|dir| text::line(&dir.to_string_lossy()).into_owned())
            .collect();
        dirs.join(" and ")
    }
}

/// Whether names were looked up, or no frame could have one.
fn is_complete(dump: &Dump) -> bool {
    let mut frames = dump.threads.iter().flat_map(|thread| &thread.frames);
    let has_frames = frames.clone().next().is_some();
    let says_why = |note: &String| note.starts_with("names are missing");
    !has_frames || frames.any(|frame| frame.is_named()) || dump.notes.iter().any(says_why)
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.map(str::trim)
}

/// The content of the process's anonymous file, if it has one.
fn listening(proc: &Path) -> io::Result<Option<Listening>> {
    let link = format!("/memfd:{} ", Listening::FILE);
    for entry in fs::read_dir(proc.join("fd"))?.flatten() {
        let path = entry.path();
        let is_it = fs::read_link(&path).is_ok_and(|to| to.to_string_lossy().starts_with(&link));
        if !is_it {
            continue;
        }
        let mut json = Vec::new();
        File::open(&path)?
            .take(MAX_LISTENING)
            .read_to_end(&mut json)?;
        if let Ok(listening) = serde_json::from_slice::<Listening>(&json) {
            return Ok(Some(listening));
        }
    }
    Ok(None)
}
