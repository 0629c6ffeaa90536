//! The panic hook: panics become dumps.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use dumpmaker::DumpOutcome;
use dumpmaker::failures::{Failure, PanicPayload, PayloadId};
use dumpmaker::limit::{has_room, is_dumping};
use forklock::ForkMutex;

use crate::recorder::Recorder;

/// How long a panicking thread waits for its dump.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The latest panics that the hook has seen, in any thread.
static LATEST: ForkMutex<VecDeque<Seen>> = ForkMutex::new(VecDeque::new());
/// One panic in a parallel loop can be hundreds.
const MAX_LATEST: usize = 1_024;
/// How many of them keep their stacks, in case one of them ends the process.
const MAX_SUPPRESSED: usize = 32;

struct Seen {
    payload: PayloadId,
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
    /// Whether the hook has seen a panic of this thread.
    static HAS_PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// What became of the panic with this payload. It may come from another thread, for a thread can
/// pass on a panic with `resume_unwind`, which calls no hook.
pub(crate) fn fate(payload: &(dyn Any + Send)) -> Fate {
    let payload = PayloadId::of(payload);
    let Ok(mut latest) = LATEST.lock() else {
        return Fate::Unseen;
    };
    let mut newest_first = latest.iter_mut().rev();
    match newest_first.find(|seen| seen.payload == payload) {
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

fn remember(payload: PayloadId, suppressed: Option<Box<Failure>>) {
    // Held by this thread only if a panic interrupted this very function.
    let Ok(mut latest) = LATEST.lock() else {
        return;
    };
    // A payload that was dropped may have left its address to this one.
    latest.retain(|seen| seen.payload != payload);
    if latest.len() == MAX_LATEST {
        latest.pop_front();
    }
    if suppressed.is_some() {
        let mut newest_first = latest
            .iter_mut()
            .rev()
            .filter(|seen| seen.suppressed.is_some());
        if let Some(oldest) = newest_first.nth(MAX_SUPPRESSED - 1) {
            oldest.suppressed = None;
        }
    }
    latest.push_back(Seen {
        payload,
        suppressed,
    });
}

/// Adds the recorder's hook to the one that is there, behind it or before it.
pub(crate) fn add_hook(recorder: Arc<Recorder>, goes_first: bool) {
    wrap_hook(move |previous, info| {
        if goes_first {
            on_panic(&recorder, info);
            previous(info);
        } else {
            previous(info);
            on_panic(&recorder, info);
        }
    });
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// Replaces the panic hook by `hook`, which gets the one that was there.
pub(crate) fn wrap_hook(hook: impl Fn(&Hook, &PanicHookInfo<'_>) + Send + Sync + 'static) {
    /// Two threads that take and set the hook at the same time would lose a hook.
    static WRAPPING: ForkMutex<()> = ForkMutex::new(());
    let _wrapping = WRAPPING.lock();
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| hook(&previous, info)));
}

pub(crate) fn on_panic(recorder: &Arc<Recorder>, info: &PanicHookInfo<'_>) {
    let pipeline = &recorder.pipeline;
    let is_first = !HAS_PANICKED.replace(true);
    // A panic of the thread that makes a dump is caught there.
    if is_dumping() {
        pipeline.count();
    } else if !has_room() {
        pipeline.count_told();
        remember(PayloadId::of(info.payload()), None);
        pipeline
            .notices
            .say("no dump of this panic: less than 32 MiB of memory is left");
    } else if is_about_closed_output(info) {
        remember(PayloadId::of(info.payload()), None);
        note_reported(recorder);
    } else if is_first || !is_notice(info) {
        dump(recorder, info);
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

/// With `panic = "abort"` the process aborts after the hooks. The next start is not to report that as a
/// crash: it is the same failure.
fn note_reported(recorder: &Recorder) {
    #[cfg(feature = "crash-safe")]
    if cfg!(panic = "abort")
        && let crate::tail::Tail::Mapped(ring) = &recorder.source.tail
    {
        ring.note_dumped();
    }
    let _ = recorder;
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
fn dump(recorder: &Arc<Recorder>, info: &PanicHookInfo<'_>) {
    let is_main = thread::current().name() == Some("main");
    let id = PayloadId::of(info.payload());
    let payload = PanicPayload::of(info.payload());
    let failure = Failure::panic(payload, info.location(), is_main);
    let (done, wait) = mpsc::channel();
    let (its_recorder, its_failure) = (Arc::clone(recorder), failure.clone());
    let dumper = thread::Builder::new().name("flightrec".to_owned());
    let spawned = dumper.spawn(move || {
        // The receiver is gone if the panicking thread did not wait.
        let _ = done.send(its_recorder.dump(|| its_failure));
    });
    let pipeline = &recorder.pipeline;
    if let Err(error) = spawned {
        pipeline.count();
        remember(id, None);
        let message = format!("no dump of this panic: cannot start a thread for it: {error}");
        pipeline.notices.say(&message);
        return;
    }
    let outcome = wait.recv_timeout(TIMEOUT);
    if matches!(&outcome, Ok(Ok(outcome)) if *outcome != DumpOutcome::Suppressed) {
        note_reported(recorder);
    }
    let is_suppressed = matches!(outcome, Ok(Ok(DumpOutcome::Suppressed)));
    remember(id, is_suppressed.then(|| Box::new(failure)));
    match outcome {
        // The dump was made, or a message says why not.
        Ok(_) | Err(RecvTimeoutError::Disconnected) => {}
        Err(RecvTimeoutError::Timeout) => {
            let message = "the dump of this panic takes longer than 10 s; continuing without it";
            pipeline.notices.say(message);
        }
    }
}
