//! What a recorder leaves for the next start, and the dumps that the next start makes of it: those of
//! processes that died without making one.

mod crash;
mod outline;

use std::io;
use std::path::{Path, PathBuf};

use flightrec_dump::{Crash, Dump, Kind, Reason};
use stackwalk::crash::CrashRecord;
use tailwriter::Recovered;

use crate::app_info::{self, describe_app};
use crate::collect::add_records;
use crate::evictions;
use crate::gauges;
use crate::recorder::Recorder;
use crate::redaction::redact;
use crate::ring::area::{self, DUMPED};
use crate::ring::{EXTENSION, Rings, is_draft};
use crate::spans;
use dumpstore::Dir;

pub(crate) use crash::arm;
pub(crate) use outline::write_outline;

/// How many rings one start makes dumps of; the next start continues.
const MAX_AT_ONCE: usize = 16;
/// The extension of a ring that can't be read and is kept for a program that can.
const UNREADABLE: &str = "ring-unreadable";

/// Makes dumps of the rings whose owner is dead, and removes them and what else such a process left.
pub(crate) fn dump_orphans(recorder: &Recorder, rings: &Rings) {
    let (own_dir, own_name) = rings.file();
    for path in rings.store().dirs() {
        if own_dir.path() == path {
            dump_orphans_in(own_dir, Some(own_name), recorder);
        } else if let Ok(dir) = Dir::open(path) {
            dump_orphans_in(&dir, None, recorder);
        }
    }
}

/// Does so in one directory, which may hold the ring of this process, too.
fn dump_orphans_in(dir: &Dir, own: Option<&Path>, recorder: &Recorder) {
    let names = dir.names().unwrap_or_default().into_iter();
    let names = names.map(PathBuf::from);
    let mut names: Vec<PathBuf> = names.filter(|name| Some(name.as_path()) != own).collect();
    names.sort();
    let rings = names.iter().filter(|name| has_extension(name, EXTENSION));
    for name in rings.take(MAX_AT_ONCE) {
        let claimed = dir.path_of(name).and_then(Recovered::claim);
        match claimed {
            // Its owner lives, or another process makes a dump of it …
            Ok(None) => {}
            Ok(Some(ring)) => dump_orphan(recorder, ring),
            // … or has made it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let kept = name.with_extension(UNREADABLE);
                // If it can't be renamed, the next start reports it again.
                let _ = dir.rename(name, &kept);
                let error = with_shown_path(&error, dir, name);
                let kept = dir.shown(&kept);
                let message = format!("{error}; it is kept as {}", kept.display());
                recorder.pipeline.notices.say(&message);
            }
            Err(error) => recorder
                .pipeline
                .notices
                .say(&with_shown_path(&error, dir, name)),
        }
    }
    for name in &names {
        if dir.is_orphan(name) || is_draft(name) && dir.is_abandoned(name) {
            let _ = dir.remove(name);
        }
    }
}

fn has_extension(name: &Path, extension: &str) -> bool {
    name.extension().is_some_and(|its| its == extension)
}

/// The message of an error, with the path as its owner knows it.
fn with_shown_path(error: &io::Error, dir: &Dir, name: &Path) -> String {
    let reached = dir.path_of(name).unwrap_or_default();
    let shown = dir.shown(name);
    error
        .to_string()
        .replace(&*reached.to_string_lossy(), &shown.to_string_lossy())
}

fn dump_orphan(recorder: &Recorder, ring: Recovered) {
    let outline = outline_of(&ring);
    // The outline is written before the first record. A process that was killed before has nothing
    // to report.
    let has_begun = outline.is_some() || !ring.snapshot().is_empty();
    if !has_begun
        || ended_well(recorder, &ring)
        || recorder
            .pipeline
            .deliver_crash(&dump_of(recorder, &ring, outline))
            .is_ok()
    {
        // If the ring can't be removed, there will be a second dump of it.
        let _ = ring.remove();
    }
}

