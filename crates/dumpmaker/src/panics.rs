//! Makes the dump of a panic in the panic hook.

use std::any::Any;
use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::thread;
use std::time::Duration;

use crate::failures::{Failure, PanicPayload, PayloadId};
use crate::in_thread::{self, RunError};
use crate::limit::{has_memory, is_dumping};
use crate::outcome::{DumpError, DumpOutcome};
use crate::pipeline::Pipeline;
use crate::seen_panics::{self, PanicStatus};

/// How long a panicking thread waits for its dump.
const TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    /// Whether the hook has seen a panic of this thread.
    static HAS_PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the dump of a panic. Must be called in the panic hook. `dump` passes a failure to the pipeline.
///
/// Returns true if the user has been told about the panic or need not be told. With `panic = "abort"`, the
/// process aborts after the hooks; if this returns true, that abort need not be reported.
pub fn on_panic(
    pipeline: &Pipeline,
    info: &PanicHookInfo<'_>,
    dump: impl FnOnce(Failure) -> Result<DumpOutcome, DumpError> + Send + 'static,
) -> bool {
    let is_first = !HAS_PANICKED.replace(true);
    let payload = PayloadId::of(info.payload());
    // A panic of a thread that is making a dump is caught by the pipeline.
    if is_dumping() {
        pipeline.count_suppressed();
    } else if !has_memory() {
        pipeline.count_reported();
        seen_panics::remember(payload, None);
        pipeline
            .notices
            .say("no dump of this panic: less than 32 MiB of memory is left");
    } else if is_closed_output(info) {
        seen_panics::remember(payload, None);
        return true;
    } else if is_first || !is_abort_notice(info) {
        return dump_in_thread(pipeline, info, dump);
    }
    false
}

/// Returns the failure of a panic that ends the process, if it was not dumped or reported yet.
#[must_use]
pub fn undumped_failure(payload: &(dyn Any + Send)) -> Option<Failure> {
    match seen_panics::status(payload) {
        PanicStatus::Reported => None,
        PanicStatus::Suppressed(failure) => Some(*failure),
        PanicStatus::Unseen => {
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

/// Whether `println!` or `eprintln!` panics because the reader closed the pipe, as in `tool | head`. Many
/// programs end in this way. It is not a failure.
fn is_closed_output(info: &PanicHookInfo<'_>) -> bool {
    // `EPIPE`, and `ERROR_NO_DATA` of Windows: "The pipe is being closed".
    const CLOSED: &str = if cfg!(windows) {
        "(os error 232)"
    } else {
        "(os error 32)"
    };
    let text = info.payload().downcast_ref::<String>();
    text.is_some_and(|text| text.starts_with("failed printing to std") && text.ends_with(CLOSED))
}

/// Whether a panic only reports that the process aborts because of the previous panic, which reached a
/// function that cannot unwind or happened in a destructor during unwinding.
fn is_abort_notice(info: &PanicHookInfo<'_>) -> bool {
    const MESSAGES: [&str; 2] = [
        "panic in a function that cannot unwind",
        "panic in a destructor during cleanup",
    ];
    let is_from_core = info
        .location()
        .is_some_and(|at| at.file().ends_with("core/src/panicking.rs"));
    let text = info.payload().downcast_ref::<&str>();
    is_from_core && text.is_some_and(|text| MESSAGES.contains(text))
}

/// Makes the dump in another thread: if a redaction rule or a callback panicked in the hook, the process
/// would abort. Returns whether there is a dump.
fn dump_in_thread(
    pipeline: &Pipeline,
    info: &PanicHookInfo<'_>,
    dump: impl FnOnce(Failure) -> Result<DumpOutcome, DumpError> + Send + 'static,
) -> bool {
    let is_main = thread::current().name() == Some("main");
    let id = PayloadId::of(info.payload());
    let payload = PanicPayload::of(info.payload());
    let failure = Failure::panic(payload, info.location(), is_main);
    let dumped = failure.clone();
    let outcome = in_thread::run(TIMEOUT, move || dump(dumped));
    let is_suppressed = matches!(outcome, Ok(Ok(DumpOutcome::Suppressed)));
    seen_panics::remember(id, is_suppressed.then(|| Box::new(failure)));
    match outcome {
        Ok(Ok(outcome)) => outcome != DumpOutcome::Suppressed,
        // This has been reported.
        Ok(Err(_)) | Err(RunError::Panicked) => false,
        Err(RunError::NotStarted(error)) => {
            pipeline.count_reported();
            let message = format!("no dump of this panic: cannot start a thread: {error}");
            pipeline.notices.say(&message);
            false
        }
        Err(RunError::TimedOut) => {
            let message = "the dump of this panic takes longer than 10 s; not waiting for it";
            pipeline.notices.say(message);
            false
        }
    }
}
