//! Finds the rings of processes that have ended, and makes dumps of them.

use std::io;
use std::path::{Path, PathBuf};

use dumpmaker::collect::{AppInfo, NO_SPACE, SPANS, add_evictions, add_records, add_spans};
use dumpmaker::store::Dir;
use flightrec_dump::{Crash, Dump, Gauge, Kind, Reason, Timestamp};
use stackwalk::crash::CrashRecord;
use tailwriter::{Recovered, Snapshot};

use crate::area::{self, DUMPED};
use crate::crash;
use crate::outline::Outline;
use crate::ring::{CrashRing, EXTENSION, is_unfinished, with_shown_path};

/// The maximum number of orphans that one start handles in a directory. The next start continues.
const MAX_AT_ONCE: usize = 16;
/// The extension of a ring that this version can't read. It is kept for a version that can.
const UNREADABLE: &str = "ring-unreadable";

/// The ring of a process that ended without removing it.
#[derive(Debug)]
pub struct Orphan(Recovered);

impl CrashRing {
    /// Calls `handle` with the rings of processes that have ended, at most 16 in each directory of the
    /// store. If `handle` returns true, the ring is removed; otherwise the next start finds it again.
    /// Unfinished files of such processes are removed, too.
    ///
    /// A ring that can't be read is renamed, and `report` gets a sentence about it.
    pub fn for_each_orphan(&self, report: impl Fn(&str), mut handle: impl FnMut(&Orphan) -> bool) {
        let (own_dir, own_name) = self.file();
        for path in self.store().dirs() {
            if own_dir.path() == path {
                for_each_orphan_in(own_dir, Some(own_name), &report, &mut handle);
            } else if let Ok(dir) = Dir::open(path) {
                for_each_orphan_in(&dir, None, &report, &mut handle);
            }
        }
    }
}

/// Handles the orphans in one directory. `own` is the ring of this process, if it is there.
fn for_each_orphan_in(
    dir: &Dir,
    own: Option<&Path>,
    report: &dyn Fn(&str),
    handle: &mut dyn FnMut(&Orphan) -> bool,
) {
    let names = dir.names().unwrap_or_default().into_iter();
    let names = names.map(PathBuf::from);
    let mut names: Vec<PathBuf> = names.filter(|name| Some(name.as_path()) != own).collect();
    names.sort_unstable();
    let rings = names.iter().filter(|name| has_extension(name, EXTENSION));
    let mut handled = 0;
    for name in rings {
        if handled == MAX_AT_ONCE {
            break;
        }
        let claimed = dir.path_of(name).and_then(Recovered::claim);
        match claimed {
            // The owner is alive, or another process is making a dump of the ring.
            Ok(None) => {}
            Ok(Some(ring)) => {
                handled += 1;
                let orphan = Orphan(ring);
                if handle(&orphan) {
                    // If the ring can't be removed, there will be a second dump of it.
                    let _ = orphan.0.remove();
                }
            }
            // Another process has made a dump of the ring.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                handled += 1;
                let kept = name.with_extension(UNREADABLE);
                let error = with_shown_path(&error, dir, name);
                match dir.rename(name, &kept) {
                    Ok(()) => {
                        let kept = dir.display_path(&kept);
                        report(&format!("{error}; it is kept as {}", kept.display()));
                    }
                    // The next start reports it again.
                    Err(_) => report(&error),
                }
            }
            Err(error) => {
                handled += 1;
                report(&with_shown_path(&error, dir, name));
            }
        }
    }
    for name in &names {
        if dir.is_orphan(name) || is_unfinished(name) && dir.is_abandoned(name) {
            let _ = dir.remove(name);
        }
    }
}

fn has_extension(name: &Path, extension: &str) -> bool {
    name.extension().is_some_and(|its| its == extension)
}

impl Orphan {
    /// Reads a ring, even if its process is still running.
    ///
    /// # Errors
    ///
    /// Returns the errors of reading the file, and `InvalidData` if it is not a ring.
    pub fn read(path: &Path) -> io::Result<Orphan> {
        Recovered::read(path).map(Orphan)
    }

    /// Whether a dump should be made of the ring. That is false if the process was killed before it
    /// kept anything, or if its failure has a dump already. It is also false if SIGTERM, SIGINT or
    /// SIGHUP ended the process, unless `termination_is_failure`.
    #[must_use]
    pub fn needs_dump(&self, termination_is_failure: bool) -> bool {
        // The outline is written before the first record.
        let is_empty = self.outline().is_none() && self.0.snapshot().is_empty();
        if is_empty {
            return false;
        }
        let crash = CrashRecord::read(self.0.reserved());
        match end_cause(&self.0) {
            0 => true,
            // After the dump of a panic, the process may abort. That is the same failure.
            DUMPED => crash.is_some_and(|crash| crash.signal != crash::SIGABRT),
            _signal => crash.is_some() || termination_is_failure,
        }
    }

    fn outline(&self) -> Option<Outline> {
        area::outline(self.0.reserved())
    }

