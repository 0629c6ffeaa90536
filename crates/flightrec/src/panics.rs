//! Panics become dumps.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use stackerr::StackTraces;

use crate::incident::Incident;
use crate::{FlightRecorder, outlet, say};

/// A panicking thread waits so long for its dump.
const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// This thread has panicked before.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic only says what becomes of the one before it: the process ends, because that one
/// met a function that must not unwind, or another in a destructor.
fn is_notice(info: &PanicHookInfo<'_>) -> bool {
    const NOTICES: [&str; 2] = [
        "panic in a function that cannot unwind",
        "panic in a destructor during cleanup",
    ];
    let is_of_core = info
        .location()
        .is_some_and(|at| at.file().ends_with("core/src/panicking.rs"));
    is_of_core && NOTICES.contains(&message(info).as_str())
}

/// Puts a hook behind the one that is there.
pub(crate) fn hook(flight: FlightRecorder) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        previous(info);
        // A panic while a dump is made has been shown, and is caught where the dump is made.
        if outlet::is_dumping() {
            flight.recorder.outlet.count();
        } else if !outlet::has_room() {
            flight.recorder.outlet.count();
            say::line("there is too little memory left to make a dump of this panic");
        } else if !(PANICKED.replace(true) && is_notice(info)) {
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

    let done = Arc::new(Done::default());
    let set = SetOnDrop(Arc::clone(&done));
    let its_flight = flight.clone();
    let spawned = thread::Builder::new()
        .name("flightrec".to_owned())
        .spawn(move || {
            // Also should this thread panic, which has been shown then.
            let _set = set;
            // What went wrong has been said.
            let recorder = &its_flight.recorder;
            let _ = recorder.outlet.dump(recorder, || {
                Incident::panic(summary, message, location, stack_traces, name)
            });
        });
    match spawned {
        Err(error) => {
            flight.recorder.outlet.count();
            say::line(&format!(
                "no dump of this panic: cannot start a thread for it: {error}"
            ));
        }
        Ok(_) => {
            if !done.wait(PATIENCE) {
                say::line("the dump of this panic takes too long; going on without waiting for it");
            }
        }
    }
}

/// Told by one thread, waited for by another. A channel would do, and weigh ten times as much.
#[derive(Default)]
struct Done {
    is_done: Mutex<bool>,
    changed: Condvar,
}

impl Done {
    /// Returns false if that took too long.
    fn wait(&self, timeout: Duration) -> bool {
        let is_done = self.is_done.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_done, _) = self
            .changed
            .wait_timeout_while(is_done, timeout, |is_done| !*is_done)
            .unwrap_or_else(PoisonError::into_inner);
        *is_done
    }
}

struct SetOnDrop(Arc<Done>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        *self
            .0
            .is_done
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
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
