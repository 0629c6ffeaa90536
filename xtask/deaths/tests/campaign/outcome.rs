//! How the program ended, and its files.

use std::fs;
use std::io::sink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

use stackwalk::crash::CrashRecord;
use tailwriter::Recovered;

#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    status: ExitStatus,
    /// Its output without digits, because ids and addresses differ. The recorder's own lines and the
    /// frames of backtraces are left out, because the recorder's panic hook is one of the frames.
    said: String,
}

impl Outcome {
    pub(crate) fn has_hung(&self) -> bool {
        self.signal() == Some(libc::SIGALRM)
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// Runs the program in `dir`, with a recorder that writes to `dumps`, if given.
pub(crate) fn run(
    program: &Path,
    death: &str,
    dir: &Path,
    dumps: Option<&Path>,
    with_core: bool,
) -> Outcome {
    let mut command = Command::new(program);
    command
        .arg(death)
        .args(dumps)
        .current_dir(dir)
        .env_remove("RUST_BACKTRACE");
    let size = if with_core { libc::RLIM_INFINITY } else { 0 };
    // SAFETY: the function only makes a system call.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit {
                rlim_cur: size,
                rlim_max: libc::RLIM_INFINITY,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
            Ok(())
        });
    }
    let output = command.output().expect("the program can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("flightrec: ") && !line.starts_with(' '));
    let said = lines.flat_map(|line| line.chars().chain(['\n']));
    Outcome {
        // Ignores whether there was a core dump.
        status: ExitStatus::from_raw(output.status.into_raw() & !0x80),
        said: said.filter(|c| !c.is_ascii_hexdigit()).collect(),
    }
}

/// The crash in the ring. The ring must have all records, or at least one if other threads logged
/// during the crash.
pub(crate) fn left(dumps: &Path, is_busy: bool) -> Result<Option<CrashRecord>, String> {
    let entries = fs::read_dir(dumps).map_err(|error| error.to_string())?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let ring = paths.find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "ring")
    });
    let ring = ring.ok_or("there is no ring")?;
    let (reader, _tee) = flightrec::builder("reader").dump_to(sink()).build();
    let dump = reader.recover(&ring).map_err(|error| error.to_string())?;
    let last = dump.latest_logs.last().map(|log| log.msg.as_str());
    let expected = format!("record {}", deaths::RECORDS - 1);
    if last.is_none()
        || !is_busy && (last != Some(&expected) || dump.latest_logs.len() < deaths::RECORDS)
    {
        return Err(format!(
            "{} records, the last is {last:?}",
            dump.latest_logs.len()
        ));
    }
    let recovered = Recovered::read(&ring).map_err(|error| error.to_string())?;
    Ok(CrashRecord::read(recovered.reserved()))
}

/// The kinds and messages of the program's dumps.
pub(crate) fn dumps(dumps: &Path) -> Result<String, String> {
    let entries = fs::read_dir(dumps).map_err(|error| error.to_string())?;
    let dumps = entries
        .filter_map(|entry| flightrec::Dump::from_json(&fs::read(entry.ok()?.path()).ok()?).ok());
    let mut messages = Vec::new();
    for dump in dumps {
        let (kind, message) = (dump.reason.kind, dump.reason.message.replace('\n', " "));
        if dump
            .stack_traces
            .iter()
            .all(|trace| trace.frames.is_empty())
        {
            return Err(format!("no stack in the dump: {message}"));
        }
        messages.push(format!("{}: {message}", kind.as_str()));
    }
    if messages.is_empty() {
        return Err("the next start made no dump".to_owned());
    }
    messages.sort();
    Ok(messages.join("; "))
}
