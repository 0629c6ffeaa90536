//! The panic hook, which makes dumps of panics.

use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use dumpmaker::panics;
use forklock::ForkMutex;

use crate::recorder::Recorder;

/// Adds the recorder's hook before or after the current one.
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

/// Replaces the panic hook by `hook`, which gets the previous one.
pub(crate) fn wrap_hook(hook: impl Fn(&Hook, &PanicHookInfo<'_>) + Send + Sync + 'static) {
    /// If two threads took and set the hook at the same time, one hook would be lost.
    static LOCK: ForkMutex<()> = ForkMutex::new(());
    let _guard = LOCK.lock();
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| hook(&previous, info)));
}

pub(crate) fn on_panic(recorder: &Arc<Recorder>, info: &PanicHookInfo<'_>) {
    let its_recorder = Arc::clone(recorder);
    let dump = move |failure| its_recorder.dump(|| failure);
    if panics::on_panic(&recorder.pipeline, info, dump) {
        mark_dumped(recorder);
    }
}

/// With `panic = "abort"`, the process aborts after the hooks. The next start must not report this as a
/// crash, because it is the same failure.
fn mark_dumped(recorder: &Recorder) {
    #[cfg(feature = "crash-safe")]
    if cfg!(panic = "abort")
        && let crate::tail::Tail::Mapped(ring) = &recorder.source.tail
    {
        ring.mark_dumped();
    }
    let _ = recorder;
}
