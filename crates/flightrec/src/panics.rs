//! Panics become dumps.

use std::panic::{self, PanicHookInfo};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use stackerr::StackTraces;

use crate::incident::Incident;
use crate::{FlightRecorder, outlet, say};

/// A panicking thread waits so long for its dump.
const PATIENCE: Duration = Duration::from_secs(5);

/// Puts a hook behind the one that is there.
pub(crate) fn hook(flight: FlightRecorder) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        previous(info);
        // A panic while a dump is made has been shown, and is caught where the dump is made.
        if !outlet::is_dumping() {
            dump(&flight, info);
        }
    }));
}

/// Makes the dump in another thread: a panic inside the hook, of a redactor or a callback, would
/// abort the process.
fn dump(flight: &FlightRecorder, info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread
        .name()
        .map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
    let message = message(info);
    let location = info
        .location()
        .map(|at| (at.file().to_owned(), at.line(), at.column()));
    let place = location
        .as_ref()
        .map_or_else(String::new, |(file, line, column)| {
            format!(" at {file}:{line}:{column}")
        });
    let summary = format!("thread '{name}' panicked{place}: {message}");
    let stack_traces = StackTraces::capture_panic(message.as_str());

    let (done, wait) = mpsc::channel();
    let flight = flight.clone();
    let spawned = thread::Builder::new()
        .name("flightrec".to_owned())
        .spawn(move || {
            let incident = Incident::panic(summary, message, location, stack_traces, name);
            // What went wrong has been said.
            let _ = flight.recorder.outlet.dump(&flight.recorder, incident);
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
    match spawned {
        Err(error) => say::line(&format!(
            "no dump of this panic: cannot start a thread for it: {error}"
        )),
        Ok(_) => {
            // Disconnected: it has panicked, and that has been shown.
            if wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                say::line("the dump of this panic takes too long; going on without waiting for it");
            }
        }
    }
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "<a panic payload that is not text>".to_owned())
}
