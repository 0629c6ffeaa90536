//! Rings that processes have left: found, and turned into dumps.

use std::io;
use std::path::{Path, PathBuf};

use dumpmaker::collect::{AppInfo, add_evictions, add_records, add_spans};
use dumpmaker::store::Dir;
use flightrec_dump::{Crash, Dump, Gauge, Kind, Reason, Timestamp};
use stackwalk::crash::CrashRecord;
use tailwriter::Recovered;

use crate::area::{self, DUMPED};
use crate::crash;
use crate::outline::Outline;
use crate::ring::{CrashRing, EXTENSION, is_draft, with_shown_path};

/// How many rings one start makes dumps of; the next start continues.
const MAX_AT_ONCE: usize = 16;
/// The extension of a ring that can't be read and is kept for a program that can.
const UNREADABLE: &str = "ring-unreadable";

/// The ring of a process that has ended without removing it.
#[derive(Debug)]
pub struct Orphan(Recovered);

impl CrashRing {
    /// Calls `handle` with the rings of processes that have ended, in all directories that this ring
    /// could be in, at most 16 of each. A ring is removed if `handle` returns true; otherwise the next start
    /// finds it again. What else such processes left is removed, too.
    ///
    /// `say` gets a sentence for each ring that can't be read. It is kept under another name.
    pub fn for_each_orphan(&self, say: impl Fn(&str), mut handle: impl FnMut(&Orphan) -> bool) {
        let (own_dir, own_name) = self.file();
        for path in self.store().dirs() {
            if own_dir.path() == path {
                orphans_in(own_dir, Some(own_name), &say, &mut handle);
            } else if let Ok(dir) = Dir::open(path) {
                orphans_in(&dir, None, &say, &mut handle);
            }
        }
    }
}

