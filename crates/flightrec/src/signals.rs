//! Signals that request a dump.

use std::io;
use std::sync::Arc;
use std::thread;

use dumpmaker::failures::Failure;
use stackwalk::signal::{self, Listener};

use crate::recorder::Recorder;

/// Makes a dump when one of the recorder's signals arrives.
pub(crate) fn listen(recorder: &Arc<Recorder>) {
    let mut listening = Vec::new();
    for &signal in &recorder.dump_on_signals {
        match signal::listen(signal).and_then(|listener| start(recorder, listener)) {
            Ok(()) => listening.push(signal),
            Err(error) => {
                let message = format!("signal {signal} will make no dump: {error}");
                recorder.pipeline.notices.say(&message);
            }
        }
    }
    if listening.is_empty() {
        return;
    }
    let app = &recorder.source.app.name;
    if let Err(error) = dumpmaker::publish(&recorder.pipeline, app, listening) {
        let message = format!("`flightrec dump` will not find this process: {error}");
        recorder.pipeline.notices.say(&message);
    }
}

/// Starts the thread that waits for the signal.
fn start(recorder: &Arc<Recorder>, mut listener: Listener) -> io::Result<()> {
    let recorder = Arc::clone(recorder);
    let name = format!("flightrec-sig{}", listener.signal());
    thread::Builder::new().name(name).spawn(move || {
        loop {
            listener.wait();
            let failure = Failure::signal(listener.signal());
            // A failure to make the dump has been reported on stderr.
            let _ = recorder.dump(|| failure);
        }
    })?;
    Ok(())
}