    /// Makes the dump of the process. Secrets are not masked yet, and the dump has no fingerprint.
    ///
    /// The ring says which program wrote it. If it does not, the dump has the name of `app`.
    #[must_use]
    pub fn dump(&self, app: &AppInfo) -> Dump {
        let ring = &self.0;
        let mut dump = self.outline().map_or_else(
            || {
                // Only the program's name is known. It may have been another version.
                let mut dump = Dump::default();
                app.describe(&mut dump);
                (dump.version, dump.revision, dump.metadata) = Default::default();
                dump
            },
            Dump::from,
        );
        dump.created_at = Timestamp::now();
        // The ring was written on this machine, so only the number of processors may differ.
        dump.host = dumpmaker::collect::host();
        let places = area::places(ring.reserved());
        let written_out = |lines: &Snapshot| lines.map_lines(|line| places.write_out(line));
        let records = written_out(ring.snapshot());
        let spans = ring.class_snapshot(SPANS).map(written_out);
        add_records(&records, &mut dump);
        add_evictions(&records, &mut dump);
        // Earlier versions kept spans among the records.
        add_spans(spans.as_ref().unwrap_or(&records), None, &[], &mut dump);
        if ring.lacks_space() {
            dump.notes.push(NO_SPACE.to_owned());
        }
        let last = ring.last_line_at();
        let uptime = last.and_then(|last| last.duration_since(ring.started_at()).ok());
        let request = crash::request_name(end_cause(ring).into());
        dump.reason = Reason::new(Kind::Crash, message(ring));
        dump.gauges = area::gauges(ring.reserved());
        if request.is_none()
            && !ring.is_owner_alive()
            && let Some(memory) = memory_at_end(&dump.gauges)
        {
            dump.reason.message = format!("{}; {memory}", dump.reason.message);
        }
        dump.process.pid = ring.pid();
        dump.process.started_at = ring.started_at().into();
        dump.process.uptime = uptime.unwrap_or_default().as_secs_f64();
        dump.process.thread.clear();
        let mut crash = Crash::default();
        crash.last_record_at = last.map(Into::into);
        crash.boot_id = ring.boot_id().map(|id| format!("{id:032x}"));
        crash.rebooted = ring.is_of_earlier_boot();
        crash.damaged_records = ring.damaged_lines();
        if let Some(name) = request {
            crash.signal = Some(end_cause(ring).into());
            crash.signal_name = Some(name.to_owned());
        }
        dump.crash = Some(crash);
        if let Some(record) = CrashRecord::read(ring.reserved()) {
            crash::describe(&record, &mut dump);
        }
        dump
    }
}

fn end_cause(ring: &Recovered) -> u8 {
    area::end_cause(ring.reserved())
}

fn message(ring: &Recovered) -> String {
    let request = crash::request_name(end_cause(ring).into());
    let cause = match (request, ring.is_of_earlier_boot()) {
        (Some(signal), _) => format!("{signal} asked it to end"),
        (None, Some(true)) => "cause unknown, perhaps a reboot".to_owned(),
        (None, _) => "cause unknown, perhaps SIGKILL or out of memory".to_owned(),
    };
    let pid = ring.pid();
    // A forked child holds the lock, too.
    if ring.is_owner_alive() {
        return format!("process {pid}, or one that it forked, is still running");
    }
    format!("process {pid} ended without closing the recorder ({cause})")
}

/// Returns how much memory a killed process used, such as `killed at 498 of 512 MiB`.
fn memory_at_end(gauges: &[Gauge]) -> Option<String> {
    /// Above this fraction of its limit, the process was probably killed because of its memory.
    const NEAR_LIMIT: f64 = 0.85;
    let last = gauges.last()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    match (last.cgroup_bytes, last.cgroup_limit_bytes) {
        (Some(used), Some(limit)) => {
            let cause = if used as f64 >= NEAR_LIMIT * limit as f64 {
                ", near its memory limit: probably out of memory"
            } else {
                ""
            };
            Some(format!(
                "killed at {:.0} of {:.0} MiB{cause}",
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
    use std::sync::Arc;

    use dumpmaker::store::{Retention, Store};
    use tailwriter::SharedTail;

    use super::*;

    #[test]
    fn rings_of_running_processes_do_not_hide_an_orphan() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new("app", Some(dir.path().to_owned()), Retention::default());
        let bounds = SharedTail::builder().max_lines(100).max_bytes(1 << 12);
        let create = || CrashRing::create(&store, &bounds, Arc::new(|_: &str| ())).unwrap();
        let running: Vec<CrashRing> = (0..=MAX_AT_ONCE).map(|_| create()).collect();
        let (_, name) = running[0].file();
        // A copy is not locked, like the ring of a process that has ended. Its name sorts last.
        std::fs::copy(dir.path().join(name), dir.path().join("~.ring")).unwrap();
        let mut found = 0;
        let handle = |_: &Orphan| {
            found += 1;
            true
        };
        running[0].for_each_orphan(|message| panic!("{message}"), handle);
        assert_eq!(found, 1);
    }

    #[test]
    fn the_message_says_how_much_memory_was_used() {
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
            "killed at 498 of 512 MiB, near its memory limit: probably out of memory"
        );
    }
}
