//! Prepares the ring of a crash-safe recorder, and makes dumps of the rings of earlier processes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crashring::{CrashRing, Orphan};
use flightrec_dump::Dump;

use crate::recorder::Recorder;
use crate::tail::{CrashSafety, Tail};

/// Writes the facts about the program to the recorder's ring.
pub(crate) fn describe(recorder: &Recorder, ring: &CrashRing, safety: CrashSafety) {
    let masks_text = safety == CrashSafety::Strict;
    let redactor = &recorder.pipeline.redactor;
    if let Err(error) = ring.describe(&recorder.source.app, redactor, masks_text) {
        let message = "a crash would be reported without the program's version";
        recorder
            .pipeline
            .notices
            .say(&format!("{message}: {error}"));
    }
}

/// Installs the signal handlers that write to the ring why the process ends.
pub(crate) fn install_handlers(recorder: &Arc<Recorder>) {
    // The handlers are never removed, so the ring must live as long. The panic hook keeps the recorder
    // alive anyway.
    let kept: &'static Recorder = Box::leak(Box::new(Arc::clone(recorder)));
    if let Tail::Mapped(ring) = &kept.source.tail {
        for message in ring.install_handlers() {
            recorder.pipeline.notices.say(&message);
        }
    }
}

/// Makes dumps of processes that ended without making one.
pub(crate) fn dump_orphans(recorder: &Recorder, ring: &CrashRing) {
    let pipeline = &recorder.pipeline;
    ring.for_each_orphan(
        |message| pipeline.notices.say(message),
        |orphan| {
            !orphan.needs_dump(recorder.termination_is_failure)
                || pipeline.deliver_crash(&dump_of(recorder, orphan)).is_ok()
        },
    );
}

/// Makes a dump of a ring, which another program may have written.
///
/// # Errors
///
/// Returns the errors of reading the file, and `InvalidData` if it is not a ring.
pub(crate) fn dump_ring(recorder: &Recorder, path: &Path) -> io::Result<Dump> {
    Ok(dump_of(recorder, &Orphan::read(path)?))
}

fn dump_of(recorder: &Recorder, orphan: &Orphan) -> Dump {
    let mut dump = orphan.dump(&recorder.source.app);
    recorder.pipeline.redact(&mut dump);
    dump
}