/// Looks into one directory, which may hold the ring of this process, too.
fn orphans_in(
    dir: &Dir,
    own: Option<&Path>,
    say: &dyn Fn(&str),
    handle: &mut dyn FnMut(&Orphan) -> bool,
) {
    let names = dir.names().unwrap_or_default().into_iter();
    let names = names.map(PathBuf::from);
    let mut names: Vec<PathBuf> = names.filter(|name| Some(name.as_path()) != own).collect();
    names.sort_unstable();
    let rings = names.iter().filter(|name| has_extension(name, EXTENSION));
    for name in rings.take(MAX_AT_ONCE) {
        let claimed = dir.path_of(name).and_then(Recovered::claim);
        match claimed {
            // Its owner lives, or another process makes a dump of it …
            Ok(None) => {}
            Ok(Some(ring)) => {
                let orphan = Orphan(ring);
                if handle(&orphan) {
                    // If the ring can't be removed, there will be a second dump of it.
                    let _ = orphan.0.remove();
                }
            }
            // … or has made it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let kept = name.with_extension(UNREADABLE);
                // If it can't be renamed, the next start reports it again.
                let _ = dir.rename(name, &kept);
                let error = with_shown_path(&error, dir, name);
                let kept = dir.shown(&kept);
                say(&format!("{error}; it is kept as {}", kept.display()));
            }
            Err(error) => say(&with_shown_path(&error, dir, name)),
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

impl Orphan {
    /// Reads a ring, whether its process has ended or not.
    ///
    /// # Errors
    ///
    /// Those of reading the file, and `InvalidData` if it is not a ring.
    pub fn read(path: &Path) -> io::Result<Orphan> {
        Recovered::read(path).map(Orphan)
    }

    /// Whether there is nothing to report: the process was killed before it could keep anything, its
    /// failure has a dump already, or it was asked to end, which is no failure unless
    /// `reports_termination`.
    #[must_use]
    pub fn is_of_no_failure(&self, reports_termination: bool) -> bool {
        // The outline is written before the first record.
        let is_empty = self.outline().is_none() && self.0.snapshot().is_empty();
        is_empty || self.ended_well(reports_termination)
    }

    fn ended_well(&self, reports_termination: bool) -> bool {
        let crash = CrashRecord::read(self.0.reserved());
        match note(&self.0) {
            0 => false,
            // After the dump of a panic the process aborts.
            DUMPED => crash.is_none_or(|crash| crash.signal == crash::SIGABRT),
            _request => crash.is_none() && !reports_termination,
        }
    }

    fn outline(&self) -> Option<Outline> {
        area::outline(self.0.reserved())
    }

    /// The dump of the process, whichever program it was. Nothing is masked, and there is no
    /// fingerprint yet. `app` is for a ring that does not say what program wrote it.
    #[must_use]
    pub fn dump(&self, app: &AppInfo) -> Dump {
        let ring = &self.0;
        let mut dump = self.outline().map_or_else(
            || {
                // All that is known is the program's name. It may have been another version.
                let mut dump = Dump::default();
                app.describe(&mut dump);
                (dump.version, dump.revision, dump.metadata) = Default::default();
                dump
            },
            Dump::from,
        );
        dump.created_at = Timestamp::now();
        // Rings are local files. Only the processors may have become others.
        dump.host = dumpmaker::collect::host();
        let places = area::places(ring.reserved());
        let records = ring.snapshot().map_lines(|line| places.write_out(line));
        add_records(&records, &mut dump);
        add_evictions(&records, &mut dump);
        add_spans(&records, None, &[], &mut dump);
        let last = ring.last_line_at();
        let ran = last.and_then(|last| last.duration_since(ring.started_at()).ok());
        let request = crash::request_name(note(ring).into());
        dump.reason = Reason::new(Kind::Crash, message(ring, ran.map(|ran| ran.as_secs_f64())));
        dump.gauges = area::gauges(ring.reserved());
        if request.is_none()
            && !ring.is_owner_alive()
            && let Some(memory) = memory_at_end(&dump.gauges)
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
        if let Some(name) = request {
            crash.signal = Some(note(ring).into());
            crash.signal_name = Some(name.to_owned());
        }
        dump.crash = Some(crash);
        if let Some(record) = CrashRecord::read(ring.reserved()) {
            crash::describe(&record, &mut dump);
        }
        dump
    }
}

/// How the process ended; see [`area::note`].
fn note(ring: &Recovered) -> u8 {
    area::note(ring.reserved())
}

fn message(ring: &Recovered, ran: Option<f64>) -> String {
    let request = crash::request_name(note(ring).into());
    let cause = match (request, ring.is_of_earlier_boot()) {
        (Some(signal), _) => format!("{signal} asked it to end"),
        (None, Some(true)) => "the cause is unknown: the machine went down, or the process was \
                               killed before"
            .to_owned(),
        (None, _) => "the cause is unknown: a signal such as SIGKILL, which the system sends when \
                      memory runs out, `_exit`, or `exec`"
            .to_owned(),
    };
    let ran = match ran {
        Some(ran) => format!("it logged its last record {ran:.1} s after its start"),
        // A process that runs may replace all records while they are read.
        None if ring.snapshot().evicted() > 0 => {
            "its records were replaced while they were read".to_owned()
        }
        None => "it logged nothing".to_owned(),
    };
    let pid = ring.pid();
    // A forked child holds the lock, too.
    if ring.is_owner_alive() {
        return format!("process {pid}, or one that it forked, is still running; {ran}");
    }
    format!("process {pid} ended without closing the recorder ({cause}); {ran}")
}

/// What is known of the memory of a process that was killed: `killed at 498.0 of 512.0 MiB`.
fn memory_at_end(gauges: &[Gauge]) -> Option<String> {
    /// From here on, the system may have killed it for its memory.
    const NEAR: f64 = 0.85;
    let last = gauges.last()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    match (last.cgroup_bytes, last.cgroup_limit_bytes) {
        (Some(used), Some(limit)) => {
            let near = used as f64 >= NEAR * limit as f64;
            let why = if near {
                " of its memory limit: probably out of memory"
            } else {
                ""
            };
            Some(format!(
                "killed at {:.0} of {:.0} MiB{why}",
                mib(used),
                mib(limit)
            ))
        }
        _ => last
            .resident_bytes
            .map(|used| format!("killed at {:.0} MiB of resident memory", mib(used))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_how_much_memory_there_was() {
        let mut gauge = Gauge::default();
        assert_eq!(memory_at_end(&[]), None);
        gauge.resident_bytes = Some(300 << 20);
        let text = memory_at_end(&[gauge.clone()]).unwrap();
        assert_eq!(text, "killed at 300 MiB of resident memory");
        gauge.cgroup_limit_bytes = Some(512 << 20);
        gauge.cgroup_bytes = Some(100 << 20);
        assert_eq!(
            memory_at_end(&[gauge.clone()]).unwrap(),
            "killed at 100 of 512 MiB"
        );
        gauge.cgroup_bytes = Some(498 << 20);
        assert_eq!(
            memory_at_end(&[gauge]).unwrap(),
            "killed at 498 of 512 MiB of its memory limit: probably out of memory"
        );
    }
}
