//! Problems that prevent events from reaching the recorder are reported once, on stderr and in dumps.

mod common;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::{messages, quiet};
use flightrec::Builder;
use flightrec_tracing::BuilderExt;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, debug, info};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};

struct Lines(Sender<String>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listening() -> (Builder, Receiver<String>) {
    let (sender, lines) = channel();
    (quiet().notice_to(Lines(sender)), lines)
}

/// All printed lines. When the dispatch has one owner less, the checking thread has ended.
fn said(lines: &Receiver<String>) -> String {
    let mut all = String::new();
    while let Ok(line) = lines.recv_timeout(Duration::from_millis(500)) {
        all += &line;
    }
    all
}

/// The only test, because a process has one global subscriber.
#[test]
fn problems_that_keep_events_from_the_recorder_are_reported() {
    // A filter that is a layer, below and above.
    for is_below in [true, false] {
        let (builder, lines) = listening();
        let (recorder, layer) = builder.install_layer().unwrap();
        let dispatch = if is_below {
            Dispatch::new(registry().with(EnvFilter::new("info")).with(layer))
        } else {
            Dispatch::new(registry().with(layer).with(LevelFilter::INFO))
        };
        let line = lines.recv().unwrap();
        assert!(line.contains("events at DEBUG may be missing"), "{line}");
        tracing::dispatcher::with_default(&dispatch, || {
            info!("kept");
            debug!("starved");
        });
        let dump = recorder.snapshot();
        assert_eq!(messages(&dump), ["kept"]);
        assert!(
            dump.notes[0].contains("events at DEBUG may be missing"),
            "{:?}",
            dump.notes
        );
        assert_eq!(said(&lines), "");
    }

    // No problem.
    let (builder, lines) = listening();
    let (recorder, layer) = builder.install_layer().unwrap();
    let console = fmt::layer()
        .with_writer(io::sink)
        .with_filter(EnvFilter::new("info"));
    let _dispatch = Dispatch::new(registry().with(console).with(layer));
    assert_eq!(said(&lines), "");
    assert_eq!(recorder.snapshot().notes, [""; 0]);

    // Another subscriber is the global one.
    registry().init();
    let (builder, lines) = listening();
    let (_recorder, layer) = builder.install_layer().unwrap();
    let _ = registry().with(layer).try_init();
    let line = lines.recv().unwrap();
    assert!(
        line.contains("another subscriber is the global default already"),
        "{line}"
    );
}
