//! Dumps of processes that died without a word.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tailwriter::Recovered;

use super::{EXTENSION, OUTLINE, is_draft};
use crate::dump::{self, Crash, Dump};
use crate::recorder::Recorder;
use crate::say;
use crate::store::{self, Dir};

/// So many rings are cleared up at one start; the next one does the rest.
const MAX_AT_ONCE: usize = 16;
/// An outline holds no records; one that is longer than this is none of ours.
const MAX_OUTLINE: u64 = 64 << 20;

/// Makes dumps of the rings in `dir` whose owner is dead, and removes them and what else such a
/// process left.
pub(crate) fn dump_orphans(recorder: &Recorder, dir: &Path) {
    let Ok(dir) = Dir::open(dir) else {
        return;
    };
    let names = dir.names().unwrap_or_default().into_iter();
    let mut names: Vec<PathBuf> = names.map(PathBuf::from).collect();
    names.sort();
    let has_extension =
        |name: &&PathBuf, extension: &str| name.extension().is_some_and(|its| its == extension);
    let rings = names.iter().filter(|name| has_extension(name, EXTENSION));
    for name in rings.take(MAX_AT_ONCE) {
        let claimed = dir.path_of(name).and_then(Recovered::claim);
        match claimed {
            // Its owner lives, or another process is at it …
            Ok(None) => {}
            Ok(Some(ring)) => dump_orphan(recorder, ring, &dir, name),
            // … or was.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let path = dir.shown(name);
                let error = say_shown(&error, &dir, name);
                say::line(&format!("{error}; {} is removed", path.display()));
                let _ = dir.remove(name);
            }
            Err(error) => say::line(&say_shown(&error, &dir, name)),
        }
    }
    for name in names {
        let ring = name.with_extension(EXTENSION);
        let is_alone = has_extension(&&name, OUTLINE)
            && dir
                .path_of(&ring)
                .is_ok_and(|ring| ring.symlink_metadata().is_err());
        if is_alone || is_draft(&name) && store::is_abandoned(&dir, &name) {
            let _ = dir.remove(&name);
        }
    }
}

/// What an error says, with the path as its owner knows it.
fn say_shown(error: &io::Error, dir: &Dir, name: &Path) -> String {
    let reached = dir.path_of(name).unwrap_or_default();
    let shown = dir.shown(name);
    error
        .to_string()
        .replace(&*reached.to_string_lossy(), &shown.to_string_lossy())
}

fn dump_orphan(recorder: &Recorder, ring: Recovered, dir: &Dir, name: &Path) {
    let outline = dir.open_file(&name.with_extension(OUTLINE)).ok();
    let outline = outline.and_then(read_outline);
    // The outline is there before the first record is. A process that was killed before has nothing
    // to tell, not even of which version it was.
    let has_begun = outline.is_some() || !ring.snapshot().is_empty();
    if !has_begun
        || recorder
            .outlet
            .crash(dump_of(recorder, &ring, outline))
            .is_ok()
    {
        // Should it stay, there will be a second dump of it; better than none. And rather that one
        // with its outline than without.
        let _ = ring.remove();
        let _ = dir.remove(&name.with_extension(OUTLINE));
    }
}

/// A dump of what a ring holds, whoever wrote it.
///
/// # Errors
///
/// Those of reading the file, and `InvalidData` if it is no ring.
pub(crate) fn dump_ring(recorder: &Recorder, path: &Path) -> io::Result<Dump> {
    let outline = File::open(path.with_extension(OUTLINE)).ok();
    let outline = outline.and_then(read_outline);
    Ok(dump_of(recorder, &Recovered::read(path)?, outline))
}

fn read_outline(file: File) -> Option<Dump> {
    let mut json = Vec::new();
    file.take(MAX_OUTLINE).read_to_end(&mut json).ok()?;
    Dump::from_json(&json).ok()
}

fn dump_of(recorder: &Recorder, ring: &Recovered, outline: Option<Dump>) -> Dump {
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
