//! Reads the heads of many files, on all processors.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flightrec_dump::{Dump, Reason, Summary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Limits, read_summaries};
use crate::error::Result;

/// The maximum length of a message in a list, in bytes. A list of many dumps has many messages.
const MAX_MESSAGE: usize = 2_000;

/// Fewer files are read too fast for a progress bar.
const MANY: usize = 500;

/// The head of a dump.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) summary: Summary,
    /// Its number in its file, if the file has several dumps.
    pub(crate) number: Option<usize>,
    /// Whether a part of it could not be read.
    pub(crate) damaged: bool,
}

/// The heads of the dumps in each of the files, in the order of the files.
pub(crate) fn read_heads(
    files: &[impl AsRef<Path> + Sync],
    limits: Limits,
) -> Vec<Result<Vec<Head>>> {
    let progress = progress(files.len());
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut heads: Vec<(usize, Result<Vec<Head>>)> = thread::scope(|scope| {
        let read = || read_some(files, &next, limits, &progress);
        let threads = (0..threads.min(files.len())).map(|_| scope.spawn(read));
        let threads: Vec<_> = threads.collect();
        let heads = threads.into_iter().map(|thread| match thread.join() {
            Ok(heads) => heads,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        heads.flatten().collect()
    });
    progress.finish_and_clear();
    heads.sort_unstable_by_key(|(at, _)| *at);
    heads.into_iter().map(|(_, heads)| heads).collect()
}

/// A progress bar on standard error, if that is a terminal and there are many files.
pub(crate) fn progress(files: usize) -> ProgressBar {
    if files < MANY {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(Some(files as u64), target);
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} files");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn read_some(
    files: &[impl AsRef<Path>],
    next: &AtomicUsize,
    limits: Limits,
    progress: &ProgressBar,
) -> Vec<(usize, Result<Vec<Head>>)> {
    let mut heads = Vec::new();
    let mut buffer = Vec::new();
    loop {
        // Relaxed: each number is taken once, and joining the threads synchronises the results.
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(file) = files.get(at) else {
            return heads;
        };
        let summaries = read_summaries(file.as_ref(), limits, &mut buffer);
        heads.push((at, summaries.map(numbered)));
        // Frees the memory of a huge dump, because most dumps are small.
        buffer.shrink_to(1 << 20);
        progress.inc(1);
    }
}

fn numbered(summaries: Vec<(Summary, bool)>) -> Vec<Head> {
    let is_one = summaries.len() == 1;
    let head = |(number, (mut summary, damaged)): (usize, (Summary, bool))| {
        let message = &mut summary.reason.message;
        message.truncate(beginning(message).len());
        message.shrink_to_fit();
        Head {
            summary,
            number: (!is_one).then_some(number),
            damaged,
        }
    };
    (1..).zip(summaries).map(head).collect()
}

impl Head {
    /// `census 0.1.0`
    pub(crate) fn program(&self) -> String {
        let app = match self.summary.app.as_str() {
            "" => "?",
            app => app,
        };
        let version = self.summary.version.as_deref().unwrap_or_default();
        format!("{app} {version}").trim_end().to_owned()
    }

    /// The key that groups dumps of one kind of failure.
    pub(crate) fn group_key(&self) -> String {
        let summary = &self.summary;
        key(&summary.fingerprint, &summary.app, &summary.reason)
    }

    /// The name in a list for a dump of this file.
    pub(crate) fn file(&self, path: &Path) -> String {
        let path = path.to_string_lossy();
        match self.number {
            Some(number) => format!("{path}:{number}"),
            None => path.into_owned(),
        }
    }
}

/// The part of a message that is kept.
fn beginning(message: &str) -> &str {
    let mut chars = message.char_indices();
    let end = chars.find(|(at, char)| at + char.len_utf8() > MAX_MESSAGE);
    end.map_or(message, |(end, _)| &message[..end])
}

/// The key that groups dumps of one kind of failure.
pub(crate) fn group_key(dump: &Dump) -> String {
    key(&dump.fingerprint, &dump.app, &dump.reason)
}

/// The fingerprint or, in a dump without one, the message without its numbers.
fn key(fingerprint: &str, app: &str, reason: &Reason) -> String {
    if !fingerprint.is_empty() {
        return fingerprint.to_owned();
    }
    let mut key = format!("{app} {}: ", reason.kind);
    let mut in_number = false;
    for char in beginning(&reason.message).chars() {
        let is_digit = char.is_ascii_digit();
        if !is_digit {
            key.push(char);
        } else if !in_number {
            key.push('#');
        }
        in_number = is_digit;
    }
    key
}

/// The requested files, each once: files as they are, and files in directories at any depth. If none are
/// given, the dumps of this machine.
///
/// # Errors
///
/// Fails if one of them can't be read.
pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if paths.is_empty() {
        let found = super::all_dumps(&super::state_dir()?, None)?;
        files.extend(found.into_iter().map(|found| found.path));
    }
    for path in paths {
        if path.is_dir() {
            files.extend(super::files_in(path)?);
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_fingerprint_messages_that_differ_by_numbers_are_one_kind() {
        let head = |message: &str| {
            let json = format!(
                r#"{{"schema":"flightrec/1","app":"a","reason":{{"kind":"level","message":"{message}"}}}}"#
            );
            let summary = Summary::from_json(json.as_bytes()).unwrap();
            numbered(vec![(summary, false)]).remove(0).group_key()
        };
        assert_eq!(head("line 17: eof"), "a level: line #: eof");
        assert_eq!(head("line 17: eof"), head("line 4: eof"));
        assert_ne!(head("line 17: eof"), head("page 17: eof"));
    }
}