/// Whether the process was asked to end, or its failure has a dump already.
fn ended_well(recorder: &Recorder, ring: &Recovered) -> bool {
    let crash = CrashRecord::read(ring.reserved());
    match note(ring) {
        0 => false,
        // After the dump of a panic the process aborts.
        DUMPED => crash.is_none_or(|crash| crash.signal == crash::SIGABRT),
        _request => crash.is_none() && !recorder.reports_termination,
    }
}

/// How the process ended; see [`area::note`].
fn note(ring: &Recovered) -> u8 {
    area::note(ring.reserved())
}

/// A dump of a ring, whichever program wrote it.
///
/// # Errors
///
/// Those of reading the file, and `InvalidData` if it is not a ring.
pub(crate) fn dump_ring(recorder: &Recorder, path: &Path) -> io::Result<Dump> {
    let ring = Recovered::read(path)?;
    let outline = outline_of(&ring);
    Ok(dump_of(recorder, &ring, outline))
}

fn outline_of(ring: &Recovered) -> Option<Dump> {
    area::outline(ring.reserved())
}

fn dump_of(recorder: &Recorder, ring: &Recovered, outline: Option<Dump>) -> Dump {
    let mut dump = outline.unwrap_or_else(|| {
        // All that is known is the program's name. It may have been another version.
        let mut dump = Dump::default();
        describe_app(&recorder.source.app, &mut dump);
        (dump.version, dump.revision, dump.metadata) = Default::default();
        dump
    });
    dump.created_at = flightrec_dump::Timestamp::now();
    // Rings are local files. Only the processors may have become others.
    dump.host = app_info::host();
    add_records(ring.snapshot(), &mut dump);
    evictions::add(ring.snapshot(), &mut dump);
    spans::add_recovered(ring.snapshot(), &mut dump);
    let last = ring.last_line_at();
    let ran = last.and_then(|last| last.duration_since(ring.started_at()).ok());
    dump.reason = Reason::new(Kind::Crash, message(ring, ran.map(|ran| ran.as_secs_f64())));
    dump.gauges = area::gauges(ring.reserved());
    if request_of(ring).is_none()
        && let Some(memory) = gauges::memory_at_end(&dump.gauges)
    {
        dump.reason.message = format!("{}; {memory}", dump.reason.message);
    }
    dump.process.pid = ring.pid();
    dump.process.started_at = ring.started_at().into();
    dump.process.uptime = ran.unwrap_or_default().as_secs_f64();
    dump.process.thread.clear();
    let mut crash = Crash::default();
    crash.last_record_at = last.map(Into::into);
    crash.boot_id = ring.boot_id().map(|id| format!("{id:032x}"));
    crash.rebooted = ring.is_of_earlier_boot();
    crash.damaged_records = ring.damaged_lines();
    if let Some(name) = crash::request_name(note(ring).into()) {
        crash.signal = Some(note(ring).into());
        crash.signal_name = Some(name.to_owned());
    }
    dump.crash = Some(crash);
    if let Some(record) = CrashRecord::read(ring.reserved()) {
        crash::describe(&record, &mut dump);
    }
    let pipeline = &recorder.pipeline;
    let _redacting = pipeline.redacting.start(&pipeline.redactor);
    redact(&mut dump, &pipeline.redactor);
    dump.fingerprint = dump.fingerprint_of();
    dump
}

/// The signal that asked the process to end.
fn request_of(ring: &Recovered) -> Option<&'static str> {
    crash::request_name(note(ring).into())
}

fn message(ring: &Recovered, ran: Option<f64>) -> String {
    let request = request_of(ring);
    let cause = match (request, ring.is_of_earlier_boot()) {
        (Some(signal), _) => format!("{signal} asked it to end"),
        (None, Some(true)) => "the cause is unknown: the machine went down, or the process was \
                               killed before"
            .to_owned(),
        (None, _) => "the cause is unknown: a signal such as SIGKILL, which the system sends when \
                      memory runs out, or `_exit`"
            .to_owned(),
    };
    let ran = ran.map_or_else(
        || "it logged nothing".to_owned(),
        |ran| format!("it logged its last record {ran:.1} s after its start"),
    );
    format!(
        "process {} ended without closing the recorder ({cause}); {ran}",
        ring.pid()
    )
}
