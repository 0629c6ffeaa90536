//! From a panic, as a hook sees it, to its dump.

use std::any::Any;
use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::thread;
use std::time::Duration;

use crate::failures::{Failure, PanicPayload, PayloadId};
use crate::in_thread::{self, Missing};
use crate::limit::{has_room, is_dumping};
use crate::outcome::{DumpError, DumpOutcome};
use crate::pipeline::Pipeline;
use crate::seen_panics::{self, Fate};

/// How long a panicking thread waits for its dump.
const TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    /// Whether the hook has seen a panic of this thread.
    static HAS_PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the dump of a panic, in its hook. `dump` passes a failure to the pipeline.
///
/// Returns whether the user has been told of the panic, or need not be: with `panic = "abort"` the
/// process aborts after the hooks, and that is the same failure.
pub fn on_panic(
    pipeline: &Pipeline,
    info: &PanicHookInfo<'_>,
    dump: impl FnOnce(Failure) -> Result<DumpOutcome, DumpError> + Send + 'static,
) -> bool {
    let is_first = !HAS_PANICKED.replace(true);
    let payload = PayloadId::of(info.payload());
    // A panic of the thread that makes a dump is caught there.
    if is_dumping() {
        pipeline.count();
    } else if !has_room() {
        pipeline.count_told();
        seen_panics::remember(payload, None);
        pipeline
            .notices
            .say("no dump of this panic: less than 32 MiB of memory is left");
    } else if is_about_closed_output(info) {
        seen_panics::remember(payload, None);
        return true;
    } else if is_first || !is_notice(info) {
        return dump_in_thread(pipeline, info, dump);
    }
    false
}

/// The failure of a panic that ends the process, if it has no dump yet.
#[must_use]
pub fn undumped(payload: &(dyn Any + Send)) -> Option<Failure> {
    match seen_panics::fate(payload) {
        Fate::Reported => None,
        Fate::Suppressed(failure) => Some(*failure),
        Fate::Unseen => {
            let mut failure = Failure::unseen_panic(payload);
            failure.notes.push(
                "no stack: the recorder's panic hook was not called; another panic hook may have \
                 replaced it"
                    .to_owned(),
            );
            Some(failure)
        }
    }
}

/// Whether `println!` or `eprintln!` panics because the reader has gone, as in `tool | head`. Many programs
/// end in that way, and it is no failure of theirs.
fn is_about_closed_output(info: &PanicHookInfo<'_>) -> bool {
    // `EPIPE`, and `ERROR_NO_DATA` of Windows: "The pipe is being closed".
    const CLOSED: &str = if cfg!(windows) {
        "(os error 232)"
    } else {
        "(os error 32)"
    };
    let text = info.payload().downcast_ref::<String>();
    text.is_some_and(|text| text.starts_with("failed printing to std") && text.ends_with(CLOSED))
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
/// the process would abort. Returns whether there is a dump.
fn dump_in_thread(
    pipeline: &Pipeline,
    info: &PanicHookInfo<'_>,
    dump: impl FnOnce(Failure) -> Result<DumpOutcome, DumpError> + Send + 'static,
) -> bool {
    let is_main = thread::current().name() == Some("main");
    let id = PayloadId::of(info.payload());
    let payload = PanicPayload::of(info.payload());
    let failure = Failure::panic(payload, info.location(), is_main);
    let its_failure = failure.clone();
    let outcome = in_thread::run(TIMEOUT, move || dump(its_failure));
    let is_suppressed = matches!(outcome, Ok(Ok(DumpOutcome::Suppressed)));
    seen_panics::remember(id, is_suppressed.then(|| Box::new(failure)));
    match outcome {
        Ok(Ok(outcome)) => outcome != DumpOutcome::Suppressed,
        // A message says why there is no dump.
        Ok(Err(_)) | Err(Missing::Panicked) => false,
        Err(Missing::NotStarted(error)) => {
            pipeline.count();
            let message = format!("no dump of this panic: cannot start a thread for it: {error}");
            pipeline.notices.say(&message);
            false
        }
        Err(Missing::TimedOut) => {
            let message = "the dump of this panic takes longer than 10 s; continuing without it";
            pipeline.notices.say(message);
            false
        }
    }
}
