//! What a crash-safe recorder leaves for the next start, and the dumps that the next start makes of it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crashring::{CrashRing, Orphan};
use flightrec_dump::Dump;

use crate::recorder::Recorder;
use crate::tail::{CrashSafety, Tail};

/// Writes what a dump of the recorder's ring will say of the program.
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

/// Notes in the recorder's ring how the process ends.
pub(crate) fn watch_process(recorder: &Arc<Recorder>) {
    // The handlers stay, so the ring's memory must. The panic hook keeps the recorder anyway.
    let kept: &'static Recorder = Box::leak(Box::new(Arc::clone(recorder)));
    if let Tail::Mapped(ring) = &kept.source.tail {
        for complaint in ring.install_handlers() {
            recorder.pipeline.notices.say(&complaint);
        }
    }
}

/// Makes dumps of processes that have ended without making one.
pub(crate) fn dump_orphans(recorder: &Recorder, ring: &CrashRing) {
    let pipeline = &recorder.pipeline;
    ring.for_each_orphan(
        |message| pipeline.notices.say(message),
        |orphan| {
            !orphan.needs_dump(recorder.reports_termination)
                || pipeline.deliver_crash(&dump_of(recorder, orphan)).is_ok()
        },
    );
}

/// A dump of a ring, whichever program wrote it.
///
/// # Errors
///
/// Those of reading the file, and `InvalidData` if it is not a ring.
pub(crate) fn dump_ring(recorder: &Recorder, path: &Path) -> io::Result<Dump> {
    Ok(dump_of(recorder, &Orphan::read(path)?))
}

fn dump_of(recorder: &Recorder, orphan: &Orphan) -> Dump {
    let mut dump = orphan.dump(&recorder.source.app);
    recorder.pipeline.redact(&mut dump);
    dump
}
