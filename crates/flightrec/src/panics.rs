//! The panic hook: panics become dumps.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{self, PanicHookInfo};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use forklock::ForkMutex;

use crate::failure::{Failure, PanicPayload};
use crate::outcome::DumpOutcome;
use crate::{FlightRecorder, pipeline};

/// How long a panicking thread waits for its dump.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The latest panics that the hook has seen, in any thread.
static LATEST: ForkMutex<VecDeque<Seen>> = ForkMutex::new(VecDeque::new());
const MAX_LATEST: usize = 32;

struct Seen {
    message: String,
    /// Set if the panic got no dump because there were too many.
    suppressed: Option<Box<Failure>>,
}

/// What became of a panic that ends the process.
pub(crate) enum Fate {
    /// The hook has not seen it.
    Unseen,
    /// The hook has made its dump, or has said why there is none.
    Reported,
    /// It got no dump because there were too many.
    Suppressed(Box<Failure>),
}

thread_local! {
    /// How many panics of this thread the hook has seen.
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

/// How many panics of this thread the hook has seen.
pub(crate) fn seen_by_hook() -> u64 {
    SEEN.get()
}

/// What became of the panic with this payload. It may come from another thread, for a thread can
/// pass on a panic with `resume_unwind`, which calls no hook.
pub(crate) fn fate(payload: &(dyn Any + Send)) -> Fate {
    let payload = PanicPayload::of(payload);
    let Ok(mut latest) = LATEST.lock() else {
        return Fate::Unseen;
    };
    let mut newest_first = latest.iter_mut().rev();
    match newest_first.find(|seen| seen.message == payload.message()) {
        None => Fate::Unseen,
        Some(seen) => match seen.suppressed.take() {
            None => Fate::Reported,
            Some(mut failure) => {
                failure.ends_process = true;
                Fate::Suppressed(failure)
            }
        },
    }
}

fn remember(message: &str, suppressed: Option<Box<Failure>>) {
    // Held by this thread only if a panic interrupted this very function.
    let Ok(mut latest) = LATEST.lock() else {
        return;
    };
    if latest.len() == MAX_LATEST {
        latest.pop_front();
    }
    let message = message.to_owned();
    latest.push_back(Seen {
        message,
        suppressed,
    });
}

/// Adds the recorder's hook to the one that is there, behind it or before it.
pub(crate) fn add_hook(recorder: FlightRecorder, goes_first: bool) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if goes_first {
            on_panic(&recorder, info);
            previous(info);
        } else {
            previous(info);
            on_panic(&recorder, info);
        }
    }));
}

fn on_panic(recorder: &FlightRecorder, info: &PanicHookInfo<'_>) {
    let pipeline = &recorder.recorder.pipeline;
    let seen = SEEN.replace(SEEN.get() + 1);
    // A panic of the thread that makes a dump is caught there.
    if pipeline::is_dumping() {
        pipeline.count();
    } else if !pipeline::has_room() {
        pipeline.count();
        pipeline
            .notices
            .say("no dump of this panic: less than 32 MiB of memory are left");
    } else if !(seen > 0 && is_notice(info)) {
        dump(recorder, info);
    }
}

/// Whether a panic only announces that the process ends because of the panic before it, which met a
/// function that must not unwind or happened in a destructor.
fn is_notice(info: &PanicHookInfo<'_>) -> bool {
    const NOTICES: [&str; 2] = [
        "panic in a function that cannot unwind",
        "panic in a destructor during cleanup",
    ];
    let is_from_core = info
        .location()
        .is_some_and(|at| at.file().ends_with("core/src/panicking.rs"));
    let text = info.payload().downcast_ref::<&str>();
    is_from_core && text.is_some_and(|text| NOTICES.contains(text))
}

/// Makes the dump in another thread: if a redaction rule or a callback panicked inside of the hook,
/// the process would abort.
fn dump(recorder: &FlightRecorder, info: &PanicHookInfo<'_>) {
    let is_main = thread::current().name() == Some("main");
    let payload = PanicPayload::of(info.payload());
    let message = payload.message().to_owned();
    let failure = Failure::panic(payload, info.location(), is_main);
    let (done, wait) = mpsc::channel();
    let (its_recorder, its_failure) = (recorder.clone(), failure.clone());
    let dumper = thread::Builder::new().name("flightrec".to_owned());
    let spawned = dumper.spawn(move || {
        // The receiver is gone if the panicking thread did not wait.
        let _ = done.send(its_recorder.recorder.dump(|| its_failure));
    });
    let pipeline = &recorder.recorder.pipeline;
    if let Err(error) = spawned {
        pipeline.count();
        let message = format!("no dump of this panic: cannot start a thread for it: {error}");
        pipeline.notices.say(&message);
        return;
    }
    let outcome = wait.recv_timeout(TIMEOUT);
    let is_suppressed = matches!(outcome, Ok(Ok(DumpOutcome::Suppressed)));
    remember(&message, is_suppressed.then(|| Box::new(failure)));
    match outcome {
        // The dump was made, or a message says why not.
        Ok(_) | Err(RecvTimeoutError::Disconnected) => {}
        Err(RecvTimeoutError::Timeout) => {
            let message = "the dump of this panic takes longer than 10 s; continuing without it";
            pipeline.notices.say(message);
        }
    }
}
