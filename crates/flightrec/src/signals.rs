//! Signals that ask for a dump.

use std::ffi::CString;
use std::io;
use std::path::{self, PathBuf};
use std::process;
use std::sync::Arc;
use std::thread;

use dumpmaker::failures::Failure;
use flightrec_dump::Listening;
use stackwalk::signal::{self, Listener};

use crate::recorder::Recorder;

/// Makes a dump whenever one of the recorder's signals arrives.
pub(crate) fn listen(recorder: &Arc<Recorder>) {
    let mut heard = Vec::new();
    for &signal in &recorder.dump_on_signals {
        match signal::listen(signal).and_then(|listener| start(recorder, listener)) {
            Ok(()) => heard.push(signal),
            Err(error) => {
                let message = format!("signal {signal} will make no dump: {error}");
                recorder.pipeline.notices.say(&message);
            }
        }
    }
    if heard.is_empty() {
        return;
    }
    if let Err(error) = publish(recorder, heard) {
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
            let failure = Failure::signal(&signal_name(listener.signal()));
            // A failure to make the dump has been reported on stderr.
            let _ = recorder.dump(|| failure);
        }
    })?;
    Ok(())
}

/// Tells other programs which signals there are, and where dumps go.
fn publish(recorder: &Recorder, signals: Vec<i32>) -> io::Result<()> {
    let mut listening = Listening::default();
    listening.pid = process::id();
    listening.app.clone_from(&recorder.source.app.name);
    listening.signals = signals;
    listening.names = recorder.pipeline.looks_up_names();
    let absolute = |dir: &PathBuf| path::absolute(dir).unwrap_or_else(|_| dir.clone());
    let dirs = recorder.pipeline.destination().dirs().iter().map(absolute);
    listening.dirs = dirs.map(|dir| dir.to_string_lossy().into_owned()).collect();
    let name = CString::new(Listening::FILE)?;
    signal::publish(&name, &serde_json::to_vec(&listening)?)
}

/// The name of a signal that a program may use for this, by its number on Linux.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        3 => "SIGQUIT".to_owned(),
        10 => "SIGUSR1".to_owned(),
        12 => "SIGUSR2".to_owned(),
        15 => "SIGTERM".to_owned(),
        _ => format!("signal {signal}"),
    }
}
