//! The panic hook: panics become dumps.

use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use dumpmaker::panics;
use forklock::ForkMutex;

use crate::recorder::Recorder;

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
    let its_recorder = Arc::clone(recorder);
    let dump = move |failure| its_recorder.dump(|| failure);
    if panics::on_panic(&recorder.pipeline, info, dump) {
        note_reported(recorder);
    }
}

/// With `panic = "abort"` the process aborts after the hooks. The next start is not to report that as a
/// crash: it is the same failure.
fn note_reported(recorder: &Recorder) {
    #[cfg(feature = "crash-safe")]
    if cfg!(panic = "abort")
        && let crate::tail::Tail::Mapped(ring) = &recorder.source.tail
    {
        ring.mark_dumped();
    }
    let _ = recorder;
}
