//! The recorder reports that a feature of `tracing` removes events.

use std::sync::{Arc, Mutex};
use std::{io, str};

use flightrec_tracing::BuilderExt;
use tracing::{debug, info};
use tracing_subscriber::prelude::*;

#[derive(Clone, Default)]
struct Notices(Arc<Mutex<String>>);

impl io::Write for Notices {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0.lock().unwrap() += str::from_utf8(bytes).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The notices and the dump of a program whose recorder keeps events up to this level.
fn program(wanted: log::LevelFilter) -> (String, flightrec::Dump) {
    let notices = Notices::default();
    let (recorder, layer) = flightrec::builder("app")
        .record(wanted)
        .dump_to(io::sink())
        .notice_to(notices.clone())
        .install_layer()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        info!("kept");
        debug!("removed by the compiler");
    });
    let notices = notices.0.lock().unwrap().clone();
    (notices, recorder.snapshot())
}

#[test]
fn removed_events_are_reported() {
    let (notices, dump) = program(log::LevelFilter::Debug);
    assert_eq!(notices.lines().count(), 1, "{notices}");
    assert!(
        notices.contains("events above info are missing"),
        "{notices}"
    );
    assert!(notices.contains("max_level_"), "{notices}");
    assert!(
        dump.notes
            .iter()
            .any(|note| notices.contains(note.as_str())),
        "{:?}",
        dump.notes
    );
    assert_eq!(dump.latest_logs.len(), 1);
}

#[test]
fn removed_events_are_not_reported_if_the_recorder_does_not_keep_their_level() {
    let (notices, dump) = program(log::LevelFilter::Info);
    assert_eq!(notices, "");
    assert_eq!(dump.notes, [""; 0]);
}
