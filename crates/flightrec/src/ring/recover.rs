//! Dumps of processes that died without a word.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tailwriter::Recovered;

use super::{EXTENSION, outline_path};
use crate::dump::{self, Crash, Dump};
use crate::recorder::Recorder;
use crate::say;

/// So many rings are cleared up at one start; the next one does the rest.
const MAX_AT_ONCE: usize = 16;

/// Makes dumps of the rings in `dir` whose owner is dead, and removes them.
pub(crate) fn dump_orphans(recorder: &Recorder, dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut rings: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == EXTENSION)
        })
        .collect();
    rings.sort();
    for path in rings.iter().take(MAX_AT_ONCE) {
        match Recovered::claim(path) {
            // Its owner lives, or another process is at it.
            Ok(None) => {}
            Ok(Some(ring)) => dump_orphan(recorder, ring, path),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                say::line(&format!(
                    "cannot recover {}: {error}; it is removed",
                    path.display()
                ));
                let _ = fs::remove_file(path);
                let _ = fs::remove_file(outline_path(path));
            }
            Err(error) => say::line(&format!("cannot recover {}: {error}", path.display())),
        }
    }
}

fn dump_orphan(recorder: &Recorder, ring: Recovered, path: &Path) {
    let dump = dump_of(recorder, &ring, path);
    if recorder.outlet.crash(dump).is_ok() {
        let _ = fs::remove_file(outline_path(path));
        // Should it stay, there will be a second dump of it; better than none.
        let _ = ring.remove();
    }
}

/// A dump of what a ring holds, whoever wrote it.
///
/// # Errors
///
/// Those of reading the file, and `InvalidData` if it is no ring.
pub(crate) fn dump_ring(recorder: &Recorder, path: &Path) -> io::Result<Dump> {
    Ok(dump_of(recorder, &Recovered::read(path)?, path))
}

fn dump_of(recorder: &Recorder, ring: &Recovered, path: &Path) -> Dump {
    let outline = fs::read(outline_path(path))
        .ok()
        .and_then(|json| Dump::from_json(&json).ok());
    let age = ring
        .last_line_at()
        .and_then(|last| last.duration_since(ring.started_at()).ok());
    let ran = age.unwrap_or_default();
    let crash = Crash {
        last_record_at: ring.last_line_at().map(dump::rfc3339),
        boot_id: ring.boot_id().map(|id| format!("{id:032x}")),
        rebooted: ring.is_of_earlier_boot(),
        damaged_records: ring.damaged_lines(),
    };
    let mut dump = dump::of_snapshot(recorder, outline, ring.snapshot());
    dump.reason.kind = "crash".to_owned();
    dump.reason.message = message(ring, ran);
    dump.process.pid = ring.pid();
    dump.process.started_at = dump::rfc3339(ring.started_at());
    dump.process.uptime = ran.as_secs_f64();
    dump.crash = Some(crash);
    dump
}

fn message(ring: &Recovered, ran: Duration) -> String {
    let how = match ring.is_of_earlier_boot() {
        Some(true) => "the machine went down, or the process was killed before",
        _ => "it was killed, or died of a signal",
    };
    format!(
        "process {} ended without a word: {how}; its last record is from {:.3} s after its start, and there is no stack",
        ring.pid(),
        ran.as_secs_f64()
    )
}
